//! Persons of `../shared/data/bench/people.sql` on PostgreSQL, measured in one run: `cargo bench -p adieu-tests --bench people`.
//!
//! The configuration is what `adieu inspect` proposes, unedited. A time is that of the whole program, from its start to its end:
//! discovery, survey, the work, verification, archive or receipt. Words after `--` choose what is measured: export, erase, small.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)] // it prints, and stops when it cannot measure

#[allow(unused_imports)]
#[path = "../../connectors/sql/tests/servers/mod.rs"]
mod servers;

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
        let children_first = [
            "events",
            "order_items",
            "payments",
            "orders",
            "addresses",
            "users",
        ];
        let of = |table: &str| {
            let (_, condition) = TABLES.iter().find(|(name, _)| *name == table).unwrap();
            format!(
                "DELETE FROM {table} WHERE {};",
                condition.replace("{}", &id.to_string())
            )
        };
        let by_hand: String = children_first.into_iter().map(of).collect();
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
        for (table, condition) in TABLES {
            let left = format!(
                "SELECT count(*) FROM {table} WHERE {}",
                condition.replace("{}", &id.to_string())
            );
            assert_eq!(postgres().query(&self.database, &left), "0", "{table}");
        }
        println!(
            "  erasure of {rows} rows ({who}): {:.2} s{}; the same DELETEs by hand in one transaction {:.2} s, ratio {:.2}; peak memory {} MiB",
            took.wall.as_secs_f64(),
            goal(seconds),
            reference.as_secs_f64(),
            took.wall.as_secs_f64() / reference.as_secs_f64(),
            took.peak_kib / 1024
        );
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
        let text = fs::read_to_string(self.folder.path().join("adieu.toml")).unwrap();
        let text = text.replace("env:DATABASE_URL", &postgres().url(&self.database));
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
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("ADIEU_KEY", "11".repeat(32))
            .env("DATABASE_URL", postgres().url(&self.database))
            .stdout(Stdio::null());
        adieu_tests::measured(&mut command)
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
