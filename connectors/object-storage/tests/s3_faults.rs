//! Connections that break off, servers that are tired, keys that fail for themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use adieu_core::{Connector, ErrorKind, Retry};
use common::between::{Act, Between, Call};
use common::moto::{Bucket, connector_at, moto};
use common::{erase, export, person, step, survey};

/// A rule that does something to the first few calls of a sort.
fn first(
    times: usize,
    of: &'static str,
    act: impl Fn() -> Act + Send + Sync + 'static,
) -> impl Fn(&Call) -> Act + Send + Sync + 'static {
    let done = AtomicUsize::new(0);
    move |call| {
        let line = call.head.lines().next().unwrap_or_default();
        if line.contains(of) && done.fetch_add(1, Ordering::Relaxed) < times {
            act()
        } else {
            Act::Pass
        }
    }
}

#[tokio::test]
async fn a_broken_connection_is_taken_up_where_it_ended_and_only_on_the_same_content() {
    let bucket = Bucket::new();
    let long: Vec<u8> = (0..900_000_u32).map(|n| (n % 251) as u8).collect();
    bucket.put("users/7/long.bin", &long);
    let between = Between::start(moto().port, first(3, "long.bin", || Act::CutAfter(200_000)));
    let connector = connector_at(&bucket.url_at(between.port), &["users/{id}/"], &[]);
    let collected = export(&connector, &person(&[("id", "7")]), 9).await;
    let (_, bytes) = collected.attachments().next().unwrap();
    assert_eq!(bytes, long);
    assert_eq!(between.count("long.bin"), 4);
}

#[tokio::test]
async fn an_object_that_changes_under_a_broken_connection_fails_the_step_and_is_never_mixed() {
    let bucket = Bucket::new();
    bucket.put("users/7/long.bin", &[1; 900_000]);
    let name = bucket.name.clone();
    let between = Between::start(
        moto().port,
        first(1, "long.bin", move || {
            // While the first answer breaks off, somebody writes the object anew.
            let path = format!("/{name}/users/7/long.bin");
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(20));
                let key = [(
                    "Authorization",
                    "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
                )];
                moto().call("PUT", &path, &key, &[2; 900_000]);
            });
            std::thread::sleep(std::time::Duration::from_millis(0));
            Act::CutAfter(500_000)
        }),
    );
    let connector = connector_at(&bucket.url_at(between.port), &["users/{id}/"], &[]);
    let mut collector = adieu_testkit::Collector::new(&connector.descriptor().collections[0]);
    let subject = person(&[("id", "7")]);
    let answer = collector.export_all(&connector, step(&subject, None)).await;
    match answer {
        // The second step, or a lucky first one, has one content only.
        Ok(_) => {
            let (_, bytes) = collector.attachments().next().unwrap();
            assert!(
                bytes.iter().all(|&byte| byte == bytes[0]),
                "two contents in one file"
            );
        }
        Err(error) => {
            assert_ne!(error.retry_advice(), Retry::Never);
            assert_eq!(collector.attachments().count(), 0);
        }
    }
}

#[tokio::test]
async fn an_object_that_vanishes_between_listing_and_reading_is_named_as_missing() {
    let bucket = Bucket::new();
    bucket.put("users/7/a.txt", b"a");
    bucket.put("users/7/b.txt", b"b");
    let name = bucket.name.clone();
    let between = Between::start(
        moto().port,
        first(1, "users/7/a.txt", move || {
            let key = [(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
            )];
            moto().call("DELETE", &format!("/{name}/users/7/a.txt"), &key, b"");
            Act::Pass
        }),
    );
    let connector = connector_at(&bucket.url_at(between.port), &["users/{id}/"], &[]);
    let collected = export(&connector, &person(&[("id", "7")]), 9).await;
    let names: Vec<&str> = collected
        .attachments()
        .map(|(one, _)| one.name.as_str())
        .collect();
    assert_eq!(names, ["users/7/b.txt"]);
    assert_eq!(collected.pages()[0].missing[0].0, "users/7/a.txt");
}

#[tokio::test]
async fn a_tired_server_is_asked_again_and_a_key_that_fails_for_a_passing_reason_too() {
    let bucket = Bucket::new();
    bucket.put("users/7/a.txt", b"a");
    bucket.put("users/7/b.txt", b"b");
    let tired = "<Error><Code>SlowDown</Code></Error>";
    let between = Between::start(
        moto().port,
        first(1, "versions=", move || {
            Act::Answer("503 Slow Down", tired.to_owned())
        }),
    );
    let connector = connector_at(&bucket.url_at(between.port), &["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);
    assert_eq!(survey(&connector, &subject).await.unwrap().erase(), 2);

    let partly = "<DeleteResult><Error><Key>users/7/a.txt</Key><VersionId>null</VersionId>\
                  <Code>InternalError</Code></Error></DeleteResult>";
    let between = Between::start(
        moto().port,
        first(1, "delete=", move || {
            Act::Answer("200 OK", partly.to_owned())
        }),
    );
    let connector = connector_at(&bucket.url_at(between.port), &["users/{id}/"], &[]);
    let done = erase(&connector, &subject, 9).await;
    // The key of which nothing was said is no success; the other was sent again.
    assert_eq!(done.erase(), 1);
    assert_eq!(done.failed()[0].kind, ErrorKind::Protocol);
    assert_eq!(bucket.keys(), ["users/7/b.txt"]);
    assert_eq!(erase(&connector, &subject, 9).await.erase(), 1);
    assert_eq!(bucket.keys(), [""; 0]);
}

#[tokio::test]
async fn a_key_that_may_not_be_deleted_is_counted_and_the_rest_goes() {
    let bucket = Bucket::with_versions();
    for n in 0..5 {
        bucket.put(&format!("users/7/{n}.txt"), b"x");
    }
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject",
        "Resource":"arn:aws:s3:::{}/users/7/2.txt"}}]}}"#,
        bucket.name
    );
    bucket.ok("PUT", "?policy", &[], policy.as_bytes());
    let connector = bucket.connector(&["users/{id}/"], &[]);
    let done = erase(&connector, &person(&[("id", "7")]), 2).await;
    assert_eq!((done.erase(), done.failed()[0].records), (4, 1));
    assert_eq!(done.failed()[0].kind, ErrorKind::Forbidden);
    assert_eq!(bucket.keys(), ["users/7/2.txt"]);
}

#[tokio::test]
async fn a_server_without_versions_is_asked_for_them_once() {
    let bucket = Bucket::new();
    for n in 0..5 {
        bucket.put(&format!("users/7/{n}.txt"), b"x");
    }
    bucket.put("users/70/a.txt", b"somebody else's");
    // As R2 answers; moto would know.
    let unknown = "<Error><Code>NotImplemented</Code></Error>";
    let between = Between::start(
        moto().port,
        first(usize::MAX, "versions=", move || {
            Act::Answer("501 Not Implemented", unknown.to_owned())
        }),
    );
    let connector = connector_at(&bucket.url_at(between.port), &["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);
    assert_eq!(survey(&connector, &subject).await.unwrap().erase(), 5);
    assert_eq!(
        export(&connector, &subject, 2).await.attachments().count(),
        5
    );
    assert_eq!(erase(&connector, &subject, 2).await.erase(), 5);
    assert_eq!(bucket.keys(), ["users/70/a.txt"]);
    assert_eq!(between.count("versions="), 1);
}

#[tokio::test]
async fn a_store_that_lists_what_it_removed_is_not_asked_for_ever() {
    let bucket = Bucket::new();
    for n in 0..4 {
        bucket.put(&format!("users/7/{n}.txt"), b"x");
    }
    let between = Between::start(moto().port, |call| {
        if !call
            .head
            .lines()
            .next()
            .unwrap_or_default()
            .contains("delete=")
        {
            return Act::Pass;
        }
        // It says yes and does nothing.
        let asked = String::from_utf8_lossy(&call.body).into_owned();
        let done = asked
            .replace("<Object>", "<Deleted>")
            .replace("</Object>", "</Deleted>");
        Act::Answer("200 OK", done)
    });
    let connector = connector_at(&bucket.url_at(between.port), &["users/{id}/"], &[]);
    let subject = person(&[("id", "7")]);
    let two = 2.try_into().unwrap();
    let first = connector
        .erase(&step(&subject, None).at_most(two))
        .await
        .unwrap();
    let error = connector
        .erase(&step(&subject, first.next).at_most(two))
        .await
        .unwrap_err();
    assert_eq!(error.retry_advice(), Retry::WithBackoff);
}

#[tokio::test]
async fn what_a_right_is_missing_for_is_said() {
    let bucket = Bucket::new();
    let denied = "<Error><Code>AccessDenied</Code></Error>";
    let between = Between::start(
        moto().port,
        first(usize::MAX, "uploads=", move || {
            Act::Answer("403 Forbidden", denied.to_owned())
        }),
    );
    let connector = connector_at(&bucket.url_at(between.port), &["users/{id}/"], &[]);
    let error = connector.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(
        error.what().contains("s3:ListBucketMultipartUploads"),
        "{error}"
    );
}
