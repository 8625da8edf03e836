//! Services that speak the protocol: the two examples, as programs of their own, and one in this process that can be told to lie.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; a test fails by it"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use adieu_core::ErrorKind;
use adieu_core::{
    CollectionName, Connector, ConnectorName, Cursor, Field, FieldType, Identity, Secret, Setting,
    Step, StepKey, Subject, async_trait,
};
use adieu_remote::{RemoteCollection, RemoteConfig, RemoteConnector};
use adieu_testkit::{Broken, Fixture, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) mod processor;
pub(crate) mod signing;

/// In which language an example is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Python,
    Node,
}

/// One example, running over a file of its own.
pub(crate) struct Example {
    pub(crate) url: String,
    pub(crate) key: String,
    folder: TempDir,
    program: Child,
}

impl Language {
    fn command(self) -> Command {
        let (program, file) = match self {
            Self::Python => ("python3", "server.py"),
            Self::Node => ("node", "server.mjs"),
        };
        let mut command = Command::new("sh");
        // Ends the server when this program does: its standard input is then closed.
        command
            .args(["-c", "\"$@\" & read -r _; kill $!", "sh", program])
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("examples")
                    .join(file),
            );
        command
    }

    /// Whether there is what runs it.
    pub(crate) fn is_there(self) -> Result<(), String> {
        let program = match self {
            Self::Python => "python3",
            Self::Node => "node",
        };
        let version = Command::new(program).arg("--version").output();
        version
            .map(|_| ())
            .map_err(|_| format!("{program} is not installed; run `cargo xtask tools`"))
    }
}

impl Example {
    pub(crate) fn start(language: Language) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("readers.json");
        let readers = json!({
            "r1": {"email": "ada@example.com", "name": "Ada Lovelace", "since": 1833},
            "r2": {"email": "eve@example.com.au", "name": "Eve Moneypenny", "since": 1961},
            "r3": {"email": "ada@example.com", "name": "Ada Byron", "since": 1830},
            "r4": {"email": "ada@work.example", "name": "Augusta Ada King", "since": 1840},
            "r5": {"email": "ada@example.com.au", "name": "Eve Moneypenny", "since": 1962},
            "r6": {"email": "ada@work.example", "name": "Ada Lovelace", "since": null},
        });
        std::fs::write(&file, readers.to_string()).unwrap();
        let key = STANDARD.encode(b"never to be seen but by two of us!");
        let mut program = language
            .command()
            .arg("0")
            .arg(file)
            .env("ADIEU_KEY", &key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            url: format!("http://127.0.0.1:{}", line.trim()),
            key,
            folder,
            program,
        }
    }

    pub(crate) fn config(&self) -> RemoteConfig {
        config(&self.url, &self.key)
    }

    pub(crate) fn readers(&self) -> serde_json::Map<String, Value> {
        let text = std::fs::read_to_string(self.folder.path().join("readers.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        drop(self.program.stdin.take());
        let _ = self.program.wait();
    }
}

/// The newsletter of the examples, as a gateway declares it.
pub(crate) fn config(url: &str, key: &str) -> RemoteConfig {
    let given = |text: &str| Setting::Literal(Secret::new(text));
    let mut config = RemoteConfig::new(given(url), given(key));
    config.http.requests_per_second = 5_000.try_into().ok();
    config.collection = vec![RemoteCollection {
        name: "readers".to_owned(),
        needs: vec![vec!["email".to_owned()]],
        yields: vec!["reader".to_owned()],
        fields: vec![
            Field::new("id", FieldType::String),
            Field::new("email", FieldType::String),
        ],
        ..RemoteCollection::default()
    }];
    config
}

pub(crate) fn connector(config: &RemoteConfig) -> RemoteConnector {
    let name = ConnectorName::new("newsletter").unwrap();
    RemoteConnector::new(name, config, Path::new(".")).unwrap()
}

pub(crate) fn person(identities: &[(&str, &str)]) -> Subject {
    let identities = identities.iter();
    Subject::new(identities.map(|(kind, value)| Identity::new(*kind, *value).unwrap()))
}

pub(crate) fn ada() -> Subject {
    person(&[
        ("email", "ada@example.com"),
        ("email", "ada@work.example"),
        ("user_id", "not for the service"),
    ])
}

pub(crate) fn step(subject: Subject, cursor: Option<Cursor>) -> Step {
    let readers = CollectionName::new("readers").unwrap();
    Step::new(subject, readers, StepKey::new("test")).at(cursor)
}

#[async_trait]
impl Fixture for Example {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(connector(&self.config()))
    }

    fn subject(&self) -> Subject {
        ada()
    }

    fn bystander(&self) -> Subject {
        person(&[
            ("email", "ada@example.com.au"),
            ("email", "eve@example.com.au"),
        ])
    }

    fn unknown(&self) -> Subject {
        person(&[("email", "nobody@example.com")])
    }

    async fn state(&self) -> State {
        let readers = self.readers().into_iter();
        let (theirs, others) = readers
            .partition::<Vec<_>, _>(|(key, _)| ["r1", "r3", "r4", "r6"].contains(&key.as_str()));
        let texts = |readers: Vec<(String, Value)>| {
            let texts = readers.into_iter();
            texts
                .map(|(key, reader)| format!("{key} {reader}"))
                .collect()
        };
        State {
            of_subject: texts(theirs),
            of_others: texts(others),
        }
    }

    fn personal_values(&self) -> Vec<String> {
        let names = ["Ada Lovelace", "Ada Byron", "Moneypenny"];
        let mut values = names.map(str::to_owned).to_vec();
        values.push(self.key.clone());
        values
    }

    async fn broken(&self) -> Vec<Broken> {
        let with = |change: &dyn Fn(&mut RemoteConfig)| {
            let mut config = self.config();
            config.http.attempts = 1.try_into().ok();
            change(&mut config);
            Box::new(connector(&config))
        };
        let other = STANDARD.encode([7; 32]);
        vec![
            Broken {
                what: "nobody answers",
                // The port of a protocol that nobody uses, and which only root may open.
                connector: with(&|config| {
                    config.url = Setting::Literal(Secret::new("http://127.0.0.1:9"));
                }),
                kind: ErrorKind::Unavailable,
            },
            Broken {
                what: "the key is another one",
                connector: with(&|config| config.key = Setting::Literal(Secret::new(&*other))),
                kind: ErrorKind::Unauthorized,
            },
            Broken {
                what: "the service has no such collection",
                connector: with(&|config| config.collection[0].name = "writers".to_owned()),
                kind: ErrorKind::Config,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        // The examples have no record that they refuse to erase.
        0
    }
}
