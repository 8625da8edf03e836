//! The connector keeps the contract over localstripe.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_billing::{BillingConfig, OpenInvoices, RetainRule};
use adieu_core::{Connector, ErrorKind, RetentionBasis, Secret, Setting, Subject, async_trait};
use adieu_testkit::{Broken, Fixture, State};
use common::{World, connector, person, stripe_is_there};
use serde_json::json;

struct Stripe {
    world: World,
    /// The subject's customers.
    theirs: Vec<String>,
    given: String,
    bystander: String,
}

adieu_testkit::conformance!(stripe, stripe_is_there);

async fn stripe() -> impl Fixture {
    let world = World::new();
    let everything = json!({
        "name": "Ada Lovelace", "email": "ada@example.com", "tax_ids": 2, "payment_methods": 3,
        "subscriptions": ["active", "canceled", "active"],
        "invoices": [["paid", 4000], ["draft", 2], ["open", 3], ["paid", 100], ["draft", 1]],
        "charges": [4000, 100, 1],
    });
    let mut theirs = vec![world.person(everything).await];
    for wish in [
        json!({"name": "Ada Lovelace", "email": "ada@example.com", "payment_methods": 1, "charges": [5]}),
        json!({"name": "Countess Lovelace", "email": "ada@work.example", "invoices": [["draft", 1]]}),
        json!({"name": "A. Lovelace", "email": "other@example.com", "metadata": {"user_id": "user1"}}),
    ] {
        theirs.push(world.person(wish).await);
    }
    let given = json!({"name": "Ada Byron", "email": "byron@example.com", "subscriptions": ["active"], "tax_ids": 1});
    let given = world.person(given).await;
    theirs.push(given.clone());
    let eve = json!({
        "name": "Eve Moneypenny", "email": "ada@example.com.au", "metadata": {"user_id": "user10"}, "tax_ids": 1,
        "payment_methods": 2, "subscriptions": ["active"], "invoices": [["paid", 30], ["open", 2], ["draft", 2]],
        "charges": [20],
    });
    world.person(eve).await;
    let eve =
        json!({"name": "Eve Moneypenny", "email": "Ada@example.com", "invoices": [["draft", 2]]});
    let bystander = world.person(eve).await;
    Stripe {
        world,
        theirs,
        given,
        bystander,
    }
}

impl Stripe {
    fn config(&self) -> BillingConfig {
        BillingConfig {
            open_invoices: OpenInvoices::Void,
            retain: Some(RetainRule {
                basis: RetentionBasis::LegalObligation,
                reason: "tax law".to_owned(),
                years: 10,
            }),
            ..self.world.config()
        }
    }
}

#[async_trait]
impl Fixture for Stripe {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(connector(&self.config()))
    }

    fn subject(&self) -> Subject {
        person(&[
            ("email", "ada@example.com"),
            ("email", "ada@work.example"),
            ("user_id", "user1"),
            ("stripe_customer", &self.given),
        ])
    }

    fn bystander(&self) -> Subject {
        person(&[
            ("email", "ada@example.com.au"),
            ("user_id", "user10"),
            ("stripe_customer", &self.bystander),
        ])
    }

    fn unknown(&self) -> Subject {
        person(&[
            ("email", "nobody@example.com"),
            ("user_id", "user2"),
            ("stripe_customer", "cus_nobody"),
        ])
    }

    async fn state(&self) -> State {
        let state = self.world.state().await;
        let mut seen = State::default();
        for one in state["records"].as_array().unwrap() {
            let is_theirs = self.theirs.iter().any(|id| one["owner"] == **id);
            let text = one.to_string();
            if is_theirs {
                seen.of_subject.push(text);
            } else {
                seen.of_others.push(text);
            }
        }
        seen
    }

    fn personal_values(&self) -> Vec<String> {
        let names = [
            "Ada Lovelace",
            "Countess",
            "Moneypenny",
            "byron@example.com",
        ];
        let mut values = names.map(str::to_owned).to_vec();
        values.push(self.world.key.clone());
        values.extend(self.theirs.iter().cloned());
        values
    }

    async fn broken(&self) -> Vec<Broken> {
        let with = |change: &dyn Fn(&mut BillingConfig)| {
            let mut config = self.config();
            change(&mut config);
            Box::new(connector(&config))
        };
        // Nobody listens there: the port was taken and given back.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        vec![
            Broken {
                what: "the key is wrong",
                connector: with(&|config| {
                    config.key = Setting::Literal(Secret::new("pk_test_wrong"))
                }),
                kind: ErrorKind::Unauthorized,
            },
            Broken {
                what: "nobody answers",
                connector: with(&|config| {
                    config.url = Some(Setting::Literal(Secret::new(&*nobody)));
                    config.http.attempts = 1.try_into().ok();
                }),
                kind: ErrorKind::Unavailable,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        // Two drafts of the first customer; whoever has them deleted is refused.
        self.world
            .change(json!({"poison_drafts_of": "ada@example.com"}))
            .await;
        2
    }
}
