//! Persons of `../shared/data/bench/people.sql` on PostgreSQL, measured in one run: `cargo bench -p adieu-tests --bench people`.
//!
//! The configuration is what `adieu inspect` proposes, unedited. A time is that of the whole program, from its start to its end:
//! discovery, survey, the work, verification, archive or receipt. Words after `--` choose what is measured: export, erase, million, small.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)] // it prints, and stops when it cannot measure

#[path = "../../connectors/sql/tests/servers/mod.rs"]
mod servers;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use adieu::core::{CollectionName, Connector as _, ConnectorName, Step, StepKey};
use adieu::sql::{SqlConfig, SqlConnector};
use adieu::{Config, Identity, Subject};
use adieu_testkit::{Collector, discover};
use adieu_tests::Took;
use servers::postgres;
use tempfile::TempDir;

const TABLES: [(&str, &str); 6] = [
    ("users", "id = {}"),
    ("addresses", "user_id = {}"),
    ("orders", "user_id = {}"),
    (
        "order_items",
        "order_id IN (SELECT id FROM orders WHERE user_id = {})",
    ),
    ("payments", "user_id = {}"),
    ("events", "user_id = {}"),
];
const SMALL: usize = 200;
/// The tables of a person, those that refer to others first.
const CHILDREN_FIRST: [&str; 6] = [
    "events",
    "order_items",
    "payments",
    "orders",
    "addresses",
    "users",
];
/// A person of 1,000,000 rows below their own in `users`.
const MILLION: &str = "
    INSERT INTO users VALUES (9000020, 'million@example.com', 'Million', '+155590020', '1980-01-01', '2020-01-01Z', 'pro');
    INSERT INTO addresses SELECT 500000000 + k, 9000020, k || ' Long Street', 'Town', 'ST', '00003', 'US' FROM generate_series(1, 1000) k;
    INSERT INTO orders SELECT 500000000 + k, 9000020, 500000001 + k % 1000, 1000 + k, 'USD', 'done', 'note ' || k, '2022-01-01Z'
        FROM generate_series(1, 150000) k;
    INSERT INTO order_items SELECT 500000000 + k, 500000001 + k % 150000, 'SKU-' || k % 5000, 1, 500, 'gift ' || k
        FROM generate_series(1, 500000) k;
    INSERT INTO payments SELECT 500000000 + k, 500000000 + k, 9000020, 'Million', '4242', '00003', 1000, '2022-02-01Z'
        FROM generate_series(1, 149000) k;
    INSERT INTO events SELECT 500000000 + k, 9000020, timestamptz '2023-01-01Z' + k * interval '1 second', 'view', '10.0.0.1', 'agent', '/' || k
        FROM generate_series(1, 200000) k;
    ANALYZE";

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let is_wanted = |what: &str| wanted.is_empty() || wanted.iter().any(|word| word == what);
    let shop = Shop::load();
    println!(
        "Persons of people.sql on PostgreSQL; load of the machine: {}",
        load()
    );
    if is_wanted("small") {
        shop.small();
    }
    if is_wanted("export") {
        shop.export("heavy100k@example.com", 100_000, None);
        shop.export("heavy1m@example.com", 1_000_000, Some(8.0));
        shop.export("fan200k@example.com", 200_001, Some(4.0));
    }
    if is_wanted("erase") {
        shop.erase("erase1k@example.com", 9_000_015, 1_000, None);
        shop.erase("erase10k@example.com", 9_000_014, 10_000, Some(1.0));
        shop.erase("erase100k@example.com", 9_000_011, 100_000, Some(6.0));
        shop.erase("fan100k@example.com", 9_000_003, 100_000, None);
    }
    if is_wanted("million") {
        shop.million();
    }
    println!("load of the machine at the end: {}", load());
}

/// The database, and a folder with what is proposed for it.
struct Shop {
    folder: TempDir,
    program: PathBuf,
    database: String,
}

impl Shop {
    fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let data = std::env::var_os("ADIEU_TEST_DATA")
            .map_or_else(|| root.join("../shared/data"), Into::into);
        let database = postgres().create();
        postgres().run_file(
            &database,
            &data.join("bench/people.sql").canonicalize().unwrap(),
        );
        let shop = Self {
            folder: tempfile::tempdir().unwrap(),
            program: adieu_tests::program_with(&["--release"]),
            database,
        };
        shop.run(&[
            "inspect",
            "env:DATABASE_URL",
            "--subject",
            "users",
            "--identity",
            "email=email",
            "--out",
            "adieu.toml",
        ]);
        shop.run(&["check"]);
        shop
    }

    fn export(&self, who: &str, rows: usize, seconds: Option<f64>) {
        let subject = format!("email={who}");
        let took = self.run(&[
            "export",
            "--subject",
            &subject,
            "--out",
            "export.zip",
            "--force",
        ]);
        let size = fs::metadata(self.folder.path().join("export.zip"))
            .unwrap()
            .len();
        println!(
            "  export of {rows} rows ({who}): {:.2} s{}; peak memory {} MiB; archive {} MiB",
            took.wall.as_secs_f64(),
            goal(seconds),
            took.peak_kib / 1024,
            size >> 20
        );
    }

    fn erase(&self, who: &str, id: u64, rows: usize, seconds: Option<f64>) {
        // The same deletions by hand, taken back.
        let by_hand = deletions(id).concat();
        let begun = Instant::now();
        postgres().query(&self.database, &format!("BEGIN; {by_hand} ROLLBACK;"));
        let reference = begun.elapsed();
        let subject = format!("email={who}");
        let took = self.run(&[
            "erase",
            "--subject",
            &subject,
            "--yes",
            "--receipt",
            "receipt.jws",
            "--force",
        ]);
        assert_gone(&self.database, id);
        println!(
            "  erasure of {rows} rows ({who}): {:.2} s{}; the same DELETEs by hand in one transaction {:.2} s, ratio {:.2}; peak memory {} MiB",
            took.wall.as_secs_f64(),
            goal(seconds),
            reference.as_secs_f64(),
            took.wall.as_secs_f64() / reference.as_secs_f64(),
            took.peak_kib / 1024
        );
    }

    /// A person of 1,000,000 rows in five tables, by hand and by the program, each on a copy of its own and while somebody writes to
    /// the same rows.
    fn million(&self) {
        const ID: u64 = 9_000_020;
        postgres().query(&self.database, MILLION);
        let (mut ratios, mut alone_ratios) = (Vec::new(), Vec::new());
        let mut worst = [Duration::ZERO; 2];
        for round in 1..=3 {
            let copy = || {
                let copy = postgres().create();
                let again = format!(
                    "DROP DATABASE {copy}; CREATE DATABASE {copy} TEMPLATE {}",
                    self.database
                );
                for statement in again.split(';') {
                    postgres().query("postgres", statement);
                }
                copy
            };
            let (by_hand, ours, alone) = (copy(), copy(), copy());
            let (reference, waited) = writer::beside(&by_hand, || {
                let begun = Instant::now();
                for statement in deletions(ID) {
                    postgres().query(&by_hand, &statement);
                }
                begun.elapsed()
            });
            worst[0] = worst[0].max(waited);
            let subject = "email=million@example.com";
            let (took, waited) = writer::beside(&ours, || {
                let mut command = self.command(&ours);
                command.args(["erase", "--subject", subject, "--yes"]);
                command.args(["--receipt", "receipt.jws", "--force"]);
                adieu_tests::measured(&mut command)
            });
            worst[1] = worst[1].max(waited);
            assert_gone(&ours, ID);
            let (steps, _) = writer::beside(&alone, || self.steps_alone(&alone));
            assert_gone(&alone, ID);
            let of = |time: Duration| time.as_secs_f64() / reference.as_secs_f64();
            println!(
                "  round {round}: erasure of 1,000,001 rows in six tables {:.2} s, its steps alone {:.2} s, the same DELETEs by hand {:.2} s; peak memory {} MiB",
                took.wall.as_secs_f64(),
                steps.as_secs_f64(),
                reference.as_secs_f64(),
                took.peak_kib / 1024
            );
            ratios.push(of(took.wall));
            alone_ratios.push(of(steps));
        }
        for (what, mut ratios) in [
            ("the whole, with discovery, survey and verification", ratios),
            ("the steps that erase", alone_ratios),
        ] {
            ratios.sort_by(f64::total_cmp);
            println!(
                "  ratio to the DELETEs by hand, {what}: {:.2} (median; at most 1.2 wanted)",
                ratios[1]
            );
        }
        println!(
            "  the longest that a writer to the person's orders waited: {:.2} s beside the DELETEs by hand, {:.2} s beside the program",
            worst[0].as_secs_f64(),
            worst[1].as_secs_f64()
        );
    }

    /// The steps that erase the person of a million rows, sent as the engine sends them, and nothing else.
    fn steps_alone(&self, database: &str) -> Duration {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let connector = self.connector_to(database);
        runtime.block_on(async {
            let email = Identity::new("email", "million@example.com").unwrap();
            let subject = discover(&connector, Subject::new([email])).await.unwrap();
            let begun = Instant::now();
            for collection in &connector.descriptor().collections {
                let mut step =
                    Step::new(subject.clone(), collection.name.clone(), StepKey::new("a"))
                        .in_run(StepKey::new("erasure"))
                        .at_most(connector.descriptor().limits.records_per_step);
                while let Some(next) = connector.erase(&step).await.unwrap().next {
                    step = step.at(Some(next));
                }
            }
            begun.elapsed()
        })
    }

    /// Persons of 20 rows in 6 tables, one after the other, by the connector alone and by bare queries of the same rows.
    fn small(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connector = self.connector();
        let mut ratios = Vec::new();
        for round in 0..4 {
            let bare = self.bare();
            let begun = Instant::now();
            let rows = runtime.block_on(async {
                let mut rows = 0;
                for person in 1..=SMALL {
                    rows += export_small(&connector, person).await;
                }
                rows
            });
            assert_eq!(rows, SMALL * 20);
            let connector = begun.elapsed();
            if round == 0 {
                continue;
            }
            let each = |time: Duration| time.as_secs_f64() * 1000.0 / SMALL as f64;
            println!(
                "  {SMALL} persons of 20 rows in 6 tables: connector {:.2} ms each (discovery and export), bare queries of psql {:.2} ms each, \
                 beyond them {:.2} ms each",
                each(connector),
                each(bare),
                each(connector) - each(bare)
            );
            ratios.push(each(connector) - each(bare));
        }
        ratios.sort_by(f64::total_cmp);
        println!(
            "  overhead of the connector beyond the bare queries: {:.2} ms for each person (median of 3)",
            ratios[1]
        );
    }

    fn bare(&self) -> Duration {
        let mut script = String::new();
        for person in 1..=SMALL {
            for (table, condition) in TABLES {
                script += &format!(
                    "SELECT * FROM {table} WHERE {};\n",
                    condition.replace("{}", &person.to_string())
                );
            }
        }
        let file = self.folder.path().join("bare.sql");
        fs::write(&file, script).unwrap();
        let begun = Instant::now();
        let mut psql = postgres().psql(&self.database);
        let done = psql
            .arg("-f")
            .arg(&file)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(done.success());
        begun.elapsed()
    }

    fn connector(&self) -> SqlConnector {
        self.connector_to(&self.database)
    }

    fn connector_to(&self, database: &str) -> SqlConnector {
        let text = fs::read_to_string(self.folder.path().join("adieu.toml")).unwrap();
        let text = text.replace("env:DATABASE_URL", &postgres().url(database));
        let config = Config::from_toml(&text, self.folder.path().join("adieu.toml")).unwrap();
        let adieu::config::SystemConfig::Sql(ref config) = config.connectors[0].system else {
            panic!("what is proposed is no database");
        };
        let config: &SqlConfig = config;
        SqlConnector::new(
            ConnectorName::new("database").unwrap(),
            config,
            self.folder.path(),
        )
        .unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Took {
        adieu_tests::measured(self.command(&self.database).args(arguments))
    }

    /// The program, on a database.
    fn command(&self, database: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.folder.path())
            .env("ADIEU_KEY", "11".repeat(32))
            .env("DATABASE_URL", postgres().url(database))
            .stdout(Stdio::null());
        command
    }
}

/// What somebody would send to delete a person.
fn deletions(id: u64) -> Vec<String> {
    let of = |table: &str| {
        let (_, condition) = TABLES.iter().find(|(name, _)| *name == table).unwrap();
        let condition = condition.replace("{}", &id.to_string());
        format!("DELETE FROM {table} WHERE {condition};")
    };
    CHILDREN_FIRST.into_iter().map(of).collect()
}

fn assert_gone(database: &str, id: u64) {
    for (table, condition) in TABLES {
        let condition = condition.replace("{}", &id.to_string());
        let left = format!("SELECT count(*) FROM {table} WHERE {condition}");
        assert_eq!(postgres().query(database, &left), "0", "{table}");
    }
}

async fn export_small(connector: &SqlConnector, person: usize) -> usize {
    let email = Identity::new("email", format!("user{person}@example.com")).unwrap();
    let subject = discover(connector, Subject::new([email])).await.unwrap();
    let mut rows = 0;
    for (table, _) in TABLES {
        let name = CollectionName::new(table).unwrap();
        let mut collector = Collector::new(connector.descriptor().collection(&name).unwrap());
        let step = Step::new(subject.clone(), name, StepKey::new("small"));
        collector.export_all(connector, step).await.unwrap();
        rows += collector.records().count();
    }
    rows
}

fn goal(seconds: Option<f64>) -> String {
    seconds.map_or_else(String::new, |seconds| {
        format!(" (at most {seconds} s wanted on a quiet machine)")
    })
}

/// How many wanted a processor, over one minute and five (`/proc/loadavg`, proc(5)).
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').take(2).collect::<Vec<_>>().join(" and ")
}
