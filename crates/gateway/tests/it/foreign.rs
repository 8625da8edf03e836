//! What is not ours passes through as if the layer were not there.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use adieu_gateway::GatewayService;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tower_layer::Layer as _;
use tower_service::Service;

use crate::client::{self, Answer, Frames};
use crate::world::{ALL, World};

/// A host of plain hyper, without any framework.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Service<Request<Incoming>> for Plain {
    type Response = Response<http_body_util::combinators::UnsyncBoxBody<Bytes, hyper::Error>>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        Box::pin(async move {
            Ok(match request.uri().path() {
                // Sends back what comes, frame by frame, trailers too.
                "/echo" => Response::builder()
                    .header("trailer", "x-sum")
                    .header("x-host", "plain")
                    .body(request.into_body().boxed_unsync())
                    .unwrap(),
                "/upgrade" => {
                    let upgrade = hyper::upgrade::on(&mut request);
                    tokio::spawn(async move {
                        let mut stream = TokioIo::new(upgrade.await.unwrap());
                        let mut word = [0; 5];
                        stream.read_exact(&mut word).await.unwrap();
                        word.reverse();
                        stream.write_all(&word).await.unwrap();
                    });
                    Response::builder()
                        .status(StatusCode::SWITCHING_PROTOCOLS)
                        .header("connection", "upgrade")
                        .header("upgrade", "words")
                        .body(empty())
                        .unwrap()
                }
                _ => Response::builder()
                    .status(418)
                    .header("x-host", "plain")
                    .body(empty())
                    .unwrap(),
            })
        })
    }
}

fn empty() -> http_body_util::combinators::UnsyncBoxBody<Bytes, hyper::Error> {
    Full::new(Bytes::new())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// Serves a service with plain hyper.
async fn plain<S, R>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service.clone();
            let service = hyper::service::service_fn(move |request| service.clone().call(request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            tokio::spawn(connection);
        }
    });
    address
}

/// The same host without and with the layer.
async fn both(world: &World) -> [SocketAddr; 2] {
    [
        plain(Plain).await,
        plain(world.gateway.layer().layer(Plain)).await,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_answers_in_plain_hyper_too() {
    let world = World::new().await;
    let [_, layered] = both(&world).await;
    let ada = world.token("ada", &ALL);
    let request = client::request(Method::GET, "/privacy/v1/requests", &ada, &Value::Null);
    let answer = Answer::read(client::open(layered, request).await)
        .await
        .expect(200);
    assert_eq!(answer.json()["requests"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_paths_under_the_prefix_are_ours() {
    let world = World::new().await;
    assert_eq!(world.get("/", "").await.expect(200).body, "the host");
    assert_eq!(world.get("/privacyx", "").await.expect(200).body, "foreign");
    let [_, layered] = both(&world).await;
    for path in [
        "/privacyx",
        "/privacy-policy",
        "/Privacy",
        "/x/privacy",
        "/",
        "/%70rivacy",
        "/privac",
    ] {
        let request = client::request(Method::GET, path, "", &Value::Null);
        let answer = Answer::read(client::open(layered, request).await).await;
        assert_eq!(answer.status, 418, "{path}");
        assert!(!answer.headers.contains_key("content-security-policy"));
    }
    for (path, status) in [
        ("/privacy", 200),
        ("/privacy/", 200),
        ("/privacy?x", 200),
        ("/privacy/x", 404),
    ] {
        let request = client::request(Method::GET, path, "", &Value::Null);
        let answer = Answer::read(client::open(layered, request).await).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_and_its_trailers_come_back_as_they_went() {
    let world = World::new().await;
    let piece = Bytes::from((0..=255_u8).cycle().take(1 << 20).collect::<Vec<u8>>());
    let mut answers = Vec::new();
    for address in both(&world).await {
        let mut frames: Vec<_> = (0..32).map(|_| Frame::data(piece.clone())).collect();
        let trailers =
            HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("32"))]);
        frames.push(Frame::trailers(trailers));
        let request = Request::post("/echo")
            .header("host", "localhost")
            .header("te", "trailers")
            .header("trailer", "x-sum")
            .body(Frames::new(frames))
            .unwrap();
        answers.push(Answer::read(client::open(address, request).await).await);
    }
    let [bare, mut layered] = <[Answer; 2]>::try_from(answers).unwrap();
    layered.headers.insert("date", bare.headers["date"].clone());
    assert_eq!(bare.headers, layered.headers);
    assert_eq!(bare.body.len(), 32 << 20);
    assert!(bare.body == layered.body);
    assert_eq!(bare.trailers.as_ref().unwrap()["x-sum"], "32");
    assert_eq!(bare.trailers, layered.trailers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_upgraded_through_the_layer() {
    let world = World::new().await;
    for address in both(&world).await {
        let request = Request::get("/upgrade")
            .header("host", "localhost")
            .header("connection", "upgrade")
            .header("upgrade", "words")
            .body(Full::new(Bytes::new()))
            .unwrap();
        let response = client::open(address, request).await;
        assert_eq!(response.status(), 101);
        let mut stream = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
        stream.write_all(b"adieu").await.unwrap();
        let mut word = [0; 5];
        stream.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"ueida");
    }
}

/// A service that is ready when it is told, and fails.
#[derive(Clone)]
struct Moody {
    ready: Arc<AtomicBool>,
    polled: bool,
}

#[derive(Debug, PartialEq)]
struct Mood;

impl Service<Request<Full<Bytes>>> for Moody {
    type Response = Response<Full<Bytes>>;
    type Error = Mood;
    type Future = std::future::Ready<Result<Self::Response, Mood>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Mood>> {
        if self.ready.load(Ordering::SeqCst) {
            self.polled = true;
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(self.polled, "called without being ready");
        std::future::ready(Err(Mood))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_and_errors_of_the_inner_service_are_its_own() {
    let world = World::new().await;
    let ready = Arc::new(AtomicBool::new(false));
    let moody = Moody {
        ready: ready.clone(),
        polled: false,
    };
    let mut service = GatewayService::new(moody, world.gateway.clone());
    let mut context = Context::from_waker(std::task::Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
    ready.store(true, Ordering::SeqCst);
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Ok(())));
    let answer = service.call(Request::new(Full::new(Bytes::new()))).await;
    assert_eq!(answer.map(|_| ()), Err(Mood));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_streams_is_not_gathered() {
    let world = World::new().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
    let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
    let route = axum::routing::get(move || {
        let receiver = receiver.clone();
        async move {
            let frames = futures_util::stream::unfold(receiver, |receiver| async move {
                let piece = receiver.lock().await.recv().await?;
                Some((Ok::<_, Infallible>(Frame::data(piece)), receiver))
            });
            Response::new(axum::body::Body::new(StreamBody::new(frames)))
        }
    });
    let app = axum::Router::new()
        .route("/stream", route)
        .layer(world.gateway.layer());
    let address = crate::world::serve(app).await;
    let request = client::request(Method::GET, "/stream", "", &Value::Null);
    let mut body = client::open(address, request).await.into_body();
    for word in ["one", "two", "three"] {
        // The next piece is only made when the one before has come through.
        sender.send(Bytes::from(word)).await.unwrap();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), word);
    }
}
