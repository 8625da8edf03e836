//! The program is killed at random instants, again and again, and goes on: no request lost, none doubled, no record missing
//! or twice, nothing of anybody else touched, the receipt true to the database.
//!
//! The seeds are printed. `ADIEU_KILLS=N` kills N times instead of 200.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // it stops when it cannot go on, and shows its seeds

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use adieu_tests::{Dice, program};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

const ORDERS: i64 = 2_000;
const LINES: i64 = 16_000;
const SESSIONS: i64 = 6_000;
const INVOICES: i64 = 400;
const FILES: usize = 60;
/// How often one request is killed before it is let through.
const KILLS_A_REQUEST: usize = 4;

#[test]
fn an_export_survives_being_killed_at_any_instant() {
    kill_and_go_on("export", 0xE0_0001, check_export);
}

#[test]
fn an_erasure_survives_being_killed_at_any_instant() {
    kill_and_go_on("erase", 0xE4_0002, check_erasure);
}

fn kill_and_go_on(verb: &str, first_seed: u64, check: fn(&World, &Value)) {
    let kills = std::env::var("ADIEU_KILLS").map_or(200, |text| text.parse().unwrap()) / 2;
    program(); // not while the clock runs
    let template = World::template();
    let undisturbed = template.copy_with_checkpoints_every(2_000);
    let begun = Instant::now();
    let output = undisturbed.run(&undisturbed.arguments(verb));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let whole = begun.elapsed();
    check(&undisturbed, &undisturbed.only_request());
    println!("{verb}: {whole:?} undisturbed");

    let mut killed = 0;
    let mut seed = first_seed;
    let mut before_it_was_written_down = 0;
    while killed < kills {
        seed += 1;
        let mut dice = Dice::new(seed);
        // Written down after each page and batch, now and then, or hardly ever: each leaves other traces.
        let world = template.copy_with_checkpoints_every([0, 50, 2_000][seed as usize % 3]);
        let mut instants = Vec::new();
        for _ in 0..KILLS_A_REQUEST {
            let instant = whole.mul_f64(dice.fraction() * 1.05);
            instants.push(instant);
            if world.run_and_kill(&world.arguments(verb), instant) {
                killed += 1;
            }
            let requests = world.requests();
            assert!(
                requests.len() <= 1,
                "seed {seed:#x}, killed at {instants:?}: a request was doubled"
            );
            assert_eq!(
                Others::of(&world),
                world.before,
                "seed {seed:#x}, killed at {instants:?}: somebody else was touched"
            );
            if requests.is_empty() {
                before_it_was_written_down += 1;
            } else if requests[0]["status"] == "completed" {
                break;
            }
        }
        // The same command once more takes the request up, or finds it done and makes the outputs again.
        let requests = world.requests();
        let mut arguments = world.arguments(verb);
        if let Some(request) = requests.first() {
            let id = request["id"].as_str().unwrap().to_owned();
            let output = ["--force", "--json"].map(str::to_owned);
            arguments = [
                vec!["resume".to_owned(), id],
                world.outputs(verb),
                output.to_vec(),
            ]
            .concat();
        }
        let output = world.run(&arguments);
        assert!(
            output.status.success(),
            "seed {seed:#x}, killed at {instants:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        check(&world, &world.only_request());
    }
    println!(
        "{verb}: {killed} kills, seeds {:#x} to {seed:#x}; {before_it_was_written_down} came before the request was written down",
        first_seed + 1
    );
    assert!(
        before_it_was_written_down < killed / 2,
        "most kills should hit the work itself"
    );
}

fn check_export(world: &World, request: &Value) {
    assert_eq!(request["status"], "completed", "{request}");
    assert_eq!(Others::of(world), world.before);
    assert!(
        world
            .dump("customers", "WHERE id = 1")
            .contains("Integer(1)"),
        "an export changes nothing"
    );
    let mut archive =
        zip::ZipArchive::new(File::open(world.folder.path().join("out.zip")).unwrap()).unwrap();
    let mut rows = |name: &str| -> Vec<csv::StringRecord> {
        let entry = archive.by_name(name).unwrap();
        csv::Reader::from_reader(entry)
            .records()
            .map(Result::unwrap)
            .collect()
    };
    for (table, expected) in [
        ("customers", 1_i64),
        ("orders", ORDERS),
        ("lines", LINES),
        ("sessions", SESSIONS),
        ("invoices", INVOICES),
    ] {
        let rows = rows(&format!("shop/{table}.csv"));
        let ids: BTreeSet<&str> = rows.iter().map(|row| &row[0]).collect();
        assert_eq!(
            rows.len() as i64,
            expected,
            "{table}: a record is missing or twice"
        );
        assert_eq!(ids.len() as i64, expected, "{table}: a record is twice");
        assert!(
            rows.iter()
                .all(|row| !row.iter().any(|cell| cell.contains("eve"))),
            "{table}: somebody else's record"
        );
    }
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        if name.contains("/files/") {
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            assert!(files.insert(name, content).is_none());
        }
    }
    assert_eq!(files.len(), FILES, "a file is missing or twice");
    assert!(
        files
            .values()
            .all(|content| content.starts_with("file of ada "))
    );
}

fn check_erasure(world: &World, request: &Value) {
    assert_eq!(request["status"], "completed", "{request}");
    let connection = world.database();
    let count = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(count("SELECT count(*) FROM customers WHERE id = 1"), 0);
    assert_eq!(
        count("SELECT count(*) FROM orders WHERE customer_id = 1"),
        0
    );
    assert_eq!(
        count("SELECT count(*) FROM sessions WHERE customer_id = 1"),
        0
    );
    assert_eq!(
        count("SELECT count(*) FROM lines WHERE order_id < 1000000"),
        0
    );
    assert_eq!(
        count("SELECT count(*) FROM invoices WHERE customer_id = 1 AND address IS NULL"),
        INVOICES
    );
    assert!(!world.folder.path().join("uploads/users/1").exists());
    assert_eq!(
        Others::of(world),
        world.before,
        "somebody else's record was touched"
    );

    let jws = fs::read_to_string(world.folder.path().join("receipt.jws")).unwrap();
    let keys = world.run(&["jwks".into()]);
    let verified =
        adieu::engine::receipt::verify(&jws, &String::from_utf8(keys.stdout).unwrap()).unwrap();
    let claims = serde_json::to_value(verified.claims()).unwrap();
    assert_eq!(claims["jti"], request["id"]);
    let mut seen = 0;
    for connector in claims["connectors"].as_array().unwrap() {
        for collection in connector["collections"].as_array().unwrap() {
            let name = collection["name"].as_str().unwrap();
            let (outcome, held) = match name {
                "customers" => ("erased", 1),
                "orders" => ("erased", ORDERS),
                "lines" => ("erased", LINES),
                "sessions" => ("erased", SESSIONS),
                "invoices" => ("retained", INVOICES),
                _ => ("erased", FILES as i64),
            };
            seen += 1;
            assert_eq!(collection["pending"], 0, "{collection}");
            // A kill between survey and erasure cannot change what was found; the counts can only fall short of it.
            assert_eq!(collection["found"], held, "{collection}");
            let counted: u64 = collection["outcomes"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["outcome"] == outcome)
                .map(|one| one["records"].as_u64().unwrap())
                .sum();
            assert!(
                counted <= held as u64,
                "claims more than there was: {collection}"
            );
            if collection["at_least"] != true {
                assert_eq!(counted, held as u64, "{collection}");
            }
        }
    }
    assert_eq!(seen, 6);
}

/// A shop on disk with its configuration and its store.
struct World {
    folder: TempDir,
    before: Others,
}

/// Everything of the people the request is not about.
#[derive(Clone, Debug, PartialEq)]
struct Others {
    customers: String,
    rest: Vec<String>,
    files: Vec<(String, String)>,
}

impl Others {
    fn of(world: &World) -> Self {
        let mut files: Vec<_> = fs::read_dir(world.folder.path().join("uploads/users/10"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (
                    path.file_name().unwrap().to_string_lossy().into_owned(),
                    fs::read_to_string(path).unwrap(),
                )
            })
            .collect();
        files.sort();
        Self {
            customers: world.dump("customers", "WHERE id <> 1"),
            rest: ["orders", "sessions", "invoices"]
                .iter()
                .map(|table| world.dump(table, "WHERE customer_id <> 1"))
                .chain([world.dump("lines", "WHERE order_id >= 1000000")])
                .collect(),
            files,
        }
    }
}

impl World {
    /// A shop in which Ada has much and Eve has some.
    fn template() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shop = Connection::open(folder.path().join("shop.db")).unwrap();
        shop.execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT);
             CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), note TEXT);
             CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), text TEXT);
             CREATE TABLE sessions (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, ip TEXT);
             CREATE TABLE invoices (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, issued_at TEXT, address TEXT);
             CREATE INDEX o ON orders (customer_id); CREATE INDEX l ON lines (order_id);
             CREATE INDEX s ON sessions (customer_id); CREATE INDEX i ON invoices (customer_id);",
        )
        .unwrap();
        shop.execute_batch("BEGIN").unwrap();
        for (id, who, first, share) in [(1, "ada", 0, 1), (10, "eve", 1_000_000, 20)] {
            shop.execute(
                "INSERT INTO customers VALUES (?1, ?2 || '@example.com', ?2)",
                (id, who),
            )
            .unwrap();
            let insert = |sql: &str, count: i64| {
                let mut statement = shop.prepare(sql).unwrap();
                for n in 0..count / share {
                    statement
                        .execute((first + n, id, format!("{who} {n} {}", "x".repeat(80))))
                        .unwrap();
                }
            };
            insert("INSERT INTO orders VALUES (?1, ?2, ?3)", ORDERS);
            insert("INSERT INTO sessions VALUES (?1, ?2, ?3)", SESSIONS);
            insert(
                "INSERT INTO invoices VALUES (?1, ?2, '2025-03-01', ?3)",
                INVOICES,
            );
            let mut statement = shop
                .prepare("INSERT INTO lines VALUES (?1, ?2, ?3)")
                .unwrap();
            for n in 0..LINES / share {
                statement
                    .execute((
                        first + n,
                        first + n % (ORDERS / share),
                        format!("{who} line {n}"),
                    ))
                    .unwrap();
            }
            let files = folder.path().join(format!("uploads/users/{id}"));
            fs::create_dir_all(&files).unwrap();
            for n in 0..FILES / share.min(10) as usize {
                let content = format!("file of {who} {n} {}", "y".repeat(20_000));
                fs::write(files.join(format!("note-{n}.txt")), content).unwrap();
            }
        }
        shop.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);")
            .unwrap();
        drop(shop);
        let mut world = Self {
            folder,
            before: Others {
                customers: String::new(),
                rest: Vec::new(),
                files: Vec::new(),
            },
        };
        world.before = Others::of(&world);
        world
    }

    /// The same shop in a folder of its own.
    fn copy_with_checkpoints_every(&self, milliseconds: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), folder.path());
        let config = CONFIG.replace("CHECKPOINT_MS", &milliseconds.to_string());
        fs::write(folder.path().join("adieu.toml"), config).unwrap();
        Self {
            folder,
            before: self.before.clone(),
        }
    }

    fn database(&self) -> Connection {
        Connection::open(self.folder.path().join("shop.db")).unwrap()
    }

    /// All rows of a table as one text.
    fn dump(&self, table: &str, condition: &str) -> String {
        let connection = self.database();
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {table} {condition} ORDER BY 1"))
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

    fn arguments(&self, verb: &str) -> Vec<String> {
        let fixed = match verb {
            "erase" => vec!["erase", "--yes"],
            _ => vec!["export"],
        };
        let fixed = [
            fixed,
            vec!["--subject", "email=ada@example.com", "--force", "--json"],
        ]
        .concat();
        [
            fixed.into_iter().map(str::to_owned).collect(),
            self.outputs(verb),
        ]
        .concat()
    }

    fn outputs(&self, verb: &str) -> Vec<String> {
        let (option, file) = match verb {
            "erase" => ("--receipt", "receipt.jws"),
            _ => ("--out", "out.zip"),
        };
        vec![
            option.to_owned(),
            self.folder.path().join(file).display().to_string(),
        ]
    }

    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .args([
                "--config",
                &self.folder.path().join("adieu.toml").display().to_string(),
            ])
            .env("ADIEU_TEST_KEY", "11".repeat(32))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[String]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Whether the kill came before the program ended by itself.
    fn run_and_kill(&self, arguments: &[String], instant: Duration) -> bool {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(instant);
        let alive = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        alive
    }

    fn requests(&self) -> Vec<Value> {
        if !self.folder.path().join("adieu.db").exists() {
            return Vec::new();
        }
        let output = self.run(&["requests".into(), "--json".into()]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn only_request(&self) -> Value {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "one request was made");
        requests.remove(0)
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

const CONFIG: &str = r#"
[store]
url = "sqlite:adieu.db"
key = "env:ADIEU_TEST_KEY"

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
