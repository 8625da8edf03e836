//! The figures of BENCHMARKS.md, measured in one run: `cargo bench -p adieu-tests`.
//!
//! Times are ratios to a reference that runs right before and after; memory is the peak of the whole process.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)] // it prints, and stops when it cannot measure

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adieu::engine::{MasterKey, Options, Store};
use adieu::{Connector, Engine, Format, Identity, NewRequest, Status, Subject};
use adieu_testkit::memory::{MemorySystem, Table};
use adieu_tests::Took;
use rusqlite::Connection;

const MANY: usize = 1_000_000;
const FEW: usize = 10_000;

fn main() {
    let only = std::env::args()
        .nth(1)
        .filter(|argument| !argument.starts_with("--"));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    if wanted("rows") {
        rows();
    }
    if wanted("fan-out") {
        fan_out();
    }
}

/// One collection of a million rows from SQLite into a ZIP of CSV and JSON, against `sqlite3 -csv | zip -6` for the CSV alone.
fn rows() {
    let program = release_program();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make_events(&folder.join("many.db"), MANY);
    make_events(&folder.join("few.db"), FEW);
    for name in ["many", "few"] {
        fs::write(folder.join(format!("{name}.toml")), config(name)).unwrap();
    }
    let idle = run(&program, folder, "few", &["requests"]).peak_kib;
    let few = run(&program, folder, "few", &export(folder, "few", "zip"));

    println!("1,000,000 rows of SQLite, about 200 bytes each");
    let mut ratios = Vec::new();
    let mut csv_ratios = Vec::new();
    let mut peak = 0;
    for round in 1..=3 {
        let reference = sqlite3_zip(folder);
        let many = run(&program, folder, "many", &export(folder, "many", "zip"));
        let csv = run(&program, folder, "many", &export(folder, "many", "csv"));
        peak = peak.max(many.peak_kib);
        ratios.push(many.wall.as_secs_f64() / reference.as_secs_f64());
        csv_ratios.push(csv.wall.as_secs_f64() / reference.as_secs_f64());
        println!(
            "  round {round}: sqlite3 -csv | zip -6 {:.2} s; adieu CSV and JSON {:.2} s; adieu CSV {:.2} s",
            reference.as_secs_f64(),
            many.wall.as_secs_f64(),
            csv.wall.as_secs_f64()
        );
    }
    println!(
        "  CSV and JSON, ratio to the reference: {:.2} (median; at most 1.00 wanted)",
        median(&mut ratios)
    );
    println!(
        "  CSV alone, ratio to the reference: {:.2} (median)",
        median(&mut csv_ratios)
    );
    println!(
        "  peak memory: {} MiB; idle {} MiB; above idle {} MiB (at most 64 wanted); with 10,000 rows {} MiB (within 8 of it wanted)",
        peak / 1024,
        idle / 1024,
        peak.saturating_sub(idle) / 1024,
        few.peak_kib / 1024
    );
}

/// Eight systems of 100 ms each, asked at once.
fn fan_out() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut bare = Vec::new();
        let mut slow = Vec::new();
        for round in 0..11 {
            for (times, latency) in [(&mut bare, Duration::ZERO), (&mut slow, Duration::from_millis(100))] {
                let folder = tempfile::tempdir().unwrap();
                let engine = eight(folder.path(), latency).await;
                let subject = Subject::new([Identity::new("user_id", "u-1").unwrap()]);
                let (request, _) = engine.submit(NewRequest::export(subject, Format::Zip)).await.unwrap();
                let begun = Instant::now();
                let done = engine.run(request.id, Duration::from_secs(60)).await.unwrap();
                assert_eq!(done.status, Status::Completed);
                if round > 0 {
                    times.push(begun.elapsed().as_secs_f64() * 1000.0);
                }
            }
        }
        let (bare, slow) = (median(&mut bare), median(&mut slow));
        println!("Fan-out over 8 connectors of 100 ms each");
        println!("  the engine's own bookkeeping (the same with 0 ms): {bare:.1} ms");
        println!("  in all: {slow:.1} ms; beyond 100 ms and the bookkeeping: {:.1} ms (at most 10 wanted)", slow - 100.0 - bare);
    });
}

async fn eight(folder: &Path, latency: Duration) -> Engine {
    let store = Store::open(&folder.join("adieu.db"), &MasterKey::generate().unwrap())
        .await
        .unwrap();
    let connectors = (0..8)
        .map(|n| {
            let system = MemorySystem::new();
            system
                .create(Table::new("records").found_by("user_id", "user"))
                .unwrap();
            system
                .put("records", "1", serde_json::json!({"user": "u-1", "n": n}))
                .unwrap();
            system.set_latency(latency, latency, n);
            Arc::new(system.connector(&format!("system-{n}")).unwrap()) as Arc<dyn Connector>
        })
        .collect();
    Engine::new(store, connectors, Options::default()).unwrap()
}

fn make_events(path: &Path, rows: usize) {
    let database = Connection::open(path).unwrap();
    database
        .execute_batch(&format!(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
             INSERT INTO users VALUES (1, 'heavy@example.com'), (2, 'other@example.com');
             CREATE TABLE events (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, at TEXT NOT NULL, kind TEXT NOT NULL,
                 amount NUMERIC, ip TEXT, agent TEXT, path TEXT);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO events SELECT i, 1, strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i, 'unixepoch'),
                 CASE i % 3 WHEN 0 THEN 'login' WHEN 1 THEN 'view' ELSE 'logout' END, round((i * 7919 % 1000003) / 100.0, 2),
                 '10.' || i % 250 || '.' || (i / 250) % 250 || '.7',
                 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36',
                 '/page/' || (i * 2654435761 % 4294967296) || '/' || i FROM n;
             INSERT INTO events SELECT 100000000 + id, 2, at, kind, amount, ip, agent, path FROM events LIMIT 1000;
             CREATE INDEX e ON events (user_id);"
        ))
        .unwrap();
}

fn config(name: &str) -> String {
    format!(
        "[store]\nurl = \"sqlite:{name}-adieu.db\"\nkey = \"env:ADIEU_BENCH_KEY\"\n\n[[connector]]\nname = \"shop\"\nkind = \"sql\"\n\
         url = \"sqlite:{name}.db\"\n\n[connector.table.users]\nsubject = {{ user_id = \"id\", email = \"email\" }}\nerase = \"delete\"\n\n\
         [connector.table.events]\nreferences = {{ user_id = \"users.id\" }}\nerase = \"delete\"\n"
    )
}

fn export(folder: &Path, name: &str, format: &str) -> Vec<String> {
    let out = folder.join(format!("{name}.{format}.zip"));
    [
        "export",
        "--subject",
        "user_id=1",
        "--force",
        "--json",
        "--format",
        format,
        "--out",
    ]
    .iter()
    .map(|argument| (*argument).to_owned())
    .chain([out.display().to_string()])
    .collect()
}

fn run<S: AsRef<std::ffi::OsStr>>(
    program: &Path,
    folder: &Path,
    name: &str,
    arguments: &[S],
) -> Took {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg("--config")
        .arg(folder.join(format!("{name}.toml")))
        .env("ADIEU_BENCH_KEY", "11".repeat(32))
        .stdout(Stdio::null());
    adieu_tests::measured(&mut command)
}

fn sqlite3_zip(folder: &Path) -> Duration {
    let out = folder.join("reference.zip");
    let begun = Instant::now();
    let mut sqlite3 = Command::new("sqlite3")
        .args(["-csv", "-header"])
        .arg(folder.join("many.db"))
        .arg("SELECT * FROM events WHERE user_id = 1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = Command::new("zip")
        .args(["-q", "-6", "-", "-"])
        .stdin(sqlite3.stdout.take().unwrap())
        .stdout(File::create(&out).unwrap())
        .status()
        .unwrap();
    assert!(status.success() && sqlite3.wait().unwrap().success());
    begun.elapsed()
}

fn release_program() -> std::path::PathBuf {
    adieu_tests::program_with(&["--release"])
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
