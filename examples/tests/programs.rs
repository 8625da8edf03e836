//! Each example runs, and does what it is an example of.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by it")]

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A running example; it ends with the test.
struct Program {
    _child: Child,
    address: SocketAddr,
    token: String,
}

impl Program {
    async fn start(path: &str) -> Self {
        let mut child =
            Command::new(path).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = async || lines.next_line().await.unwrap().unwrap();
        Self { address: line().await.parse().unwrap(), token: line().await, _child: child }
    }

    async fn call(&self, method: Method, path: &str, body: &str) -> (StatusCode, Bytes) {
        let token = format!("Bearer {}", self.token);
        let response = self.send(method, path, &[("authorization", &token)], body).await;
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes())
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header("host", self.address.to_string());
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        sender.send_request(request).await.unwrap()
    }

    async fn json(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let (status, bytes) = self.call(method, path, body).await;
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn ended(&self, link: &str) -> Value {
        for _ in 0..400 {
            let (status, request) = self.json(Method::GET, link, "").await;
            assert_eq!(status, 200, "{request}");
            if request["status"] != "running" {
                return request;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the request did not end")
    }
}

async fn exports_and_passes_through(program: Program) {
    let (status, page) = program.call(Method::GET, "/", "").await;
    assert_eq!((status, &*page), (StatusCode::OK, "the host's own page".as_bytes()));
    let (status, asked) = program
        .json(Method::POST, "/privacy/v1/requests", r#"{"kind":"export","format":"json"}"#)
        .await;
    assert_eq!(status, 202, "{asked}");
    let request = program.ended(asked["links"]["self"].as_str().unwrap()).await;
    assert_eq!(request["status"], "completed");
    let (status, archive) =
        program.call(Method::GET, request["links"]["archive"].as_str().unwrap(), "").await;
    assert_eq!(status, 200);
    let archive = String::from_utf8(archive.to_vec()).unwrap();
    assert!(archive.contains("ada@example.com") && !archive.contains("eve@example.com"));
}

#[tokio::test]
async fn the_api_is_mounted_in_axum() {
    exports_and_passes_through(Program::start(env!("CARGO_BIN_EXE_in_axum")).await).await;
}

#[tokio::test]
async fn the_api_is_mounted_in_hyper() {
    exports_and_passes_through(Program::start(env!("CARGO_BIN_EXE_in_hyper")).await).await;
}

#[tokio::test]
async fn an_account_is_deleted_from_the_hosts_own_route() {
    let program = Program::start(env!("CARGO_BIN_EXE_delete_account")).await;
    assert_eq!(program.call(Method::GET, "/orders", "").await.0, 200);
    let (status, answer) = program.json(Method::DELETE, "/account", "").await;
    assert_eq!(status, 202, "{answer}");
    let request = program.ended(answer["follow"].as_str().unwrap()).await;
    assert_eq!(request["status"], "completed");
    assert_eq!(request["progress"]["records"], 1);
    let (status, refused) = program.json(Method::GET, "/orders", "").await;
    assert_eq!(status, 401);
    assert_eq!(refused["type"], "urn:adieu:problem:subject_erased");
}

#[tokio::test]
async fn a_session_of_the_host_is_taken_for_a_token_from_its_own_pages_alone() {
    let program = Program::start(env!("CARGO_BIN_EXE_in_session")).await;
    let origin = format!("http://{}", program.address);
    let login = program.send(Method::POST, "/login", &[], "ada@example.com").await;
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let ask = async |path: &str, headers: &[(&str, &str)], body: &str| {
        let method = if body.is_empty() { Method::GET } else { Method::POST };
        let response = program.send(method, path, headers, body).await;
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice::<Value>(&bytes).unwrap_or_default())
    };
    let own = [("cookie", &*cookie), ("origin", &*origin)];
    let requests = "/privacy/v1/requests";
    let export = r#"{"kind":"export"}"#;

    // Without the session, with another one, and from a page of another site: nothing.
    assert_eq!(ask(requests, &[], "").await.0, 401);
    assert_eq!(ask(requests, &[("cookie", "session=guessed")], "").await.0, 401);
    let elsewhere = [("cookie", &*cookie), ("origin", "https://evil.example")];
    assert_eq!(ask(requests, &elsewhere, export).await.0, 403);
    assert_eq!(ask(requests, &own[..1], export).await.0, 403);

    let (status, asked) = ask(requests, &own, export).await;
    assert_eq!(status, 202, "{asked}");
    let (status, preview) = ask("/privacy/v1/preview", &own, "{}").await;
    assert_eq!(status, 200, "{preview}");
    let erase = serde_json::json!({ "kind": "erasure", "plan_token": preview["plan_token"] });
    let (status, asked) = ask(requests, &own, &erase.to_string()).await;
    assert_eq!(status, 202, "{asked}");

    // The host's own routes have the session as it is, until it ends.
    let page = program.send(Method::GET, "/", &own, "").await.into_body().collect().await;
    assert_eq!(&*page.unwrap().to_bytes(), b"hello ada@example.com");
    program.send(Method::POST, "/logout", &own, "").await;
    assert_eq!(ask(requests, &own, "").await.0, 401);
}
