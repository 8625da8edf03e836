//! The newsletter's connector keeps the contract, and is as short as is said.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use adieu::core::{Connector, Identity, Subject, async_trait};
use adieu_examples::newsletter::{Newsletter, Readers};
use adieu_testkit::{Broken, Fixture, State};

struct Trial(Readers);

async fn fixture() -> impl Fixture {
    let ada = ["ada@example.com", "ada@work.example", "lovelace@example.com"];
    let all = ada.map(|email| (email, "Ada Lovelace"));
    let all = all.into_iter().chain([("ada@example.com.au", "Eve Moneypenny")]);
    let readers = Readers::default();
    for (email, name) in all {
        readers.all().insert(email.to_owned(), name.to_owned());
    }
    Trial(readers)
}

fn known_by(emails: &[&str]) -> Subject {
    Subject::new(emails.iter().map(|email| Identity::new("email", *email).unwrap()))
}

#[async_trait]
impl Fixture for Trial {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(Newsletter::new(self.0.clone()).unwrap())
    }
    fn subject(&self) -> Subject {
        known_by(&["ada@example.com", "ada@work.example", "lovelace@example.com"])
    }
    fn bystander(&self) -> Subject {
        known_by(&["ada@example.com.au"])
    }
    fn unknown(&self) -> Subject {
        known_by(&["nobody@example.com"])
    }
    async fn state(&self) -> State {
        let all = self.0.all().clone().into_iter();
        let all = all.map(|(email, name)| format!("{email} {name}"));
        let (of_subject, of_others) = all.partition(|text| text.ends_with("Ada Lovelace"));
        State { of_subject, of_others }
    }
    fn personal_values(&self) -> Vec<String> {
        vec!["Ada Lovelace".to_owned(), "Eve Moneypenny".to_owned()]
    }
    async fn broken(&self) -> Vec<Broken> {
        Vec::new()
    }
    async fn poison(&self) -> u64 {
        0
    }
}

adieu_testkit::conformance!(fixture);

#[test]
fn the_connector_has_fewer_than_sixty_lines_of_code() {
    let text = include_str!("../src/newsletter.rs");
    let (_, connector) = text.split_once("// The connector begins here.\n").unwrap();
    let code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let lines = connector.lines().filter(code).count();
    assert!(lines < 60, "{lines}");
}
