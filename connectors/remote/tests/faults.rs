//! A service and a processor that refuse every third call, hang, drop their answers and fail after they have acted.
//!
//! One test alone in its file: what is logged is heard on its thread, and another test's would silence it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by it, and says so when it is skipped"
)]

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_core::{CollectionName, Connector, Retry, Step, StepKey, Subject, Tally};
use adieu_testkit::Collector;
use bytes::Bytes;
use common::processor::{Fault, Processor, TOKEN, openssl_is_there};
use common::signing::{Asked, Body, now, serve, signed, whole};
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use serde_json::{Value, json};
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

const KEY: &str = "bmV2ZXIgdG8gYmUgc2VlbiBidXQgYnkgdHdvIG9mIHVzIQ==";

const PATTERNS: [&[Option<Fault>]; 5] = [
    &[None, None, Some(Fault::Refuse)],
    &[Some(Fault::FailAfterActing), None, Some(Fault::Refuse)],
    &[None, Some(Fault::DropMidBody), Some(Fault::Refuse)],
    &[None, None, None, Some(Fault::Hang)],
    &[
        None,
        Some(Fault::FailAfterActing),
        Some(Fault::Refuse),
        None,
        Some(Fault::Hang),
        None,
        Some(Fault::DropMidBody),
    ],
];

/// Readers by their keys, and how often each was erased.
#[derive(Default)]
struct World {
    readers: BTreeMap<String, &'static str>,
    erased: BTreeMap<String, usize>,
    faults: Vec<Option<Fault>>,
}

fn act(world: &mut World, asked: &Asked) -> Value {
    let subject = &asked.json["subject"];
    let emails = subject["identities"].as_array().unwrap();
    let after = asked.json["after"].as_str().unwrap_or_default();
    let theirs: Vec<String> = world
        .readers
        .iter()
        .filter(|(key, email)| {
            key.as_str() > after && emails.iter().any(|one| one["value"] == **email)
        })
        .map(|(key, _)| key.clone())
        .collect();
    let most = asked.json["max_records"].as_u64().unwrap_or(u64::MAX) as usize;
    let page = &theirs[..theirs.len().min(most).min(4)];
    let more = theirs.len() > page.len();
    match asked.path.as_str() {
        "/survey" => json!({"subject": subject, "tally": {"erase": theirs.len()}}),
        "/export" => {
            let entries: Vec<Value> = page
                .iter()
                .map(|key| json!({"after": key, "of": {"kind": "email", "value": world.readers[key]}, "record": {"id": key}}))
                .collect();
            json!({"subject": subject, "entries": entries, "more": more})
        }
        _ => {
            for key in page {
                world.readers.remove(key);
                *world.erased.entry(key.clone()).or_default() += 1;
            }
            let last = page.last().filter(|_| more);
            json!({"subject": subject, "tally": {"erase": page.len()}, "after": last})
        }
    }
}

async fn answer(world: Arc<Mutex<World>>, number: usize, asked: Asked) -> Response<Body> {
    let fault = {
        let world = world.lock().unwrap();
        let of = world.faults.len().max(1);
        world.faults.get(number % of).copied().flatten()
    };
    let empty = |status: u16| {
        let answer = Response::builder()
            .status(status)
            .header("retry-after", "0");
        answer.body(whole("")).unwrap()
    };
    match fault {
        Some(Fault::Refuse) => return empty(429),
        Some(Fault::Hang) => tokio::time::sleep(Duration::from_secs(2)).await,
        _ => {}
    }
    let told = act(&mut world.lock().unwrap(), &asked).to_string();
    let answer = signed(KEY, 200, &told, &asked.signature, now());
    match fault {
        Some(Fault::FailAfterActing) => empty(500),
        Some(Fault::DropMidBody) => {
            let broken = [
                Ok(Frame::data(Bytes::from_static(b"{\"subject"))),
                Err(std::io::Error::other("dropped")),
            ];
            answer.map(|_| StreamBody::new(stream::iter(broken)).boxed())
        }
        _ => answer,
    }
}

/// Erases a collection as the engine does: what fails is sent again, as long as it says that it may help.
async fn erase_all(connector: &dyn Connector, collection: &str, subject: &Subject) -> Tally {
    let mut tally = Tally::new();
    let mut cursor = None;
    for number in 0.. {
        let key = StepKey::new(format!("test-{number}"));
        let step = Step::new(
            subject.clone(),
            CollectionName::new(collection).unwrap(),
            key,
        )
        .at(cursor)
        .at_most(NonZeroU32::new(2).unwrap());
        let mut failed = 0;
        let erased = loop {
            match connector.erase(&step).await {
                Ok(erased) => break erased,
                Err(error) => {
                    failed += 1;
                    assert!(
                        error.retry_advice() != Retry::Never && failed < 60,
                        "{error}"
                    );
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        };
        tally.add(&erased.tally);
        cursor = erased.next;
        if cursor.is_none() {
            break;
        }
    }
    tally
}

async fn exported(connector: &dyn Connector, subject: &Subject) -> usize {
    let mut collector = Collector::new(&connector.descriptor().collections[0]);
    let mut cursor = None;
    let mut failed = 0;
    loop {
        match collector
            .export(connector, &common::step(subject.clone(), cursor.clone()))
            .await
        {
            Ok(None) => return collector.records().count(),
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
}

#[tokio::test]
async fn remote_systems_end_complete_nothing_is_done_twice_and_the_log_names_nobody() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    for faults in PATTERNS {
        let world = Arc::new(Mutex::new(World {
            faults: faults.to_vec(),
            ..World::default()
        }));
        for number in 0..9 {
            let email = ["ada@example.com", "ada@work.example", "eve@example.com"][number % 3];
            world
                .lock()
                .unwrap()
                .readers
                .insert(format!("r{number}"), email);
        }
        let shared = Arc::clone(&world);
        let (url, _) = serve(move |number, asked| answer(Arc::clone(&shared), number, asked)).await;
        let mut config = common::config(&url, KEY);
        config.http.answer_timeout_ms = 200.try_into().ok();
        config.http.body_timeout_ms = 200.try_into().ok();
        let connector = common::connector(&config);
        assert_eq!(exported(&connector, &common::ada()).await, 6, "{faults:?}");
        erase_all(&connector, "readers", &common::ada()).await;
        let world = world.lock().unwrap();
        assert!(
            world
                .readers
                .values()
                .all(|email| *email == "eve@example.com"),
            "{faults:?}"
        );
        assert_eq!(world.readers.len(), 3);
        assert!(world.erased.len() == 6 && world.erased.values().all(|times| *times == 1));
    }

    match openssl_is_there() {
        Ok(()) => {
            for faults in PATTERNS {
                let processor = Processor::start().await;
                processor.world().faults = faults.to_vec();
                let mut config = processor.config();
                config.http.answer_timeout_ms = 200.try_into().ok();
                config.http.body_timeout_ms = 200.try_into().ok();
                let connector = common::processor::connector(&config);
                let tally = erase_all(&connector, "requests", &common::processor::ada()).await;
                assert_eq!(tally.scheduled().unwrap().records, 3, "{faults:?}");
                assert_eq!(processor.world().requests.len(), 3, "{faults:?}");
                assert_eq!(
                    (processor.left(true).len(), processor.left(false).len()),
                    (0, 2)
                );
            }
        }
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "{why}");
            println!("skipped: {why}");
        }
    }

    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("provider_call") && logged.contains("/erase"),
        "nothing was logged"
    );
    for canary in ["ada@", "ada%40", "Lovelace", "user1", KEY, TOKEN] {
        assert!(!logged.contains(canary), "{canary} is in the log");
    }
}
