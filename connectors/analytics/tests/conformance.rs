//! The connector keeps the contract over a property that behaves as Google's reference says.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_analytics::AnalyticsConfig;
use adieu_core::{Connector, ErrorKind, Secret, Setting, Subject, async_trait};
use adieu_testkit::{Broken, Fixture, State};
use common::{Google, Whose, ada, connector, eve, person};

adieu_testkit::conformance!(google);

async fn google() -> impl Fixture {
    Google::start().await
}

#[async_trait]
impl Fixture for Google {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(connector(&self.config()))
    }

    fn subject(&self) -> Subject {
        ada()
    }

    fn bystander(&self) -> Subject {
        eve()
    }

    fn unknown(&self) -> Subject {
        person(&[
            ("user_id", "user2"),
            ("ga_client_id", "1.1"),
            ("email", "nobody@gmail.com"),
            ("phone", "+49 30 1234567"),
        ])
    }

    async fn state(&self) -> State {
        State {
            of_subject: self.left(Whose::Ada),
            of_others: self.left(Whose::Eve),
        }
    }

    fn personal_values(&self) -> Vec<String> {
        let shown = [
            "Ada Lovelace",
            "Moneypenny",
            "ada@gmail.com",
            "+4930901820",
            "ya29.",
        ];
        let mut values = shown.map(str::to_owned).to_vec();
        values.push(self.private_key().to_owned());
        values
    }

    async fn broken(&self) -> Vec<Broken> {
        let with = |change: &dyn Fn(&mut AnalyticsConfig)| {
            let mut config = self.config();
            config.http.attempts = 1.try_into().ok();
            change(&mut config);
            Box::new(connector(&config))
        };
        // The port of a protocol that nobody uses, and which only root may open.
        let nobody = "http://127.0.0.1:9";
        vec![
            Broken {
                what: "nobody answers",
                connector: with(&|config| {
                    config.url = Some(Setting::Literal(Secret::new(nobody)));
                }),
                kind: ErrorKind::Unavailable,
            },
            Broken {
                what: "nobody hands out tokens",
                connector: with(&|config| config.key = self.key_file(nobody)),
                kind: ErrorKind::Unavailable,
            },
            Broken {
                what: "the account is signed for another place",
                connector: with(&|config| {
                    config.key = self.key_file(&format!("{}/token/", self.url));
                }),
                kind: ErrorKind::Unauthorized,
            },
            Broken {
                what: "the property is somebody else's",
                connector: with(&|config| config.property = "987654321".to_owned()),
                kind: ErrorKind::Forbidden,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        self.world().refused = Some("0123abcd");
        1
    }
}
