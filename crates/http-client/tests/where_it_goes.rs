//! Credentials go to the configured host, and to no other.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::sync::atomic::Ordering;

use adieu_core::{ErrorKind, Secret};
use adieu_http_client::{Client, Credential, HttpConfig};
use common::{KEY, answer, answer_with, client, serve};
use http::header::{AUTHORIZATION, HeaderName};

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
