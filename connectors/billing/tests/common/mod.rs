//! localstripe with known people in it, a connector to it, and a look into it.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use adieu_billing::{BillingConfig, BillingConnector};
use adieu_core::{
    CollectionName, Connector, ConnectorError, ConnectorName, Erased, Identity, Secret, Setting,
    Step, StepKey, Subject, Tally,
};
use adieu_http_client::{Client, Credential, HttpConfig};
use adieu_testkit::Collector;
use serde_json::{Value, json};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/stripe.py");

/// The server of all tests of a file, which ends when this program does: its standard input is then closed.
static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();

struct Server {
    port: u16,
    _program: Child,
}

/// Whether there is a Stripe to test with.
pub(crate) fn stripe_is_there() -> Result<(), String> {
    SERVER
        .get_or_init(start)
        .as_ref()
        .map(|_| ())
        .map_err(Clone::clone)
}

/// The same, for tests that are not the kit's: `false` when they are skipped, which is said.
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(crate) fn may_run() -> bool {
    match stripe_is_there() {
        Ok(()) => true,
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "{why}");
            println!("skipped: {why}");
            false
        }
    }
}

fn start() -> Result<Server, String> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/venv/bin/python");
    let python = std::env::var_os("ADIEU_TEST_PYTHON").map_or(ours, PathBuf::from);
    let missing = || "localstripe is not installed; run `cargo xtask tools`".to_owned();
    let mut program = Command::new(python)
        .arg(PROGRAM)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|_| missing())?;
    let output = program.stdout.take().ok_or_else(missing)?;
    let mut line = String::new();
    let read = BufReader::new(output).read_line(&mut line);
    let port = read.ok().and_then(|_| line.trim().parse().ok());
    Ok(Server {
        port: port.ok_or_else(missing)?,
        _program: program,
    })
}

/// An account of its own.
pub(crate) struct World {
    pub(crate) key: String,
    raw: Client,
}

impl World {
    pub(crate) fn new() -> Self {
        let key = format!("sk_test_{}", uuid::Uuid::new_v4().simple());
        let raw = Client::builder("raw", url())
            .credential(Credential::Bearer(Secret::new(&*key)))
            .answer_timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        Self { key, raw }
    }

    /// The connector's configuration: everything that a person may be found by, and nothing that slows tests down.
    pub(crate) fn config(&self) -> BillingConfig {
        let mut config = BillingConfig::new(Setting::Literal(Secret::new(&*self.key)));
        config.url = Some(Setting::Literal(Secret::new(url())));
        config.metadata = BTreeMap::from([("user_id".to_owned(), "user_id".to_owned())]);
        config.http = HttpConfig {
            requests_per_second: 5_000.try_into().ok(),
            concurrent_requests: 16.try_into().ok(),
            ..HttpConfig::default()
        };
        config
    }

    pub(crate) fn connector(&self) -> BillingConnector {
        connector(&self.config())
    }

    /// Makes a customer with all that the wish says; its id.
    pub(crate) async fn person(&self, wish: Value) -> String {
        let answer = self.raw.post("/_test/person").json(&wish).send().await;
        let answer = answer.unwrap().success().unwrap().json().unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn change(&self, wish: Value) {
        let answer = self.raw.post("/_test/change").json(&wish).send().await;
        answer.unwrap().success().unwrap();
    }

    pub(crate) async fn state(&self) -> Value {
        let answer = self.raw.get("/_test/state").send().await;
        answer.unwrap().success().unwrap().json().unwrap()
    }

    /// The records of a kind that a customer has, by their own look.
    pub(crate) async fn records(&self, kind: &str, customer: &str) -> Vec<Value> {
        let state = self.state().await;
        let all = state["records"].as_array().unwrap().iter();
        all.filter(|one| one["kind"] == kind && one["owner"] == customer)
            .map(|one| one["record"].clone())
            .collect()
    }

    /// `GET /v1/invoices`, …: what was called since the start, or since it was forgotten.
    pub(crate) async fn calls(&self) -> Vec<String> {
        let state = self.state().await;
        let calls = state["calls"].as_array().unwrap().iter();
        calls
            .map(|call| format!("{} {}", call["method"], call["path"]).replace('"', ""))
            .collect()
    }
}

pub(crate) fn url() -> String {
    let port = SERVER.get_or_init(start).as_ref().map(|server| server.port);
    format!("http://127.0.0.1:{}", port.unwrap_or_default())
}

pub(crate) fn connector(config: &BillingConfig) -> BillingConnector {
    let name = ConnectorName::new("stripe").unwrap();
    BillingConnector::new(name, config, Path::new(".")).unwrap()
}

pub(crate) fn person(identities: &[(&str, &str)]) -> Subject {
    let identities = identities.iter();
    Subject::new(identities.map(|(kind, value)| Identity::new(*kind, *value).unwrap()))
}

/// Somebody with one of everything.
pub(crate) fn ada() -> Value {
    json!({
        "name": "Ada Lovelace", "email": "ada@example.com", "metadata": {"user_id": "user1"},
        "tax_ids": 2, "payment_methods": 3, "subscriptions": ["active", "canceled"],
        "invoices": [["paid", 400], ["paid", 100], ["draft", 1]], "charges": [400, 100],
    })
}

/// Everything that is exported of a collection.
pub(crate) async fn exported(
    connector: &dyn Connector,
    subject: &Subject,
    collection: &str,
) -> Vec<Value> {
    let name = CollectionName::new(collection).unwrap();
    let collection = connector.descriptor().collection(&name).unwrap();
    let mut collector = Collector::new(collection);
    let mut cursor = None;
    let mut failed = 0;
    loop {
        let step =
            Step::new(subject.clone(), name.clone(), StepKey::new("test")).at(cursor.clone());
        match collector.export(connector, &step).await {
            Ok(None) => break,
            Ok(next) => cursor = next,
            Err(error) => {
                failed += 1;
                assert!(
                    error.retry_advice() != adieu_core::Retry::Never && failed < 40,
                    "{error}"
                );
            }
        }
    }
    assert_eq!(collector.breaches(), [""; 0]);
    collector.records().cloned().collect()
}

/// Erases collection after collection, as the engine does: what fails is sent again, as often as it says that it may help.
pub(crate) async fn erase_all(
    connector: &dyn Connector,
    subject: &Subject,
) -> Result<BTreeMap<String, Tally>, ConnectorError> {
    let mut tallies = BTreeMap::new();
    for collection in &connector.descriptor().collections {
        let tally: &mut Tally = tallies.entry(collection.name.to_string()).or_default();
        let mut cursor = None;
        for number in 0.. {
            let key = StepKey::new(format!("test-{number}"));
            let step = Step::new(subject.clone(), collection.name.clone(), key).at(cursor);
            let erased = sent_until_it_works(connector, &step).await?;
            tally.add(&erased.tally);
            cursor = erased.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(tallies)
}

pub(crate) async fn sent_until_it_works(
    connector: &dyn Connector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let mut sent = 0;
    loop {
        sent += 1;
        match connector.erase(step).await {
            Err(error) if error.retry_advice() != adieu_core::Retry::Never && sent < 40 => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            answer => return answer,
        }
    }
}

/// What the survey counts in a collection.
pub(crate) async fn surveyed(
    connector: &dyn Connector,
    subject: &Subject,
    collection: &str,
) -> Tally {
    let survey = connector.survey(subject).await.unwrap();
    let holding = survey
        .holdings
        .into_iter()
        .find(|one| one.collection.as_str() == collection);
    holding.unwrap().tally.unwrap()
}
