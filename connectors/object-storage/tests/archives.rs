//! The gateway's own archives in a bucket of each store: in parts, from any offset, gone with every version.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use adieu_core::{Body, ErrorKind, Setting};
use adieu_object_storage::{ArchiveBucket, ObjectStorageConfig};
use common::azurite::{Container, azurite};
use common::between::{Act, Between};
use common::gcs::GcsBucket;
use common::moto::{Bucket, config_at, moto};
use futures_util::TryStreamExt as _;

const PART_BYTES: usize = 8 << 20;

/// The bucket of a configuration, for archives under a folder of it.
fn archives(config: &ObjectStorageConfig) -> ArchiveBucket {
    #[allow(clippy::panic, reason = "no test has another kind of URL")]
    let Setting::Literal(url) = &config.url else {
        panic!("the tests' URLs are literal");
    };
    let (bucket, options) = url.expose().split_once('?').unwrap();
    let url = Setting::from(format!("{bucket}/archives/?{options}"));
    ArchiveBucket::new(&url, config.credentials.as_ref(), ".".as_ref()).unwrap()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * n % 251) as u8).collect()
}

async fn keep(archives: &ArchiveBucket, name: &str, content: &[u8]) {
    let mut upload = archives.begin(name).await.unwrap();
    for piece in content.chunks(300_000) {
        upload.write(piece).await.unwrap();
    }
    upload.finish().await.unwrap();
}

async fn whole(body: Body<'static>) -> Vec<u8> {
    let pieces: Vec<_> = body.try_collect().await.unwrap();
    pieces.concat()
}

async fn names(archives: &ArchiveBucket) -> Vec<String> {
    let mut names = archives.names();
    let mut all = Vec::new();
    while let Some(some) = names.next().await.unwrap() {
        all.extend(some);
    }
    all.sort();
    all.dedup();
    all
}

/// What every store must do.
async fn an_archive_comes_and_goes(config: &ObjectStorageConfig) {
    let archives = archives(config);
    archives.check().await.unwrap();
    assert!(archives.read("none.age", 0).await.unwrap().is_none());
    let long = bytes(2 * PART_BYTES + 1_234_567);
    for (name, content) in [
        ("short.age", b"short".as_slice()),
        ("long.age", &long),
        ("even.age", &long[..PART_BYTES]),
    ] {
        keep(&archives, name, content).await;
        let (length, body) = archives.read(name, 0).await.unwrap().unwrap();
        assert_eq!(length, content.len() as u64);
        assert!(whole(body).await == content, "{name}");
    }
    let from = PART_BYTES as u64 + 99;
    let (length, body) = archives.read("long.age", from).await.unwrap().unwrap();
    assert_eq!(length, long.len() as u64);
    assert!(whole(body).await == long[PART_BYTES + 99..]);

    // Written again, and begun again and left.
    keep(&archives, "short.age", b"second").await;
    let mut left = archives.begin("left.age").await.unwrap();
    left.write(&long).await.unwrap();
    drop(left);
    assert!(archives.read("left.age", 0).await.unwrap().is_none());
    for name in ["short.age", "long.age", "even.age", "left.age", "none.age"] {
        archives.remove(name).await.unwrap();
        assert!(archives.read(name, 0).await.unwrap().is_none());
    }
    assert!(names(&archives).await.is_empty());
}

#[tokio::test]
async fn s3_keeps_archives_and_lets_go_of_every_version() {
    let bucket = Bucket::with_versions();
    bucket.put("archives.txt", b"of somebody else");
    bucket.put("other/long.age", b"of somebody else");
    an_archive_comes_and_goes(&config_at(&bucket.url())).await;
    assert_eq!(bucket.keys(), ["archives.txt", "other/long.age"]);
}

#[tokio::test]
async fn google_keeps_archives() {
    let bucket = GcsBucket::new();
    bucket.put("other/long.age", b"of somebody else");
    an_archive_comes_and_goes(&bucket.config()).await;
    assert_eq!(bucket.entries().len(), 1);
}

#[tokio::test]
async fn azure_keeps_archives() {
    let container = Container::new().await;
    container.put("other/long.age", b"of somebody else").await;
    an_archive_comes_and_goes(&container.config()).await;
    assert_eq!(container.entries().await.len(), 1);
}

#[tokio::test]
async fn a_sweep_sees_what_was_finished_and_what_was_not() {
    let bucket = Bucket::with_versions();
    let archives = archives(&config_at(&bucket.url()));
    keep(&archives, "a.age", b"a").await;
    keep(&archives, "b.age", b"b").await;
    bucket.delete("archives/b.age");
    bucket.begin_upload("archives/c.age");
    bucket.put("archives.age", b"no archive");
    assert_eq!(names(&archives).await, ["a.age", "b.age", "c.age"]);
}

/// Writes an archive while only so many calls reach the server; what was begun then stays as a crash leaves it. Answers
/// whether it was written whole.
async fn crash_after(
    calls: usize,
    server: u16,
    config: impl Fn(u16) -> ObjectStorageConfig,
) -> bool {
    let seen = AtomicUsize::new(0);
    let between = Between::start(server, move |_| {
        if seen.fetch_add(1, Ordering::Relaxed) < calls {
            Act::Pass
        } else {
            // The process is gone: nothing that it would have sent arrives.
            Act::Answer("400 Bad Request", String::new())
        }
    });
    let archives = archives(&config(between.port));
    let long = bytes(2 * PART_BYTES + 5);
    let writing = async {
        let mut upload = archives.begin("crashed.age").await?;
        upload.write(&long).await?;
        upload.finish().await
    };
    writing.await.is_ok()
}

/// Nothing is to be seen of an archive that was not finished, and a sweep finds whatever is left of it.
async fn a_sweep_clears_up(archives: &ArchiveBucket, is_whole: bool, is_empty: bool) {
    let read = archives.read("crashed.age", 0).await.unwrap();
    assert_eq!(read.is_some(), is_whole);
    let found = names(archives).await;
    assert_eq!(found.is_empty(), is_empty, "what lies there is listed");
    for name in found {
        assert_eq!(name, "crashed.age");
        archives.remove(&name).await.unwrap();
    }
}

#[tokio::test]
async fn a_crash_at_any_call_to_s3_leaves_nothing_that_a_sweep_does_not_find() {
    let bucket = Bucket::with_versions();
    let config = |port| config_at(&bucket.url_at(port));
    let archives = archives(&config(moto().port));
    for calls in 0.. {
        let is_whole = crash_after(calls, moto().port, config).await;
        let is_empty = bucket.entries().is_empty();
        a_sweep_clears_up(&archives, is_whole, is_empty).await;
        assert_eq!(bucket.entries(), [], "after {calls} calls");
        if is_whole {
            // A listing, the beginning, three parts, putting them together.
            assert_eq!(calls, 6);
            return;
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_call_to_azure_leaves_nothing_that_a_sweep_does_not_find() {
    let container = Container::new().await;
    let config = |port| container.config_behind(port);
    let archives = archives(&container.config());
    for calls in 0.. {
        let is_whole = crash_after(calls, azurite().port, config).await;
        let is_empty = container.entries().await.is_empty();
        a_sweep_clears_up(&archives, is_whole, is_empty).await;
        assert!(container.entries().await.is_empty(), "after {calls} calls");
        if is_whole {
            // Three blocks, putting them together; blocks of another attempt are never taken for these.
            assert_eq!(calls, 4);
            return;
        }
    }
}

#[tokio::test]
async fn beginning_anew_clears_what_a_crash_left_and_nothing_else() {
    let bucket = Bucket::new();
    let archives = archives(&config_at(&bucket.url()));
    bucket.begin_upload("archives/a.age");
    bucket.begin_upload("archives/a.age.other");
    drop(archives.begin("a.age").await.unwrap());
    let left: Vec<String> = bucket
        .entries()
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    assert_eq!(left, ["archives/a.age.other"]);
}

#[tokio::test]
async fn a_part_whose_answer_was_lost_is_sent_again() {
    let bucket = Bucket::new();
    let lost = AtomicUsize::new(0);
    let between = Between::start(moto().port, move |call| {
        let line = call.head.lines().next().unwrap_or_default();
        if line.contains("partNumber=2") && lost.fetch_add(1, Ordering::Relaxed) == 0 {
            Act::CutAfter(1)
        } else {
            Act::Pass
        }
    });
    let archives = archives(&config_at(&bucket.url_at(between.port)));
    let long = bytes(2 * PART_BYTES + 5);
    keep(&archives, "a.age", &long).await;
    let (_, body) = archives.read("a.age", 0).await.unwrap().unwrap();
    assert!(whole(body).await == long);
    assert_eq!(between.count("partNumber=2"), 2);
}

#[tokio::test]
async fn a_place_for_archives_is_a_folder_of_a_bucket() {
    for (url, words) in [
        ("s3://bucket?region=x", "s3://BUCKET/archives/"),
        ("s3://bucket/archives?region=x", "ends in one `/`"),
        ("s3://bucket/../?region=x", "s3://BUCKET/archives/"),
        ("folder:archives", "s3://BUCKET/archives/"),
    ] {
        let found =
            ArchiveBucket::new(&Setting::from(url.to_owned()), None, ".".as_ref()).unwrap_err();
        assert!(
            found.iter().any(|one| one.to_string().contains(words)),
            "{url}: {found:?}"
        );
    }
    let bucket = Bucket::new();
    let archives = archives(&config_at(&bucket.url()));
    assert_eq!(
        archives.begin("../a").await.unwrap_err().kind(),
        ErrorKind::Internal
    );
}
