//! Tokens that are had for credentials.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adieu_core::{Effect, ErrorKind, Retry, Secret};
use adieu_http_client::{Client, ServiceAccount, Tokens};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{answer, serve};
use futures_util::future::join_all;
use http_body_util::Full;
use tower::service_fn;

/// Never to be seen anywhere but at the token endpoint.
const SECRET: &str = "hunter2-client-secret";

fn credentials() -> [(String, Secret); 2] {
    [
        ("client_id".to_owned(), Secret::new("adieu")),
        ("client_secret".to_owned(), Secret::new(SECRET)),
    ]
}

/// A client whose API answers by the number of its call and the token's, and whose tokens live so long.
fn api<F>(lives_seconds: u64, api: F) -> (Client, Arc<AtomicUsize>)
where
    F: Fn(usize, &str) -> u16 + Clone + Send + Sync + 'static,
{
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let endpoint = Client::builder("tokens", "https://id.example.com/token").transport(service_fn(
        move |request: adieu_http_client::Outgoing| {
            let counter = Arc::clone(&counter);
            async move {
                assert_eq!(request.uri().to_string(), "https://id.example.com/token");
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                let granted =
                    format!("{{\"access_token\": \"t{number}\", \"expires_in\": {lives_seconds}}}");
                Ok::<_, std::io::Error>(http::Response::new(Full::from(granted)))
            }
        },
    ));
    let tokens = Tokens::for_client(endpoint, credentials()).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let client = Client::builder("api", "https://api.example.com")
        .tokens(tokens)
        .transport(service_fn(move |request: adieu_http_client::Outgoing| {
            let number = calls.fetch_add(1, Ordering::SeqCst);
            let token = request.headers()["authorization"].to_str().unwrap();
            let status = api(number, token.strip_prefix("Bearer ").unwrap());
            async move {
                let body = Full::<bytes::Bytes>::from("{}");
                let answer = http::Response::builder().status(status).body(body);
                Ok::<_, std::io::Error>(answer.unwrap())
            }
        }))
        .build()
        .unwrap();
    (client, asked)
}

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_for_once_whoever_waits_for_it() {
    let (client, asked) = api(3600, |_, token| if token == "t0" { 200 } else { 500 });
    let calls = (0..50).map(|_| client.get("/v1/me").send());
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_before_it_expires() {
    let (client, asked) = api(3600, |_, _| 200);
    let call = async || client.get("/v1/me").send().await.unwrap();
    call().await;
    tokio::time::advance(Duration::from_secs(3500)).await;
    call().await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    tokio::time::advance(Duration::from_secs(45)).await;
    call().await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn however_long_a_token_is_said_to_live_it_is_used_and_replaced() {
    for (seconds, used_for) in [(30, 20), (u64::MAX, 80_000)] {
        let (client, asked) = api(seconds, |_, _| 200);
        client.get("/v1/me").send().await.unwrap();
        tokio::time::advance(Duration::from_secs(used_for)).await;
        client.get("/v1/me").send().await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{seconds}");
        tokio::time::advance(Duration::from_secs(24 * 3600)).await;
        client.get("/v1/me").send().await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2, "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_also_for_a_call_that_acts() {
    let (client, asked) = api(3600, |_, token| if token == "t0" { 401 } else { 200 });
    let acted = client.post("/v1/deletions").send().await.unwrap();
    assert_eq!(
        (acted.status().as_u16(), asked.load(Ordering::SeqCst)),
        (200, 2)
    );
    let (client, asked) = api(3600, |_, _| 401);
    let refused = client.post("/v1/deletions").send().await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), asked.load(Ordering::SeqCst)),
        (401, 2)
    );
}

#[tokio::test]
async fn credentials_that_are_refused_say_so_and_stay_secret() {
    let (address, _) = serve(|number, seen| async move {
        match number {
            0 => answer(400, "{\"error\": \"invalid_client\"}"),
            // What it was sent comes back, and must not be repeated.
            1 => answer(200, std::str::from_utf8(&seen.body).unwrap()),
            _ => answer(500, "hunter2"),
        }
    })
    .await;
    let url = format!("http://{address}/token");
    let tokens = Tokens::for_client(Client::builder("tokens", url), credentials()).unwrap();
    let api = Client::builder("api", format!("http://{address}"))
        .tokens(tokens.clone())
        .build()
        .unwrap();
    let expected = [
        (ErrorKind::Unauthorized, Retry::Never),
        (ErrorKind::Protocol, Retry::Never),
        (ErrorKind::Unavailable, Retry::WithBackoff),
    ];
    for (kind, retry) in expected {
        let error = api.post("/v1/deletions").send().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry_advice()),
            (kind, retry),
            "{error}"
        );
        // What the token was for was never called.
        assert_eq!(error.effect_seen(), Effect::None, "{error}");
        for secret in [SECRET, "hunter2", "/token?"] {
            assert!(!format!("{error:?} {tokens:?} {api:?}").contains(secret));
        }
    }
}

#[tokio::test]
async fn a_service_account_signs_for_its_token_and_says_for_what() {
    let (address, _) = serve(|_, seen| async move {
        if seen.uri == "/token" {
            answer(
                200,
                &format!("{{\"access_token\": \"{}\"}}", seen.body.len()),
            )
        } else {
            answer(200, &format!("{:?}", seen.headers.get("authorization")))
        }
    })
    .await;
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let der = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
    let file = |uri: &str| {
        let file = serde_json::json!({
            "client_email": "adieu@example.iam", "private_key": pem, "token_uri": uri,
        });
        Secret::new(file.to_string())
    };
    let account = ServiceAccount::parse(&file(&format!("http://{address}/token"))).unwrap();
    let endpoint = Client::builder("google", account.token_uri().to_owned());
    let tokens = Tokens::for_service_account(endpoint, account, "edit").unwrap();
    let token = tokens.token().await.unwrap();
    let signed: usize = token.expose().parse().unwrap();
    assert!(signed > 400, "a signature was sent");

    for wrong in ["{}", "hunter2", "{\"client_email\": 7}"] {
        let problem = ServiceAccount::parse(&Secret::new(wrong)).unwrap_err();
        assert!(problem.to_string().contains("token_uri"), "{problem}");
        assert!(!problem.to_string().contains("hunter2"), "{problem}");
    }
    let account = ServiceAccount::parse(&file("http://id.example.com/token")).unwrap();
    let endpoint = Client::builder("google", account.token_uri().to_owned());
    assert!(Tokens::for_service_account(endpoint, account, "edit").is_err());
}
