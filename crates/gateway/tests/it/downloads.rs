use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::world::{ALL, World, attach, host, serve};

async fn ranged(world: &World, path: &str, token: &str, range: &str) -> Answer {
    world
        .call_with(Method::GET, path, token, ("range", range), Value::Null)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_are_slices_of_the_whole() {
    let world = World::new().await;
    attach(&world.shop, "ada", "photo.jpg", 300_000);
    let ada = world.token("ada", &ALL);
    let request = world.exported(&ada).await;
    let archive = request["links"]["archive"].as_str().unwrap();
    let whole = world.get(archive, &ada).await.expect(200);
    let all = whole.body.len();
    assert!(all > 300_000);
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let etag = whole.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() > 20, "{etag}");

    for (from, to) in [
        (0, 0),
        (1, 70_000),
        (65_535, 65_536),
        (131_072, all - 1),
        (all - 1, all - 1),
    ] {
        let part = ranged(&world, archive, &ada, &format!("bytes={from}-{to}"))
            .await
            .expect(206);
        assert_eq!(
            part.header("content-range"),
            format!("bytes {from}-{to}/{all}")
        );
        assert_eq!(part.body, whole.body.slice(from..=to));
        assert_eq!(part.header("etag"), etag);
    }
    let tail = ranged(&world, archive, &ada, "bytes=-1000")
        .await
        .expect(206);
    assert_eq!(tail.body, whole.body.slice(all - 1000..));
    let behind = ranged(&world, archive, &ada, &format!("bytes={all}-"))
        .await
        .expect(416);
    assert_eq!(behind.header("content-range"), format!("bytes */{all}"));
    assert_eq!(behind.problem(), "range_not_satisfiable");

    let mut going_on = client::request(Method::GET, archive, &ada, &Value::Null);
    going_on
        .headers_mut()
        .insert("range", "bytes=10-19".parse().unwrap());
    going_on
        .headers_mut()
        .insert("if-range", etag.parse().unwrap());
    let part = Answer::read(client::open(world.address, going_on.clone()).await)
        .await
        .expect(206);
    assert_eq!(part.body, whole.body.slice(10..20));
    going_on
        .headers_mut()
        .insert("if-range", "\"another\"".parse().unwrap());
    let anew = Answer::read(client::open(world.address, going_on).await)
        .await
        .expect(200);
    assert_eq!(anew.body, whole.body);

    let head = world
        .call_with(
            Method::HEAD,
            archive,
            &ada,
            ("range", "bytes=0-1"),
            Value::Null,
        )
        .await
        .expect(200);
    assert_eq!(head.header("content-length"), all.to_string());
    assert_eq!(head.header("etag"), etag);
    assert!(head.body.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_is_there_when_it_is_ready_until_its_time_has_passed() {
    let mut world = World::new().await;
    world.pause().await;
    let ada = world.token("ada", &ALL);
    let asked = world
        .post("/privacy/v1/requests", &ada, json!({"kind": "export"}))
        .await
        .expect(202);
    let link = asked.header("location").to_owned();
    let archive = format!("{link}/archive");
    assert_eq!(
        world.get(&archive, &ada).await.expect(409).problem(),
        "not_ready"
    );
    world.go_on();
    world.ended(&link, &ada).await;
    world.get(&archive, &ada).await.expect(200);

    world.pause().await;
    world.clock.by(SignedDuration::from_hours(8 * 24));
    let ada = world.token("ada", &ALL);
    assert_eq!(
        world.get(&archive, &ada).await.expect(410).problem(),
        "archive_gone",
        "before any sweep"
    );
    world.go_on();
    let mut status = Value::Null;
    for _ in 0..200 {
        status = world.get(&link, &ada).await.expect(200).json()["status"].take();
        if status == "expired" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(status, "expired");
    assert_eq!(
        world.get(&archive, &ada).await.expect(410).problem(),
        "archive_gone"
    );
    let archives = world.folder.path().join("adieu.db.files/archives");
    assert_eq!(
        std::fs::read_dir(archives).unwrap().count(),
        0,
        "it was deleted"
    );
}

/// A reader that stops taking: what is read for it stays bounded, and it gets the whole archive in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_the_archive_back() {
    let world = World::new().await;
    let bytes = 24 << 20;
    attach(&world.shop, "ada", "film.mp4", bytes);
    let ada = world.token("ada", &ALL);
    let request = world.exported(&ada).await;
    let archive = request["links"]["archive"].as_str().unwrap();

    let service = world.gateway.layer();
    let mut service = tower_layer::Layer::layer(&service, Nobody);
    let request = client::request(Method::GET, archive, &ada, &Value::Null);
    let response = tower_service::Service::call(&mut service, request)
        .await
        .unwrap();
    let mut body = std::pin::pin!(response.into_body());
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let piece = frame.unwrap().into_data().unwrap();
        assert!(piece.len() <= 64 << 10, "{}", piece.len());
        read += piece.len();
    }
    assert!(read > bytes);

    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let count = axum::middleware::map_response(move |response: axum::response::Response| {
        let counted = counted.clone();
        async move {
            response.map(|body| {
                axum::body::Body::new(body.map_frame(move |frame| {
                    counted.fetch_add(frame.data_ref().map_or(0, Bytes::len), Ordering::SeqCst);
                    frame
                }))
            })
        }
    });
    let address = serve(host().layer(world.gateway.layer()).layer(count)).await;
    let request = client::request(Method::GET, archive, &ada, &Value::Null);
    let mut slow = client::open(address, request).await.into_body();
    let first = slow.frame().await.unwrap().unwrap().into_data().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = taken.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(200)).await;
    // The sockets' own buffers hold some megabytes; then nothing more is read.
    assert!(
        before < bytes / 2,
        "{before} bytes were read for somebody who takes none"
    );
    assert_eq!(taken.load(Ordering::SeqCst), before);
    let rest = slow.collect().await.unwrap().to_bytes();
    assert_eq!(first.len() + rest.len(), read);
}

/// An inner service that is never called.
#[derive(Clone)]
struct Nobody;

impl<B> tower_service::Service<http::Request<B>> for Nobody {
    type Response = http::Response<http_body_util::Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<B>) -> Self::Future {
        panic!("an own request reached the inner service")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_opens_one_archive_without_a_token_for_five_minutes() {
    let world = World::new().await;
    let (ada, eve) = (world.token("ada", &ALL), world.token("eve", &ALL));
    let (of_ada, of_eve) = (world.exported(&ada).await, world.exported(&eve).await);
    let link = |request: &Value, end: &str| {
        let itself = request["links"]["self"].as_str().unwrap();
        format!("{itself}/{end}")
    };
    let asked = link(&of_ada, "download");
    let refused = world.post(&asked, &eve, Value::Null).await.expect(404);
    assert_eq!(refused.header("set-cookie"), "");
    world.post(&asked, "", Value::Null).await.expect(401);
    let bare = world.token("ada", &ALL[1..]);
    world.post(&asked, &bare, Value::Null).await.expect(403);

    let granted = world.post(&asked, &ada, Value::Null).await.expect(200);
    assert_eq!(granted.json()["archive"], of_ada["links"]["archive"]);
    let cookie = granted.header("set-cookie").to_owned();
    assert!(!cookie.contains("ada"), "{cookie}");
    let pass = cookie.split(';').next().unwrap();
    let with_pass = async |path: String| {
        let cookie = ("cookie", pass);
        world
            .call_with(Method::GET, &path, "", cookie, Value::Null)
            .await
    };
    let archive = with_pass(link(&of_ada, "archive")).await.expect(200);
    assert_eq!(of_ada["archive_bytes"], archive.body.len());
    for closed in [
        link(&of_eve, "archive"),
        link(&of_ada, "receipt"),
        "/privacy/v1/requests".to_owned(),
    ] {
        with_pass(closed).await.expect(401);
    }
    world.clock.by(SignedDuration::from_mins(6));
    with_pass(link(&of_ada, "archive")).await.expect(401);
}
