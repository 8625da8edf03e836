//! Signing tokens for development and tests. In production the issuer does this.

use std::fmt;
use std::time::Duration;

use adieu_core::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use serde_json::{Map, Value, json};

use crate::algorithm::{Algorithm, Family};
use crate::scope::Scope;

/// Signs tokens with one private key or shared secret.
pub struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    kid: Option<String>,
}

/// What a development token shall say.
#[derive(Clone)]
pub struct TokenDraft {
    issuer: String,
    audience: String,
    subject: String,
    scopes: Vec<Scope>,
    lifetime: Duration,
    login: Option<Timestamp>,
    claims: Map<String, Value>,
}

/// A key that cannot sign, or not with this algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this key cannot sign with {}; give a private key in PEM (PKCS #8), or for HS256 a secret of 32 bytes", .0.as_str())]
pub struct UnfitKey(Algorithm);

impl Signer {
    /// Signs with HS256 under a shared secret of at least 32 bytes.
    ///
    /// # Errors
    /// When the secret is shorter.
    pub fn from_secret(secret: &Secret) -> Result<Self, UnfitKey> {
        let bytes = secret.expose().as_bytes();
        if bytes.len() < 32 {
            return Err(UnfitKey(Algorithm::HS256));
        }
        Self::tried(EncodingKey::from_secret(bytes), Algorithm::HS256)
    }

    /// Signs with a private key in PEM (PKCS #8; for RSA also PKCS #1).
    ///
    /// # Errors
    /// When it is no such key, or does not fit the algorithm.
    pub fn from_pem(pem: &Secret, algorithm: Algorithm) -> Result<Self, UnfitKey> {
        let bytes = pem.expose().as_bytes();
        let key = match algorithm.family() {
            Family::Secret => return Err(UnfitKey(algorithm)),
            Family::Rsa => EncodingKey::from_rsa_pem(bytes),
            Family::P256 => EncodingKey::from_ec_pem(bytes),
            Family::Ed25519 => EncodingKey::from_ed_pem(bytes),
        };
        Self::tried(key.map_err(|_| UnfitKey(algorithm))?, algorithm)
    }

    /// Names the key in the header of each token.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// Signs a draft, valid from `now` on.
    ///
    /// # Errors
    /// When the key fails to sign.
    pub fn sign(&self, draft: &TokenDraft, now: Timestamp) -> Result<Secret, UnfitKey> {
        let mut header = json!({ "typ": "at+jwt", "alg": self.algorithm.as_str() });
        if let Some(kid) = &self.kid {
            header["kid"] = json!(kid);
        }
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(Value::Object(draft.claims(now)).to_string()),
        );
        let signature = URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes())?);
        Ok(Secret::new(format!("{message}.{signature}")))
    }

    /// The key, once it has signed something.
    fn tried(key: EncodingKey, algorithm: Algorithm) -> Result<Self, UnfitKey> {
        let signer = Self {
            key,
            algorithm,
            kid: None,
        };
        signer.signature(b"")?;
        Ok(signer)
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, UnfitKey> {
        (DEFAULT_PROVIDER.signer_factory)(&self.algorithm.into(), &self.key)
            .ok()
            .and_then(|signer| signer.try_sign(message).ok())
            .ok_or(UnfitKey(self.algorithm))
    }
}

impl TokenDraft {
    /// A token for this person, valid for ten minutes, of a person who has just logged in, without a scope.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        subject: impl Into<String>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            subject: subject.into(),
            scopes: Vec::new(),
            lifetime: Duration::from_secs(600),
            login: None,
            claims: Map::new(),
        }
    }

    /// What the token allows.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes.extend(scopes);
        self
    }

    /// For how long it is valid.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// When the person logged in, if not just now.
    #[must_use]
    pub fn login_at(mut self, login: Timestamp) -> Self {
        self.login = Some(login);
        self
    }

    /// One more claim, in place of a usual one of that name.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    fn claims(&self, now: Timestamp) -> Map<String, Value> {
        let seconds = now.as_second();
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let scopes: Vec<&str> = self.scopes.iter().map(Scope::as_str).collect();
        let usual = [
            ("iss", json!(self.issuer)),
            ("aud", json!(self.audience)),
            ("sub", json!(self.subject)),
            ("iat", json!(seconds)),
            ("nbf", json!(seconds)),
            ("exp", json!(seconds.saturating_add(lifetime))),
            ("auth_time", json!(self.login.unwrap_or(now).as_second())),
            ("scope", json!(scopes.join(" "))),
        ];
        let mut claims: Map<String, Value> = usual
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        claims.extend(self.claims.clone());
        claims
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TokenDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenDraft")
            .field("scopes", &self.scopes)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
