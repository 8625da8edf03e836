//! The connector to the system in memory keeps the contract.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the fixture of a test may fail it"
)]

use adieu_core::{
    Attachment, Connector, ErrorKind, Identity, Retention, RetentionBasis, Subject, async_trait,
};
use adieu_testkit::memory::{MemorySystem, Rule, Table};
use adieu_testkit::{Broken, Fixture, State};
use serde_json::json;

struct Shop(MemorySystem);

async fn shop() -> impl Fixture {
    let shop = MemorySystem::new();
    let tax_law = Retention {
        basis: RetentionBasis::LegalObligation,
        reason: "tax law".to_owned(),
        until: Some(jiff::civil::date(2036, 1, 1)),
    };
    let invoices = Rule::Retain {
        retention: tax_law.clone(),
        pseudonymize: vec!["street".to_owned()],
    };
    let tables = [
        Table::new("sessions").found_by_all([("user_id", "user"), ("device", "device")]),
        Table::new("invoices")
            .found_by("user_id", "user")
            .on_erasure(invoices),
        Table::new("orders").found_by("user_id", "user"),
        Table::new("mails")
            .found_by("email", "to")
            .on_erasure(Rule::Schedule { by: None }),
        Table::new("profiles")
            .found_by("user_id", "id")
            .found_by("email", "email")
            .yields("user_id", "id")
            .yields("device", "device")
            .on_erasure(Rule::Pseudonymize(vec!["name".to_owned()])),
    ];
    for table in tables {
        shop.create(table).unwrap();
    }
    for (user, name) in [("user1", "Ada Lovelace"), ("user10", "Eve Moneypenny")] {
        let email = format!("{user}@example.com");
        let device = format!("phone of {user}");
        let profile = json!({"id": user, "email": email, "name": name, "device": device});
        shop.put("profiles", user, profile).unwrap();
        shop.put("sessions", user, json!({"user": user, "device": device}))
            .unwrap();
        shop.put(
            "mails",
            user,
            json!({"to": email, "text": format!("Dear {name}")}),
        )
        .unwrap();
        for n in 0..7 {
            let key = format!("{user}/{n}");
            shop.put(
                "orders",
                &key,
                json!({"user": user, "n": n, "gift": "a velvet cloak"}),
            )
            .unwrap();
            shop.attach(
                "orders",
                &key,
                Attachment::new(format!("{key}.pdf")),
                vec![n; 70_000],
            )
            .unwrap();
            let street = format!("{n} St James's Square");
            shop.put(
                "invoices",
                &key,
                json!({"user": user, "total": n, "street": street}),
            )
            .unwrap();
        }
        for n in 0..3 {
            let key = format!("{user}/{n}");
            let rule = Rule::Retain {
                retention: tax_law.clone(),
                pseudonymize: Vec::new(),
            };
            shop.rule("orders", &key, rule).unwrap();
        }
    }
    Shop(shop)
}

#[async_trait]
impl Fixture for Shop {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(self.0.connector("shop").unwrap())
    }

    fn subject(&self) -> Subject {
        Subject::new([Identity::new("email", "user1@example.com").unwrap()])
    }

    fn bystander(&self) -> Subject {
        Subject::new([Identity::new("email", "user10@example.com").unwrap()])
    }

    fn unknown(&self) -> Subject {
        let kinds = [
            ("email", "nobody@example.com"),
            ("user_id", "user2"),
            ("device", "none"),
        ];
        Subject::new(kinds.map(|(kind, value)| Identity::new(kind, value).unwrap()))
    }

    async fn state(&self) -> State {
        let mut state = State::default();
        for table in ["sessions", "invoices", "orders", "mails", "profiles"] {
            let scheduled = self.0.scheduled(table);
            for (key, record) in self.0.records(table) {
                let text = format!("{table} {key} {record} {}", scheduled.contains(&key));
                let is_subjects = key == "user1" || key.starts_with("user1/");
                if is_subjects {
                    &mut state.of_subject
                } else {
                    &mut state.of_others
                }
                .push(text);
            }
        }
        state
    }

    fn personal_values(&self) -> Vec<String> {
        ["Ada Lovelace", "Eve Moneypenny", "velvet", "St James"]
            .map(str::to_owned)
            .to_vec()
    }

    async fn broken(&self) -> Vec<Broken> {
        let gone = MemorySystem::new();
        gone.create(Table::new("profiles").found_by("email", "email"))
            .unwrap();
        gone.set_unavailable(true);
        let connector = Box::new(gone.connector("shop").unwrap());
        vec![Broken {
            what: "the system is switched off",
            connector,
            kind: ErrorKind::Unavailable,
        }]
    }

    async fn poison(&self) -> u64 {
        self.0
            .rule("orders", "user1/4", Rule::Refuse(ErrorKind::Forbidden))
            .unwrap();
        1
    }
}

adieu_testkit::conformance!(shop);
