//! One person's 1,000,000 rows of `../shared/data/bench/orders-1m.sql`, exported by the program from PostgreSQL, MariaDB and SQLite,
//! against each database's own client and `zip -6` for the CSV alone: `cargo bench -p adieu-tests --bench orders`. A word after `--`
//! measures one of them alone.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)] // it prints, and stops when it cannot measure

mod copies;
#[path = "../../../connectors/sql/tests/servers/mod.rs"]
mod servers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use adieu_tests::Took;
use servers::{mariadb, postgres};

const PERSON: &str = "11111111-1111-4111-8111-111111111111";

const CONFIG: &str = r#"
[store]
url = "sqlite:adieu.db"
key = "env:ADIEU_KEY"

[[connector]]
name = "shop"
kind = "sql"
url = "env:DATABASE_URL"

[connector.table.orders]
subject = { person = "subject_id" }
erase = "delete"
"#;

/// The rows in one database, and how its own client writes them.
struct Kept {
    what: &'static str,
    url: String,
    client: Box<dyn Fn() -> Command>,
}

fn main() {
    let wanted = std::env::args()
        .nth(1)
        .filter(|word| !word.starts_with("--"));
    let is_wanted = |what: &str| wanted.as_deref().is_none_or(|word| word == what);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let data =
        std::env::var_os("ADIEU_TEST_DATA").map_or_else(|| root.join("../shared/data"), Into::into);
    let database = postgres().create();
    let rows = data.join("bench/orders-1m.sql").canonicalize().unwrap();
    postgres().run_file(&database, &rows);
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench {
        program: adieu_tests::program_with(&["--profile", "dist"]),
        folder: folder.path().to_owned(),
    };
    fs::write(folder.path().join("adieu.toml"), CONFIG).unwrap();
    println!("1,000,000 rows of 12 columns, 242 MB as CSV");
    if is_wanted("postgres") {
        bench.measure(&in_postgres(&database));
    }
    if is_wanted("mariadb") {
        bench.measure(&in_mariadb(&copies::mariadb(&database, folder.path())));
    }
    if is_wanted("sqlite") {
        let file = copies::sqlite(&database, folder.path());
        bench.measure(&in_sqlite(&file));
    }
}

fn in_postgres(database: &str) -> Kept {
    let url = postgres().url(database);
    let database = database.to_owned();
    let client = move || {
        let copy =
            format!("\\copy (SELECT * FROM orders WHERE subject_id = '{PERSON}') TO STDOUT CSV");
        let mut psql = postgres().psql(&database);
        psql.args(["-c", &copy]);
        psql
    };
    Kept {
        what: "PostgreSQL, psql \\copy",
        url,
        client: Box::new(client),
    }
}

fn in_mariadb(database: &str) -> Kept {
    let url = mariadb().url(database);
    let database = database.to_owned();
    let client = move || {
        let mut client = mariadb().client(&database);
        // Row by row, instead of all of them in memory first.
        client.args(["--quick", "-e", &select()]);
        client
    };
    Kept {
        what: "MariaDB, mariadb --batch --quick",
        url,
        client: Box::new(client),
    }
}

fn in_sqlite(file: &Path) -> Kept {
    let url = format!("sqlite:{}", file.display());
    let file = file.to_owned();
    let client = move || {
        let mut client = Command::new("sqlite3");
        client.arg("-csv").arg(&file).arg(select());
        client
    };
    Kept {
        what: "SQLite, sqlite3 -csv",
        url,
        client: Box::new(client),
    }
}

fn select() -> String {
    format!("SELECT * FROM orders WHERE subject_id = '{PERSON}'")
}

struct Bench {
    program: PathBuf,
    folder: PathBuf,
}

impl Bench {
    fn measure(&self, kept: &Kept) {
        println!("{}", kept.what);
        // What making the copy has left to the disk is none of the work.
        assert!(Command::new("sync").status().unwrap().success());
        let idle = self.run(kept, &["requests"]).peak_kib;
        let (mut both, mut csv_alone, mut peak) = (Vec::new(), Vec::new(), 0);
        for round in 1..=3 {
            let reference = self.reference(kept).as_secs_f64();
            let (zip, csv) = (self.export(kept, "zip"), self.export(kept, "csv"));
            peak = peak.max(zip.peak_kib).max(csv.peak_kib);
            let (zip, csv) = (zip.wall.as_secs_f64(), csv.wall.as_secs_f64());
            both.push(zip / reference);
            csv_alone.push(csv / reference);
            println!(
                "  round {round}: the client | zip -6 {reference:.2} s; adieu CSV and JSON {zip:.2} s; adieu CSV {csv:.2} s"
            );
        }
        for (what, mut ratios, wanted) in
            [("CSV and JSON", both, 0.75), ("CSV alone", csv_alone, 0.45)]
        {
            ratios.sort_by(f64::total_cmp);
            println!(
                "  {what}, ratio to the reference: {:.2} (median; at most {wanted} wanted)",
                ratios[1]
            );
        }
        println!(
            "  peak memory above the idle program: {} MiB (at most 64 wanted)",
            peak.saturating_sub(idle) / 1024
        );
    }

    fn export(&self, kept: &Kept, format: &str) -> Took {
        let person = format!("person={PERSON}");
        let to = ["--format", format, "--out", "export.zip", "--force"];
        self.run(kept, &[&["export", "--subject", &person][..], &to].concat())
    }

    fn run(&self, kept: &Kept, arguments: &[&str]) -> Took {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("ADIEU_KEY", "11".repeat(32))
            .env("DATABASE_URL", &kept.url)
            .stdout(Stdio::null());
        adieu_tests::measured(&mut command)
    }

    fn reference(&self, kept: &Kept) -> Duration {
        let _ = fs::remove_file(self.folder.join("reference.zip"));
        let begun = Instant::now();
        let mut client = (kept.client)().stdout(Stdio::piped()).spawn().unwrap();
        let zipped = Command::new("zip")
            .args(["-q", "-6", "reference.zip", "-"])
            .current_dir(&self.folder)
            .stdin(client.stdout.take().unwrap())
            .status()
            .unwrap();
        assert!(zipped.success() && client.wait().unwrap().success());
        begun.elapsed()
    }
}
