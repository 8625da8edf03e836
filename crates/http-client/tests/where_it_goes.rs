//! Credentials go to the configured host, and nothing personal goes anywhere else.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use adieu_core::{ErrorKind, Secret};
use adieu_http_client::{Client, Credential, HttpConfig};
use common::{KEY, answer, answer_with, client, raw, serve, write};
use http::header::{AUTHORIZATION, HeaderName};
use tracing_subscriber::fmt::MakeWriter;

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let (thief, stolen) = serve(|_, _| async move { answer(200, "{}") }).await;
    let (address, calls) =
        serve(move |_, _| async move { answer_with(302, "location", &format!("http://{thief}/")) })
            .await;
    let client = client(address).build().unwrap();
    let error = client
        .get("/things")
        .send()
        .await
        .unwrap()
        .success()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.what().contains("redirect"), "{error}");
    assert_eq!(stolen.load(Ordering::SeqCst), 0);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_read_is_redirected_within_the_host_and_a_deletion_never_becomes_a_read() {
    let (address, calls) = serve(|_, seen| async move {
        match seen.uri.as_str() {
            "/old" => answer_with(301, "location", "/new?x=1"),
            "/loop" => answer_with(302, "location", "/loop"),
            _ => answer(200, &format!("{} {}", seen.method, seen.uri)),
        }
    })
    .await;
    let client = client(address).build().unwrap();
    let moved = client.get("/old").send().await.unwrap();
    assert_eq!(moved.body(), "GET /new?x=1");
    assert!(
        client
            .delete("/old")
            .send()
            .await
            .unwrap()
            .success()
            .is_err()
    );
    assert!(client.post("/old").send().await.unwrap().success().is_err());
    calls.store(0, Ordering::SeqCst);
    assert!(client.get("/loop").send().await.unwrap().success().is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_url_of_the_providers_own_is_followed_on_its_host_alone() {
    let (address, _) = serve(|_, seen| async move { answer(200, &seen.uri) }).await;
    let client = client(address).build().unwrap();
    let next = client
        .get("/list")
        .at(&format!("http://{address}/list?page=2"))
        .send()
        .await
        .unwrap();
    assert_eq!(next.body(), "/list?page=2");
    let next = client.get("/list").at("/list?page=3").send().await.unwrap();
    assert_eq!(next.body(), "/list?page=3");
    for other in [
        "http://127.0.0.1:1/list",
        "//example.com/list",
        "https://127.0.0.1/",
        "file:///etc/passwd",
    ] {
        let error = client.get("/list").at(other).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{other}");
    }
}

#[tokio::test]
async fn every_call_says_who_it_is() {
    let (address, _) = serve(|_, seen| async move {
        let header = |name: &str| {
            seen.headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
                .to_owned()
        };
        let body = String::from_utf8(seen.body.to_vec()).unwrap();
        answer(
            200,
            &[
                header("authorization"),
                header("user-agent"),
                header("x-version"),
                header("content-type"),
                body,
                seen.uri,
            ]
            .join("\n"),
        )
    })
    .await;
    let version = HeaderName::from_static("x-version");
    let client = Client::builder("test", format!("http://{address}/base"))
        .credential(Credential::Basic {
            user: "adieu".to_owned(),
            password: Secret::new("pass"),
        })
        .header(version, "2026-01-01")
        .build()
        .unwrap();
    let echoed = client
        .post("/find/{kind}")
        .fill("kind", "a/b")
        .query("email", "ada+1@example.com&x=y")
        .form([("a b", "ä&=")])
        .send()
        .await
        .unwrap();
    let agent = concat!("adieu/", env!("CARGO_PKG_VERSION"));
    let expected = format!(
        "Basic YWRpZXU6cGFzcw==\n{agent}\n2026-01-01\napplication/x-www-form-urlencoded\na+b=%C3%A4%26%3D\n\
         /base/find/a%2Fb?email=ada%2B1%40example.com%26x%3Dy"
    );
    assert_eq!(echoed.body(), expected.as_bytes());
    let other = client
        .get("/")
        .bearer(&Secret::new("token"))
        .send()
        .await
        .unwrap();
    assert!(other.body().starts_with(b"Bearer token\n"));
}

/// Everything that is logged at any level, by whomever.
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
async fn nothing_personal_is_logged_or_said_whatever_happens() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let (address, _) = serve(|number, seen| async move {
        match number % 4 {
            0 => answer(500, "ada@example.com is unknown to us"),
            1 => answer_with(302, "location", "http://other.example/ada@example.com"),
            2 => answer_with(429, "x-who", "ada@example.com"),
            _ => answer(200, &format!("no JSON for {}", seen.uri)),
        }
    })
    .await;
    let (breaking, _) = raw(|_, mut stream| async move {
        write(
            &mut stream,
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nada@example.com",
        )
        .await;
    })
    .await;
    let mut said = String::new();
    for address in [address, breaking] {
        let client = client(address).build().unwrap();
        said += &format!("{client:?}");
        for _ in 0..8 {
            let call = client
                .post("/people/{email}")
                .fill("email", "ada@example.com")
                .query("name", "Ada Lovelace")
                .json(&["ada@example.com"]);
            said += &format!("{call:?}");
            match call.send().await {
                Ok(response) => {
                    said += &format!("{response:?}");
                    said += &response.error_with("ada@example.com").to_string();
                    said += &format!("{:?}", response.json().map(|_| ()));
                }
                Err(error) => said += &format!("{error} {error:?}"),
            }
        }
    }
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("provider_call") && logged.contains("/people/{email}"),
        "{logged}"
    );
    for canary in ["ada@", "ada%40", "Lovelace", "other.example", KEY] {
        assert!(!logged.contains(canary), "{canary} is in the log");
        assert!(!said.contains(canary), "{canary} was said: {said}");
    }
}

#[tokio::test]
async fn a_tower_service_stands_in_for_the_network() {
    let service = tower::service_fn(|request: adieu_http_client::Outgoing| async move {
        assert!(request.headers()[AUTHORIZATION].is_sensitive());
        Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::new(
            bytes::Bytes::from(request.uri().path().to_owned()),
        )))
    });
    let client = Client::builder("test", "https://api.example.com/v1")
        .credential(Credential::Bearer(Secret::new(KEY)))
        .transport(service)
        .build()
        .unwrap();
    assert_eq!(client.get("/ok").send().await.unwrap().body(), "/v1/ok");
}

#[tokio::test]
async fn a_proxy_of_the_configuration_is_gone_through() {
    let (proxy, calls) = serve(|_, seen| async move { answer(200, &seen.uri) }).await;
    let config: HttpConfig = toml::from_str(&format!("proxy = \"http://{proxy}\"")).unwrap();
    let client = Client::builder("test", "http://127.0.0.1:9/base")
        .configured_by(&config, std::path::Path::new("."))
        .unwrap()
        .build()
        .unwrap();
    let answer = client.get("/things").send().await.unwrap();
    assert_eq!(answer.body(), "http://127.0.0.1:9/base/things");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
