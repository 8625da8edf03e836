//! Foreign and own routes over one HTTP/2 connection.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tower_layer::Layer as _;
use tower_service::Service as _;

use crate::client::{self, Answer, Frames};
use crate::foreign::Plain;
use crate::world::{ALL, World, attach};

type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// A connection to the plain host with the layer around it.
async fn connection(world: &World) -> SendRequest<Body> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let layered = world.gateway.layer().layer(Plain);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let layered = layered.clone();
            let service = hyper::service::service_fn(move |request| layered.clone().call(request));
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

fn asked(path: &str, token: &str) -> Request<Body> {
    let uri = format!("http://localhost{path}");
    let mut request = client::request(Method::GET, &uri, token, &Value::Null);
    request.headers_mut().remove("host");
    request.map(Full::boxed_unsync)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_and_own_routes_share_an_http2_connection() {
    let world = World::new().await;
    attach(&world.shop, "ada", "film.mp4", 3 << 20);
    let ada = world.token("ada", &ALL);
    let request = world.exported(&ada).await;
    let archive = request["links"]["archive"].as_str().unwrap();
    let mut connection = connection(&world).await;

    // A download that nobody reads yet holds up nothing else on the connection.
    let download = connection.send_request(asked(archive, &ada)).await.unwrap();
    assert_eq!(download.version(), http::Version::HTTP_2);
    let piece = Bytes::from((0..=255_u8).cycle().take(1 << 18).collect::<Vec<u8>>());
    let mut frames: Vec<_> = (0..8).map(|_| Frame::data(piece.clone())).collect();
    let sum = HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("8"))]);
    frames.push(Frame::trailers(sum));
    let echo = Request::post("http://localhost/echo")
        .header("te", "trailers")
        .body(Frames::new(frames).boxed_unsync())
        .unwrap();
    let echo = Answer::read(connection.send_request(echo).await.unwrap()).await;
    assert_eq!(echo.body.len(), 8 << 18);
    assert_eq!(echo.trailers.as_ref().unwrap()["x-sum"], "8");
    assert_eq!(echo.header("x-host"), "plain");
    assert!(!echo.headers.contains_key("content-security-policy"));

    let list = asked("/privacy/v1/requests", &ada);
    let list = Answer::read(connection.send_request(list).await.unwrap()).await;
    assert_eq!(list.expect(200).json()["requests"][0]["id"], request["id"]);
    let direct = asked("/privacy/v1/export", &ada);
    let direct = Answer::read(connection.send_request(direct).await.unwrap()).await;
    assert!(direct.expect(200).body.len() > 3 << 20);
    let nobody = asked("/privacy/v1/requests", "");
    let nobody = Answer::read(connection.send_request(nobody).await.unwrap()).await;
    assert_eq!(nobody.expect(401).problem(), "token_missing");

    let download = Answer::read(download).await.expect(200);
    let over_http1 = world.get(archive, &ada).await.expect(200);
    assert!(download.body == over_http1.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_direct_export_that_breaks_off_resets_its_http2_stream() {
    let world =
        World::with(|builder| builder.reader_patience(std::time::Duration::from_millis(100))).await;
    attach(&world.shop, "ada", "film.mp4", 8 << 20);
    let ada = world.token("ada", &ALL);
    let mut connection = connection(&world).await;
    let answer = connection
        .send_request(asked("/privacy/v1/export", &ada))
        .await
        .unwrap();
    // The window of the stream is soon full.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(answer.into_body().collect().await.is_err());
    let list = asked("/privacy/v1/requests", &ada);
    let list = Answer::read(connection.send_request(list).await.unwrap()).await;
    list.expect(200);
}
