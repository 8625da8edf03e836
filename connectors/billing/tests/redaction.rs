//! Redaction jobs: what Stripe does not delete.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_billing::{BillingConfig, BillingConnector};
use adieu_core::{CollectionName, Connector as _, Cursor, Erased, Retry, Step, StepKey, Subject};
use common::{World, ada, connector, erase_all, may_run, person, surveyed};
use jiff::ToSpan;
use serde_json::{Value, json};

fn redacting(world: &World) -> BillingConnector {
    connector(&BillingConfig {
        redaction: true,
        ..world.config()
    })
}

fn step(subject: &Subject, cursor: Option<Cursor>) -> Step {
    let collection = CollectionName::new("redaction").unwrap();
    Step::new(subject.clone(), collection, StepKey::new("test")).at(cursor)
}

async fn send(connector: &BillingConnector, subject: &Subject, cursor: Option<Cursor>) -> Erased {
    connector.erase(&step(subject, cursor)).await.unwrap()
}

async fn jobs(world: &World) -> Vec<Value> {
    world.state().await["jobs"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_redaction_is_written_down_before_it_runs_and_runs_once() {
    if !may_run() {
        return;
    }
    let world = World::new();
    let id = world.person(ada()).await;
    let connector = redacting(&world);
    let subject = person(&[("stripe_customer", &id)]);
    assert_eq!(surveyed(&connector, &subject, "redaction").await.erase(), 1);
    assert_eq!(
        surveyed(&connector, &subject, "charges")
            .await
            .scheduled()
            .unwrap()
            .records,
        2
    );

    let asked = send(&connector, &subject, None).await;
    assert!(asked.tally.is_empty());
    let [job] = &jobs(&world).await[..] else {
        unreachable!("one job")
    };
    assert_eq!(job["status"], "validating");

    // The answer was lost: the one that is there is adopted.
    let again = send(&connector, &subject, None).await;
    assert_eq!(
        (again.next.as_ref(), jobs(&world).await.len()),
        (asked.next.as_ref(), 1)
    );

    let waits = connector
        .erase(&step(&subject, asked.next.clone()))
        .await
        .unwrap_err();
    assert!(matches!(waits.retry_advice(), Retry::After(_)), "{waits:?}");
    let runs = send(&connector, &subject, asked.next.clone()).await;
    assert_eq!(runs.tally.scheduled().unwrap().records, 1);
    assert_eq!(runs.next, None);
    assert_eq!(jobs(&world).await[0]["status"], "redacting");
    // Sent once more, it finds it running.
    let late = send(&connector, &subject, asked.next).await;
    assert_eq!(late.tally.scheduled().unwrap().records, 1);

    assert_eq!(
        surveyed(&connector, &subject, "redaction").await.pending(),
        0
    );
    assert_eq!(surveyed(&connector, &subject, "redaction").await.held(), 1);
    world.change(json!({"jobs_become": "succeeded"})).await;
    for collection in ["redaction", "charges", "invoices"] {
        let left = surveyed(&connector, &subject, collection).await;
        let drafts = left.erase();
        assert_eq!(left.held() - drafts, 0, "{collection}: {left:?}");
    }
}

#[tokio::test]
async fn young_payments_are_scheduled_and_finished_when_they_are_due() {
    if !may_run() {
        return;
    }
    let world = World::new();
    let id = world.person(json!({"name": "Ada", "email": "a@example.com", "payment_methods": 1, "charges": [10, 300]})).await;
    let connector = redacting(&world);
    let subject = person(&[("stripe_customer", &id)]);
    let done = erase_all(&connector, &subject).await.unwrap();
    let by = done["redaction"].scheduled().unwrap().by.unwrap();
    let today = jiff::Zoned::now()
        .with_time_zone(jiff::tz::TimeZone::UTC)
        .date();
    assert_eq!(by.last, today.checked_add(80.days()).unwrap());
    assert_eq!(done["charges"].scheduled().unwrap().records, 2);
    assert_eq!(done["customers"].erase(), 1);
    assert!(
        jobs(&world).await.is_empty(),
        "a job was made that Stripe would refuse"
    );
    assert_eq!(
        surveyed(&connector, &subject, "redaction").await.pending(),
        0
    );

    // Eighty days later the engine looks again.
    world.change(json!({"age_charges": 81})).await;
    assert_eq!(
        surveyed(&connector, &subject, "redaction").await.pending(),
        1
    );
    let done = erase_all(&connector, &subject).await.unwrap();
    assert_eq!(done["redaction"].scheduled().unwrap().records, 1);
    assert_eq!(jobs(&world).await[0]["objects"]["customers"], json!([id]));
    assert_eq!(jobs(&world).await[0]["status"], "redacting");
}

#[tokio::test]
async fn a_job_that_a_crash_left_behind_is_adopted_and_one_that_was_cancelled_is_not() {
    if !may_run() {
        return;
    }
    let world = World::new();
    let id = world
        .person(json!({"name": "Ada", "email": "a@example.com"}))
        .await;
    world.change(json!({"job_for": id})).await;
    let connector = redacting(&world);
    let subject = person(&[("email", "a@example.com"), ("stripe_customer", &id)]);
    let done = erase_all(&connector, &subject).await.unwrap();
    assert_eq!(done["redaction"].scheduled().unwrap().records, 1);
    let all = jobs(&world).await;
    assert_eq!(all.len(), 1);
    assert_eq!(
        (&all[0]["id"], &all[0]["status"]),
        (&json!("prj_left_behind"), &json!("redacting"))
    );

    world.change(json!({"jobs_become": "canceled"})).await;
    let done = erase_all(&connector, &subject).await.unwrap();
    assert_eq!(done["redaction"].scheduled().unwrap().records, 1);
    assert_eq!(jobs(&world).await.len(), 2);
}

#[tokio::test]
async fn a_job_that_does_not_validate_is_validated_again_and_claims_nothing() {
    if !may_run() {
        return;
    }
    let world = World::new();
    let id = world
        .person(json!({"name": "Ada", "email": "a@example.com"}))
        .await;
    let connector = redacting(&world);
    let subject = person(&[("stripe_customer", &id)]);
    let asked = send(&connector, &subject, None).await;
    world.change(json!({"jobs_fail_once": true})).await;
    let mut waited = 0;
    let runs = loop {
        match connector.erase(&step(&subject, asked.next.clone())).await {
            Ok(erased) => break erased,
            Err(error) => assert!(matches!(error.retry_advice(), Retry::After(_)), "{error}"),
        }
        waited += 1;
        assert_eq!(
            surveyed(&connector, &subject, "redaction").await.pending(),
            1
        );
    };
    assert!(waited >= 3, "{waited}");
    assert_eq!(runs.tally.scheduled().unwrap().records, 1);
}
