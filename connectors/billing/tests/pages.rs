//! An export makes the calls that its pages need, and no more.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::time::{Duration, Instant};

use common::{World, connector, exported, may_run, person};
use serde_json::json;

#[tokio::test]
async fn ten_thousand_invoices_take_a_hundred_calls_and_never_more_than_the_rate() {
    if !may_run() {
        return;
    }
    let world = World::new();
    let id = world
        .person(json!({"name": "Ada", "email": "a@example.com"}))
        .await;
    world
        .change(json!({"invoices": [id, 10_000], "forget_calls": true}))
        .await;
    let mut config = world.config();
    config.http.requests_per_second = 50.try_into().ok();
    // The server is slow at sorting ten thousand things for every page.
    config.http.answer_timeout_ms = 60_000.try_into().ok();
    let connector = connector(&config);
    let subject = person(&[("stripe_customer", &id)]);
    let begun = Instant::now();
    let invoices = exported(&connector, &subject, "invoices").await;
    assert_eq!(invoices.len(), 10_000);
    assert!(
        invoices
            .iter()
            .all(|one| one["invoice_pdf"].as_str().unwrap().contains("/pdf"))
    );
    let calls = world.calls().await;
    assert_eq!(calls, vec!["GET /v1/invoices"; 100]);
    assert!(
        begun.elapsed() >= Duration::from_millis(99 * 20),
        "{:?}",
        begun.elapsed()
    );
    let state = world.state().await;
    let times: Vec<f64> = state["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["at"].as_f64().unwrap())
        .collect();
    for from in &times {
        let within = times
            .iter()
            .filter(|at| **at >= *from && **at < from + 1.0)
            .count();
        // One more, where the server's clock bunches two of them.
        assert!(within <= 51, "{within} calls in a second");
    }
}
