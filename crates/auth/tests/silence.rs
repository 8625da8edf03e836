//! Nothing of a token, a key or a person stands in any output.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use adieu_auth::{Scope, sign};
use adieu_core::Secret;
use common::*;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

/// Values that occur in the tokens and keys of this test, and must occur nowhere else.
const CANARIES: [&str; 9] = [
    "canary-subject",
    "canary-mail",
    "canary-tenant",
    "canary-scope",
    "canary-jti",
    "canary-kid",
    "canary-issuer",
    "canary-audience",
    "canary-secret",
];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn canary_claims() -> Value {
    let mut claims = claims();
    claims["sub"] = json!("canary-subject");
    claims["email"] = json!("canary-mail@example.com");
    claims["org"] = json!("canary-tenant");
    claims["scope"] = json!("privacy:erase canary-scope");
    claims["jti"] = json!("canary-jti");
    claims
}

#[test]
fn no_value_of_a_token_is_shown_by_debug_display_or_tracing() {
    let secret = "canary-secret-of-more-than-32-bytes";
    let mut config = config(given(secret));
    config.tenant_claim = Some("org".to_owned());
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let mut shown = String::new();
    tracing::subscriber::with_default(subscriber, || {
        let authenticator = build(config.clone()).unwrap();
        write!(shown, "{config:?}{config:#?}{authenticator:?}").unwrap();
        let header = json!({"alg": "HS256", "kid": "canary-kid"}).to_string();
        let good = hs256_with(secret.as_bytes(), &header, &canary_claims().to_string());
        let grant = block_on(authenticator.authenticate_token(&good, now())).unwrap();
        assert_eq!(grant.identity().value().expose(), "canary-subject");
        write!(shown, "{grant:?}{grant:#?}").unwrap();
        write!(shown, "{:?}", grant.require(&Scope::OPERATOR)).unwrap();
        tracing::info!(?grant, "a host may log a grant");

        let mut bad: Vec<String> = Vec::new();
        for (name, value) in [
            ("iss", json!("canary-issuer")),
            ("aud", json!("canary-audience")),
            ("exp", json!("canary-subject")),
            ("nbf", json!(NOW + 9_999)),
            ("exp", json!(0)),
            ("sub", json!(["canary-subject"])),
            ("sub", json!("canary-subject ")),
            ("email", json!(["canary-mail"])),
            ("org", json!("canary-tenant\n")),
            ("scope", json!({"canary-scope": 1})),
            ("auth_time", json!("canary-subject")),
        ] {
            let mut claims = canary_claims();
            claims[name] = value;
            bad.push(hs256_with(secret.as_bytes(), &header, &claims.to_string()));
        }
        bad.push(format!("{good}x"));
        bad.push("canary-subject".to_owned());
        bad.push(hs256_with(
            secret.as_bytes(),
            r#"{"alg":"canary-kid"}"#,
            "canary-subject",
        ));
        bad.push(hs256_with(
            secret.as_bytes(),
            &header,
            r#"{"sub":"canary-subject","sub":"canary-subject"}"#,
        ));
        bad.push(format!("{good}{}", "A".repeat(9_000)));
        for token in &bad {
            let denied = block_on(authenticator.authenticate_token(token, now())).unwrap_err();
            let challenge = denied.www_authenticate().unwrap();
            write!(
                shown,
                "{denied}{denied:?}{}{}{challenge:?}",
                denied.code(),
                denied.status()
            )
            .unwrap();
            tracing::warn!(%denied, ?denied, "a host may log a refusal");
        }

        let signer = sign::Signer::from_secret(&Secret::new(secret))
            .unwrap()
            .with_kid("canary-kid");
        let draft = sign::TokenDraft::new("canary-issuer", "canary-audience", "canary-subject");
        let token = signer.sign(&draft, now()).unwrap();
        write!(shown, "{signer:?}{draft:?}{token:?}").unwrap();
        let signature = good.rsplit('.').next().unwrap();
        assert!(!shown.contains(signature));
    });
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a host may log a refusal"), "{logged}");
    for canary in CANARIES {
        assert!(!shown.contains(canary), "{canary} is shown: {shown}");
        assert!(!logged.contains(canary), "{canary} is logged: {logged}");
    }
}
