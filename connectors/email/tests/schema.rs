//! Resend's published schema is kept: Prism stands between the connector and the server, and names whatever breaks it on either side.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use adieu_core::Connector as _;
use adieu_email::SuppressionPolicy;
use common::fake::Fake;
use common::{config, connector, erased, exported, person};

/// Prism in front of a server, ended when dropped.
struct Prism {
    process: Child,
    url: String,
    log: PathBuf,
}

impl Prism {
    fn start(program: &Path, upstream: &str, folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let log = folder.join("prism.log");
        let process = Command::new(program)
            .args(["proxy", "--host", "127.0.0.1", "--port", &port.to_string()])
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/schemas/resend.json"
            ))
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

    async fn until_it_listens(&self) {
        let begun = Instant::now();
        while !self.log().contains("Prism is listening") {
            assert!(begun.elapsed() < Duration::from_secs(120), "{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where `cargo xtask tools` puts it, or on the `PATH`.
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
fn prism() -> Option<PathBuf> {
    let own =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/node/node_modules/.bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([own])
        .map(|folder| folder.join("prism"))
        .find(|program| program.is_file());
    if found.is_none() {
        let why = "Prism is missing; run `cargo xtask tools`";
        assert!(std::env::var_os("CI").is_none(), "{why}");
        println!("skipped: {why}");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_way_out_keeps_to_the_published_schema() {
    let Some(program) = prism() else { return };
    let fake = Fake::start().await;
    {
        let mut world = fake.world();
        world.contact("ada@example.com", "Ada", 4);
        world.suppression("ada@example.com", "complaint");
        world.contact("eve@example.com", "Eve", 1);
        for number in 0..5 {
            let subject = format!("Announcement {number}");
            world.broadcast(&subject, "sent", &["ada@example.com", "eve@example.com"]);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let prism = Prism::start(&program, &fake.url, folder.path());
    prism.until_it_listens().await;
    let mut config = config(&prism.url);
    config.suppression = SuppressionPolicy::Delete;
    let connector = connector(&config);
    let ada = person(&["ada@example.com"]);

    connector.check().await.unwrap();
    connector.survey(&ada).await.unwrap();
    for (collection, records) in [
        ("contacts", 1),
        ("segments", 4),
        ("topics", 4),
        ("suppressions", 1),
        ("broadcasts", 5),
    ] {
        let found = exported(&connector, &ada, collection).await;
        assert_eq!(found.len(), records, "{collection}");
    }
    for collection in ["contacts", "suppressions"] {
        let tally = erased(&connector, &ada, collection).await;
        assert_eq!(tally.erase(), 1, "{collection}");
    }
    assert_eq!(fake.world().contacts.len(), 1);
    assert!(fake.world().suppressions.is_empty());

    // Prism writes what it saw a little later than it answers.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let log = prism.log();
    let calls = log.matches("Request received").count();
    assert_eq!(calls, fake.world().calls.len(), "calls went past Prism");
    // That something is not there is an answer that the document leaves out.
    let is_absence = |line: &&str| line.contains("Unable to match the returned status code");
    let broken: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("Violation") && !is_absence(line))
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
