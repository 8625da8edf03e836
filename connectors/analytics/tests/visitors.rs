//! What is asked of Google, for whom, and what is made of its answers.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::num::NonZeroU32;

use adieu_core::{CollectionName, Connector as _, ErrorKind, Step, StepKey, Subject};
use common::{Google, Whose, ada, connector, person};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

fn step(subject: Subject) -> Step {
    let visitors = CollectionName::new("visitors").unwrap();
    Step::new(subject, visitors, StepKey::new("test"))
}

#[tokio::test]
async fn each_identifier_is_asked_for_once_in_googles_spelling_and_scheduled_by_its_day() {
    let google = Google::start().await;
    let connector = connector(&google.config());
    let mut subject = ada();
    // Two spellings of one address are one visitor.
    for email in ["ada@gmail.com", "not an address"] {
        subject.learn(adieu_core::Identity::new("email", email).unwrap());
    }
    let erased = connector.erase(&step(subject)).await.unwrap();
    assert_eq!(
        google.world().submitted,
        [
            json!({"userId": "user1"}),
            json!({"clientId": "1234567890.1600000000"}),
            json!({"clientId": "1234567890.1700000000"}),
            json!({"appInstanceId": "0123abcd"}),
            json!({"userProvidedData": "+4930901820"}),
            json!({"userProvidedData": "ada@gmail.com"}),
        ]
    );
    assert_eq!(google.world().tokens, 1);
    let later = erased.tally.scheduled().unwrap();
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let by = later.by.unwrap();
    assert_eq!((later.records, erased.tally.held()), (6, 6));
    assert_eq!((by.first, by.last), (today + 63.days(), today + 63.days()));
    assert_eq!(google.left(Whose::Ada), [""; 0]);
    assert_eq!(google.left(Whose::Eve).len(), 2);
}

#[tokio::test]
async fn no_address_goes_to_google_unless_the_property_collects_them() {
    let google = Google::start().await;
    let mut config = google.config();
    config.email = String::new();
    config.phone = String::new();
    let connector = connector(&config);
    connector.erase(&step(ada())).await.unwrap();
    let asked = format!("{:?}", google.world().submitted);
    assert!(!asked.contains("userProvidedData"), "{asked}");
    let known = person(&[("email", "ada@gmail.com")]);
    assert!(!connector.descriptor().collections[0].is_reached_by(&known));
}

#[tokio::test]
async fn a_step_goes_on_after_the_last_identifier_and_a_refused_one_stops_no_other() {
    let google = Google::start().await;
    google.world().refused = Some("0123abcd");
    let connector = connector(&google.config());
    let two = NonZeroU32::new(2).unwrap();
    let mut tally = adieu_core::Tally::new();
    let mut cursor = None;
    loop {
        let erased = connector
            .erase(&step(ada()).at_most(two).at(cursor))
            .await
            .unwrap();
        tally.add(&erased.tally);
        cursor = erased.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(google.world().submitted.len(), 6);
    assert_eq!(tally.scheduled().unwrap().records, 5);
    assert_eq!(tally.failed()[0].records, 1);
}

#[tokio::test]
async fn an_answer_without_the_time_of_acceptance_is_no_acceptance() {
    for strange in [json!({}), json!({"deletionRequestTime": "soon"}), json!([])] {
        let google = Google::start().await;
        google.world().instead = Some(strange.clone());
        let connector = connector(&google.config());
        let error = connector.erase(&step(ada())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{strange}");
    }
}
