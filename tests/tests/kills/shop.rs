//! A shop on disk with its configuration and its store, and what it holds of each person.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use adieu_tests::program;
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

/// A customer, and how much the shop holds of them.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: i64,
    /// Stands in every row and file of theirs, and in no other.
    pub(crate) name: String,
    pub(crate) holds: Holds,
}

/// How many records there are of each sort.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holds {
    pub(crate) orders: i64,
    pub(crate) lines: i64,
    pub(crate) sessions: i64,
    pub(crate) invoices: i64,
    pub(crate) files: i64,
}

/// Rows have numbers that say whose they are: person 7 has 7,000,000 and on.
pub(crate) const NUMBERS_EACH: i64 = 1_000_000;

impl Person {
    pub(crate) fn email(&self) -> String {
        format!("{}@example.com", self.name)
    }
}

/// A shop in a folder of its own.
pub(crate) struct World {
    folder: TempDir,
}

/// Everything that the shop holds of one person.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    tables: Vec<String>,
    files: Vec<(PathBuf, String)>,
}

impl World {
    /// A shop with these customers.
    pub(crate) fn with(people: &[Person]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder };
        let shop = world.database();
        shop.execute_batch(TABLES).unwrap();
        shop.execute_batch("BEGIN").unwrap();
        for person in people {
            world.fill(&shop, person);
        }
        shop.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);")
            .unwrap();
        world
    }

    fn fill(&self, shop: &Connection, person: &Person) {
        let (id, name, holds) = (person.id, &person.name, person.holds);
        let first = id * NUMBERS_EACH;
        shop.execute(
            "INSERT INTO customers VALUES (?1, ?2, ?3)",
            (id, person.email(), name),
        )
        .unwrap();
        let insert = |sql: &str, count: i64| {
            let mut statement = shop.prepare(sql).unwrap();
            for n in 0..count {
                let text = format!("{name} {n} {}", "x".repeat(80));
                statement.execute((first + n, id, text)).unwrap();
            }
        };
        insert("INSERT INTO orders VALUES (?1, ?2, ?3)", holds.orders);
        insert("INSERT INTO sessions VALUES (?1, ?2, ?3)", holds.sessions);
        insert(
            "INSERT INTO invoices VALUES (?1, ?2, '2025-03-01', ?3)",
            holds.invoices,
        );
        let mut statement = shop
            .prepare("INSERT INTO lines VALUES (?1, ?2, ?3)")
            .unwrap();
        for n in 0..holds.lines {
            let order = first + n % holds.orders;
            statement
                .execute((first + n, order, format!("{name} line {n}")))
                .unwrap();
        }
        let files = self.files_of(person);
        fs::create_dir_all(&files).unwrap();
        for n in 0..holds.files {
            let content = format!("file of {name} {n} {}", "y".repeat(20_000));
            fs::write(files.join(format!("note-{n}.txt")), content).unwrap();
        }
    }

    /// The same shop in a folder of its own, with this configuration.
    pub(crate) fn copy(&self, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), folder.path());
        fs::write(folder.path().join("adieu.toml"), config).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn files_of(&self, person: &Person) -> PathBuf {
        self.path(&format!("uploads/users/{}", person.id))
    }

    pub(crate) fn database(&self) -> Connection {
        Connection::open(self.path("shop.db")).unwrap()
    }

    /// What is held of one person now.
    pub(crate) fn held_of(&self, person: &Person) -> Held {
        let shop = self.database();
        let (id, numbers) = (person.id, NUMBERS_EACH);
        let tables = [
            format!("customers WHERE id = {id}"),
            format!("orders WHERE customer_id = {id}"),
            format!("sessions WHERE customer_id = {id}"),
            format!("invoices WHERE customer_id = {id}"),
            format!("lines WHERE id / {numbers} = {id}"),
        ];
        let mut files: Vec<(PathBuf, String)> = fs::read_dir(self.files_of(person))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let content = fs::read_to_string(&path).unwrap();
                (PathBuf::from(path.file_name().unwrap()), content)
            })
            .collect();
        files.sort();
        Held {
            tables: tables.iter().map(|rows| dump(&shop, rows)).collect(),
            files,
        }
    }

    pub(crate) fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path("adieu.toml"))
            .env("ADIEU_TEST_KEY", "11".repeat(32))
            .env("ADIEU_TEST_SECRET", SECRET)
            .env("ADIEU_LOG", "warn")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[String]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must end well.
    pub(crate) fn must(&self, arguments: &[&str]) -> Vec<u8> {
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let output = self.run(&arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        output.stdout
    }

    /// Every request that the store knows.
    pub(crate) fn requests(&self) -> Vec<Value> {
        if !self.path("adieu.db").exists() {
            return Vec::new();
        }
        serde_json::from_slice(&self.must(&["requests", "--json", "--limit", "100000"])).unwrap()
    }

    pub(crate) fn keys(&self) -> String {
        String::from_utf8(self.must(&["jwks"])).unwrap()
    }
}

/// All rows of a table that fit, as one text.
fn dump(shop: &Connection, rows: &str) -> String {
    let mut statement = shop
        .prepare(&format!("SELECT * FROM {rows} ORDER BY 1"))
        .unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut text = String::new();
    while let Some(row) = rows.next().unwrap() {
        for column in 0..columns {
            text.push_str(&format!("{:?}|", row.get_ref(column).unwrap()));
        }
        text.push('\n');
    }
    text
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// What tokens are signed with.
pub(crate) const SECRET: &str = "a-secret-of-32-random-bytes-01234";

const TABLES: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), note TEXT);
CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), text TEXT);
CREATE TABLE sessions (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, ip TEXT);
CREATE TABLE invoices (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, issued_at TEXT, address TEXT);
CREATE INDEX o ON orders (customer_id); CREATE INDEX l ON lines (order_id);
CREATE INDEX s ON sessions (customer_id); CREATE INDEX i ON invoices (customer_id);";

/// The configuration, with a request written down so often.
pub(crate) fn config(checkpoint_ms: u32) -> String {
    CONFIG.replace("CHECKPOINT_MS", &checkpoint_ms.to_string())
}

const CONFIG: &str = r#"
[store]
url = "sqlite:adieu.db"
key = "env:ADIEU_TEST_KEY"

[auth]
issuer = "https://id.example.com"
audience = "api"
keys = "env:ADIEU_TEST_SECRET"
subject_kind = "customer_id"
erasure_max_age_seconds = 86400

[server]
listen = "127.0.0.1:0"

[server.limits]
calls_per_minute = 1000000
asks_per_minute = 1000000

[requests]
checkpoint_ms = CHECKPOINT_MS

[[connector]]
name = "shop"
kind = "sql"
url = "sqlite:shop.db"

[connector.table.customers]
subject = { customer_id = "id", email = "email" }
erase = "delete"

[connector.table.orders]
references = { customer_id = "customers.id" }
erase = "delete"

[connector.table.lines]
references = { order_id = "orders.id" }
erase = "delete"

[connector.table.sessions]
references = { customer_id = "customers.id" }
erase = "delete"

[connector.table.invoices]
references = { customer_id = "customers.id" }
erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "issued_at" }, pseudonymize = { address = "null" } }

[[connector]]
name = "uploads"
kind = "object-storage"
url = "folder:uploads"
prefixes = ["users/{customer_id}/"]
"#;
