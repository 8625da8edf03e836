use std::time::Duration;

use adieu_gateway::Limits;
use bytes::Bytes;
use http::{Method, Request};
use http_body::Frame;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::{self, Answer, Frames};
use crate::world::{ALL, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_none_is_refused_and_not_repeated() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    let send = async |media: &str, body: String| {
        let request = Request::post("/privacy/v1/requests")
            .header("host", "localhost")
            .header("authorization", format!("Bearer {ada}"))
            .header("content-type", media)
            .body(Full::new(Bytes::from(body)))
            .unwrap();
        Answer::read(client::open(world.address, request).await).await
    };
    let ask = json!({"kind": "export"}).to_string();
    assert_eq!(
        send("text/plain", ask.clone()).await.expect(415).problem(),
        "unsupported_media_type"
    );
    send("Application/JSON; charset=utf-8", ask)
        .await
        .expect(202);
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{\"kind\":\"canary\"}",
        "{\"kind\":\"export\",\"canary\":1}",
        "{\"kind\":\"export\",\"format\":\"canary\"}",
        "{\"kind\":\"export\"} {}",
        &format!("{{\"kind\":{}", "[".repeat(10_000)),
    ] {
        let refused = send("application/json", body.to_owned()).await.expect(400);
        assert_eq!(refused.problem(), "body_malformed", "{body}");
        assert!(!String::from_utf8_lossy(&refused.body).contains("canary"));
    }
    let mixed = send(
        "application/json",
        json!({"kind": "export", "plan_token": "x"}).to_string(),
    )
    .await;
    assert_eq!(mixed.expect(422).problem(), "request_refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_is_refused_also_when_its_length_is_not_known() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    let head = || {
        Request::post("/privacy/v1/requests")
            .header("host", "localhost")
            .header("authorization", format!("Bearer {ada}"))
            .header("content-type", "application/json")
    };
    let known = head()
        .body(Full::new(Bytes::from(vec![b' '; 20_000])))
        .unwrap();
    let refused = Answer::read(client::open(world.address, known).await)
        .await
        .expect(413);
    assert_eq!(refused.problem(), "body_too_large");
    let frames = (0..20)
        .map(|_| Frame::data(Bytes::from(vec![b' '; 1000])))
        .collect();
    let unknown = head().body(Frames::new(frames)).unwrap();
    let refused = Answer::read(client::open(world.address, unknown).await)
        .await
        .expect(413);
    assert_eq!(refused.json()["max_bytes"], 16 << 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let limits = Limits {
        body_timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let world = World::with(|builder| builder.limits(limits)).await;
    let ada = world.token("ada", &ALL);
    let never = http_body_util::StreamBody::new(futures_util::stream::pending::<
        Result<Frame<Bytes>, std::convert::Infallible>,
    >());
    let request = Request::post("/privacy/v1/requests")
        .header("host", "localhost")
        .header("authorization", format!("Bearer {ada}"))
        .header("content-type", "application/json")
        .body(Box::pin(never))
        .unwrap();
    let refused = Answer::read(client::open(world.address, request).await)
        .await
        .expect(408);
    assert_eq!(refused.problem(), "body_too_slow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_asks_too_often_is_told_when_to_come_back() {
    let limits = Limits {
        asks_per_minute: 2,
        calls_per_minute: 5,
        ..Limits::default()
    };
    let world = World::with(|builder| builder.limits(limits)).await;
    let (ada, eve) = (world.token("ada", &ALL), world.token("eve", &ALL));
    world
        .post("/privacy/v1/preview", &ada, Value::Null)
        .await
        .expect(200);
    world
        .post("/privacy/v1/preview", &ada, Value::Null)
        .await
        .expect(200);
    let refused = world
        .post("/privacy/v1/preview", &ada, Value::Null)
        .await
        .expect(429);
    assert_eq!(refused.problem(), "too_many_calls");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    world.get("/privacy/v1/requests", &ada).await.expect(200);
    world.get("/privacy/v1/requests", &ada).await.expect(200);
    world.get("/privacy/v1/requests", &ada).await.expect(429);
    world
        .post("/privacy/v1/preview", &eve, Value::Null)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_has_one_unfinished_export_at_a_time() {
    let mut world = World::new().await;
    world.pause().await;
    let ada = world.token("ada", &ALL);
    let ask = || json!({"kind": "export"});
    let (one, other) = tokio::join!(
        world.post("/privacy/v1/requests", &ada, ask()),
        world.post("/privacy/v1/requests", &ada, ask()),
    );
    let (accepted, refused) = if one.status == 202 {
        (one, other)
    } else {
        (other, one)
    };
    let link = accepted.expect(202).header("location").to_owned();
    let refused = refused.expect(409);
    assert_eq!(refused.problem(), "export_unfinished");
    assert_eq!(refused.json()["request"], link.as_str());
    let eve = world.token("eve", &ALL);
    world
        .post("/privacy/v1/requests", &eve, ask())
        .await
        .expect(202);
    world.go_on();
    world.ended(&link, &ada).await;
    world
        .call(Method::POST, "/privacy/v1/requests", &ada, ask())
        .await
        .expect(202);
}
