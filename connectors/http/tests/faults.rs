//! Declared APIs that refuse every third call, hang, drop their answers and fail after they have acted.
//!
//! One test alone in its file: what is logged is heard on its thread, and another test's would silence it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by it")]

#[path = "it/common/mod.rs"]
#[allow(dead_code, unused_imports, reason = "this file uses a part")]
mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_core::{CollectionName, Connector, Retry, Subject, Tally};
use adieu_testkit::{Collector, Fixture as _};
use common::fake::Fault;
use common::{Cast, Provider, SECRET, made, providers, step};
use futures_util::future::join_all;
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged at any level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const PATTERNS: [&[Option<Fault>]; 4] = [
    &[None, None, Some(Fault::Refuse)],
    &[Some(Fault::FailAfterActing), None, Some(Fault::Refuse)],
    &[
        None,
        Some(Fault::DropMidBody),
        None,
        None,
        Some(Fault::Refuse),
    ],
    &[
        None,
        None,
        None,
        Some(Fault::Hang),
        None,
        Some(Fault::FailAfterActing),
    ],
];

fn may_help(error: &adieu_core::ConnectorError, failed: &mut u32) {
    *failed += 1;
    assert!(
        error.retry_advice() != Retry::Never && *failed < 60,
        "{error}"
    );
}

async fn exported(connector: &dyn Connector, collection: &str, subject: &Subject) -> usize {
    let name = CollectionName::new(collection).unwrap();
    let mut collector = Collector::new(connector.descriptor().collection(&name).unwrap());
    let (mut cursor, mut failed) = (None, 0);
    loop {
        match collector
            .export(connector, &step(collection, subject, cursor.clone()))
            .await
        {
            Ok(None) => return collector.records().count(),
            Ok(next) => cursor = next,
            Err(error) => may_help(&error, &mut failed),
        }
    }
}

async fn erased(connector: &dyn Connector, collection: &str, subject: &Subject) -> Tally {
    let mut tally = Tally::new();
    let (mut cursor, mut failed) = (None, 0);
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
                may_help(&error, &mut failed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

async fn ends_complete(provider: Provider, faults: &[Option<Fault>]) {
    let cast = Cast::of(provider).await;
    let ada = adieu_testkit::discover(&cast.real(), cast.subject())
        .await
        .unwrap();
    let mut config = cast.config(&cast.fake.url, "secret");
    config.http = toml::from_str(
        "requests_per_second = 100000\nanswer_timeout_ms = 200\nbody_timeout_ms = 200",
    )
    .unwrap();
    let connector = made(&config, cast.folder());
    let mut calm = Vec::new();
    for collection in &connector.descriptor().collections {
        calm.push(exported(&connector, collection.name.as_str(), &ada).await);
    }
    let others = cast.state().await.of_others;
    cast.fake.world().faults = faults.to_vec();
    for (collection, calm) in connector.descriptor().collections.iter().zip(calm) {
        let name = collection.name.as_str();
        let found = exported(&connector, name, &ada).await;
        assert_eq!(found, calm, "{} {name} {faults:?}", provider.name);
    }
    for collection in &connector.descriptor().collections {
        if collection.erasure.is_offered() {
            erased(&connector, collection.name.as_str(), &ada).await;
        }
    }
    cast.fake.world().faults = Vec::new();
    let left = connector.survey(&ada).await.unwrap();
    for holding in left.holdings {
        assert_eq!(
            holding.tally.unwrap().pending(),
            0,
            "{} {faults:?}",
            provider.name
        );
    }
    assert_eq!(cast.state().await.of_others, others, "{}", provider.name);
}

#[tokio::test]
async fn declared_systems_end_complete_nobody_else_is_touched_and_the_log_names_nobody() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    // A directory that deletes twice, tokens for credentials, batches, jobs that are waited for, files.
    let all = [
        providers::OKTA,
        providers::AUTH0,
        providers::SENDGRID,
        providers::ZENDESK,
        providers::OPENAI,
    ];
    // All at once, on this thread: most of the time is waiting.
    let ends = all.into_iter().flat_map(|provider| {
        let each = PATTERNS.into_iter();
        each.map(move |faults| ends_complete(provider, faults))
    });
    join_all(ends).await;
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("provider_call"), "nothing was logged");
    for canary in ["ada@", "ada%40", "Lovelace", "Moneypenny", "user1", SECRET] {
        assert!(!logged.contains(canary), "{canary} is in the log");
    }
}
