//! Manifests: objects that list the keys of a person's other objects.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::path::Path;

use adieu_core::{Connector, ConnectorName, ErrorKind, Retry, Setting, Subject};
use adieu_object_storage::{
    ManifestFormat, ManifestRule, ObjectStorageConfig, ObjectStorageConnector,
};
use adieu_testkit::discover;
use common::moto::{Bucket, config_at};
use common::{erase, export, person, put, survey, tree};

fn connector(config: ObjectStorageConfig, object: &str, folder: &Path) -> ObjectStorageConnector {
    let config = ObjectStorageConfig {
        prefixes: vec!["users/{id}/".to_owned()],
        keys: vec!["file_key".to_owned()],
        manifests: vec![ManifestRule {
            object: object.to_owned(),
            format: ManifestFormat::Lines,
            field: Some("key".to_owned()),
            yields: "file_key".to_owned(),
        }],
        ..config
    };
    let name = ConnectorName::new("uploads").unwrap();
    ObjectStorageConnector::new(name, &config, folder).unwrap()
}

fn lines(keys: &[&str]) -> Vec<u8> {
    let lines = keys
        .iter()
        .map(|key| serde_json::json!({ "key": key }).to_string() + "\n");
    lines.collect::<String>().into_bytes()
}

async fn known(connector: &dyn Connector) -> Subject {
    discover(connector, person(&[("id", "7")])).await.unwrap()
}

#[tokio::test]
async fn what_a_manifest_lists_is_exported_and_erased_with_it() {
    let bucket = Bucket::with_versions();
    for key in [
        "loose/a.txt",
        "loose/b.txt",
        "loose/c.txt",
        "users/7/own.txt",
        "users/8/own.txt",
    ] {
        bucket.put(key, key.as_bytes());
    }
    // What it listed before is somebody else's now.
    bucket.put("lists/7.jsonl", &lines(&["loose/c.txt"]));
    bucket.put(
        "lists/7.jsonl",
        &lines(&[
            "loose/a.txt",
            "loose/b.txt",
            "loose/none.txt",
            "users/8/own.txt",
        ]),
    );
    bucket.put("lists/8.jsonl", &lines(&["loose/c.txt"]));
    let connector = connector(config_at(&bucket.url()), "lists/{id}.jsonl", ".".as_ref());
    let subject = known(&connector).await;

    let held = survey(&connector, &subject).await.unwrap();
    // Two objects, the manifest's two versions and the one in the prefix.
    assert_eq!(held.erase(), 2 + 2 + 1);
    let collected = export(&connector, &subject, 2).await;
    let mut names: Vec<&str> = collected
        .attachments()
        .map(|(one, _)| one.name.as_str())
        .collect();
    names.dedup();
    assert_eq!(
        names,
        [
            "lists/7.jsonl",
            "loose/a.txt",
            "loose/b.txt",
            "users/7/own.txt"
        ]
    );
    // That a key is somebody else's is said, and not followed.
    let missing: Vec<_> = collected
        .pages()
        .iter()
        .flat_map(|page| &page.missing)
        .collect();
    assert_eq!(missing[0].0, "users/8/own.txt");
    assert_eq!(missing.len(), 1);

    // The keys are known from before, so the order in which things go does not count.
    assert_eq!(erase(&connector, &subject, 1).await.erase(), 5);
    assert_eq!(
        bucket.keys(),
        ["lists/8.jsonl", "loose/c.txt", "users/8/own.txt"]
    );
    assert!(survey(&connector, &subject).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_manifest_in_the_persons_own_prefix_is_met_once() {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        "users/7/list.jsonl",
        &lines(&["loose/a.txt", "users/7/own.txt"]),
    );
    put(folder.path(), "users/7/own.txt", b"own");
    put(folder.path(), "loose/a.txt", b"a");
    put(folder.path(), "loose/b.txt", b"somebody else's");
    let config = ObjectStorageConfig::new(Setting::from("folder:.".to_owned()));
    let connector = connector(config, "users/{id}/list.jsonl", folder.path());
    let subject = known(&connector).await;
    assert_eq!(
        export(&connector, &subject, 1).await.attachments().count(),
        3
    );
    assert_eq!(erase(&connector, &subject, 2).await.erase(), 3);
    let left: Vec<String> = tree(folder.path()).into_keys().collect();
    assert_eq!(left, ["loose/", "loose/b.txt", "users/"]);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_stops_the_discovery() {
    let folder = tempfile::tempdir().unwrap();
    let config = || ObjectStorageConfig::new(Setting::from("folder:.".to_owned()));
    let connector = connector(config(), "lists/{id}.jsonl", folder.path());
    std::fs::create_dir_all(folder.path().join("users")).unwrap();
    // None is no mistake.
    assert_eq!(known(&connector).await, person(&[("id", "7")]));
    let long = vec![b'\n'; (16 << 20) + 1];
    for (content, kind) in [
        (b"loose/a.txt".as_slice(), ErrorKind::Protocol),
        (b"{\"key\":7}", ErrorKind::Protocol),
        (b"{\"key\":\"\"}", ErrorKind::Protocol),
        (b"\xff", ErrorKind::Protocol),
        (&long, ErrorKind::Unsupported),
    ] {
        put(folder.path(), "lists/7.jsonl", content);
        let error = discover(&connector, person(&[("id", "7")]))
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.retry_advice()), (kind, Retry::Never));
    }
}
