//! A billing account in `adieu.toml`, and a person's whole way out of it.

#![cfg(feature = "billing")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use adieu::billing::{BillingConfig, BillingConnector};
use adieu::core::{ConnectorName, Secret, Setting};
use adieu::{Builder, Config, Identity, MasterKey, NewRequest, Status, Subject};

#[test]
fn an_account_is_read_and_its_mistakes_have_lines() {
    let toml = |more: &str| {
        format!(
            "[store]\nurl = \"sqlite:adieu.db\"\nkey = \"env:ADIEU_KEY\"\n\n\
             [[connector]]\nname = \"stripe\"\nkind = \"billing\"\n{more}"
        )
    };
    let good = toml(
        "key = \"env:STRIPE_KEY\"\nmetadata = { user_id = \"user_id\" }\n\
         retain = { basis = \"legal_obligation\", reason = \"tax law\", years = 10 }\nhttp = { requests_per_second = 50 }\n",
    );
    Config::from_toml(&good, "adieu.toml").unwrap();
    let bad = toml(
        "key = \"sk_live_hunter2\"\nopen_invoice = \"void\"\nretain = { basis = \"legal_obligation\", reason = \"x\", years = 0 }\n",
    );
    let told = Config::from_toml(&bad, "adieu.toml")
        .unwrap_err()
        .to_string();
    for line in [
        "adieu.toml:8:1: connector.stripe.key: a key does not belong into this file",
        "adieu.toml:9:1: connector.stripe.open_invoice: unknown key; did you mean `open_invoices`?",
        "connector.stripe.retain.years: 0 years keep nothing",
    ] {
        assert!(told.contains(line), "{line} is missing in\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

/// localstripe with Ada in it; it ends when its standard input is closed.
struct Stripe {
    port: u16,
    _program: Child,
}

impl Stripe {
    #[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn start() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let ours = root.join("target/tools/venv/bin/python");
        let python = std::env::var_os("ADIEU_TEST_PYTHON").map_or(ours, PathBuf::from);
        let mut program = Command::new(python)
            .arg(root.join("connectors/billing/tests/common/stripe.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok();
        let mut line = String::new();
        if let Some(output) = program.as_mut().and_then(|program| program.stdout.take()) {
            BufReader::new(output).read_line(&mut line).unwrap();
        }
        match (program, line.trim().parse()) {
            (Some(program), Ok(port)) => Some(Self {
                port,
                _program: program,
            }),
            _ => {
                let why = "localstripe is not installed; run `cargo xtask tools`";
                assert!(std::env::var_os("CI").is_none(), "{why}");
                println!("skipped: {why}");
                None
            }
        }
    }

    /// Calls the server as a test does, past the connector.
    fn ask(&self, path: &str, body: &str) -> String {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let method = if body.is_empty() { "GET" } else { "POST" };
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: stripe\r\nauthorization: Bearer sk_test_engine\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    fn connector(&self) -> BillingConnector {
        let given = |text: String| Setting::Literal(Secret::new(text));
        let mut config = BillingConfig::new(given("sk_test_engine".to_owned()));
        config.url = Some(given(format!("http://127.0.0.1:{}", self.port)));
        BillingConnector::new(
            ConnectorName::new("stripe").unwrap(),
            &config,
            Path::new("."),
        )
        .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_owes_is_blocked_and_one_that_does_not_is_erased_whole() {
    let Some(stripe) = Stripe::start() else {
        return;
    };
    let with = |email: &str, invoice: &str| {
        format!(
            r#"{{"name": "Ada Lovelace", "email": "{email}", "subscriptions": ["active"], "payment_methods": 2,
                "tax_ids": 1, "charges": [3], "invoices": [["{invoice}", 5], ["draft", 2]]}}"#
        )
    };
    stripe.ask("/_test/person", &with("ada@example.com", "paid"));
    stripe.ask("/_test/person", &with("owes@example.com", "open"));

    let folder = tempfile::tempdir().unwrap();
    let engine = Builder::new(
        folder.path().join("adieu.db"),
        MasterKey::generate().unwrap(),
    )
    .connector(stripe.connector())
    .engine()
    .await
    .unwrap();
    let known_as = |email| Subject::new([Identity::new("email", email).unwrap()]);
    let erase = async |email| {
        let (request, _) = engine
            .submit(NewRequest::erasure(known_as(email)))
            .await
            .unwrap();
        engine
            .run(request.id, Duration::from_secs(60))
            .await
            .unwrap()
    };
    let blocked = erase("owes@example.com").await;
    assert_eq!(blocked.status, Status::Blocked);
    let done = erase("ada@example.com").await;
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);

    let state = stripe.ask("/_test/state", "");
    assert!(
        !state.contains("\"ada@example.com\", \"phone\""),
        "the customer is still there"
    );
    assert_eq!(state.matches("\"status\": \"canceled\"").count(), 1);
    assert_eq!(
        state.matches("\"status\": \"active\"").count(),
        1,
        "the other one's"
    );
    assert_eq!(state.matches("\"kind\": \"customer\"").count(), 1);
    assert_eq!(state.matches("\"kind\": \"tax_id\"").count(), 1);
    let receipt = engine.receipt(done.id).await.unwrap();
    adieu::engine::receipt::verify(&receipt, &engine.jwks().to_string()).unwrap();
}
