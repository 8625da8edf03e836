//! An account with known people in it, and the connector over it.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

pub(crate) mod fake;

use std::path::Path;

use adieu_core::{
    CollectionName, Connector, ConnectorName, Cursor, Identity, Retry, Secret, Setting, Step,
    StepKey, Subject, Tally,
};
use adieu_email::{EmailConfig, EmailConnector};
use adieu_testkit::Collector;
use fake::KEY;
use serde_json::Value;

/// Everything that a person may have, and nothing that slows tests down.
pub(crate) fn config(url: &str) -> EmailConfig {
    let mut config = EmailConfig::new(Setting::Literal(Secret::new(KEY)));
    config.url = Some(Setting::Literal(Secret::new(url)));
    config.http = toml::from_str("requests_per_second = 100000").unwrap();
    config
}

pub(crate) fn connector(config: &EmailConfig) -> EmailConnector {
    let name = ConnectorName::new("resend").unwrap();
    EmailConnector::new(name, config, Path::new(".")).unwrap()
}

pub(crate) fn person(addresses: &[&str]) -> Subject {
    let addresses = addresses.iter();
    Subject::new(addresses.map(|address| Identity::new("email", *address).unwrap()))
}

pub(crate) fn step(collection: &str, subject: &Subject, cursor: Option<Cursor>) -> Step {
    let collection = CollectionName::new(collection).unwrap();
    Step::new(subject.clone(), collection, StepKey::new("test")).at(cursor)
}

/// Everything that is exported of a collection; what fails is sent again, as often as it says that it may help.
pub(crate) async fn exported(
    connector: &dyn Connector,
    subject: &Subject,
    collection: &str,
) -> Vec<Value> {
    let name = CollectionName::new(collection).unwrap();
    let described = connector.descriptor().collection(&name).unwrap();
    let mut collector = Collector::new(described);
    let mut cursor = None;
    let mut failed = 0;
    loop {
        let step = step(collection, subject, cursor.clone());
        match collector.export(connector, &step).await {
            Ok(None) => break,
            Ok(next) => cursor = next,
            Err(error) => {
                failed += 1;
                assert!(
                    error.retry_advice() != Retry::Never && failed < 60,
                    "{error}"
                );
            }
        }
    }
    assert_eq!(collector.breaches(), [""; 0]);
    collector.records().cloned().collect()
}

/// Erases one collection, as the engine does.
pub(crate) async fn erased(
    connector: &dyn Connector,
    subject: &Subject,
    collection: &str,
) -> Tally {
    let mut tally = Tally::new();
    let mut cursor = None;
    let mut failed = 0;
    loop {
        match connector
            .erase(&step(collection, subject, cursor.clone()))
            .await
        {
            Ok(erased) => {
                tally.add(&erased.tally);
                cursor = erased.next;
                if cursor.is_none() {
                    return tally;
                }
            }
            Err(error) => {
                failed += 1;
                assert!(
                    error.retry_advice() != Retry::Never && failed < 60,
                    "{error}"
                );
            }
        }
    }
}

/// What the survey counts in a collection.
pub(crate) async fn surveyed(
    connector: &dyn Connector,
    subject: &Subject,
    collection: &str,
) -> Tally {
    let survey = connector.survey(subject).await.unwrap();
    let mut holdings = survey.holdings.into_iter();
    let holding = holdings.find(|one| one.collection.as_str() == collection);
    holding.unwrap().tally.unwrap()
}
