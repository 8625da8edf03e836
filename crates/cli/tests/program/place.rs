//! A folder with a small shop and its configuration, in which the program is run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const ADA: &str = "email=ada@example.com";
pub(crate) const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A folder in which the program runs.
pub(crate) struct Place {
    folder: TempDir,
}

/// How the program ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

const CONFIG: &str = r#"controller = "Example Ltd"

[store]
url = "sqlite:adieu.db"
key = "env:ADIEU_TEST_KEY"

[[connector]]
name = "shop"
kind = "sql"
url = "env:ADIEU_TEST_SHOP"

[connector.table.customers]
subject = { customer_id = "id", email = "email" }
yields = { customer_id = "id" }
erase = { pseudonymize = { email = "unique", name = { value = "erased" } } }

[connector.table.orders]
references = { customer_id = "customers.id" }
erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "placed_on" }, pseudonymize = { address = "null" } }
blockers = [{ code = "open_order", advice = "wait until your order has arrived", where = "status = 'open'" }]

[connector.table.sessions]
references = { customer_id = "customers.id" }
erase = "delete"

[[connector]]
name = "uploads"
kind = "object-storage"
url = "folder:uploads"
prefixes = ["users/{customer_id}/"]
"#;

const SHOP: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
        placed_on TEXT NOT NULL, status TEXT NOT NULL, address TEXT);
    CREATE TABLE sessions (token TEXT PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id));
    INSERT INTO customers VALUES (1, 'ada@example.com', 'Ada Canary'), (10, 'eve@example.com', 'Eve'), (2, 'bob@example.com', 'Bob');
    INSERT INTO orders VALUES
        (1, 1, date('now', '-1 year'), 'sent', 'Canary Row 7'),
        (2, 1, date('now', '-12 years'), 'sent', 'Canary Row 7'),
        (3, 10, date('now', '-1 year'), 'sent', 'Eve Street 1'),
        (4, 2, date('now'), 'open', 'Bob Street 2');
    INSERT INTO sessions VALUES ('s1', 1), ('s2', 1), ('s10', 10), ('s20', 2);
";

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        place.write("adieu.toml", CONFIG);
        place.database("shop.db").execute_batch(SHOP).unwrap();
        place.write("uploads/users/1/canary picture.txt", "a picture of Ada");
        place.write("uploads/users/10/picture.txt", "a picture of Eve");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn database(&self, name: &str) -> Connection {
        Connection::open(self.path(name)).unwrap()
    }

    /// All rows of a query, each as its values joined by `|`.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        let database = self.database("shop.db");
        let mut statement = database.prepare(query).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let cells = (0..columns).map(|at| Ok(shown(row.get_ref(at)?)));
            Ok(cells.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// What is held of everybody but customer 1.
    pub(crate) fn others(&self) -> Vec<String> {
        let mut rows = self.rows("SELECT * FROM customers WHERE id <> 1 ORDER BY id");
        rows.extend(self.rows("SELECT * FROM orders WHERE customer_id <> 1 ORDER BY id"));
        rows.extend(self.rows("SELECT * FROM sessions WHERE customer_id <> 1 ORDER BY token"));
        rows.push(self.read("uploads/users/10/picture.txt"));
        rows
    }

    pub(crate) fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_adieu"));
        command
            .args(line)
            .current_dir(self.folder.path())
            .env("ADIEU_TEST_KEY", KEY)
            .env("ADIEU_TEST_SHOP", "sqlite:shop.db")
            .env_remove("ADIEU_LOG");
        command
    }

    pub(crate) fn run(&self, line: &[&str]) -> Ran {
        Ran::of(&self.command(line).output().unwrap())
    }

    /// Runs with `--json`, and reads the document.
    pub(crate) fn json(&self, line: &[&str]) -> (i32, Value) {
        let ran = self.run(&[line, &["--json"]].concat());
        let document = serde_json::from_str(&ran.out);
        (
            ran.code,
            document.unwrap_or_else(|_| panic!("no JSON: {}{}", ran.out, ran.err)),
        )
    }

    pub(crate) fn is_there(&self, name: &str) -> bool {
        self.path(name).exists()
    }
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Asserts how it ended, and hands on what it printed.
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.out, self.err
        );
        self
    }
}

/// A value of a database, with its type, so that no two values look the same.
pub(crate) fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
        other => format!("{other:?}"),
    }
}

/// The names of the entries of a ZIP, and their contents.
pub(crate) fn unzip(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            (entry.name().unwrap().into_owned(), content)
        })
        .collect()
}

/// The rows of a CSV file in a ZIP, each by its columns.
pub(crate) fn csv_rows(path: &Path, name: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let entries = unzip(path);
    let (_, content) = entries
        .iter()
        .find(|(entry, _)| entry == name)
        .unwrap_or_else(|| {
            panic!(
                "{name} is not among {:?}",
                entries.iter().map(|(name, _)| name).collect::<Vec<_>>()
            )
        });
    let mut reader = csv::Reader::from_reader(content.as_slice());
    let head = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        head.iter()
            .zip(row.iter())
            .map(|(key, value)| {
                (
                    key.trim_start_matches('\u{feff}').to_owned(),
                    value.to_owned(),
                )
            })
            .collect()
    });
    rows.collect()
}
