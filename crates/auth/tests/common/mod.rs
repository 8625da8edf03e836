//! An issuer of the tests' own: its keys, and tokens written by hand where the library's own signer is too polite.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use adieu_auth::{Algorithm, AuthConfig, Authenticator, Denied, Grant, KeySource};
use adieu_core::{ConfigProblem, Secret};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use aws_lc_rs::{hmac, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::jwk::Jwk;
use serde_json::{Value, json};

pub const ISSUER: &str = "https://id.example.com";
pub const AUDIENCE: &str = "api";
pub const SECRET: &str = "Zq3t6w9zCaFxJaNcRfUjXn2r5u7xzAaD";
/// 2026-01-02T03:04:05Z
pub const NOW: i64 = 1_767_323_045;

pub fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// A key pair of the issuer.
pub struct Pair {
    pub algorithm: Algorithm,
    pub private_pem: String,
    pub public_pem: String,
    pub public_der: Vec<u8>,
    encoding: EncodingKey,
}

impl Pair {
    pub fn rsa(algorithm: Algorithm) -> Self {
        let pair = RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let private = AsDer::<Pkcs8V1Der<'static>>::as_der(&pair).unwrap();
        let public = AsDer::<PublicKeyX509Der<'static>>::as_der(pair.public_key()).unwrap();
        Self::new(algorithm, private.as_ref(), public.as_ref())
    }

    pub fn p256() -> Self {
        let private =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref()).unwrap();
        let public = AsDer::<PublicKeyX509Der<'static>>::as_der(pair.public_key()).unwrap();
        Self::new(Algorithm::ES256, private.as_ref(), public.as_ref())
    }

    pub fn ed25519() -> Self {
        let private = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(private.as_ref()).unwrap();
        let public = AsDer::<PublicKeyX509Der<'static>>::as_der(pair.public_key()).unwrap();
        Self::new(Algorithm::EdDSA, private.as_ref(), public.as_ref())
    }

    fn new(algorithm: Algorithm, private: &[u8], public: &[u8]) -> Self {
        let private_pem = pem("PRIVATE KEY", private);
        let bytes = private_pem.as_bytes();
        let encoding = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(bytes),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(bytes),
            _ => EncodingKey::from_rsa_pem(bytes),
        }
        .unwrap();
        Self {
            algorithm,
            public_pem: pem("PUBLIC KEY", public),
            public_der: public.to_vec(),
            private_pem,
            encoding,
        }
    }

    /// The public key as a member of a key set.
    pub fn jwk(&self, kid: &str) -> Value {
        let jwk = Jwk::from_encoding_key(&self.encoding, self.algorithm.into()).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A token with this header and these claims, whatever they are.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_as(self.algorithm, header, claims)
    }

    pub fn sign_as(&self, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", b64(&header.to_string()), b64(&claims.to_string()));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, algorithm.into())
                .unwrap();
        format!("{message}.{signature}")
    }

    /// A good token that names a key.
    pub fn token(&self, kid: &str) -> String {
        self.sign(
            &json!({"alg": self.algorithm.as_str(), "kid": kid}),
            &claims(),
        )
    }
}

pub static RSA: LazyLock<Pair> = LazyLock::new(|| Pair::rsa(Algorithm::RS256));
pub static OTHER_RSA: LazyLock<Pair> = LazyLock::new(|| Pair::rsa(Algorithm::RS256));
pub static PSS: LazyLock<Pair> = LazyLock::new(|| Pair::rsa(Algorithm::PS256));
pub static P256: LazyLock<Pair> = LazyLock::new(Pair::p256);
pub static OTHER_P256: LazyLock<Pair> = LazyLock::new(Pair::p256);
pub static ED25519: LazyLock<Pair> = LazyLock::new(Pair::ed25519);

/// The claims of a good token.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ada-4711",
        "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 600, "auth_time": NOW - 60,
        "scope": "privacy:export privacy:erase",
        "email": "ada@example.com", "email_verified": true,
    })
}

/// The claims of a good token, one of them replaced; `null` takes it away.
pub fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    if claims[name].is_null() {
        claims.as_object_mut().unwrap().remove(name);
    }
    claims
}

pub fn b64(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token under the shared secret, of exactly this header and payload.
pub fn hs256_raw(header: &str, payload: &str) -> String {
    hs256_with(SECRET.as_bytes(), header, payload)
}

/// A token with an HMAC under any bytes at all.
pub fn hs256_with(secret: &[u8], header: &str, payload: &str) -> String {
    let message = format!("{}.{}", b64(header), b64(payload));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// A token under the shared secret with these claims.
pub fn hs256(claims: &Value) -> String {
    hs256_raw(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

pub fn given(key: &str) -> KeySource {
    KeySource::given(Secret::new(key))
}

pub fn config(keys: KeySource) -> AuthConfig {
    AuthConfig::new(ISSUER, AUDIENCE, keys)
}

pub fn build(config: AuthConfig) -> Result<Authenticator, Vec<ConfigProblem>> {
    Authenticator::new(config, Path::new("."), None)
}

/// What becomes of a token, with a configuration that has no key at a URL.
pub fn judge(config: AuthConfig, token: &str) -> Result<Grant, Denied> {
    let authenticator = build(config).unwrap();
    block_on(authenticator.authenticate_token(token, now()))
}

/// What becomes of a token under the shared secret.
pub fn judge_hs256(token: &str) -> Result<Grant, Denied> {
    judge(config(given(SECRET)), token)
}

/// What becomes of a good token with one claim replaced.
pub fn judge_claim(name: &str, value: Value) -> Result<Grant, Denied> {
    judge_hs256(&hs256(&claims_with(name, value)))
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
