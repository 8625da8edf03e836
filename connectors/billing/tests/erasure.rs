//! What is left at Stripe after an erasure.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_billing::{BillingConfig, OpenInvoices, RetainRule};
use adieu_core::{Connector, RetentionBasis};
use common::{World, ada, connector, erase_all, exported, may_run, person, surveyed};
use jiff::ToSpan;
use serde_json::{Value, json};

fn statuses(records: &[Value]) -> Vec<&str> {
    let mut all: Vec<&str> = records
        .iter()
        .map(|one| one["status"].as_str().unwrap())
        .collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn nothing_charges_any_more_and_what_the_law_asks_for_is_kept_with_its_day() {
    if !may_run() {
        return;
    }
    let world = World::new();
    let id = world.person(ada()).await;
    let retain = RetainRule {
        basis: RetentionBasis::LegalObligation,
        reason: "tax law".to_owned(),
        years: 10,
    };
    let connector = connector(&BillingConfig {
        retain: Some(retain),
        ..world.config()
    });
    let subject = person(&[("stripe_customer", &id)]);
    let done = erase_all(&connector, &subject).await.unwrap();

    assert_eq!(world.records("customer", &id).await, [Value::Null; 0]);
    assert_eq!(world.records("tax_id", &id).await, [Value::Null; 0]);
    let subscriptions = world.records("subscription", &id).await;
    assert_eq!(statuses(&subscriptions), ["canceled", "canceled"]);
    let methods = world.records("payment_method", &id).await;
    assert_eq!(methods.len(), 3);
    for method in &methods {
        assert!(method["customer"].is_null(), "it is still attached");
        assert!(!method.to_string().contains("ada@example.com"), "{method}");
    }
    // Two of the subscriptions' own, two of the wish; the draft is gone.
    let invoices = world.records("invoice", &id).await;
    assert_eq!(statuses(&invoices), ["paid"; 4]);
    assert_eq!(world.records("charge", &id).await.len(), 2);
    assert_eq!(world.state().await["deleted_while_charged"], json!([]));

    assert_eq!(done["customers"].erase(), 1);
    assert_eq!(done["tax_ids"].erase(), 2);
    assert_eq!(done["payment_methods"].pseudonymize(), 3);
    assert_eq!(done["invoices"].erase(), 1);
    let [kept] = done["invoices"].retained() else {
        unreachable!("one ground")
    };
    assert_eq!(
        (kept.records, kept.pseudonymize, kept.basis),
        (4, 0, RetentionBasis::LegalObligation)
    );
    let today = jiff::Zoned::now()
        .with_time_zone(jiff::tz::TimeZone::UTC)
        .date();
    let oldest = today
        .checked_sub(400.days())
        .unwrap()
        .checked_add(10.years())
        .unwrap();
    let until = kept.until.unwrap();
    assert!(
        (until.first - oldest).get_days().abs() <= 2,
        "{until:?} {oldest}"
    );

    // Verified: nothing pending, and what is kept is still known by the customer's id.
    let survey = connector.survey(&subject).await.unwrap();
    assert!(survey.blockers.is_empty());
    for holding in survey.holdings {
        let tally = holding.tally.unwrap();
        assert_eq!(tally.pending(), 0, "{}", holding.collection);
    }
    assert_eq!(surveyed(&connector, &subject, "invoices").await.held(), 4);
}

#[tokio::test]
async fn an_open_invoice_blocks_unless_it_is_to_be_voided() {
    if !may_run() {
        return;
    }
    let world = World::new();
    let id = world.person(json!({"name": "Ada", "email": "a@example.com", "invoices": [["open", 3], ["paid", 9]]})).await;
    let subject = person(&[("email", "a@example.com")]);
    let survey = world.connector().survey(&subject).await.unwrap();
    let codes: Vec<&str> = survey
        .blockers
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(codes, ["open_invoice"]);

    let voiding = connector(&BillingConfig {
        open_invoices: OpenInvoices::Void,
        ..world.config()
    });
    assert_eq!(voiding.survey(&subject).await.unwrap().blockers, []);
    erase_all(&voiding, &subject).await.unwrap();
    assert_eq!(
        statuses(&world.records("invoice", &id).await),
        ["paid", "void"]
    );
}

#[tokio::test]
async fn a_customer_whose_subscription_cannot_be_cancelled_is_not_deleted() {
    if !may_run() {
        return;
    }
    let world = World::new();
    let wish = json!({"name": "Ada", "email": "a@example.com", "subscriptions": ["active", "uncancellable"]});
    let id = world.person(wish).await;
    let subject = person(&[("email", "a@example.com")]);
    let connector = world.connector();
    let done = erase_all(&connector, &subject).await.unwrap();
    let failed = |name: &str| {
        done[name]
            .failed()
            .iter()
            .map(|one| one.records)
            .sum::<u64>()
    };
    assert_eq!((failed("subscriptions"), failed("customers")), (1, 1));
    assert_eq!(done["customers"].erase(), 0);
    assert_eq!(world.records("customer", &id).await.len(), 1);
    assert_eq!(
        statuses(&world.records("subscription", &id).await),
        ["active", "canceled"]
    );
    assert!(
        surveyed(&connector, &subject, "subscriptions")
            .await
            .pending()
            > 0
    );
    assert_eq!(world.state().await["deleted_while_charged"], json!([]));
}

#[tokio::test]
async fn several_customers_of_one_person_go_together_and_those_alike_stay() {
    if !may_run() {
        return;
    }
    let world = World::new();
    let quote = "o\"bri\\en]";
    let mine = [
        json!({"name": "Ada", "email": "ada@example.com"}),
        json!({"name": "Ada", "email": "ada@example.com", "charges": [1], "payment_methods": 1}),
        json!({"name": "Ada", "email": "x@example.com", "metadata": {"user_id": quote}}),
    ];
    let others = [
        json!({"name": "Eve", "email": "Ada@Example.com"}),
        json!({"name": "Eve", "email": "ada@example.com.au"}),
        json!({"name": "Eve", "email": "y@example.com", "metadata": {"user_id": format!("{quote}2")}}),
        json!({"name": "Eve", "email": "z@example.com", "metadata": {"user_id": quote.to_uppercase()}}),
    ];
    let (mut gone, mut left) = (Vec::new(), Vec::new());
    for wish in mine {
        gone.push(world.person(wish).await);
    }
    for wish in others {
        left.push(world.person(wish).await);
    }
    let connector = world.connector();
    let subject = person(&[("email", "ada@example.com"), ("user_id", quote)]);
    assert_eq!(exported(&connector, &subject, "customers").await.len(), 3);
    let done = erase_all(&connector, &subject).await.unwrap();
    assert_eq!(done["customers"].erase(), 3);
    for id in &gone {
        assert_eq!(world.records("customer", id).await.len(), 0);
    }
    for id in &left {
        assert_eq!(world.records("customer", id).await.len(), 1);
    }
    // The search still finds whom it found before; looked at, it is gone.
    assert_eq!(surveyed(&connector, &subject, "customers").await.held(), 0);
}

#[tokio::test]
async fn whoever_is_unknown_or_gone_is_no_error_and_odd_ids_are_not_asked_for() {
    if !may_run() {
        return;
    }
    let world = World::new();
    world
        .person(json!({"name": "Eve", "email": "eve@example.com"}))
        .await;
    let connector = world.connector();
    for id in [
        "cus_nobody",
        "../customers",
        "cus_1/../cus_2",
        "*",
        "a b",
        "%2e%2e",
        "sub_1",
    ] {
        let subject = person(&[("stripe_customer", id)]);
        let done = erase_all(&connector, &subject).await.unwrap();
        assert!(
            done.values()
                .all(|tally| tally.erase() == 0 && tally.failed().is_empty()),
            "{id}"
        );
        assert_eq!(exported(&connector, &subject, "customers").await.len(), 0);
    }
    assert_eq!(world.state().await["records"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_connected_account_is_named_in_every_call() {
    if !may_run() {
        return;
    }
    let world = World::new();
    world.person(ada()).await;
    let connector = connector(&BillingConfig {
        account: Some("acct_1".to_owned()),
        ..world.config()
    });
    connector.check().await.unwrap();
    let subject = person(&[("email", "ada@example.com")]);
    connector.survey(&subject).await.unwrap();
    let state = world.state().await;
    let calls = state["calls"].as_array().unwrap();
    assert!(calls.len() > 10);
    assert!(calls.iter().all(|call| call["account"] == "acct_1"));
}
