//! A gateway whose archives lie in a bucket, by one URL in its configuration.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::io::Read as _;
use std::time::Duration;

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
    let text = toml(&format!(
        "url = \"s3://{}/archives/?endpoint=http://127.0.0.1:{}\"\n\
         credentials = {{ access_key_id = \"AKIAEXAMPLE\", secret_access_key = \"secret\" }}",
        bucket.name,
        moto().port
    ));
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
