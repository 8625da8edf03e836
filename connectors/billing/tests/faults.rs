//! A provider that refuses every third call, hangs, drops its answers and fails after it has acted.
//!
//! One test alone in its file: what is logged is heard on its thread, and another test's would silence it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use adieu_billing::{BillingConfig, OpenInvoices};
use common::{World, ada, connector, erase_all, exported, may_run, person};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged at any level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn everything_ends_complete_nothing_is_done_twice_and_the_log_names_nobody() {
    if !may_run() {
        return;
    }
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let world = World::new();
    let id = world.person(ada()).await;
    let mut config = BillingConfig {
        open_invoices: OpenInvoices::Void,
        ..world.config()
    };
    config.http.answer_timeout_ms = 300.try_into().ok();
    config.http.body_timeout_ms = 300.try_into().ok();
    let connector = connector(&config);
    let subject = person(&[
        ("email", "ada@example.com"),
        ("user_id", "user1"),
        ("stripe_customer", &id),
    ]);
    let kinds = [
        "customers",
        "subscriptions",
        "payment_methods",
        "invoices",
        "charges",
        "tax_ids",
    ];
    let mut calm = BTreeMap::new();
    for kind in kinds {
        calm.insert(kind, exported(&connector, &subject, kind).await);
    }

    let nothing = serde_json::Value::Null;
    for faults in [
        json!(["refuse", nothing, nothing]),
        json!([nothing, "fail after acting", nothing, "refuse"]),
        json!([nothing, "drop", nothing, nothing, "refuse"]),
        json!([
            nothing,
            nothing,
            "hang",
            nothing,
            "fail after acting",
            "refuse",
            "drop"
        ]),
    ] {
        world.change(json!({"faults": faults})).await;
        for kind in kinds {
            assert_eq!(
                exported(&connector, &subject, kind).await,
                calm[kind],
                "{kind} {faults}"
            );
        }
    }
    erase_all(&connector, &subject).await.unwrap();
    world.change(json!({"faults": nothing})).await;

    for gone in ["customer", "tax_id"] {
        assert_eq!(world.records(gone, &id).await.len(), 0, "{gone}");
    }
    let canceled = world.records("subscription", &id).await;
    assert!(canceled.iter().all(|one| one["status"] == "canceled"));
    let detached = world.records("payment_method", &id).await;
    assert!(detached.iter().all(|one| one["customer"].is_null()) && detached.len() == 3);
    assert!(
        world
            .records("invoice", &id)
            .await
            .iter()
            .all(|one| one["status"] == "paid")
    );
    assert_eq!(world.state().await["deleted_while_charged"], json!([]));
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("/v1/customers/{id}"), "nothing was logged");
    for canary in [
        "ada@",
        "ada%40",
        "Lovelace",
        "user1",
        id.as_str(),
        world.key.as_str(),
    ] {
        assert!(!logged.contains(canary), "{canary} is in the log");
    }
}
