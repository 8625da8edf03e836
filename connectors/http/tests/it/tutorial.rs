//! The connector that the README declares works, and the README says what is true.

use crate::common::fake::{Ask, Fake, Reply, Whose, World, is_number, not_found, text};
use crate::common::{SECRET, person};
use adieu_core::{Connector, ConnectorName, ErrorKind, Setting, Subject, async_trait};
use adieu_http::{HttpConnector, HttpConnectorConfig, catalogue, entry};
use adieu_testkit::{Broken, Fixture, State};
use serde_json::{Value, json};
use tempfile::TempDir;

const TUTORIAL: &str = include_str!("../tutorial.toml");
const README: &str = include_str!("../../README.md");

/// The help desk of the README.
struct Desk(Fake, TempDir);

adieu_testkit::conformance!(desk);

async fn desk() -> impl Fixture {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("desk.key"), SECRET).unwrap();
    Desk(Fake::start(answer, fill).await, folder)
}

fn fill(world: &mut World) {
    let people = [
        ("ada@example.com", "Ada Lovelace", Whose::Ada),
        ("ada@example.com.au", "Eve Moneypenny", Whose::Eve),
    ];
    for (number, (email, name, whose)) in (1..).zip(people) {
        world.put(
            "contacts",
            number,
            whose,
            json!({"id": number, "email": email, "name": name}),
        );
        for n in 0..4 {
            let id = number * 10 + n;
            world.put(
                "tickets",
                id,
                whose,
                json!({"id": id, "contact_id": number, "subject": format!("{name} asks")}),
            );
        }
    }
}

fn answer(world: &mut World, ask: &Ask) -> Reply {
    if ask.authorization != format!("Bearer {SECRET}") {
        return Reply::empty(401);
    }
    match ask.line() {
        ("GET", path) if path == ["v1", "me"] => Reply::ok(json!({})),
        ("GET", path) if path == ["v1", "contacts"] => {
            let quoted = ask
                .query("q")
                .and_then(|q| q.strip_prefix("email = "))
                .unwrap_or_default();
            let email: String = serde_json::from_str(quoted).unwrap_or_default();
            // It finds what begins alike.
            Reply::ok(
                json!({"contacts": world.all("contacts", |one| text(one, "email").starts_with(&email.to_lowercase()))}),
            )
        }
        ("GET", path) if path == ["v1", "tickets"] => {
            let contact = ask.query("contact").unwrap_or_default().to_owned();
            let all = world.all("tickets", |one| is_number(&one["contact_id"], &contact));
            let (page, size) = (
                ask.number("page").unwrap() - 1,
                ask.number("per_page").unwrap(),
            );
            let tickets: Vec<Value> = all.into_iter().skip(page * size).take(size).collect();
            Reply::ok(json!({"tickets": tickets}))
        }
        ("DELETE", path) if path.len() == 3 && world.locked.contains(path[2]) => Reply::empty(422),
        ("DELETE", path) if path.len() == 3 => match world.take(
            if path[1] == "tickets" {
                "tickets"
            } else {
                "contacts"
            },
            path[2],
        ) {
            Some(_) => Reply::empty(204),
            None => not_found(),
        },
        _ => not_found(),
    }
}

impl Desk {
    fn connector_at(&self, url: &str) -> HttpConnector {
        let mut file: toml::Table = toml::from_str(TUTORIAL).unwrap();
        let mut block = file["connector"].as_array_mut().unwrap().remove(0);
        let block = block.as_table_mut().unwrap();
        assert_eq!(block.remove("kind").unwrap().as_str(), Some("http"));
        let name = ConnectorName::new(block.remove("name").unwrap().as_str().unwrap()).unwrap();
        let mut config: HttpConnectorConfig = block.clone().try_into().unwrap();
        config
            .settings
            .insert("desk".to_owned(), Setting::from(url.to_owned()));
        config.http = toml::from_str("attempts = 1").unwrap();
        HttpConnector::new(name, &config, self.1.path()).unwrap()
    }
}

#[async_trait]
impl Fixture for Desk {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(self.connector_at(&self.0.url))
    }

    fn subject(&self) -> Subject {
        person(&[("email", "ADA@example.com")])
    }

    fn bystander(&self) -> Subject {
        person(&[("email", "ada@example.com.au")])
    }

    fn unknown(&self) -> Subject {
        person(&[("email", "nobody@example.com")])
    }

    async fn state(&self) -> State {
        let mut state = State::default();
        for (table, rows) in &self.0.world().tables {
            for (key, row) in rows {
                let text = format!("{table}/{key} {}", row.value);
                match row.whose {
                    Whose::Ada => state.of_subject.push(text),
                    _ => state.of_others.push(text),
                }
            }
        }
        state
    }

    fn personal_values(&self) -> Vec<String> {
        ["Ada Lovelace", "Eve Moneypenny", SECRET]
            .map(str::to_owned)
            .into()
    }

    async fn broken(&self) -> Vec<Broken> {
        vec![Broken {
            what: "the provider is down",
            connector: Box::new(self.connector_at("http://127.0.0.1:9")),
            kind: ErrorKind::Unavailable,
        }]
    }

    async fn poison(&self) -> u64 {
        self.0.world().locked.insert("12".to_owned());
        1
    }
}

#[test]
fn the_readme_shows_the_declaration_that_is_run_here() {
    assert!(README.contains(TUTORIAL.trim_end()));
}

#[test]
fn the_readme_names_every_entry_with_what_it_was_run_against() {
    for provider in catalogue() {
        let proof = entry(provider).unwrap().proof;
        let row = README
            .lines()
            .find(|line| line.starts_with(&format!("| `{provider}` |")));
        let row = row.unwrap_or_else(|| panic!("{provider} has no row"));
        assert!(row.ends_with(&format!("| {proof} |")), "{row}");
        assert!(
            ["documentation", "schema"].contains(&proof.as_str()),
            "{provider} claims {proof}"
        );
    }
}
