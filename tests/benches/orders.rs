//! One person's 1,000,000 rows of `../shared/data/bench/orders-1m.sql` on PostgreSQL, exported by the program, against
//! `psql \copy | zip -6` for the CSV alone, measured in one run: `cargo bench -p adieu-tests --bench orders`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)] // it prints, and stops when it cannot measure

#[allow(unused_imports)]
#[path = "../../connectors/sql/tests/servers/mod.rs"]
mod servers;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use adieu_tests::Took;
use servers::postgres;

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

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let data =
        std::env::var_os("ADIEU_TEST_DATA").map_or_else(|| root.join("../shared/data"), Into::into);
    let database = postgres().create();
    let rows = data.join("bench/orders-1m.sql").canonicalize().unwrap();
    postgres().run_file(&database, &rows);
    let program = adieu_tests::program_with(&["--release"]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("adieu.toml"), CONFIG).unwrap();
    let adieu = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env("ADIEU_KEY", "11".repeat(32))
            .env("DATABASE_URL", postgres().url(&database))
            .stdout(Stdio::null());
        adieu_tests::measured(&mut command)
    };
    let export = |format: &str| -> Took {
        let person = format!("person={PERSON}");
        let to = ["--format", format, "--out", "export.zip", "--force"];
        adieu(&[&["export", "--subject", &person][..], &to].concat())
    };
    let idle = adieu(&["requests"]).peak_kib;

    println!("1,000,000 rows of 12 columns from PostgreSQL, 242 MB as CSV");
    let (mut both, mut csv_alone, mut peak) = (Vec::new(), Vec::new(), 0);
    for round in 1..=3 {
        let reference = copied_and_zipped(&database, folder.path()).as_secs_f64();
        let (zip, csv) = (export("zip"), export("csv"));
        peak = peak.max(zip.peak_kib).max(csv.peak_kib);
        let (zip, csv) = (zip.wall.as_secs_f64(), csv.wall.as_secs_f64());
        both.push(zip / reference);
        csv_alone.push(csv / reference);
        println!(
            "  round {round}: psql \\copy | zip -6 {reference:.2} s; adieu CSV and JSON {zip:.2} s; adieu CSV {csv:.2} s"
        );
    }
    for (what, mut ratios, wanted) in [("CSV and JSON", both, 0.75), ("CSV alone", csv_alone, 0.45)]
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

fn copied_and_zipped(database: &str, folder: &Path) -> Duration {
    let copy = format!("\\copy (SELECT * FROM orders WHERE subject_id = '{PERSON}') TO STDOUT CSV");
    let _ = fs::remove_file(folder.join("reference.zip"));
    let begun = Instant::now();
    let mut psql = postgres()
        .psql(database)
        .args(["-c", &copy])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let zipped = Command::new("zip")
        .args(["-q", "-6", "reference.zip", "-"])
        .current_dir(folder)
        .stdin(psql.stdout.take().unwrap())
        .status()
        .unwrap();
    assert!(zipped.success() && psql.wait().unwrap().success());
    begun.elapsed()
}
