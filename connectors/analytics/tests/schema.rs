//! Calls and answers keep to Google's published description: Prism stands between the connector and the property. The tokens are a
//! real issuer's, `oauth2-mock-server`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by it, and says so when it is skipped"
)]

mod common;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use adieu_core::{CollectionName, Connector as _, Secret, Setting, Step, StepKey};
use adieu_http_client::Client;
use common::{Google, Whose, ada, connector};

/// An issuer that takes an account's signed statement as Google does, and whose tokens are those of `oauth2-mock-server`.
const ISSUER: &str = r#"
import { createServer } from 'node:http';
import { createPublicKey, verify } from 'node:crypto';
import { OAuth2Server } from 'oauth2-mock-server';
const key = createPublicKey(process.env.ACCOUNT_KEY.replaceAll('|', '\n'));
const issuer = new OAuth2Server();
await issuer.issuer.keys.generate('RS256');
await issuer.start(0, '127.0.0.1');
issuer.issuer.url = `http://127.0.0.1:${issuer.address().port}`;
const endpoint = createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const form = new URLSearchParams(body);
  const [head, claims, signature] = (form.get('assertion') ?? '..').split('.');
  const is_signed = verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url'));
  const scope = is_signed && JSON.parse(Buffer.from(claims, 'base64url')).scope;
  const granted = { access_token: await issuer.issuer.buildToken({ scopesOrTransform: scope || '' }), expires_in: 3600 };
  response.writeHead(is_signed ? 200 : 400, { 'content-type': 'application/json' });
  response.end(JSON.stringify(is_signed ? granted : { error: 'invalid_grant' }));
});
endpoint.listen(0, '127.0.0.1', () => console.log(endpoint.address().port, issuer.address().port));
process.stdin.on('end', () => process.exit()).resume();
"#;

/// A program that is ended when this is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where `cargo xtask tools` puts what Node runs.
fn node_modules() -> Option<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/node");
    let folder = std::env::var_os("ADIEU_TEST_NODE").map_or(ours, PathBuf::from);
    let modules = folder.join("node_modules");
    if modules.join("oauth2-mock-server").is_dir() && modules.join(".bin/prism").is_file() {
        return Some(modules);
    }
    let why = "Prism or oauth2-mock-server is not installed; run `cargo xtask tools`";
    assert!(std::env::var_os("CI").is_none(), "{why}");
    println!("skipped: {why}");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_answers_keep_to_googles_description_with_tokens_of_a_real_issuer() {
    let Some(modules) = node_modules() else {
        return;
    };
    let google = Google::start().await;
    let mut issuer = Command::new("node")
        .args(["--input-type=module", "--eval", ISSUER])
        .current_dir(modules.parent().unwrap())
        .env("ACCOUNT_KEY", google.public_key().replace('\n', "|"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(issuer.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let _issuer = Program(issuer);
    let (endpoint, keys) = line.trim().split_once(' ').unwrap();
    let keys = Client::builder("issuer", format!("http://127.0.0.1:{keys}"))
        .build()
        .unwrap();
    let keys = keys.get("/jwks").send().await.unwrap().json().unwrap();
    google.world().keys = Some(keys);

    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("prism.log");
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/google-analytics.json");
    let prism = Command::new(modules.join(".bin/prism"))
        .args(["proxy", "--host", "127.0.0.1", "--port", &port.to_string()])
        .arg(schema)
        .arg(&google.url)
        .stdin(Stdio::null())
        .stdout(File::create(&log).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _prism = Program(prism);
    let said = || std::fs::read_to_string(&log).unwrap();
    let begun = Instant::now();
    while !said().contains("Prism is listening") {
        assert!(begun.elapsed() < Duration::from_secs(120), "{}", said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let mut config = google.config();
    config.key = google.key_file(&format!("http://127.0.0.1:{endpoint}/token"));
    config.url = Some(Setting::Literal(Secret::new(format!(
        "http://127.0.0.1:{port}"
    ))));
    let connector = connector(&config);
    connector.check().await.unwrap();
    let visitors = CollectionName::new("visitors").unwrap();
    let step = Step::new(ada(), visitors, StepKey::new("test"));
    let erased = connector.erase(&step).await.unwrap();
    assert_eq!(erased.tally.scheduled().unwrap().records, 6);
    assert_eq!(google.left(Whose::Ada), [""; 0]);

    // Prism writes what it saw a little later than it answers.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let said = said();
    assert_eq!(said.matches("Request received").count(), 7, "{said}");
    assert!(!said.contains("Violation"), "{said}");
}
