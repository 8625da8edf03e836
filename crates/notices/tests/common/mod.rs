//! A mail server, an engine over a small shop, and a courier between them.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by it")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adieu_core::{Connector, Identity, IdentityValue, Secret, Setting, Subject};
use adieu_engine::{
    Engine, MasterKey, NewRequest, Options, Request, RequestId, RetryPolicy, Store,
};
use adieu_notices::{NoticesConfig, SmtpCourier};
use adieu_testkit::memory::{MemorySystem, Table};
use serde_json::{Value, json};

pub(crate) const ADA: &str = "ada@canary.example";

/// A mail server that runs until this is dropped.
pub(crate) struct MailServer {
    program: Child,
    folder: PathBuf,
    pub(crate) port: u16,
}

impl MailServer {
    /// Starts one that keeps its mail in this folder; `None` when the test is skipped, which is said.
    #[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
    pub(crate) fn start(folder: &Path, port: u16, options: &[&str]) -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let ours = here.join("../../target/tools/venv/bin/python");
        let python = std::env::var_os("ADIEU_TEST_PYTHON").map_or(ours, PathBuf::from);
        let mut program = Command::new(python)
            .arg(here.join("tests/common/smtp.py"))
            .arg(folder)
            .arg(port.to_string())
            .args(options)
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
                program,
                folder: folder.to_owned(),
                port,
            }),
            _ => {
                let why = "aiosmtpd is not installed; run `cargo xtask tools`";
                assert!(std::env::var_os("CI").is_none(), "{why}");
                println!("skipped: {why}");
                None
            }
        }
    }

    /// What it answers from now on.
    pub(crate) fn behave(&self, how: &str) {
        std::fs::write(self.folder.join("behaviour"), how).unwrap();
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        mails(&self.folder)
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// One mail as the server took it.
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) was_encrypted: bool,
    pub(crate) data: String,
}

impl Mail {
    /// A header of the mail itself, unfolded.
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.data.split("\r\n\r\n").next().unwrap();
        let head = head.replace("\r\n ", " ");
        let prefix = format!("{name}: ");
        let mut lines = head.lines().filter_map(|line| line.strip_prefix(&prefix));
        let value = lines.next().unwrap_or_default().to_owned();
        assert!(lines.next().is_none(), "{name} stands there twice");
        value
    }
}

/// What lies in the folder, in the order in which it came.
pub(crate) fn mails(folder: &Path) -> Vec<Mail> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    let read = |path: &PathBuf| {
        let mail: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        Mail {
            to: mail["to"][0].as_str().unwrap().to_owned(),
            was_encrypted: mail["tls"] == true,
            data: mail["data"].as_str().unwrap().to_owned(),
        }
    };
    files.iter().map(read).collect()
}

pub(crate) fn config(port: u16) -> NoticesConfig {
    toml::from_str(&format!(
        "smtp = \"smtp://127.0.0.1:{port}\"\nfrom = \"Example Ltd <privacy@example.com>\"\nurl = \"https://app.example.com/privacy\""
    ))
    .unwrap()
}

pub(crate) fn courier(config: &NoticesConfig, folder: &Path) -> SmtpCourier {
    SmtpCourier::new(config, Some("Example Ltd"), folder).unwrap()
}

/// A server that wants a login is reached with one.
pub(crate) fn with_login(config: &mut NoticesConfig, port: u16) {
    let url = format!("smtp://adieu:hunter2@127.0.0.1:{port}");
    config.smtp = Setting::Literal(Secret::new(url));
}

/// An engine over the same store and the same shop each time, which waits a moment before it tries again.
pub(crate) async fn engine(folder: &Path) -> Engine {
    let key = MasterKey::parse(&"11".repeat(32)).unwrap();
    let store = Store::open(&folder.join("adieu.db"), &key).await.unwrap();
    let shop = MemorySystem::new();
    shop.create(Table::new("customers").found_by("email", "email"))
        .unwrap();
    shop.put("customers", "ada", json!({"email": ADA})).unwrap();
    let connector: Arc<dyn Connector> = Arc::new(shop.connector("shop").unwrap());
    let options = Options {
        controller: Some("Example Ltd".to_owned()),
        retry: RetryPolicy {
            first_wait: Duration::from_millis(50),
            longest_wait: Duration::from_millis(50),
            ..RetryPolicy::default()
        },
        ..Options::default()
    };
    Engine::new(store, vec![connector], options).unwrap()
}

pub(crate) fn ada() -> Subject {
    Subject::new([Identity::new("email", ADA).unwrap()])
}

pub(crate) async fn submit(engine: &Engine, new: NewRequest) -> RequestId {
    let new = new.notified_at(IdentityValue::new(ADA).unwrap());
    engine.submit(new).await.unwrap().0.id
}

pub(crate) async fn run(engine: &Engine, id: RequestId) -> Request {
    engine.run(id, Duration::from_secs(30)).await.unwrap()
}

/// How many notices wait in the store.
pub(crate) fn waiting(folder: &Path) -> u64 {
    let store = rusqlite::Connection::open(folder.join("adieu.db")).unwrap();
    let query = "SELECT count(*) FROM adieu_notice";
    let count: i64 = store.query_row(query, [], |row| row.get(0)).unwrap();
    count.cast_unsigned()
}

/// Whether the store's files hold this text.
pub(crate) fn store_holds(folder: &Path, text: &str) -> bool {
    let names = ["adieu.db", "adieu.db-wal"];
    let files = names.map(|name| std::fs::read(folder.join(name)).unwrap_or_default());
    files.iter().any(|bytes| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}

pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
