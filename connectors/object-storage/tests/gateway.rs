//! A gateway whose archives lie in a bucket, by one URL in its configuration.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use adieu::engine::Kind;
use adieu::{Config, Format, NewRequest, Status};
use common::moto::{Bucket, moto};
use common::{person, put};

fn toml(archives: &str) -> String {
    format!(
        r#"
        [store]
        url = "sqlite:adieu.db"
        key = "file:key"

        [archives]
        {archives}

        [[connector]]
        name = "uploads"
        kind = "object-storage"
        url = "folder:uploads"
        prefixes = ["users/{{id}}/"]
        "#
    )
}

/// Archives lie in this bucket.
fn in_bucket(bucket: &Bucket) -> String {
    toml(&format!(
        "url = \"s3://{}/archives/?endpoint=http://127.0.0.1:{}\"\n\
         credentials = {{ access_key_id = \"AKIAEXAMPLE\", secret_access_key = \"secret\" }}",
        bucket.name,
        moto().port
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_lies_in_the_bucket_that_one_url_names() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        "uploads/users/7/letter.txt",
        b"to Ada Lovelace",
    );
    put(folder.path(), "key", "ab".repeat(32).as_bytes());
    let bucket = Bucket::with_versions();
    let text = in_bucket(&bucket);
    let config = Config::from_toml(&text, folder.path().join("adieu.toml")).unwrap();
    let engine = config.engine().await.unwrap();
    engine.check_archives().await.unwrap();

    let wanted = NewRequest::export(person(&[("id", "7")]), Format::Zip);
    let (request, _) = engine.submit(wanted).await.unwrap();
    let request = engine
        .run(request.id, Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(
        request.status,
        Status::Completed,
        "{:?}",
        request.exceptions
    );
    let [entry] = &bucket.entries()[..] else {
        panic!("one archive in the bucket: {:?}", bucket.entries());
    };
    assert!(entry.key.starts_with("archives/") && entry.key.ends_with(".age"));
    let beside = folder.path().join("adieu.db.files/archives");
    assert_eq!(std::fs::read_dir(beside).unwrap().count(), 0);

    let mut reader = engine.open_archive(request.id).await.unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut archive = Vec::new();
        reader.read_to_end(&mut archive).unwrap();
        archive
    });
    let archive = read.await.unwrap();
    assert_eq!(request.archive_bytes, Some(archive.len() as u64));
    assert!(archive.starts_with(b"PK\x03\x04"));
    let raw = bucket.ok("GET", &format!("/{}", entry.key), &[], b"").body;
    assert!(raw.starts_with(b"age-encryption.org/v1"));

    engine.forget(request.id).await.unwrap();
    assert!(bucket.entries().is_empty(), "no version is left");
    assert_eq!(engine.remove_orphaned_archives().await.unwrap(), 0);
}

/// Names the folder in which a process of this test's own works until it is killed.
const CHILD: &str = "ADIEU_TEST_ARCHIVES_CHILD";

/// How often it is killed.
const KILLS: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_while_its_archive_goes_up_leaves_nothing_that_is_not_found() {
    if let Some(folder) = std::env::var_os(CHILD) {
        export_until_killed(folder.as_ref()).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Several parts of an upload.
    let film: Vec<u8> = (0..30_u32 << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    put(folder.path(), "uploads/users/7/film.mp4", &film);
    put(folder.path(), "key", "ab".repeat(32).as_bytes());
    let bucket = Bucket::with_versions();
    let text = in_bucket(&bucket);
    put(folder.path(), "adieu.toml", text.as_bytes());
    let mut killed_at_work = 0;
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", THIS, "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Each round a little later, from before the upload to behind its last call.
        let uploads = || bucket.entries().iter().any(|entry| entry.kind == "Upload");
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until && !uploads() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(25) * round);
        killed_at_work += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(
        killed_at_work > KILLS / 3,
        "{killed_at_work} of {KILLS} were at work"
    );

    let config = Config::from_file(folder.path().join("adieu.toml")).unwrap();
    let engine = config.engine().await.unwrap();
    let ada = person(&[("id", "7")]);
    let requests = engine.requests(100).await.unwrap();
    for request in &requests {
        let ended = engine
            .run(request.id, Duration::from_secs(60))
            .await
            .unwrap();
        assert_eq!(ended.status, Status::Completed, "{:?}", ended.exceptions);
    }
    assert!(
        engine
            .unfinished(Kind::Export, &ada)
            .await
            .unwrap()
            .is_none()
    );
    engine.remove_orphaned_archives().await.unwrap();
    let kinds: Vec<&str> = bucket.entries().iter().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        vec!["Version"; requests.len()],
        "one archive for each request"
    );
    for request in requests {
        let mut reader = engine.open_archive(request.id).await.unwrap();
        let read = tokio::task::spawn_blocking(move || {
            let mut archive = Vec::new();
            reader.read_to_end(&mut archive).map(|_| archive)
        });
        let archive = read.await.unwrap().unwrap();
        assert!(archive.windows(film.len()).any(|bytes| bytes == film));
        engine.forget(request.id).await.unwrap();
    }
    assert!(bucket.entries().is_empty(), "{:?}", bucket.entries());
}

const THIS: &str =
    "a_process_that_is_killed_while_its_archive_goes_up_leaves_nothing_that_is_not_found";

/// Goes on with the export that is there, or begins one, again and again.
async fn export_until_killed(folder: &Path) {
    let config = Config::from_file(folder.join("adieu.toml")).unwrap();
    let engine = config.engine().await.unwrap();
    let ada = person(&[("id", "7")]);
    let id = match engine.unfinished(Kind::Export, &ada).await.unwrap() {
        Some(request) => request.id,
        None => {
            engine
                .submit(NewRequest::export(ada, Format::Zip))
                .await
                .unwrap()
                .0
                .id
        }
    };
    engine.run(id, Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn a_wrong_place_for_archives_is_told_with_its_line() {
    let text = toml("url = \"s3://bucket?regoin=x\"\ncredentials = { account_key = \"x\" }");
    let error = Config::from_toml(&text, "adieu.toml")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("archives.url") && error.contains("`regoin`"),
        "{error}"
    );
    let text = toml("url = \"folder:archives\"\ncredentials = {}");
    let error = Config::from_toml(&text, "adieu.toml")
        .unwrap_err()
        .to_string();
    assert!(error.contains("archives.credentials"), "{error}");
}
