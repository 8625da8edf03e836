//! The entries whose providers publish a schema keep to it: Prism stands between the connector and the server, and names whatever
//! breaks the schema on either side.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Cast, Provider, erase, export, providers};
use adieu_core::Connector;
use adieu_testkit::Fixture;

/// Prism in front of a server, ended when dropped.
struct Prism {
    process: Child,
    url: String,
    log: PathBuf,
}

impl Prism {
    fn start(program: &Path, schema: &str, upstream: &str, folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let schema = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/schemas")
            .join(format!("{schema}.json"));
        let log = folder.join("prism.log");
        let process = Command::new(program)
            .args(["proxy", "--host", "127.0.0.1", "--port", &port.to_string()])
            .arg(schema)
            .arg(upstream)
            .stdin(Stdio::null())
            .stdout(File::create(&log).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            log,
        }
    }

    async fn until_it_says(&self, words: &str) {
        let begun = Instant::now();
        while !self.lines().iter().any(|line| line.contains(words)) {
            assert!(
                begun.elapsed() < Duration::from_secs(120),
                "Prism never said {words:?}: {:#?}",
                self.lines()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn lines(&self) -> Vec<String> {
        std::fs::read_to_string(&self.log)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where `cargo xtask tools` puts it, or on the `PATH`.
fn prism() -> Option<PathBuf> {
    let own =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/node/node_modules/.bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([own])
        .map(|folder| folder.join("prism"))
        .find(|program| program.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "Prism is missing; run `cargo xtask tools`"
        );
        eprintln!("skipped: Prism is missing; run `cargo xtask tools`");
    }
    found
}

/// Finds, exports, erases and looks again, all of it through Prism. `faults` are what the document itself gets wrong, as the
/// provider's pages show; each of them is met.
async fn keeps_to_its_schema(provider: Provider, faults: &[&str]) {
    let Some(program) = prism() else { return };
    let cast = Cast::of(provider).await;
    let folder = tempfile::tempdir().unwrap();
    // The schema's paths begin behind the server's.
    let upstream = format!("{}{}", cast.fake.url, provider.urls[0].1);
    let prism = Prism::start(&program, provider.name, &upstream, folder.path());
    prism.until_it_says("Prism is listening").await;
    cast.fake.world().url.clone_from(&prism.url);
    let mut config = cast.config(&prism.url, "secret");
    for (name, _) in provider.urls {
        config
            .settings
            .insert((*name).to_owned(), prism.url.clone().into());
    }
    let connector = crate::common::made(&config, cast.folder());
    connector.check().await.unwrap();
    let ada = adieu_testkit::discover(&connector, cast.subject())
        .await
        .unwrap();
    let before = cast.state().await.of_subject.len();
    for collection in &connector.descriptor().collections {
        assert!(
            export(&connector, collection.name.as_str(), &ada)
                .await
                .records()
                .count()
                > 0,
            "{}",
            collection.name
        );
    }
    for collection in &connector.descriptor().collections {
        if collection.erasure.is_offered() {
            erase(&connector, collection.name.as_str(), &ada).await;
        }
    }
    let after = connector.survey(&ada).await.unwrap();
    assert!(
        after
            .holdings
            .iter()
            .all(|holding| holding.tally.as_ref().unwrap().pending() == 0)
    );
    assert!(cast.state().await.of_subject.len() < before);
    // Prism writes what it saw a little later than it answers.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let seen = prism.lines();
    let calls = seen
        .iter()
        .filter(|line| line.contains("Request received"))
        .count();
    assert!(calls > 8, "Prism saw {calls} calls");
    let broken: Vec<&String> = seen
        .iter()
        .filter(|line| line.contains("Violation") && !is_undocumented_absence(line))
        .collect();
    let is_known = |line: &&&String| faults.iter().any(|fault| line.contains(fault));
    let unknown: Vec<_> = broken.iter().filter(|line| !is_known(line)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    for fault in faults {
        assert!(
            broken.iter().any(|line| line.contains(fault)),
            "{fault} is right by now"
        );
        assert!(
            fault.contains("esponse"),
            "calls keep to the document: {fault}"
        );
    }
}

/// That something is not there is an answer that most documents leave out.
fn is_undocumented_absence(line: &str) -> bool {
    line.contains("Unable to match the returned status code")
}

#[tokio::test(flavor = "multi_thread")]
async fn okta() {
    keeps_to_its_schema(providers::OKTA, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sendgrid() {
    keeps_to_its_schema(
        providers::SENDGRID,
        &[
            // It lists the addresses of its example as the only ones.
            "Response body property result must NOT have additional properties",
            // 204 has no body.
            "response The received media type \"\"",
            "Response body must be object",
            // It is a text.
            "Response body property job_id must be object",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mailchimp() {
    keeps_to_its_schema(providers::MAILCHIMP, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openai() {
    keeps_to_its_schema(
        providers::OPENAI,
        // A file's content is of any type.
        &["response The received media type \"application/octet-stream\""],
    )
    .await;
}
