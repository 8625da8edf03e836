//! What lies in a bucket after each call.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::Connector;
use adieu_testkit::Collector;
use common::moto::{Bucket, moto};
use common::{erase, export, person, survey};

fn missing(collected: &Collector) -> usize {
    collected
        .pages()
        .iter()
        .map(|page| page.missing.len())
        .sum()
}

/// Keys that something on the way could take for something else.
const ODD: &[&str] = &[
    "users/7/a b.txt",
    "users/7/a+b.txt",
    "users/7/a%2Fb.txt",
    "users/7/a%b.txt",
    "users/7/a#b.txt",
    "users/7/a?b=c&d.txt",
    "users/7/'single' \"double\" <tag> & more.txt",
    "users/7/Ünïcödé 名前 🗝.txt",
    "users/7/e\u{301} and é.txt",
    "users/7//two//slashes.txt",
    "users/7/ white space at its edges ",
    "users/7/folder/",
    "users/7/*",
    "users/7/=,;:@$!~()[]{}|^`.txt",
];

#[tokio::test]
async fn odd_keys_are_exported_under_their_names_and_erased() {
    let bucket = Bucket::with_versions();
    for key in ODD {
        bucket.put(key, key.as_bytes());
    }
    bucket.put("users/70/a.txt", b"somebody else's");
    let connector = bucket.connector(&["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);

    let collected = export(&connector, &subject, 3).await;
    let mut found: Vec<(&str, &[u8])> = collected
        .attachments()
        .map(|(one, bytes)| (one.name.as_str(), bytes))
        .collect();
    found.sort_unstable();
    let mut wanted: Vec<(&str, &[u8])> = ODD.iter().map(|key| (*key, key.as_bytes())).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);

    assert_eq!(
        erase(&connector, &subject, 4).await.erase(),
        ODD.len() as u64
    );
    assert_eq!(bucket.keys(), ["users/70/a.txt"]);
    assert!(survey(&connector, &subject).await.unwrap().is_empty());
}

#[tokio::test]
async fn every_version_and_marker_and_unfinished_upload_goes() {
    let bucket = Bucket::with_versions();
    for n in 0..7 {
        bucket.put("users/7/a.txt", format!("version {n}").as_bytes());
    }
    bucket.delete("users/7/a.txt");
    bucket.delete("users/7/a.txt");
    bucket.put("users/7/a.txt", b"once more");
    bucket.put("users/7/b.txt", b"b");
    bucket.delete("users/7/b.txt");
    bucket.begin_upload("users/7/film.mp4");
    bucket.begin_upload("users/7/film.mp4");
    bucket.begin_upload("users/70/film.mp4");
    bucket.put("users/70/a.txt", b"somebody else's");
    let others: Vec<_> = bucket
        .entries()
        .into_iter()
        .filter(|one| one.key.contains("/70/"))
        .collect();
    let connector = bucket.connector(&["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);

    let before = survey(&connector, &subject).await.unwrap();
    // Eight versions and two markers, one of each, two uploads.
    assert_eq!(before.erase(), 8 + 2 + 1 + 1 + 2);
    let collected = export(&connector, &subject, 2).await;
    let contents: Vec<&[u8]> = collected.attachments().map(|(_, bytes)| bytes).collect();
    assert_eq!(contents.len(), 9);
    assert_eq!(contents[0], b"once more");
    assert_eq!(contents[7], b"version 0");
    assert_eq!(missing(&collected), 2, "the uploads are named");
    let rows: Vec<_> = collected.records().collect();
    assert_eq!(
        rows.iter().filter(|row| row["is_current"] == true).count(),
        1
    );

    let done = erase(&connector, &subject, 3).await;
    assert_eq!((done.erase(), done.failed().len()), (14, 0));
    assert_eq!(bucket.entries(), others);
    assert!(survey(&connector, &subject).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_bucket_that_never_kept_versions_and_one_that_stopped_are_emptied() {
    let never = Bucket::new();
    let stopped = Bucket::new();
    stopped.put("users/7/first.txt", b"before there were versions");
    stopped.versioning("Enabled");
    stopped.put("users/7/a.txt", b"one");
    stopped.put("users/7/a.txt", b"two");
    stopped.versioning("Suspended");
    stopped.put("users/7/a.txt", b"three");
    stopped.put("users/7/b.txt", b"b");
    for bucket in [&never, &stopped] {
        bucket.put("users/7/c.txt", b"c");
        bucket.put("users/8/c.txt", b"somebody else's");
        let connector = bucket.connector(&["users/{id}/"], &[]);
        let subject = person(&[("id", "7")]);
        let held = survey(&connector, &subject).await.unwrap().erase();
        assert_eq!(erase(&connector, &subject, 2).await.erase(), held);
        assert_eq!(bucket.keys(), ["users/8/c.txt"]);
    }
}

#[tokio::test]
async fn what_is_locked_stays_with_its_date_and_so_does_the_marker_over_it() {
    let bucket = Bucket::with_locks();
    let lock = [
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        (
            "x-amz-object-lock-retain-until-date",
            "2099-03-01T00:00:00Z",
        ),
    ];
    bucket.put("users/7/free.txt", b"may go");
    bucket.put_with("users/7/locked.txt", b"must stay", &lock);
    bucket.put("users/7/locked.txt", b"a newer version that may go");
    bucket.delete("users/7/locked.txt");
    bucket.put_with(
        "users/7/held.txt",
        b"in court",
        &[("x-amz-object-lock-legal-hold", "ON")],
    );
    bucket.delete("users/7/free.txt");
    let connector = bucket.connector(&["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);

    let before = survey(&connector, &subject).await.unwrap();
    let done = erase(&connector, &subject, 2).await;
    assert_eq!(before, done);
    assert_eq!(done.erase(), 3);
    let [locked, held] = done.retained() else {
        panic!("{done:?}");
    };
    assert_eq!((locked.records, held.records), (2, 1));
    assert_eq!(locked.until.unwrap().last.to_string(), "2099-03-01");
    assert_eq!(held.until, None);
    let left: Vec<_> = bucket
        .entries()
        .into_iter()
        .map(|one| (one.kind, one.key))
        .collect();
    let stays = |kind, key: &str| (kind, key.to_owned());
    assert_eq!(
        left,
        [
            stays("DeleteMarker", "users/7/locked.txt"),
            stays("Version", "users/7/held.txt"),
            stays("Version", "users/7/locked.txt"),
        ]
    );
    assert_eq!(survey(&connector, &subject).await.unwrap().pending(), 0);
}

#[tokio::test]
async fn a_key_that_leads_up_is_erased_itself_and_read_as_nobody_elses() {
    let bucket = Bucket::new();
    bucket.put("users/8/a.txt", b"somebody else's");
    bucket.put("users/7/../8/a.txt", b"a key with dots in it");
    if bucket.keys() != ["users/7/../8/a.txt", "users/8/a.txt"] {
        panic!("the server tidied the key up: {:?}", bucket.keys());
    }
    let connector = bucket.connector(&["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);
    let collected = export(&connector, &subject, 9).await;
    assert_eq!(collected.attachments().count(), 0);
    assert_eq!(missing(&collected), 1);
    assert_eq!(erase(&connector, &subject, 9).await.erase(), 1);
    assert_eq!(bucket.keys(), ["users/8/a.txt"]);
}

#[tokio::test]
async fn an_object_keeps_its_type_times_and_metadata() {
    let bucket = Bucket::new();
    bucket.put_with(
        "users/7/photo",
        b"pixels",
        &[
            ("Content-Type", "image/x-own"),
            ("Content-Disposition", "attachment; filename=\"me.jpg\""),
            ("x-amz-meta-taken-by", "Ada"),
        ],
    );
    let connector = bucket.connector(&["users/{id}/"], &[]);
    let collected = export(&connector, &person(&[("id", "7")]), 9).await;
    let (photo, bytes) = collected.attachments().next().unwrap();
    assert_eq!(bytes, b"pixels");
    assert_eq!(photo.media_type.as_deref(), Some("image/x-own"));
    assert!(photo.modified_at.is_some());
    assert_eq!(photo.metadata["taken-by"], "Ada");
    assert_eq!(
        photo.metadata["content-disposition"],
        "attachment; filename=\"me.jpg\""
    );
}

#[tokio::test]
async fn two_thousand_versions_go_in_full_batches() {
    let bucket = Bucket::new();
    for n in 0..1_200 {
        bucket.put(&format!("users/7/{n:04}"), b"x");
    }
    bucket.put("users/8/a", b"somebody else's");
    let connector = bucket.connector(&["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);
    assert_eq!(survey(&connector, &subject).await.unwrap().erase(), 1_200);
    assert_eq!(erase(&connector, &subject, 1_000).await.erase(), 1_200);
    assert_eq!(bucket.keys(), ["users/8/a"]);
}

#[tokio::test]
async fn check_names_the_bucket_that_is_not_there() {
    let url = format!(
        "s3://no-such-bucket?endpoint=http://127.0.0.1:{}",
        moto().port
    );
    let connector = common::moto::connector_at(&url, &["users/{id}/"], &[]);
    let error = connector.check().await.unwrap_err();
    assert!(error.to_string().contains("NoSuchBucket"), "{error}");
    let bucket = Bucket::new();
    bucket
        .connector(&["users/{id}/"], &[])
        .check()
        .await
        .unwrap();
}
