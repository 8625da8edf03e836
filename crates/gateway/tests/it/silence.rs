//! No personal value shows in a log, a span, a problem, a receipt or an answer that is not the person's archive.

use std::io::Write;
use std::sync::{Arc, Mutex};

use adieu_core::ErrorKind;
use http::Method;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::world::{ALL, World};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn no_personal_value_shows_anywhere_but_in_the_archive() {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(kept.clone())
        .finish();
    // For the whole process: what the other tests log meanwhile must be silent too.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .install_recorder()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut answers = runtime.block_on(story());
    let counted = metrics.render();
    for name in [
        "adieu_requests{status=",
        "adieu_requests_overdue{status=",
        "adieu_requests_oldest_age_seconds{status=",
        "adieu_requests_due_in_seconds{status=",
        "adieu_requests_total{kind=\"erasure\"",
        "adieu_requests_ended_total{status=\"completed\"",
        "adieu_request_seconds",
        "adieu_step_seconds",
        "adieu_step_retries_total",
        "adieu_http_responses_total",
        "adieu_archive_bytes_total",
        "adieu_exported_bytes_total",
    ] {
        assert!(counted.contains(name), "{name} in {counted}");
    }
    answers.push(counted);
    let log = String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned();
    assert!(
        log.contains("route=\"/v1/requests/{id}/receipt\""),
        "the log was heard"
    );
    assert!(log.contains("status=401"), "{log}");
    // From the call to the step: who asked what of which system shows by the request's id.
    assert!(log.contains("step{verb=\"erase\" connector=shop collection=orders}"));
    let steps = log.lines().filter(|line| line.contains(":step{"));
    for line in steps {
        assert!(
            line.contains("request=")
                || line.contains("verb=\"survey\"")
                || line.contains("verb=\"discover\""),
            "{line}"
        );
    }
    for canary in ["canary", "Canary", "Lovelace", "Moneypenny"] {
        for (at, line) in log.lines().enumerate() {
            assert!(!line.contains(canary), "log line {at}: {line}");
        }
        for answer in &answers {
            assert!(!answer.contains(canary), "{answer}");
        }
    }
}

/// Whatever a person and a stranger can do, well and badly; all answers but the archive.
async fn story() -> Vec<String> {
    let world = World::new().await;
    let person = "ada@canary.example";
    world
        .shop
        .put(
            "customers",
            "c",
            json!({"id": person, "email": person, "name": "Canary"}),
        )
        .unwrap();
    world
        .shop
        .put(
            "orders",
            "canary-order",
            json!({"customer": person, "note": "canary"}),
        )
        .unwrap();
    let token = world.token(person, &ALL);
    let mut answers = vec![format!("{:?}", world.gateway)];
    let mut keep = |answer: crate::client::Answer| {
        answers.push(format!(
            "{:?} {}",
            answer.headers,
            String::from_utf8_lossy(&answer.body)
        ));
        answer
    };
    world
        .shop
        .fail_times("orders", ErrorKind::Unavailable, 1)
        .unwrap();
    let asked = keep(
        world
            .post(
                "/privacy/v1/requests?email=canary",
                &token,
                json!({"kind": "export"}),
            )
            .await
            .expect(202),
    );
    let link = asked.header("location").to_owned();
    world.ended(&link, &token).await;
    let events = keep(world.get(&format!("{link}/events"), &token).await);
    assert!(!events.body.is_empty());
    world.get("/privacy/v1/export", &token).await.expect(200);
    world
        .get(&format!("{link}/archive"), &token)
        .await
        .expect(200);
    keep(
        world
            .get(
                "/privacy/v1/requests/ada@canary.example?canary=canary",
                &token,
            )
            .await
            .expect(404),
    );
    keep(
        world
            .get("/privacy/v1/requests?canary=canary", &token)
            .await
            .expect(400),
    );
    keep(
        world
            .get("/privacy/v1/requests", "canary")
            .await
            .expect(401),
    );
    keep(
        world
            .post(
                "/privacy/v1/requests",
                &token,
                json!({"kind": "canary", "canary": "canary"}),
            )
            .await
            .expect(400),
    );
    keep(
        world
            .call_with(
                Method::POST,
                "/privacy/v1/requests",
                &token,
                ("idempotency-key", "canary canary"),
                json!({"kind": "export"}),
            )
            .await
            .expect(400),
    );
    keep(
        world
            .post(
                "/privacy/v1/requests",
                &token,
                json!({"kind": "erasure", "plan_token": "canary.canary"}),
            )
            .await
            .expect(403),
    );
    keep(
        world
            .post("/privacy/v1/preview", &token, Value::Null)
            .await
            .expect(200),
    );
    let asked = world
        .erase(&token, &world.plan_token(&token).await)
        .await
        .expect(202);
    let link = asked.header("location").to_owned();
    keep(asked);
    world.ended(&link, &token).await;
    keep(
        world
            .get(&format!("{link}/receipt"), &token)
            .await
            .expect(200),
    );
    assert_eq!(world.shop.count("orders"), 6);
    let operator = world.token("olga", &[adieu_auth::Scope::OPERATOR]);
    let hold = json!({
        "subject": {"identities": [{"kind": "email", "value": person}]},
        "reason": "of the operator alone",
    });
    keep(
        world
            .post("/privacy/v1/operator/holds", &operator, hold)
            .await
            .expect(201),
    );
    for path in ["requests", "holds", "audit"] {
        keep(
            world
                .get(&format!("/privacy/v1/operator/{path}"), &operator)
                .await
                .expect(200),
        );
    }
    world.gateway.observe().await.unwrap();
    answers
}
