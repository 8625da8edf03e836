//! One shop, and a connector to it that can be wrong in many ways.

mod bent;
mod connector;

use adieu_core::{Connector, ErrorKind, Identity, Retention, RetentionBasis, Subject, async_trait};
use adieu_testkit::memory::{MemorySystem, Rule, Table};
use adieu_testkit::{Broken, Fixture, State};
use serde_json::json;

pub(crate) use connector::{Fault, WrongConnector};

/// Two people, `user1` and `user10`, with notes that go and orders of which the first ones stay.
pub(crate) struct Shop {
    pub(crate) system: MemorySystem,
    fault: Fault,
}

impl Shop {
    pub(crate) fn with(fault: Fault) -> Self {
        let system = MemorySystem::new();
        let keep = Rule::Retain {
            retention: Retention {
                basis: RetentionBasis::LegalObligation,
                reason: "tax law".to_owned(),
                until: None,
            },
            pseudonymize: Vec::new(),
        };
        let keeps = matches!(
            fault,
            Fault::StuckAtRetained | Fault::SurveyMiscounts | Fault::None
        );
        system
            .create(Table::new("notes").found_by("user", "user"))
            .unwrap();
        system
            .create(Table::new("orders").found_by("user", "user"))
            .unwrap();
        system
            .create(
                Table::new("profiles")
                    .found_by("email", "email")
                    .yields("user", "user"),
            )
            .unwrap();
        for user in ["user1", "user10"] {
            let email = format!("{user}@example.com");
            system
                .put("profiles", user, json!({"user": user, "email": email}))
                .unwrap();
            for n in 0..5 {
                let key = format!("{user}/{n}");
                system
                    .put(
                        "notes",
                        &key,
                        json!({"user": user, "n": n, "text": "a velvet cloak"}),
                    )
                    .unwrap();
                system
                    .put("orders", &key, json!({"user": user, "n": n}))
                    .unwrap();
            }
            for n in 0..3 {
                if keeps {
                    system
                        .rule("orders", &format!("{user}/{n}"), keep.clone())
                        .unwrap();
                }
            }
        }
        Self { system, fault }
    }
}

#[async_trait]
impl Fixture for Shop {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(WrongConnector::new(self.system.clone(), self.fault))
    }

    fn subject(&self) -> Subject {
        Subject::new([Identity::new("email", "user1@example.com").unwrap()])
    }

    fn bystander(&self) -> Subject {
        Subject::new([Identity::new("email", "user10@example.com").unwrap()])
    }

    fn unknown(&self) -> Subject {
        let kinds = [("email", "nobody@example.com"), ("user", "nobody")];
        Subject::new(kinds.map(|(kind, value)| Identity::new(kind, value).unwrap()))
    }

    async fn state(&self) -> State {
        let mut state = State::default();
        for table in ["notes", "orders", "profiles"] {
            for (key, record) in self.system.records(table) {
                let is_subjects = key == "user1" || key.starts_with("user1/");
                let texts = if is_subjects {
                    &mut state.of_subject
                } else {
                    &mut state.of_others
                };
                texts.push(format!("{table} {key} {record}"));
            }
        }
        state
    }

    fn personal_values(&self) -> Vec<String> {
        vec!["velvet".to_owned(), "hunter2".to_owned()]
    }

    async fn broken(&self) -> Vec<Broken> {
        let off = Self::with(self.fault);
        off.system.set_unavailable(true);
        let connector = off.connector().await;
        vec![Broken {
            what: "the shop is closed",
            connector,
            kind: ErrorKind::Unavailable,
        }]
    }

    async fn poison(&self) -> u64 {
        self.system
            .rule("notes", "user1/2", Rule::Refuse(ErrorKind::Forbidden))
            .unwrap();
        1
    }
}
