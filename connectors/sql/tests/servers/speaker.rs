//! What MariaDB and MySQL have in common: one protocol, and MariaDB's client that speaks it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::guardian::{Running, Template, program, run};
use super::next_number;

/// What begins the line before the rows of a table.
const TABLE: &str = "rows of the table ";
pub(super) const FOLDERS: &[&str] = &["/usr/sbin", "/usr/bin"];

/// A server that speaks MySQL's protocol, without any safety against power failures.
pub(crate) struct Speaker {
    running: Running,
    /// Where it listens on the loopback, beside its socket.
    port: Option<u16>,
}

impl Speaker {
    /// Starts a server in a copy of a template, at a port of the loopback if it is to have one.
    pub(super) fn start(
        template: &Template<'_>,
        program: &Path,
        fixed: &[&str],
        port: Option<u16>,
    ) -> Self {
        let network = match port {
            None => "--skip-networking".to_owned(),
            Some(port) => format!("--port={port}"),
        };
        let arguments = |folder: &Path| {
            let own = [
                format!("--datadir={}", folder.display()),
                format!("--socket={}", socket(folder).display()),
                // A server that starts removes every temporary table from this folder, also those of another server.
                format!("--tmpdir={}", folder.with_file_name("").display()),
                network.clone(),
            ];
            let fixed = fixed.iter().map(|one| (*one).to_owned());
            let no_defaults = "--no-defaults".to_owned();
            [no_defaults].into_iter().chain(own).chain(fixed).collect()
        };
        let running = template.start(program, &arguments);
        let server = Self { running, port };
        server.running.wait_until(|| server.answers());
        server
    }

    fn answers(&self) -> bool {
        let mut client = self.client("mysql");
        client
            .args(["-e", "SELECT 1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        client.status().unwrap().success()
    }

    /// Makes an empty database and says its name.
    pub(crate) fn create(&self) -> String {
        let name = format!("shop{}", next_number());
        self.query(
            "mysql",
            &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
        );
        name
    }

    /// Where the connector finds a database.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_as("root", database)
    }

    /// The same for a user, who may have a password: `eve:secret`.
    pub(crate) fn url_as(&self, user: &str, database: &str) -> String {
        format!(
            "mysql://{user}@localhost/{database}?socket={}",
            socket(&self.running.folder).display()
        )
    }

    /// Where the connector finds a database over TCP.
    pub(crate) fn url_over_tcp(&self, user: &str, database: &str) -> Option<String> {
        let port = self.port?;
        Some(format!("mysql://{user}@127.0.0.1:{port}/{database}"))
    }

    /// The folder of its data, where it also keeps its certificates.
    pub(crate) fn folder(&self) -> &Path {
        &self.running.folder
    }

    /// MariaDB's own client, which stops at the first error.
    pub(crate) fn client(&self, database: &str) -> Command {
        let mut client = Command::new(program("mariadb", FOLDERS));
        client
            .arg("--no-defaults")
            .arg(format!(
                "--socket={}",
                socket(&self.running.folder).display()
            ))
            .args([
                "--user=root",
                "--batch",
                "--skip-column-names",
                "--default-character-set=utf8mb4",
            ])
            .arg(database);
        client
    }

    /// What statements answer: rows as lines, values with tabs between them.
    pub(crate) fn query(&self, database: &str, sql: &str) -> String {
        let answer = run(self.client(database).args(["-e", sql]));
        String::from_utf8(answer).unwrap().trim_end().to_owned()
    }

    /// Sends statements one by one, whatever becomes of them.
    pub(crate) fn try_script(&self, database: &str, script: &str) {
        let mut client = self.client(database);
        client.arg("--force");
        client
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut client = client.spawn().unwrap();
        client
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        client.wait().unwrap();
    }

    /// Runs a file.
    pub(crate) fn run_file(&self, database: &str, file: &Path) {
        run(self
            .client(database)
            .arg("-e")
            .arg(format!("source {}", file.display())));
    }

    /// Every row of every table: its table, and its values as text or, where they are bytes, in hexadecimal.
    pub(crate) fn rows(&self, database: &str) -> Vec<(String, Vec<String>)> {
        let listed = "SELECT table_name FROM information_schema.tables WHERE table_schema = database() AND table_type = 'BASE TABLE'";
        // All in one: a client takes longer to log in than to read.
        let mut select = String::new();
        for table in self.query(database, listed).lines() {
            select += &format!("SELECT '{TABLE}{table}'; SELECT * FROM `{table}`; ");
        }
        let answer = run(self
            .client(database)
            .args(["--binary-as-hex", "-e", &select]));
        let mut rows = Vec::new();
        let mut table = "";
        let answer = String::from_utf8(answer).unwrap();
        for line in answer.lines() {
            if let Some(next) = line.strip_prefix(TABLE) {
                table = next;
                continue;
            }
            let row = line.split('\t').map(str::to_owned).collect();
            rows.push((table.to_owned(), row));
        }
        rows.sort();
        rows
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("socket")
}
