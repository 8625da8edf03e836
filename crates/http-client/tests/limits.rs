//! What all calls of an account share.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adieu_http_client::{Account, Rate};
use common::{answer, client, serve};
use futures_util::future::join_all;

#[tokio::test]
async fn clients_of_one_account_share_its_places() {
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (inside, peak) = (Arc::clone(&now), Arc::clone(&most));
    let (address, calls) = serve(move |_, _| {
        let (inside, peak) = (Arc::clone(&inside), Arc::clone(&peak));
        async move {
            peak.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            answer(200, "")
        }
    })
    .await;
    let account = Account::new(None, 3.try_into().unwrap());
    let one = client(address)
        .account(account.clone())
        .answer_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    let other = client(address)
        .account(account)
        .answer_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    let both = [one, other];
    join_all((0..30).map(|number| both[number % 2].get("/things").send())).await;
    assert_eq!(calls.load(Ordering::SeqCst), 30);
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn no_span_of_a_second_holds_more_calls_than_the_rate_also_when_calls_fail() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&times);
    let (address, _) = serve(move |number, _| {
        noted.lock().unwrap().push(Instant::now());
        async move { answer(if number % 3 == 0 { 429 } else { 200 }, "") }
    })
    .await;
    let client = client(address)
        .rate(Rate::per_second(40.try_into().unwrap()))
        .build()
        .unwrap();
    join_all((0..60).map(|_| client.get("/things").send())).await;
    let times = times.lock().unwrap();
    assert!(times.len() > 60, "nothing was sent again");
    let most = times.iter().map(|begin| {
        times
            .iter()
            .filter(|at| *at >= begin && at.duration_since(*begin) < Duration::from_secs(1))
            .count()
    });
    // One more than the rate where the clock of the server bunches two of them.
    assert!(most.max().unwrap() <= 41);
}
