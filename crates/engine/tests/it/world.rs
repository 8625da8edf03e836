//! A small world: a shop, its uploads and its mail provider in memory, and an engine over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use adieu_archive::Format;
use adieu_core::{Connector, Identity, Precedence, Retention, RetentionBasis, Subject};
use adieu_engine::{Clock, Engine, MasterKey, NewRequest, Options, RetryPolicy, Store};
use adieu_testkit::memory::{MemorySystem, Rule, Table};
use jiff::{Timestamp, civil::date};
use serde_json::json;
use tempfile::TempDir;

pub(crate) struct World {
    pub(crate) shop: MemorySystem,
    pub(crate) mail: MemorySystem,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) folder: TempDir,
    pub(crate) key: MasterKey,
}

/// A clock that a test moves.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn forward(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Values of the two people that must show nowhere.
pub(crate) const PERSONAL: [&str; 4] = ["ada@example.com", "eve@example.com", "u-ada", "cus_ada"];

impl World {
    pub(crate) fn new() -> Self {
        let shop = MemorySystem::new();
        shop.create(Table::new("sessions").found_by("user_id", "user"))
            .unwrap();
        shop.create(
            Table::new("invoices")
                .found_by("user_id", "user")
                .on_erasure(Rule::Retain {
                    retention: Retention {
                        basis: RetentionBasis::LegalObligation,
                        reason: "tax law".to_owned(),
                        until: Some(date(2036, 12, 31)),
                    },
                    pseudonymize: vec!["street".to_owned()],
                }),
        )
        .unwrap();
        shop.create(
            Table::new("customers")
                .found_by("user_id", "id")
                .found_by("email", "email")
                .yields("user_id", "id")
                .yields("mail_contact", "contact"),
        )
        .unwrap();
        let mail = MemorySystem::new();
        mail.create(Table::new("contacts").found_by("mail_contact", "id"))
            .unwrap();
        for who in ["ada", "eve"] {
            let (id, contact) = (format!("u-{who}"), format!("cus_{who}"));
            let email = format!("{who}@example.com");
            shop.put(
                "customers",
                &id,
                json!({"id": id, "email": email, "contact": contact}),
            )
            .unwrap();
            for n in 0..3 {
                let key = format!("{who}-{n}");
                shop.put("sessions", &key, json!({"user": id, "n": n}))
                    .unwrap();
                shop.put(
                    "invoices",
                    &key,
                    json!({"user": id, "n": n, "street": "Long Street"}),
                )
                .unwrap();
            }
            mail.put("contacts", &contact, json!({"id": contact}))
                .unwrap();
        }
        Self {
            shop,
            mail,
            clock: Arc::new(TestClock(AtomicI64::new(1_790_000_000_000))),
            folder: tempfile::tempdir().unwrap(),
            key: MasterKey::generate().unwrap(),
        }
    }

    /// An engine over the world; again and again the same store, as after a restart.
    pub(crate) async fn engine(&self) -> Engine {
        self.engine_with(Options {
            retry: RetryPolicy {
                quick_attempts: 2,
                quick_delay: Duration::from_millis(1),
                ..RetryPolicy::impatient()
            },
            ..Options::default()
        })
        .await
    }

    pub(crate) async fn engine_with(&self, options: Options) -> Engine {
        self.engine_over(self.store().await, options)
    }

    pub(crate) fn engine_over(&self, store: Store, options: Options) -> Engine {
        let connectors: Vec<Arc<dyn Connector>> = vec![
            Arc::new(self.shop.connector("shop").unwrap()),
            Arc::new(
                self.mail
                    .connector("mail")
                    .unwrap()
                    .describe(|descriptor| descriptor.precedence = Precedence::First),
            ),
        ];
        Engine::with_clock(store, connectors, options, self.clock.clone()).unwrap()
    }

    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.folder.path().join("adieu.db"), &self.key)
            .await
            .unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How many records each table holds of somebody.
    pub(crate) fn held_of(&self, who: &str) -> [usize; 4] {
        let of = |system: &MemorySystem, table: &str| {
            system
                .records(table)
                .iter()
                .filter(|(key, _)| key.contains(who))
                .count()
        };
        [
            of(&self.shop, "sessions"),
            of(&self.shop, "invoices"),
            of(&self.shop, "customers"),
            of(&self.mail, "contacts"),
        ]
    }
}

pub(crate) fn person(who: &str) -> Subject {
    Subject::new([Identity::new("email", format!("{who}@example.com")).unwrap()])
}

pub(crate) fn export(who: &str) -> NewRequest {
    NewRequest::export(person(who), Format::Zip)
}

pub(crate) fn erasure(who: &str) -> NewRequest {
    NewRequest::erasure(person(who))
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
