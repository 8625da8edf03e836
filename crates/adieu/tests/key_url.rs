//! Keys at a URL, from a real issuer: the program `oauth2-mock-server`.

#![cfg(feature = "key-url")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adieu::auth::{Authenticator, Denied, FetchFailed, Grant, KeyFetcher};
use adieu::core::{ErrorKind, async_trait};
use adieu::{Config, HttpKeyFetcher};
use bytes::Bytes;
use http::Uri;
use jiff::Timestamp;

/// An issuer that takes a line and answers with one.
const PROGRAM: &str = r#"
import { createInterface } from 'node:readline';
import { OAuth2Server } from 'oauth2-mock-server';
const server = new OAuth2Server();
await server.issuer.keys.generate('RS256', { kid: 'first' });
await server.start(0, '127.0.0.1');
const port = server.address().port;
server.issuer.url = `http://127.0.0.1:${port}`;
console.log(port);
for await (const line of createInterface({ input: process.stdin })) {
  const [word, kid, flaw] = line.split(' ');
  if (word === 'token') {
    const scopesOrTransform = (header, payload) => {
      Object.assign(payload, { sub: 'ada', aud: 'api', scope: 'privacy:export' });
      if (flaw === 'expired') payload.exp = payload.iat - 600;
      if (flaw === 'audience') payload.aud = 'another-api';
    };
    console.log(await server.issuer.buildToken({ kid, scopesOrTransform }));
  } else if (word === 'key') {
    console.log((await server.issuer.keys.generate('ES256', { kid })).kid);
  } else if (word === 'stop') {
    await server.stop();
    console.log('stopped');
  } else if (word === 'start') {
    await server.start(port, '127.0.0.1');
    console.log('started');
  }
}
"#;

struct Issuer {
    program: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    port: u16,
}

impl Issuer {
    /// Starts the issuer; `None`, with words why, where it is not installed.
    #[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn start() -> Option<Self> {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/node");
        let tools = std::env::var_os("ADIEU_TEST_NODE").map_or(tools, PathBuf::from);
        if !tools.join("node_modules/oauth2-mock-server").is_dir() {
            let why = "oauth2-mock-server is not installed; run `cargo xtask tools`";
            assert!(std::env::var_os("CI").is_none(), "{why}");
            println!("skipped: {why}");
            return None;
        }
        let mut program = Command::new("node")
            .args(["--input-type=module", "--eval", PROGRAM])
            .current_dir(tools)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = program.stdin.take().unwrap();
        let from = BufReader::new(program.stdout.take().unwrap());
        let mut issuer = Self {
            program,
            to,
            from,
            port: 0,
        };
        issuer.port = issuer.line().parse().unwrap();
        Some(issuer)
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.to, "{line}").unwrap();
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn config(&self) -> Config {
        let toml = format!(
            r#"
            [store]
            url = "sqlite:adieu.db"
            key = "env:ADIEU_KEY"

            [auth]
            issuer = "http://127.0.0.1:{port}"
            audience = "api"
            keys = "http://127.0.0.1:{port}/jwks"

            [auth.jwks]
            min_refresh_seconds = 1

            [[connector]]
            name = "uploads"
            kind = "object-storage"
            url = "folder:uploads"
            prefixes = ["users/{{user_id}}/"]
            "#,
            port = self.port
        );
        Config::from_toml(&toml, "adieu.toml").unwrap()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Counts what really goes to the issuer.
#[derive(Debug, Default)]
struct Counting {
    inner: HttpKeyFetcher,
    fetches: AtomicUsize,
}

#[async_trait]
impl KeyFetcher for Counting {
    async fn fetch(&self, url: &Uri, max_bytes: usize) -> Result<Bytes, FetchFailed> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        self.inner.fetch(url, max_bytes).await
    }
}

async fn grant(authenticator: &Authenticator, token: &str) -> Result<Grant, Denied> {
    authenticator
        .authenticate_token(token, Timestamp::now())
        .await
}

const A_REFRESH: Duration = Duration::from_millis(1_100);

#[tokio::test]
async fn keys_come_from_the_url_in_the_configuration_and_follow_their_rotation() {
    let Some(mut issuer) = Issuer::start() else {
        return;
    };
    let fetcher = Arc::new(Counting::default());
    let authenticator = issuer
        .config()
        .authenticator(Some(fetcher.clone()))
        .unwrap();
    let token = issuer.ask("token first");
    for _ in 0..20 {
        let grant = grant(&authenticator, &token).await.unwrap();
        assert_eq!(grant.identity().value().expose(), "ada");
    }
    assert_eq!(fetcher.fetches.load(Ordering::SeqCst), 1);

    // A key that was not there when the set was fetched, of another algorithm.
    assert_eq!(issuer.ask("key second"), "second");
    let rotated = issuer.ask("token second");
    tokio::time::sleep(A_REFRESH).await;
    grant(&authenticator, &rotated).await.unwrap();
    grant(&authenticator, &token).await.unwrap();
    assert_eq!(fetcher.fetches.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn unknown_keys_refresh_at_a_bounded_rate() {
    let Some(mut issuer) = Issuer::start() else {
        return;
    };
    let fetcher = Arc::new(Counting::default());
    let authenticator = issuer
        .config()
        .authenticator(Some(fetcher.clone()))
        .unwrap();
    grant(&authenticator, &issuer.ask("token first"))
        .await
        .unwrap();
    // Signed by a key that the issuer does not publish under this name.
    let token = issuer.ask("token first");
    let (head, rest) = token.split_once('.').unwrap();
    assert!(!head.is_empty());
    let stranger = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsImtpZCI6InN0cmFuZ2VyIn0.{rest}");
    let begun = std::time::Instant::now();
    let mut refused = 0;
    while begun.elapsed() < Duration::from_millis(2_500) {
        assert_eq!(
            grant(&authenticator, &stranger).await.unwrap_err(),
            Denied::UnknownKey
        );
        refused += 1;
    }
    assert!(refused > 10, "{refused}");
    assert!(
        fetcher.fetches.load(Ordering::SeqCst) <= 4,
        "{:?}",
        fetcher.fetches
    );
}

#[tokio::test]
async fn expired_tokens_and_those_of_another_audience_are_refused() {
    let Some(mut issuer) = Issuer::start() else {
        return;
    };
    // The configuration's own way to fetch.
    let authenticator = issuer.config().authenticator(None).unwrap();
    grant(&authenticator, &issuer.ask("token first"))
        .await
        .unwrap();
    let expired = issuer.ask("token first expired");
    assert_eq!(
        grant(&authenticator, &expired).await.unwrap_err(),
        Denied::Expired
    );
    let other = issuer.ask("token first audience");
    assert_eq!(
        grant(&authenticator, &other).await.unwrap_err(),
        Denied::WrongAudience
    );
}

#[tokio::test]
async fn an_issuer_that_is_down_neither_opens_nor_is_flooded() {
    let Some(mut issuer) = Issuer::start() else {
        return;
    };
    let fetcher = Arc::new(Counting::default());
    let config = issuer.config();
    let known = config.authenticator(Some(fetcher.clone())).unwrap();
    let token = issuer.ask("token first");
    grant(&known, &token).await.unwrap();
    assert_eq!(issuer.ask("stop"), "stopped");

    // Who has the keys goes on; who has none refuses everybody, without asking again and again.
    grant(&known, &token).await.unwrap();
    let anew = Arc::new(Counting::default());
    let ignorant = config.authenticator(Some(anew.clone())).unwrap();
    for _ in 0..50 {
        let denied = grant(&ignorant, &token).await.unwrap_err();
        assert!(
            matches!(denied, Denied::KeysUnavailable { .. }),
            "{denied:?}"
        );
    }
    assert!(
        anew.fetches.load(Ordering::SeqCst) <= 2,
        "{:?}",
        anew.fetches
    );

    assert_eq!(issuer.ask("start"), "started");
    tokio::time::sleep(A_REFRESH).await;
    grant(&ignorant, &token).await.unwrap();
}

#[tokio::test]
async fn a_key_set_is_a_success_of_bounded_length_from_its_own_host() {
    let Some(issuer) = Issuer::start() else {
        return;
    };
    let fetcher = HttpKeyFetcher::new();
    let at = |path: &str| {
        format!("http://127.0.0.1:{}{path}", issuer.port)
            .parse::<Uri>()
            .unwrap()
    };
    assert!(
        !fetcher
            .fetch(&at("/jwks"), 10_000)
            .await
            .unwrap()
            .is_empty()
    );
    let long = fetcher.fetch(&at("/jwks"), 10).await.unwrap_err();
    assert_eq!(long.kind, ErrorKind::Protocol);
    let missing = fetcher
        .fetch(&at("/no-such-thing"), 10_000)
        .await
        .unwrap_err();
    assert_eq!(missing.kind, ErrorKind::Config);
    let plain = "http://id.example.com/jwks".parse().unwrap();
    assert_eq!(
        fetcher.fetch(&plain, 10_000).await.unwrap_err().kind,
        ErrorKind::Config
    );
}
