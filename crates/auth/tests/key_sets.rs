//! Key sets at a URL: rotation, the bound on refreshes, outages.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_auth::{
    Algorithm, AuthConfig, Authenticator, Denied, FetchFailed, Grant, KeyFetcher, KeySource,
};
use adieu_core::{ErrorKind, async_trait};
use bytes::Bytes;
use common::*;
use http::Uri;
use serde_json::{Value, json};
use tokio::time::{advance, sleep};

/// What the issuer's server does.
#[derive(Clone, Debug)]
enum Server {
    Answers(Value),
    AnswersBytes(Bytes),
    Fails,
    Hangs,
    Panics,
}

#[derive(Debug)]
struct FakeFetcher {
    server: Mutex<Server>,
    latency: Duration,
    fetches: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl FakeFetcher {
    fn new(server: Server) -> Arc<Self> {
        Self::slow(server, Duration::from_millis(50))
    }

    fn slow(server: Server, latency: Duration) -> Arc<Self> {
        Arc::new(Self {
            server: Mutex::new(server),
            latency,
            fetches: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        })
    }

    fn becomes(&self, server: Server) {
        *self.server.lock().unwrap() = server;
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeyFetcher for FakeFetcher {
    async fn fetch(&self, url: &Uri, max_bytes: usize) -> Result<Bytes, FetchFailed> {
        assert_eq!(url.to_string(), "https://id.example.com/jwks.json");
        assert_eq!(max_bytes, 262_144);
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let running = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(running, Ordering::SeqCst);
        sleep(self.latency).await;
        let server = self.server.lock().unwrap().clone();
        if matches!(server, Server::Hangs) {
            std::future::pending::<()>().await;
        }
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        match server {
            Server::Answers(set) => Ok(Bytes::from(set.to_string())),
            Server::AnswersBytes(bytes) => Ok(bytes),
            Server::Fails => Err(FetchFailed {
                kind: ErrorKind::Unavailable,
            }),
            Server::Hangs | Server::Panics => panic!("the fetcher panics"),
        }
    }
}

fn remote() -> AuthConfig {
    config(KeySource::url("https://id.example.com/jwks.json"))
}

fn authenticator(config: AuthConfig, fetcher: &Arc<FakeFetcher>) -> Arc<Authenticator> {
    let fetcher: Arc<dyn KeyFetcher> = fetcher.clone();
    Arc::new(Authenticator::new(config, Path::new("."), Some(fetcher)).unwrap())
}

async fn ask(authenticator: &Authenticator, token: &str) -> Result<Grant, Denied> {
    authenticator.authenticate_token(token, now()).await
}

fn set(keys: &[Value]) -> Server {
    Server::Answers(json!({ "keys": keys }))
}

fn unavailable() -> Denied {
    Denied::KeysUnavailable {
        retry_after: seconds(30),
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_set_is_fetched_once_and_kept() {
    let fetcher = FakeFetcher::new(set(&[P256.jwk("k1"), RSA.jwk("k2"), ED25519.jwk("k3")]));
    let authenticator = authenticator(remote(), &fetcher);
    assert_eq!(
        fetcher.fetches(),
        0,
        "nothing is fetched before it is needed"
    );
    for _ in 0..50 {
        ask(&authenticator, &P256.token("k1")).await.unwrap();
        ask(&authenticator, &RSA.token("k2")).await.unwrap();
        ask(&authenticator, &ED25519.token("k3")).await.unwrap();
    }
    assert_eq!(fetcher.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_is_found_at_once_and_the_withdrawn_one_is_refused() {
    let fetcher = FakeFetcher::new(set(&[P256.jwk("old")]));
    let authenticator = authenticator(remote(), &fetcher);
    ask(&authenticator, &P256.token("old")).await.unwrap();
    fetcher.becomes(set(&[OTHER_P256.jwk("new")]));
    advance(seconds(60)).await;
    ask(&authenticator, &OTHER_P256.token("new")).await.unwrap();
    assert_eq!(fetcher.fetches(), 2);
    assert_eq!(
        ask(&authenticator, &P256.token("old")).await.unwrap_err(),
        Denied::UnknownKey
    );
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_key_is_refused_after_the_periodic_refresh() {
    let fetcher = FakeFetcher::new(set(&[P256.jwk("k1")]));
    let authenticator = authenticator(remote(), &fetcher);
    ask(&authenticator, &P256.token("k1")).await.unwrap();
    fetcher.becomes(set(&[]));
    advance(seconds(601)).await;
    // This one is still answered from what is there, while the refresh runs behind it.
    ask(&authenticator, &P256.token("k1")).await.unwrap();
    sleep(seconds(1)).await;
    assert_eq!(fetcher.fetches(), 2);
    assert_eq!(
        ask(&authenticator, &P256.token("k1")).await.unwrap_err(),
        Denied::UnknownKey
    );
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_kids_fetches_once_in_thirty_seconds() {
    let fetcher = FakeFetcher::new(set(&[P256.jwk("k1")]));
    let authenticator = authenticator(remote(), &fetcher);
    ask(&authenticator, &P256.token("k1")).await.unwrap();
    let begin = tokio::time::Instant::now();
    let mut asked = 0;
    while begin.elapsed() < seconds(300) {
        let token = hs256_raw(
            &json!({"alg": "ES256", "kid": format!("random-{asked}")}).to_string(),
            "{}",
        );
        ask(&authenticator, &token).await.unwrap_err();
        asked += 1;
        advance(Duration::from_millis(500)).await;
    }
    assert!(asked > 500, "{asked} tokens asked");
    let fetches = fetcher.fetches();
    assert!((10..=11).contains(&fetches), "{fetches} fetches in 300 s");
    assert_eq!(fetcher.most_at_once.load(Ordering::SeqCst), 1);
    // The flood did not push the good key out.
    ask(&authenticator, &P256.token("k1")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_at_once_share_one_fetch() {
    let fetcher = FakeFetcher::slow(set(&[P256.jwk("k1")]), seconds(2));
    let authenticator = authenticator(remote(), &fetcher);
    let tasks: Vec<_> = (0..1_000)
        .map(|n| {
            let authenticator = Arc::clone(&authenticator);
            let kid = if n % 2 == 0 { "k1" } else { "unknown" };
            tokio::spawn(async move { (kid, ask(&authenticator, &P256.token(kid)).await) })
        })
        .collect();
    for task in tasks {
        let (kid, result) = task.await.unwrap();
        assert_eq!(result.is_ok(), kid == "k1");
    }
    assert_eq!(fetcher.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_who_hang_up_do_not_stop_the_refresh() {
    let fetcher = FakeFetcher::slow(set(&[P256.jwk("k1")]), seconds(2));
    let authenticator = authenticator(remote(), &fetcher);
    for _ in 0..5 {
        let token = P256.token("k1");
        let impatient = tokio::time::timeout(seconds(1) / 10, ask(&authenticator, &token));
        assert!(impatient.await.is_err());
    }
    sleep(seconds(3)).await;
    ask(&authenticator, &P256.token("k1")).await.unwrap();
    assert_eq!(fetcher.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_server_neither_opens_nor_floods() {
    for server in [
        Server::Fails,
        Server::Hangs,
        Server::Panics,
        Server::AnswersBytes(Bytes::from_static(b"<html>502</html>")),
        Server::AnswersBytes(Bytes::from_static(b"[]")),
        Server::AnswersBytes(Bytes::from_static(b"{}")),
        Server::AnswersBytes(Bytes::from(
            json!({"keys": [P256.jwk("k1")]}).to_string() + &" ".repeat(262_144),
        )),
    ] {
        let fetcher = FakeFetcher::new(server.clone());
        let authenticator = authenticator(remote(), &fetcher);
        let begin = tokio::time::Instant::now();
        while begin.elapsed() < seconds(120) {
            let denied = ask(&authenticator, &P256.token("k1")).await.unwrap_err();
            assert_eq!(denied, unavailable(), "{server:?}");
            assert_eq!(denied.status(), 503);
            assert_eq!(denied.retry_after(), Some(seconds(30)));
            advance(Duration::from_millis(100)).await;
        }
        assert!(fetcher.fetches() <= 5, "{} fetches", fetcher.fetches());
        // When the server is back, so are the tokens.
        fetcher.becomes(set(&[P256.jwk("k1")]));
        advance(seconds(31)).await;
        ask(&authenticator, &P256.token("k1")).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn known_keys_outlive_an_outage_for_six_hours_and_no_longer() {
    let fetcher = FakeFetcher::new(set(&[P256.jwk("k1")]));
    let authenticator = authenticator(remote(), &fetcher);
    ask(&authenticator, &P256.token("k1")).await.unwrap();
    fetcher.becomes(Server::Fails);
    advance(seconds(21_000)).await;
    ask(&authenticator, &P256.token("k1")).await.unwrap();
    sleep(seconds(1)).await;
    // A key that is not known may be a new one; nobody can say.
    let token = OTHER_P256.token("new");
    assert_eq!(
        ask(&authenticator, &token).await.unwrap_err(),
        unavailable()
    );
    advance(seconds(600)).await;
    let denied = ask(&authenticator, &P256.token("k1")).await.unwrap_err();
    assert_eq!(denied, unavailable());
    fetcher.becomes(set(&[P256.jwk("k1")]));
    advance(seconds(31)).await;
    ask(&authenticator, &P256.token("k1")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_malformed_answer_does_not_replace_good_keys() {
    let fetcher = FakeFetcher::new(set(&[P256.jwk("k1")]));
    let authenticator = authenticator(remote(), &fetcher);
    ask(&authenticator, &P256.token("k1")).await.unwrap();
    fetcher.becomes(Server::AnswersBytes(Bytes::from_static(b"{\"keys\":7}")));
    advance(seconds(601)).await;
    ask(&authenticator, &P256.token("k1")).await.unwrap();
    sleep(seconds(1)).await;
    assert_eq!(fetcher.fetches(), 2);
    ask(&authenticator, &P256.token("k1")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_odd_key_does_not_spoil_the_others_and_none_of_them_is_used() {
    let with = |pair: &Pair, name: &str, value: Value| {
        let mut jwk = pair.jwk("odd");
        jwk[name] = value;
        jwk
    };
    let without_kid = |pair: &Pair| {
        let mut jwk = pair.jwk("odd");
        jwk.as_object_mut().unwrap().remove("kid");
        jwk
    };
    let weak_n = json!("AQAB".repeat(42));
    let odd = [
        json!(null),
        json!(7),
        json!({}),
        json!({"kty": "AKP", "kid": "odd", "alg": "ML-DSA-44", "pub": "AA"}),
        json!({"kty": "oct", "kid": "odd", "k": b64(SECRET)}),
        json!({"kty": "oct", "kid": "odd", "alg": "HS256", "k": b64(SECRET)}),
        with(&RSA, "use", json!("enc")),
        with(&RSA, "use", json!(1)),
        with(&RSA, "key_ops", json!(["encrypt"])),
        with(&RSA, "alg", json!("RSA-OAEP")),
        with(&RSA, "alg", json!("RS512")),
        with(&RSA, "alg", json!("HS256")),
        with(&RSA, "alg", json!("ES256")),
        with(&RSA, "alg", json!("none")),
        with(&RSA, "e", json!("AQ")),
        with(&RSA, "n", weak_n),
        with(&RSA, "n", json!("")),
        with(&RSA, "n", json!("*")),
        with(&P256, "crv", json!("P-384")),
        with(&P256, "crv", json!("Ed25519")),
        with(&P256, "alg", json!("EdDSA")),
        with(&P256, "x", json!("AAAA")),
        with(&P256, "y", P256.jwk("k")["x"].clone()),
        with(&ED25519, "crv", json!("X25519")),
        with(&ED25519, "crv", json!("P-256")),
        with(&ED25519, "x", json!("AAAA")),
        without_kid(&ED25519),
    ];
    let mut keys = odd.to_vec();
    keys.push(OTHER_P256.jwk("good"));
    let fetcher = FakeFetcher::new(set(&keys));
    let authenticator = authenticator(remote(), &fetcher);
    ask(&authenticator, &OTHER_P256.token("good"))
        .await
        .unwrap();
    for token in [
        RSA.token("odd"),
        P256.token("odd"),
        ED25519.token("odd"),
        hs256_raw(r#"{"alg":"HS256","kid":"odd"}"#, &claims().to_string()),
    ] {
        assert_eq!(
            ask(&authenticator, &token).await.unwrap_err(),
            Denied::UnknownKey
        );
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_share_a_kid_are_each_tried_but_not_without_end() {
    let same = [OTHER_P256.jwk("k"), P256.jwk("k"), RSA.jwk("k")];
    let fetcher = FakeFetcher::new(set(&same));
    let authenticator_of_three = authenticator(remote(), &fetcher);
    for token in [P256.token("k"), OTHER_P256.token("k"), RSA.token("k")] {
        ask(&authenticator_of_three, &token).await.unwrap();
    }
    let mut many: Vec<Value> = (0..4).map(|_| Pair::p256().jwk("k")).collect();
    many.push(P256.jwk("k"));
    let fetcher = FakeFetcher::new(set(&many));
    let authenticator = authenticator(remote(), &fetcher);
    assert_eq!(
        ask(&authenticator, &P256.token("k")).await.unwrap_err(),
        Denied::WrongSignature
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_kid_is_checked_with_the_keys_of_its_algorithm() {
    let fetcher = FakeFetcher::new(set(&[RSA.jwk("k1"), P256.jwk("k2")]));
    let authenticator = authenticator(remote(), &fetcher);
    let token = P256.sign(&json!({"alg": "ES256"}), &claims());
    ask(&authenticator, &token).await.unwrap();
    let forged = OTHER_P256.sign(&json!({"alg": "ES256"}), &claims());
    assert_eq!(
        ask(&authenticator, &forged).await.unwrap_err(),
        Denied::WrongSignature
    );
}

#[tokio::test(start_paused = true)]
async fn an_rsa_key_that_does_not_say_gets_the_first_allowed_algorithm() {
    let mut jwk = RSA.jwk("k");
    jwk.as_object_mut().unwrap().remove("alg");
    let fetcher = FakeFetcher::new(set(&[jwk]));
    let authenticator_by_default = authenticator(remote(), &fetcher);
    let pss = RSA.sign_as(
        Algorithm::PS256,
        &json!({"alg": "PS256", "kid": "k"}),
        &claims(),
    );
    ask(&authenticator_by_default, &RSA.token("k"))
        .await
        .unwrap();
    ask(&authenticator_by_default, &pss).await.unwrap_err();
    let mut only_pss = remote();
    only_pss.algorithms = vec![Algorithm::PS256];
    let authenticator = authenticator(only_pss, &fetcher);
    ask(&authenticator, &pss).await.unwrap();
    ask(&authenticator, &RSA.token("k")).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_fixed_key_beside_a_url_does_not_hide_a_rotation() {
    let fetcher = FakeFetcher::new(set(&[P256.jwk("old")]));
    let mut both = remote();
    both.keys.push(given(&ED25519.public_pem));
    both.keys.push(given(&Pair::p256().public_pem));
    let authenticator = authenticator(both, &fetcher);
    ask(&authenticator, &P256.token("old")).await.unwrap();
    fetcher.becomes(set(&[OTHER_P256.jwk("new")]));
    advance(seconds(60)).await;
    ask(&authenticator, &OTHER_P256.token("new")).await.unwrap();
    let forged = Pair::p256().token("any");
    assert_eq!(
        ask(&authenticator, &forged).await.unwrap_err(),
        Denied::WrongSignature
    );
}

#[tokio::test(start_paused = true)]
async fn warming_up_says_whether_the_keys_can_be_had() {
    let fetcher = FakeFetcher::new(Server::Fails);
    let authenticator = authenticator(remote(), &fetcher);
    assert_eq!(authenticator.warm_up().await.unwrap_err(), unavailable());
    fetcher.becomes(set(&[P256.jwk("k1")]));
    advance(seconds(31)).await;
    authenticator.warm_up().await.unwrap();
    authenticator.warm_up().await.unwrap();
    assert_eq!(fetcher.fetches(), 2);
}

#[test]
fn without_a_runtime_a_key_set_is_unavailable_and_nothing_panics() {
    let fetcher = FakeFetcher::new(set(&[P256.jwk("k1")]));
    let authenticator = authenticator(remote(), &fetcher);
    let token = P256.token("k1");
    let mut asking = std::pin::pin!(ask(&authenticator, &token));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match asking.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(denied)) => assert_eq!(denied, unavailable()),
        other => panic!("{other:?}"),
    }
    assert_eq!(fetcher.fetches(), 0);
}
