//! The program as a server: ready soon, small, in front of another service without changing what passes, and ended well.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // it stops when it cannot go on, and says what it measured

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use adieu_tests::{Client, Serving, program};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const CONFIG: &str = r#"
[store]
url = "sqlite:adieu.db"
key = "env:ADIEU_TEST_KEY"

[auth]
issuer = "https://id.example.com"
audience = "api"
keys = "env:ADIEU_TEST_SECRET"

[page]
title = "Your data with us"

[server]
listen = "127.0.0.1:0"
metrics = "127.0.0.1:0"
stop_seconds = 3
refuse_erased = true

[[connector]]
name = "shop"
kind = "sql"
url = "sqlite:shop.db"

[connector.table.customers]
subject = { user_id = "id" }
erase = "delete"
"#;

/// A folder with a configuration, in which the program runs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("adieu.toml"), CONFIG).unwrap();
        let shop = Connection::open(folder.path().join("shop.db")).unwrap();
        shop.execute_batch(
            "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT);
             INSERT INTO customers VALUES ('ada', 'Ada'), ('eve', 'Eve');",
        )
        .unwrap();
        Self(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("ADIEU_TEST_KEY", "11".repeat(32))
            .env("ADIEU_TEST_SECRET", "a-secret-of-32-random-bytes-01234");
        command
    }

    fn serve(&self, arguments: &[&str]) -> Serving {
        Serving::start(self.command(&[&["serve"], arguments].concat()))
    }

    fn client(&self, who: &str) -> Client {
        let subject = format!("user_id={who}");
        let output = self.command(&["token", "--subject", &subject]).output();
        let output = output.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        let token = String::from_utf8(output.stdout).unwrap();
        Client::new(Some(token.trim().to_owned()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_soon_small_and_answers() {
    program(); // not while the clock runs
    let place = Place::new();
    // The first start makes the store; a server that starts again is what is measured.
    let first = place.serve(&[]);
    first.ready();
    first.stop();
    let begun = Instant::now();
    let server = place.serve(&[]);
    let url = server.ready();
    let ready = begun.elapsed();
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap_or_default();
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    println!(
        "ready after {ready:?}, holding {}",
        rss.unwrap_or("?").trim()
    );
    assert!(ready < Duration::from_secs(3), "{ready:?}");
    if let Some(rss) = rss.and_then(|rss| rss.trim().strip_suffix(" kB")) {
        let kib: u64 = rss.trim().parse().unwrap();
        assert!(kib <= 40 << 10, "{kib} KiB while nothing is done");
    }

    let anybody = Client::new(None);
    let get = async |url: &str| anybody.ask(&Method::GET, url, &[], None).await.unwrap();
    let health = get(&format!("{url}/health")).await;
    assert_eq!(
        (health.status, health.json()),
        (StatusCode::OK, json!({ "status": "ok" }))
    );
    let page = get(&url).await;
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("Your data with us"));
    let elsewhere = get(&url.replace("/privacy", "/orders")).await;
    assert_eq!(elsewhere.status, 404);
    assert_eq!(elsewhere.header("content-type"), "application/problem+json");

    let ada = place.client("ada");
    let asked = ada
        .ask(
            &Method::POST,
            &format!("{url}/v1/requests"),
            &[],
            Some(&json!({ "kind": "export" })),
        )
        .await
        .unwrap();
    assert_eq!(asked.status, 202, "{}", asked.json());
    let metrics = get(&server.told_after("metrics: ")).await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(
        metrics.contains("adieu_requests_total{kind=\"export\""),
        "{metrics}"
    );
    assert!(!metrics.contains("ada"), "{metrics}");
    assert_eq!(server.stop().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_being_answered_is_answered_before_it_ends() {
    let upstream = upstream().await;
    let place = Place::new();
    let server = place.serve(&["--upstream", &upstream]);
    let url = server.ready();
    let home = url.strip_suffix("/privacy").unwrap().to_owned();
    let slow = tokio::spawn(async move {
        let client = Client::new(None);
        client
            .ask(&Method::GET, &format!("{home}/slow"), &[], None)
            .await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    let code = tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    assert_eq!(code.code(), Some(0));
    let answer = slow.await.unwrap().unwrap();
    assert_eq!(
        (answer.status, &*answer.body),
        (StatusCode::OK, &b"at last"[..])
    );
    // Once it has ended, nobody is there any more.
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert!(
        Client::new(None)
            .ask(&Method::GET, &url, &[], None)
            .await
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_to_the_service_behind_it_stays_as_it_is() {
    let upstream = upstream().await;
    let place = Place::new();
    let server = place.serve(&["--upstream", &upstream]);
    let url = server.ready();
    let home = url.strip_suffix("/privacy").unwrap();
    let anybody = Client::new(None);
    let headers = [
        ("connection", "x-of-this-connection, keep-alive"),
        ("x-of-this-connection", "1"),
        ("te", "trailers"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-own", "kept"),
    ];
    let url = format!("{home}/seen?a=%2F&b");
    let seen = anybody
        .ask(&Method::PATCH, &url, &headers, None)
        .await
        .unwrap();
    assert_eq!(seen.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(seen.header("x-answer"), "kept");
    assert_eq!(seen.header("keep-alive"), "");
    let seen = seen.json();
    assert_eq!(seen["line"], "PATCH /seen?a=%2F&b");
    assert_eq!(seen["host"], "localhost");
    assert_eq!(seen["x-own"], "kept");
    assert_eq!(seen["x-forwarded-for"], "203.0.113.7, 127.0.0.1");
    for gone in ["x-of-this-connection", "te"] {
        assert_eq!(seen[gone], json!(null), "{gone}: {seen}");
    }

    // The layer's own paths never get there.
    let own = format!("{home}/privacy/v1/nothing");
    let own = anybody.ask(&Method::GET, &own, &[], None).await;
    assert_eq!(own.unwrap().json()["type"], "urn:adieu:problem:not_found");

    // Bodies stream both ways: each piece comes back before the next one is sent.
    let client = legacy::Client::builder(TokioExecutor::new()).build_http();
    let (send, sent) = mpsc::channel::<Bytes>(1);
    let request = Request::post(format!("{home}/echo"))
        .body(pieces(sent))
        .unwrap();
    send.send(Bytes::from_static(b"one")).await.unwrap();
    let mut answer = client.request(request).await.unwrap().into_body();
    for piece in ["one", "two", "three"] {
        if piece != "one" {
            send.send(Bytes::from(piece)).await.unwrap();
        }
        let back = answer.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(back, piece);
    }
    drop(send);
    assert!(answer.frame().await.is_none());

    // HTTP/2 without TLS, by prior knowledge.
    let client = legacy::Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http::<Full<Bytes>>();
    let request = Request::get(format!("{home}/seen"))
        .body(Full::default())
        .unwrap();
    let answer = client.request(request).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    let seen = answer.into_body().collect().await.unwrap().to_bytes();
    let seen: serde_json::Value = serde_json::from_slice(&seen).unwrap();
    assert_eq!(seen["host"], home.strip_prefix("http://").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_upgraded_through_it() {
    let upstream = upstream().await;
    let place = Place::new();
    let server = place.serve(&["--upstream", &upstream]);
    let url = server.ready();
    let address = url
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/privacy")
        .unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(
            b"GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
        )
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(
        head.starts_with("http/1.1 101 ") && head.contains("upgrade: echo"),
        "{head}"
    );
    for text in [b"hello", b"again"] {
        stream.write_all(text).await.unwrap();
        let mut back = [0; 5];
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there_is_a_502_and_the_layer_still_answers() {
    let nowhere = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let place = Place::new();
    let server = place.serve(&["--upstream", &nowhere]);
    let url = server.ready();
    let ada = place.client("ada");
    let home = url.replace("/privacy", "/orders");
    let answer = ada.ask(&Method::GET, &home, &[], None).await.unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(
        answer.json()["type"],
        "urn:adieu:problem:upstream_unavailable"
    );
    let map = ada
        .ask(&Method::GET, &format!("{url}/v1/data-map"), &[], None)
        .await;
    assert_eq!(map.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_erased_person_does_not_reach_the_service_behind_it() {
    let upstream = upstream().await;
    let place = Place::new();
    let server = place.serve(&["--upstream", &upstream]);
    let url = server.ready();
    let seen = url.replace("/privacy", "/seen");
    let (ada, eve) = (place.client("ada"), place.client("eve"));
    let requests = format!("{url}/v1/requests");
    let ask =
        async |client: &Client, url: &str| client.ask(&Method::GET, url, &[], None).await.unwrap();
    assert_eq!(ask(&ada, &seen).await.status, StatusCode::IM_A_TEAPOT);
    let preview = format!("{url}/v1/preview");
    let preview = ada.ask(&Method::POST, &preview, &[], None).await;
    let plan = preview.unwrap().json()["plan_token"].clone();
    let erase = json!({ "kind": "erasure", "plan_token": plan });
    let asked = ada.ask(&Method::POST, &requests, &[], Some(&erase)).await;
    assert_eq!(asked.unwrap().status, 202);
    let begun = Instant::now();
    while ask(&ada, &seen).await.status != StatusCode::UNAUTHORIZED {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "she still gets through"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ask(&eve, &seen).await.status, StatusCode::IM_A_TEAPOT);
}

#[test]
fn an_address_that_is_taken_is_told_before_anything_is_opened() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new();
    let output = place
        .command(&["serve", "--listen", &address])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        complaint.contains("name another with --listen"),
        "{complaint}"
    );
    assert!(!place.0.path().join("adieu.db").exists());
}

/// The service behind: says what it sees, sends back what it gets, takes its time, or changes the protocol.
async fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(behind))
                .with_upgrades();
            tokio::spawn(connection);
        }
    });
    format!("http://{address}")
}

type AnyBody = http_body_util::combinators::UnsyncBoxBody<Bytes, hyper::Error>;

async fn behind(mut request: Request<Incoming>) -> Result<Response<AnyBody>, Infallible> {
    let whole = |text: String| {
        let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
        Response::new(body.boxed_unsync())
    };
    Ok(match request.uri().path() {
        "/echo" => Response::new(request.into_body().boxed_unsync()),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(900)).await;
            whole("at last".to_owned())
        }
        "/upgrade" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut stream = TokioIo::new(upgrade.await.unwrap());
                let mut piece = [0; 5];
                while stream.read_exact(&mut piece).await.is_ok() {
                    stream.write_all(&piece).await.unwrap();
                }
            });
            let mut answer = whole(String::new());
            *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = answer.headers_mut();
            headers.insert("connection", HeaderValue::from_static("upgrade"));
            headers.insert("upgrade", HeaderValue::from_static("echo"));
            answer
        }
        _ => {
            let mut seen = serde_json::Map::new();
            let line = format!("{} {}", request.method(), request.uri());
            seen.insert("line".to_owned(), line.into());
            for (name, value) in request.headers() {
                seen.insert(name.to_string(), value.to_str().unwrap().into());
            }
            let mut answer = whole(serde_json::Value::Object(seen).to_string());
            *answer.status_mut() = StatusCode::IM_A_TEAPOT;
            let headers = answer.headers_mut();
            headers.insert("x-answer", HeaderValue::from_static("kept"));
            headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
            answer
        }
    })
}

/// A body of the pieces that come through a channel.
fn pieces(
    from: mpsc::Receiver<Bytes>,
) -> impl Body<Data = Bytes, Error = Infallible> + Send + Unpin {
    let pieces = futures_util::stream::unfold(from, |mut from| async move {
        let piece = from.recv().await?;
        Some((Ok(Frame::data(piece)), from))
    });
    StreamBody::new(Box::pin(pieces))
}
