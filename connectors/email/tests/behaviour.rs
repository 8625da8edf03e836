//! Whom it finds, what it believes, and what it does when it is called too often.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::time::Duration;

use adieu_core::{Connector as _, Effect, ErrorKind, Retry};
use adieu_email::SuppressionPolicy;
use common::fake::{Fake, Fault};
use common::{config, connector, erased, exported, person, step, surveyed};

#[tokio::test]
async fn an_answer_about_a_look_alike_is_not_believed_and_nothing_of_it_is_touched() {
    let fake = Fake::start().await;
    {
        let mut world = fake.world();
        world.is_loose = true;
        for alike in ["ada@example.com.au", "ada+news@example.com"] {
            world.contact(alike, "Eve", 1);
            world.suppression(alike, "bounce");
        }
        world.broadcast("Hello", "sent", &["ada@example.com.au"]);
    }
    let mut config = config(&fake.url);
    config.suppression = SuppressionPolicy::Delete;
    let connector = connector(&config);
    let ada = person(&["ada@example.com"]);
    let survey = connector.survey(&ada).await.unwrap();
    for holding in survey.holdings {
        let name = holding.collection.as_str();
        match name {
            // A filter that lets too much through is none of what was asked for.
            "broadcasts" => assert_eq!(holding.tally.unwrap().held(), 0),
            _ => {
                let error = holding.tally.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Protocol, "{name}");
                assert!(error.what().contains("another address"), "{error}");
            }
        }
    }
    for collection in ["contacts", "suppressions"] {
        let refused = connector.erase(&step(collection, &ada, None)).await;
        let error = refused.unwrap_err();
        assert_eq!(
            (error.kind(), error.effect_seen(), error.retry_advice()),
            (ErrorKind::Protocol, Effect::None, Retry::Never)
        );
    }
    assert!(exported(&connector, &ada, "broadcasts").await.is_empty());
    let world = fake.world();
    assert_eq!((world.contacts.len(), world.suppressions.len()), (2, 2));
    assert!(world.paths().iter().all(|call| call.starts_with("GET ")));
}

#[tokio::test]
async fn an_address_is_found_as_it_is_written_and_in_lower_case_and_only_once() {
    let fake = Fake::start().await;
    fake.world().contact("ada@example.com", "Ada", 0);
    fake.world().contact("Ada@Work.example", "Ada", 0);
    let connector = connector(&config(&fake.url));
    let subject = person(&["Ada@Example.com", "Ada@Work.example", "ada@example.com"]);
    let found = exported(&connector, &subject, "contacts").await;
    let mut addresses: Vec<&str> = found
        .iter()
        .map(|one| one["email"].as_str().unwrap())
        .collect();
    addresses.sort_unstable();
    assert_eq!(addresses, ["Ada@Work.example", "ada@example.com"]);
    assert_eq!(surveyed(&connector, &subject, "contacts").await.erase(), 2);
    assert_eq!(erased(&connector, &subject, "contacts").await.erase(), 2);
    assert!(fake.world().contacts.is_empty());
}

#[tokio::test]
async fn an_identity_that_is_no_address_is_not_taken_for_an_id() {
    let fake = Fake::start().await;
    let id = fake.world().contact("eve@example.com", "Eve", 1);
    let connector = connector(&config(&fake.url));
    let subject = person(&[&id, "../contacts", "ada"]);
    assert!(exported(&connector, &subject, "contacts").await.is_empty());
    assert_eq!(erased(&connector, &subject, "contacts").await.erase(), 0);
    assert!(fake.world().calls.is_empty(), "{:?}", fake.world().paths());
}

#[tokio::test]
async fn an_erasure_keeps_the_suppression_unless_told_otherwise_and_deletes_by_the_id_that_was_seen()
 {
    for (policy, left) in [(SuppressionPolicy::Keep, 2), (SuppressionPolicy::Delete, 1)] {
        let fake = Fake::start().await;
        let contact = fake.world().contact("ada@example.com", "Ada", 2);
        let suppression = fake.world().suppression("ada@example.com", "complaint");
        fake.world().contact("eve@example.com", "Eve", 2);
        fake.world().suppression("eve@example.com", "manual");
        let mut config = config(&fake.url);
        config.suppression = policy;
        let connector = connector(&config);
        let ada = person(&["ada@example.com"]);
        let mut kept = 0;
        for collection in ["contacts", "suppressions"] {
            let tally = erased(&connector, &ada, collection).await;
            kept += tally.retained().iter().map(|one| one.records).sum::<u64>();
        }
        assert_eq!(kept, left - 1);
        let world = fake.world();
        assert_eq!(world.contacts.len(), 1);
        assert_eq!(world.suppressions.len() as u64, left);
        let mut gone = vec![contact];
        if policy == SuppressionPolicy::Delete {
            gone.push(suppression);
        }
        assert_eq!(world.deleted, gone);
    }
}

#[tokio::test]
async fn lists_of_any_length_are_read_whole_and_each_broadcast_is_asked_once() {
    let fake = Fake::start().await;
    fake.world().most = 100;
    fake.world().contact("ada@example.com", "Ada", 250);
    for number in 0..60 {
        let recipients: &[&str] = match number % 10 {
            0 => &["ada@example.com", "eve@example.com"],
            _ => &["eve@example.com"],
        };
        fake.world().broadcast("News", "sent", recipients);
    }
    let connector = connector(&config(&fake.url));
    let ada = person(&["ada@example.com"]);
    let segments = exported(&connector, &ada, "segments").await;
    assert_eq!(segments.len(), 250);
    let calls = fake.world().paths();
    assert_eq!(calls.len(), 4, "one look and three pages: {calls:?}");
    assert_eq!(exported(&connector, &ada, "topics").await.len(), 250);

    fake.world().calls.clear();
    let received = exported(&connector, &ada, "broadcasts").await;
    assert_eq!(received.len(), 6);
    let one = &received[0];
    assert_eq!(one["subject"], "News");
    assert_eq!(one["events"]["clicked"]["clicked_links"][0]["clicks"], 2);
    assert!(one["events"]["bounced"].is_null());
    // Three parts of 25, a call for each broadcast, and eight for each that was received.
    assert_eq!(fake.world().calls.len(), 3 + 60 + 6 * 8);
}

#[tokio::test]
async fn a_used_up_quota_is_told_from_a_rate_and_not_tried_again_at_once() {
    let fake = Fake::start().await;
    fake.world().contact("ada@example.com", "Ada", 0);
    let connector = connector(&config(&fake.url));
    let ada = person(&["ada@example.com"]);

    // A rate is over in a second: the call itself is sent again.
    fake.world().faults = vec![Some(Fault::Refuse), None];
    assert_eq!(exported(&connector, &ada, "contacts").await.len(), 1);
    assert_eq!(fake.world().calls.len(), 2);
    fake.world().faults.clear();

    for (quota, least) in [
        ("daily_quota_exceeded", Duration::from_secs(3600)),
        ("monthly_quota_exceeded", Duration::from_secs(24 * 3600)),
    ] {
        fake.world().quota = Some(quota);
        fake.world().calls.clear();
        let error = connector.erase(&step("contacts", &ada, None)).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry_advice(), Retry::After(least));
        assert!(error.what().contains(quota), "{error}");
        assert_eq!(fake.world().calls.len(), 1, "{quota} was tried again");
    }
    fake.world().quota = None;
    assert_eq!(erased(&connector, &ada, "contacts").await.erase(), 1);
}

#[tokio::test]
async fn no_second_holds_more_calls_than_a_team_bears() {
    let fake = Fake::start().await;
    let mut config = config(&fake.url);
    // As it is when nothing is said.
    config.http = toml::from_str("").unwrap();
    let connector = connector(&config);
    let subject = person(&[
        "a@example.com",
        "b@example.com",
        "c@example.com",
        "d@example.com",
    ]);
    exported(&connector, &subject, "contacts").await;
    connector.survey(&subject).await.unwrap();
    let world = fake.world();
    let times: Vec<_> = world.calls.iter().map(|(_, at)| *at).collect();
    assert!(times.len() > 8);
    for window in times.windows(6) {
        let took = window[5] - window[0];
        assert!(took >= Duration::from_millis(1000), "six calls in {took:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_with_its_age() {
    let mut config = config("http://127.0.0.1:9");
    config.sent_mail_days = Some(30);
    config.broadcasts = false;
    let connector = connector(&config);
    let descriptor = connector.descriptor();
    let sent = &descriptor.unreachable[0];
    assert!(sent.what.contains("sent to you"), "{sent:?}");
    assert_eq!(sent.lives_for.as_deref(), Some("30 days"));
    let newsletters = |one: &adieu_core::Unreachable| one.what.contains("newsletters");
    assert!(descriptor.unreachable.iter().any(newsletters));
    let names: Vec<&str> = descriptor
        .collections
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["contacts", "segments", "topics", "suppressions"]);
}
