//! Very many versions, against a server in the test's own process.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::time::Instant;

use common::loopback::Loopback;
use common::moto::connector_at;
use common::{erase, person};

const THEIRS: u32 = 100_000;
const OTHERS: u32 = 200_000;

/// A hundred thousand versions of one person, four of each object, among two hundred thousand objects of others.
fn crowd() -> Loopback {
    let theirs = (0..THEIRS).map(|n| (format!("users/7/{:06}.txt", n / 4), n % 4 + 1, 1));
    let others = (0..OTHERS).map(|n| (format!("users/{}/{n:06}.txt", 8 + n % 5_000), 1, 1));
    Loopback::start(theirs.chain(others))
}

#[tokio::test]
async fn a_hundred_thousand_versions_take_hardly_more_calls_than_their_pages_and_batches() {
    let server = crowd();
    let connector = connector_at(&server.url(), &["users/{id}/"], &[]);
    let begin = Instant::now();
    let done = erase(&connector, &person(&[("id", "7")]), 1_000).await;
    let took = begin.elapsed();
    assert_eq!((done.erase(), done.failed().len()), (u64::from(THEIRS), 0));
    let left = server.versions.lock().unwrap();
    assert_eq!(left.len(), OTHERS as usize);
    assert!(left.keys().all(|(key, _)| !key.starts_with("users/7/")));
    let floor = u64::from(THEIRS) / 1_000 * 2;
    let calls = server.total_calls();
    println!(
        "{calls} calls, {:.3} of the floor, {took:.1?}",
        calls as f64 / floor as f64
    );
    assert!(
        calls * 100 <= floor * 105,
        "{calls} calls: {:?}",
        server.calls
    );
}
