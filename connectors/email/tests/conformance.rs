//! The connector keeps the contract over an account that keeps state.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Connector, ErrorKind, Secret, Setting, Subject, async_trait};
use adieu_email::{EmailConfig, SuppressionPolicy};
use adieu_testkit::{Broken, Fixture, State};
use common::fake::{Fake, KEY};
use common::{config, connector, person};

const ADA: [&str; 4] = [
    "ada@example.com",
    "ada@work.example",
    "Lovelace@example.com",
    "byron@example.com",
];

/// Ada's address begins hers.
const EVE: &str = "ada@example.com.au";

struct Account {
    fake: Fake,
    policy: SuppressionPolicy,
    /// Contacts and suppressions of Ada's, with all that belongs to them.
    theirs: Vec<String>,
}

mod keeping {
    use super::kept;

    adieu_testkit::conformance!(kept);
}

mod deleting {
    use super::deleted;

    adieu_testkit::conformance!(deleted);
}

async fn kept() -> impl Fixture {
    account(SuppressionPolicy::Keep).await
}

async fn deleted() -> impl Fixture {
    account(SuppressionPolicy::Delete).await
}

async fn account(policy: SuppressionPolicy) -> Account {
    let fake = Fake::start().await;
    let mut theirs = Vec::new();
    {
        let mut world = fake.world();
        for (address, belongings) in [
            ("ada@example.com", 7),
            ("ada@work.example", 0),
            ("lovelace@example.com", 4),
        ] {
            theirs.push(world.contact(address, "Countess", belongings));
            theirs.push(world.suppression(address, "complaint"));
        }
        world.contact(EVE, "Moneypenny", 5);
        world.suppression(EVE, "bounce");
        for number in 0..7 {
            let subject = format!("Announcement {number}");
            let status = ["sent", "draft", "sending"][number % 3];
            let all = [EVE, "ada@example.com", "lovelace@example.com"];
            world.broadcast(&subject, status, &all[..=number % 3]);
        }
    }
    Account {
        fake,
        policy,
        theirs,
    }
}

impl Account {
    fn config(&self) -> EmailConfig {
        let mut config = config(&self.fake.url);
        config.suppression = self.policy;
        config
    }
}

#[async_trait]
impl Fixture for Account {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(connector(&self.config()))
    }

    fn subject(&self) -> Subject {
        person(&ADA)
    }

    fn bystander(&self) -> Subject {
        person(&[EVE])
    }

    fn unknown(&self) -> Subject {
        person(&["nobody@example.com"])
    }

    async fn state(&self) -> State {
        let world = self.fake.world();
        let mut state = State::default();
        for (id, entry) in world.contacts.iter().chain(&world.suppressions) {
            let lists = [&world.segments, &world.topics].map(|lists| lists.get(id));
            let text = format!("{entry} {lists:?}");
            match self.theirs.contains(id) {
                true => state.of_subject.push(text),
                false => state.of_others.push(text),
            }
        }
        for ((broadcast, event), rows) in &world.recipients {
            for row in rows {
                let text = format!("{broadcast} {event} {row}");
                match row["email"] == EVE {
                    true => state.of_others.push(text),
                    false => state.of_subject.push(text),
                }
            }
        }
        state
    }

    fn personal_values(&self) -> Vec<String> {
        let mut values = ["Countess", "Moneypenny", KEY].map(str::to_owned).to_vec();
        values.extend(self.theirs.iter().cloned());
        values
    }

    async fn broken(&self) -> Vec<Broken> {
        let with = |change: &dyn Fn(&mut EmailConfig)| {
            let mut config = self.config();
            change(&mut config);
            config.http.attempts = 1.try_into().ok();
            Box::new(connector(&config))
        };
        let key = |text: &'static str| Setting::Literal(Secret::new(text));
        let full = Fake::start().await;
        full.world().quota = Some("daily_quota_exceeded");
        let url = full.url.clone();
        // It goes on for as long as the test does.
        std::mem::forget(full);
        vec![
            Broken {
                what: "the key is wrong",
                connector: with(&|config| config.key = key("re_wrong")),
                kind: ErrorKind::Unauthorized,
            },
            Broken {
                what: "the key may only send",
                connector: with(&|config| config.key = key("re_sends_only")),
                kind: ErrorKind::Unauthorized,
            },
            Broken {
                what: "nobody answers",
                // The port of a protocol that nobody uses, and which only root may open.
                connector: with(&|config| config.url = Some(key("http://127.0.0.1:9"))),
                kind: ErrorKind::Unavailable,
            },
            Broken {
                what: "the day's quota is used up",
                connector: with(&|config| {
                    config.url = Some(Setting::Literal(Secret::new(&*url)));
                }),
                kind: ErrorKind::RateLimited,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        let mut world = self.fake.world();
        world.locked.insert(self.theirs[0].clone());
        1
    }
}
