//! What the conformance kit does not ask: each way of a provider's own, and what a provider may do wrong.

use crate::common::fake::{Fake, Reply};
use crate::common::{Cast, erase, export, person, providers, step};
use adieu_core::{Connector, Effect, ErrorKind, Retry, Support};
use serde_json::json;

/// The calls that changed something, without their query.
fn changes(cast: &Cast) -> Vec<String> {
    let calls = cast.fake.world().calls.clone();
    let changing = calls.iter().filter(|call| {
        !call.starts_with("GET") && !call.contains("search") && !call.contains("token")
    });
    changing
        .map(|call| call.split('?').next().unwrap().to_owned())
        .collect()
}

fn set(cast: &Cast, table: &'static str, key: &str, field: &str, value: &str) {
    let mut world = cast.fake.world();
    let row = world.tables.get_mut(table).unwrap().get_mut(key).unwrap();
    row.value[field] = json!(value);
}

#[tokio::test]
async fn a_directory_that_only_takes_out_of_service_is_told_twice() {
    let cast = Cast::of(providers::OKTA).await;
    let connector = cast.real();
    let tally = erase(
        &connector,
        "users",
        &person(&[("email", "ada@work.example")]),
    )
    .await;
    assert_eq!((tally.erase(), tally.pending()), (1, 1));
    assert_eq!(changes(&cast), ["DELETE /api/v1/users/00u-old1"; 2]);
    assert!(cast.fake.world().one("users", "00u-old1").is_none());
}

#[tokio::test]
async fn an_account_left_out_of_service_by_a_crash_is_still_deleted() {
    let cast = Cast::of(providers::OKTA).await;
    let connector = cast.real();
    // The first call of the two came through, and then the process ended.
    set(&cast, "users", "00u-old1", "status", "DEPROVISIONED");
    // Discovery has yielded the id before anything was erased.
    let ada = person(&[("email", "ada@work.example"), ("okta_user", "00u-old1")]);
    let survey = connector.survey(&ada).await.unwrap();
    assert_eq!(survey.holdings[1].tally.as_ref().unwrap().erase(), 1);
    assert_eq!(erase(&connector, "users", &ada).await.erase(), 1);
    assert!(cast.fake.world().one("users", "00u-old1").is_none());
}

#[tokio::test]
async fn the_word_me_in_a_path_is_nobody() {
    let cast = Cast::of(providers::OKTA).await;
    let connector = cast.real();
    let me = person(&[("okta_user", "me")]);
    // The provider answers it with the owner of the key, and with the owner's groups.
    let survey = connector.survey(&me).await.unwrap();
    let held = survey
        .holdings
        .iter()
        .map(|one| one.tally.as_ref().unwrap().held());
    assert_eq!(held.collect::<Vec<_>>(), [0, 0]);
    assert_eq!(erase(&connector, "users", &me).await.erase(), 0);
    assert_eq!(changes(&cast), [""; 0]);
}

#[tokio::test]
async fn a_deletion_that_was_accepted_is_not_asked_for_again_until_it_is_done() {
    let cast = Cast::of(providers::AMPLITUDE).await;
    let connector = cast.real();
    let ada = person(&[("user_id", "user1"), ("user_id", "old1")]);
    let first = erase(&connector, "users", &ada).await;
    assert_eq!(first.scheduled().unwrap().records, 2);
    let again = erase(&connector, "users", &ada).await;
    let by = again.scheduled().unwrap().by.unwrap();
    // Thirty days from the day that the provider named.
    assert_eq!(
        (again.scheduled().unwrap().records, by.first.to_string()),
        (2, "2027-01-04".to_owned())
    );
    assert_eq!(cast.fake.world().jobs.len(), 2, "none of them twice");

    // It is done, and then the person came back.
    cast.fake.world().jobs[0]["status"] = json!("done");
    erase(&connector, "users", &ada).await;
    assert_eq!(cast.fake.world().jobs.len(), 3);
}

#[tokio::test]
async fn a_job_is_waited_for_and_one_that_fails_is_told() {
    let cast = Cast::of(providers::ZENDESK).await;
    let connector = cast.real();
    let ada = person(&[("zendesk_user", "101")]);
    let tally = erase(&connector, "tickets", &ada).await;
    assert_eq!(tally.scheduled().unwrap().records, 3);
    assert_eq!(cast.fake.world().jobs.len(), 1, "three tickets in one call");
    assert!(
        cast.fake
            .world()
            .all("tickets", |ticket| ticket["requester_id"] == 101)
            .is_empty()
    );

    let old = person(&[("zendesk_user", "102")]);
    let tickets =
        json!({"tickets": [{"id": 1020, "requester_id": 102}], "meta": {"has_more": false}});
    let answer = |state: &str| Reply::ok(json!({"job_status": {"id": "x", "status": state}}));
    cast.fake.world().instead = vec![Reply::ok(tickets), answer("queued"), answer("killed")];
    let tally = connector
        .erase(&step("tickets", &old, None))
        .await
        .unwrap()
        .tally;
    assert_eq!(
        (tally.failed()[0].kind, tally.failed()[0].records),
        (ErrorKind::Protocol, 1)
    );
}

#[tokio::test]
async fn a_user_is_deleted_for_good_and_stays_deleted() {
    let cast = Cast::of(providers::ZENDESK).await;
    let connector = cast.real();
    let ada = person(&[("email", "ada@example.com"), ("zendesk_user", "101")]);
    erase(&connector, "tickets", &ada).await;
    assert_eq!(erase(&connector, "users", &ada).await.erase(), 1);
    assert_eq!(
        cast.fake.world().one("trash", "101").unwrap()["name"],
        "Permanently Deleted User"
    );
    let left = connector.survey(&ada).await.unwrap();
    assert!(
        left.holdings
            .iter()
            .all(|holding| holding.tally.as_ref().unwrap().held() == 0),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_user_with_open_tickets_counts_as_failed_and_the_others_go_on() {
    let cast = Cast::of(providers::ZENDESK).await;
    let connector = cast.real();
    cast.fake
        .world()
        .drop_all("tickets", |ticket| ticket["requester_id"] == 102);
    let ada = person(&[("email", "ada@example.com"), ("email", "ada@work.example")]);
    let tally = erase(&connector, "users", &ada).await;
    assert_eq!((tally.erase(), tally.failed()[0].records), (1, 1));
}

#[tokio::test]
async fn what_a_search_still_finds_after_the_deletion_is_gone_when_it_is_read() {
    let cast = Cast::of(providers::INTERCOM).await;
    let connector = cast.real();
    let ada = person(&[("email", "ada@example.com")]);
    assert_eq!(
        erase(&connector, "contacts", &ada)
            .await
            .scheduled()
            .unwrap()
            .records,
        1
    );
    assert_eq!(cast.fake.world().jobs.len(), 4, "the index still has her");
    assert_eq!(
        connector.survey(&ada).await.unwrap().holdings[0]
            .tally
            .as_ref()
            .unwrap()
            .held(),
        0
    );
}

#[tokio::test]
async fn a_list_that_only_catches_up_later_is_not_walked_for_ever() {
    let cast = Cast::of(providers::MAILCHIMP).await;
    let connector = cast.real();
    let ada = person(&[("email", "ada@example.com")]);
    let member = cast
        .fake
        .world()
        .one("members", "a1b2c3d4e5:hash-ada@example.com")
        .unwrap();
    let stale = Reply::ok(
        json!({"exact_matches": {"members": [member.clone(), {"id": "x", "list_id": "y", "email_address": "ada@example.com"}]}}),
    );
    let first = step("members", &ada, None).at_most(1.try_into().unwrap());
    let next = connector.erase(&first).await.unwrap().next;
    cast.fake.world().instead = vec![stale];
    let error = connector
        .erase(&step("members", &ada, next))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.retry_advice()),
        (ErrorKind::Unavailable, Retry::WithBackoff)
    );
}

#[tokio::test]
async fn the_next_page_never_leaves_the_host() {
    let cast = Cast::of(providers::POSTHOG).await;
    let elsewhere = Fake::start(|_, _| Reply::empty(200), |_| {}).await;
    let connector = cast.real();
    let page =
        json!({"next": format!("{}/api/projects/42/persons/", elsewhere.url), "results": []});
    cast.fake.world().instead = vec![Reply::ok(page)];
    let survey = connector
        .survey(&person(&[("user_id", "user1")]))
        .await
        .unwrap();
    let error = survey.holdings[0].tally.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(elsewhere.world().calls, [""; 0]);
}

#[tokio::test]
async fn a_page_that_leads_to_itself_ends_the_walk() {
    let cast = Cast::of(providers::OPENAI).await;
    let connector = cast.real();
    let page = || {
        Reply::ok(
            json!({"data": [{"id": "m", "thread_id": "t"}], "last_id": "m", "has_more": true}),
        )
    };
    cast.fake.world().instead = vec![page(), page(), page()];
    let error = connector
        .survey(&person(&[("openai_thread", "t")]))
        .await
        .unwrap()
        .holdings[0]
        .tally
        .clone()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_refusal_that_passes_by_the_providers_own_rule_is_tried_again_later() {
    let cast = Cast::of(providers::HUBSPOT).await;
    let connector = cast.real();
    cast.fake.world().instead = vec![Reply::empty(477).with("retry-after", "3600".to_owned())];
    let ada = person(&[("email", "ada@example.com")]);
    let error = connector
        .erase(&step("contacts", &ada, None))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.effect_seen()),
        (ErrorKind::Unavailable, Effect::None)
    );
    assert_ne!(error.retry_advice(), Retry::Never);
}

#[tokio::test]
async fn one_token_serves_many_calls_and_a_refused_one_is_replaced() {
    let cast = Cast::of(providers::AUTH0).await;
    let connector = cast.real();
    let ada = person(&[("email", "ada@example.com"), ("email", "ada@work.example")]);
    connector.survey(&ada).await.unwrap();
    connector.survey(&ada).await.unwrap();
    let tokens = || {
        cast.fake
            .world()
            .calls
            .iter()
            .filter(|call| call.starts_with("POST /oauth/token"))
            .count()
    };
    assert_eq!(tokens(), 1);
    cast.fake.world().instead = vec![Reply::empty(401)];
    assert_eq!(erase(&connector, "users", &ada).await.erase(), 2);
    assert_eq!(tokens(), 2);
}

#[tokio::test]
async fn a_value_that_begins_with_a_minus_does_not_stand_for_everybody_else() {
    let cast = Cast::of(providers::CLERK).await;
    let connector = cast.real();
    for value in ["-nobody@example.com", "-", "+ada@example.com.au"] {
        let survey = connector
            .survey(&person(&[("email", value)]))
            .await
            .unwrap();
        assert_eq!(
            survey.holdings[0].tally.as_ref().unwrap().held(),
            0,
            "{value}"
        );
    }
}

#[tokio::test]
async fn a_file_comes_with_its_record_and_one_that_is_not_handed_out_is_named() {
    let cast = Cast::of(providers::OPENAI).await;
    let connector = cast.real();
    let ada = person(&[("openai_file", "file-user1")]);
    let whole = export(&connector, "files", &ada).await;
    let page = &whole.pages()[0];
    assert_eq!(
        (
            page.records.len(),
            page.attachments.len(),
            page.missing.len()
        ),
        (1, 1, 0)
    );
    let file = cast.fake.world().one("files", "file-user1").unwrap();
    cast.fake.world().instead = vec![Reply::ok(file), Reply::empty(400)];
    let without = export(&connector, "files", &ada).await;
    let page = &without.pages()[0];
    assert_eq!(
        (
            page.records.len(),
            page.attachments.len(),
            page.missing.len()
        ),
        (1, 0, 1)
    );
}

#[tokio::test]
async fn that_somebody_wants_no_letters_is_kept_with_its_ground() {
    let cast = Cast::of(providers::SENDGRID).await;
    let connector = cast.real();
    let ada = person(&[("email", "ada@example.com")]);
    let tally = erase(&connector, "unsubscribes", &ada).await;
    assert_eq!((tally.retained()[0].records, tally.pending()), (1, 0));
    assert!(
        cast.fake
            .world()
            .one("unsubscribes", "ada@example.com")
            .is_some()
    );
    assert_eq!(erase(&connector, "bounces", &ada).await.erase(), 1);
}

#[tokio::test]
async fn what_the_provider_deletes_by_itself_is_no_work_left() {
    let cast = Cast::of(providers::POSTHOG).await;
    let connector = cast.real();
    let events = &connector.descriptor().collections[0];
    assert!(matches!(&events.erasure, Support::Refused(reason) if reason.contains("together")));
    let ada = person(&[("user_id", "user1"), ("posthog_distinct_id", "anon-user1")]);
    let survey = connector.survey(&ada).await.unwrap();
    let tally = survey.holdings[0].tally.as_ref().unwrap();
    assert_eq!((tally.held(), tally.pending()), (3, 0));
    erase(&connector, "persons", &ada).await;
    assert!(
        cast.fake
            .world()
            .all("events", |event| event["distinct_id"] == "anon-user1")
            .is_empty()
    );
}
