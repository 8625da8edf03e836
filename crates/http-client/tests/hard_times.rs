//! Servers that refuse, hang, break off and act before they fail.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use adieu_core::{ConnectorError, Effect, ErrorKind, Retry};
use adieu_http_client::Verdict;
use common::{answer, answer_with, client, raw, serve, write};
use futures_util::TryStreamExt;
use futures_util::future::join_all;

fn axes(error: &ConnectorError) -> (ErrorKind, Effect) {
    (error.kind(), error.effect_seen())
}

#[tokio::test]
async fn a_refusal_is_sent_again_after_the_time_that_was_asked_for() {
    let (address, calls) = serve(|number, _| async move {
        match number {
            0 => answer_with(429, "retry-after", "1"),
            _ => answer(200, "{\"ok\":true}"),
        }
    })
    .await;
    let client = client(address).build().unwrap();
    let begun = Instant::now();
    // Without an idempotency key: a refused call was not acted upon.
    let response = client.post("/things").send().await.unwrap();
    assert_eq!(response.success().unwrap().json().unwrap()["ok"], true);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_handed_on_and_holds_for_everybody() {
    let (address, calls) =
        serve(|_, _| async move { answer_with(429, "ratelimit", "\"default\";r=0;t=300") }).await;
    let client = client(address).build().unwrap();
    for _ in 0..3 {
        let outcome = client.get("/things").send().await;
        let error = outcome
            .and_then(adieu_http_client::Response::success)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(
            matches!(error.retry_advice(), Retry::After(wait) if wait > Duration::from_secs(290)),
            "{error:?}"
        );
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1, "the pause was not kept");
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_not_overdrawn() {
    let (address, calls) = serve(|_, _| async move {
        let mut ok = answer(200, "{}");
        ok.headers_mut()
            .insert("ratelimit-remaining", "0".parse().unwrap());
        ok.headers_mut()
            .insert("ratelimit-reset", "1".parse().unwrap());
        ok
    })
    .await;
    let client = client(address).build().unwrap();
    client.get("/a").send().await.unwrap();
    let begun = Instant::now();
    client.get("/b").send().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(900));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_failure_after_acting_is_sent_again_only_with_an_idempotency_key() {
    let (address, calls) = serve(|number, _| async move {
        if number % 2 == 0 {
            answer(500, "")
        } else {
            answer(200, "")
        }
    })
    .await;
    let client = client(address).build().unwrap();

    let once = client.post("/charge").send().await.unwrap().error();
    assert_eq!(axes(&once), (ErrorKind::Unavailable, Effect::Unknown));
    assert_eq!(calls.swap(0, Ordering::SeqCst), 1);

    client
        .post("/charge")
        .idempotency_key("k1")
        .send()
        .await
        .unwrap()
        .success()
        .unwrap();
    assert_eq!(calls.swap(0, Ordering::SeqCst), 2);
    client
        .post("/search")
        .repeatable()
        .send()
        .await
        .unwrap()
        .success()
        .unwrap();
    assert_eq!(calls.swap(0, Ordering::SeqCst), 2);
    client
        .delete("/thing")
        .send()
        .await
        .unwrap()
        .success()
        .unwrap();
    assert_eq!(calls.swap(0, Ordering::SeqCst), 2);

    // Where the first deletion only deactivates.
    let once = client.delete("/thing").once().send().await.unwrap().error();
    assert_eq!(axes(&once), (ErrorKind::Unavailable, Effect::Unknown));
    assert_eq!(calls.swap(0, Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_hangs_times_out_and_its_effect_is_unknown() {
    let (address, calls) = serve(|_, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        answer(200, "")
    })
    .await;
    let client = client(address)
        .answer_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let error = client.get("/things").send().await.unwrap_err();
    assert_eq!(axes(&error), (ErrorKind::TimedOut, Effect::None));
    assert_eq!(calls.swap(0, Ordering::SeqCst), 4);
    let error = client.post("/things").send().await.unwrap_err();
    assert_eq!(axes(&error), (ErrorKind::TimedOut, Effect::Unknown));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_drops_within_the_body_is_sent_again() {
    let (address, calls) = raw(|number, mut stream| async move {
        let body = if number < 2 {
            "{\"who\":"
        } else {
            "{\"who\":1}"
        };
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n";
        write(&mut stream, &format!("{head}{body}")).await;
    })
    .await;
    let client = client(address).build().unwrap();
    let whole = client.get("/things").send().await.unwrap();
    assert_eq!(whole.json().unwrap()["who"], 1);
    assert_eq!(calls.swap(0, Ordering::SeqCst), 3);
    let error = client.post("/things").send().await.unwrap_err();
    assert_eq!(axes(&error), (ErrorKind::Unavailable, Effect::Unknown));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let (address, _) = raw(|_, mut stream| async move {
        write(
            &mut stream,
            "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n",
        )
        .await;
        for _ in 0..10_000 {
            write(&mut stream, "a").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let client = client(address)
        .body_timeout(Duration::from_millis(150))
        .build()
        .unwrap();
    let begun = Instant::now();
    let error = client.post("/things").send().await.unwrap_err();
    assert_eq!(axes(&error), (ErrorKind::TimedOut, Effect::Unknown));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_body_without_end_is_refused_declared_or_not() {
    let (address, calls) = raw(|number, mut stream| async move {
        let head = if number == 0 {
            "HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\n"
        } else {
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
        };
        write(&mut stream, head).await;
        for _ in 0..4_000 {
            write(&mut stream, &"x".repeat(1024)).await;
        }
    })
    .await;
    let client = client(address)
        .max_body_bytes(64 * 1024)
        .body_timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    for _ in 0..2 {
        let error = client.get("/things").send().await.unwrap_err();
        assert_eq!(axes(&error), (ErrorKind::Protocol, Effect::None));
        assert_eq!(error.retry_advice(), Retry::Never);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2, "it was asked for again");
}

#[tokio::test]
async fn nobody_there_means_that_nothing_was_done() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client(address).build().unwrap();
    let error = client.post("/things").send().await.unwrap_err();
    assert_eq!(axes(&error), (ErrorKind::Unavailable, Effect::None));
    assert_eq!(error.retry_advice(), Retry::WithBackoff);
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone() {
    let (address, calls) = serve(|_, _| async move { answer(503, "") }).await;
    let client = client(address).build().unwrap();
    let mut last = None;
    for _ in 0..20 {
        last = client
            .get("/things")
            .send()
            .await
            .map(|response| response.error())
            .err();
    }
    let error = last.unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(matches!(error.retry_advice(), Retry::After(_)), "{error:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn the_providers_own_rules_are_read() {
    let (address, calls) = serve(|_, seen| async move {
        if seen.uri.contains("quota") {
            answer(429, "daily_quota_exceeded")
        } else {
            answer(409, "lock_timeout")
        }
    })
    .await;
    let judge = |response: &adieu_http_client::Response| match &response.body()[..] {
        b"daily_quota_exceeded" => Verdict::Stop,
        b"lock_timeout" => Verdict::Again,
        _ => Verdict::Usual,
    };
    let client = client(address).judge(judge).build().unwrap();
    client.get("/quota").send().await.unwrap();
    assert_eq!(calls.swap(0, Ordering::SeqCst), 1);
    client.post("/lock").send().await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn many_failing_calls_are_not_multiplied() {
    let (address, calls) = serve(|_, _| async move { answer(429, "") }).await;
    let client = client(address)
        .concurrent(100.try_into().unwrap())
        .answer_timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    join_all((0..100).map(|_| client.get("/things").send())).await;
    // Four attempts each would be 400; the account's budget has 100 repetitions in ten seconds.
    let made = calls.load(Ordering::SeqCst);
    assert!((110..=200).contains(&made), "{made} calls for 100");
}

#[tokio::test]
async fn a_streamed_body_comes_in_pieces_and_its_end_is_known() {
    let (address, _) = raw(|number, mut stream| async move {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\nconnection: close\r\n\r\n";
        write(&mut stream, head).await;
        let most = if number == 0 { 300 } else { 100 };
        for _ in 0..most {
            write(&mut stream, &"x".repeat(1000)).await;
        }
    })
    .await;
    let client = client(address).max_body_bytes(1_000).build().unwrap();
    let streamed = client.get("/file").stream(1_000_000).await.unwrap();
    let pieces: Vec<_> = streamed.into_body().try_collect().await.unwrap();
    assert_eq!(pieces.iter().map(bytes::Bytes::len).sum::<usize>(), 300_000);

    let cut = client.get("/file").stream(1_000_000).await.unwrap();
    let error = cut.into_body().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(axes(&error), (ErrorKind::Unavailable, Effect::None));
    let error = client.get("/file").stream(1_000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}
