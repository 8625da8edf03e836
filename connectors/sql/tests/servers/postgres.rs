//! PostgreSQL.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::guardian::{Running, Template, program, run, run_unprivileged};
use super::next_number;

const FOLDERS: &[&str] = &["/usr/lib/postgresql/15/bin"];

/// The server of this process.
pub(crate) fn postgres() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start)
}

/// A server without any safety against power failures.
pub(crate) struct Postgres {
    running: Running,
}

impl Postgres {
    fn start() -> Self {
        let template = Template {
            name: "postgres-15".to_owned(),
            make: &make,
        };
        let arguments = |folder: &Path| {
            let mut arguments = vec!["-D".to_owned(), folder.display().to_string()];
            let socket = format!("unix_socket_directories={}", folder.display());
            for setting in [
                "listen_addresses=",
                &socket,
                "fsync=off",
                "full_page_writes=off",
                "synchronous_commit=off",
                "max_connections=60",
                "log_min_messages=fatal",
                "log_min_error_statement=panic",
            ] {
                arguments.extend(["-c".to_owned(), setting.to_owned()]);
            }
            arguments
        };
        let running = template.start(&program("postgres", FOLDERS), &arguments);
        let server = Self { running };
        server.running.wait_until(|| server.answers());
        server
    }

    fn answers(&self) -> bool {
        let mut psql = self.psql("postgres");
        psql.args(["-c", "SELECT 1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        psql.status().unwrap().success()
    }

    /// Makes an empty database and says its name.
    pub(crate) fn create(&self) -> String {
        let name = format!("shop{}", next_number());
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Where the connector finds a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgres://adieu@localhost/{database}?host={}",
            self.running.folder.display()
        )
    }

    /// PostgreSQL's own client, which stops at the first error.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(program("psql", FOLDERS));
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "adieu",
            "-h",
        ])
        .arg(&self.running.folder)
        .args(["-d", database])
        .env("PGTZ", "UTC");
        psql
    }

    /// What statements answer: rows as lines, values with `|` between them.
    pub(crate) fn query(&self, database: &str, sql: &str) -> String {
        let answer = run(self.psql(database).args(["-c", sql]));
        String::from_utf8(answer).unwrap().trim_end().to_owned()
    }

    /// Sends statements one by one, whatever becomes of them.
    pub(crate) fn try_script(&self, database: &str, script: &str) {
        let mut client = self.psql(database);
        client.args(["-v", "ON_ERROR_STOP=0"]);
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

    /// What the server has written down.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.running.folder.with_file_name("log")).unwrap()
    }

    /// Runs a file.
    pub(crate) fn run_file(&self, database: &str, file: &Path) {
        run(self.psql(database).arg("-f").arg(file));
    }

    /// Every row of every table: the table that it lies in, with its schema unless that is `public`, and the whole row as text.
    pub(crate) fn rows(&self, database: &str) -> Vec<(String, String)> {
        let tables = "SELECT string_agg(format('SELECT %L || E''\\t'' || to_json(t::text)::text FROM %I.%I AS t', \
               CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname, n.nspname, c.relname), ' UNION ALL ') \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
        let all = self.query(database, tables);
        if all.is_empty() {
            return Vec::new();
        }
        let answer = self.query(database, &all);
        let mut rows: Vec<(String, String)> = answer
            .lines()
            .map(|line| {
                let (table, row) = line.split_once('\t').unwrap();
                (table.to_owned(), serde_json::from_str(row).unwrap())
            })
            .collect();
        rows.sort();
        rows
    }
}

fn make(folder: &Path) {
    let mut initdb = Command::new(program("initdb", FOLDERS));
    initdb
        .args(["--no-sync", "--wal-segsize=1", "-U", "adieu", "-A", "trust"])
        .args(["-E", "UTF8", "--locale=C.UTF-8", "-D"])
        .arg(folder)
        .current_dir("/");
    run_unprivileged(&mut initdb);
}
