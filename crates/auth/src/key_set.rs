//! Reading keys: a key set (RFC 7517), a PEM, or a shared secret.

use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::key::Key;

/// The keys of one source.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    unusable: usize,
}

impl KeySet {
    /// Reads whatever the text holds: a key set or a single JWK in JSON, a PEM, or else a shared secret.
    pub(crate) fn read(text: &str, allowed: &[Algorithm]) -> Result<Self, &'static str> {
        let bare = bare(text);
        if bare.starts_with('{') {
            let set = Self::parse(bare.as_bytes(), allowed)?;
            if set.keys.is_empty() {
                return Err("there is no key in this key set that can check a token");
            }
            return Ok(set);
        }
        let key = if is_pem(bare) {
            Key::from_pem(bare, allowed)?
        } else {
            Key::from_secret(text, allowed)?
        };
        Ok(Self::of(key))
    }

    /// Whether the text is read as public keys, and not as a shared secret.
    pub(crate) fn is_public(text: &str) -> bool {
        let bare = bare(text);
        bare.starts_with('{') || is_pem(bare)
    }

    /// Reads a key set, or a single JWK, in JSON. A key that cannot be used is left out; the others are not lost.
    pub(crate) fn parse(json: &[u8], allowed: &[Algorithm]) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Document {
            keys: Option<Vec<Value>>,
            kty: Option<Value>,
        }

        let document: Document =
            serde_json::from_slice(json).map_err(|_| "this is no key set (RFC 7517)")?;
        let members = match (document.keys, document.kty) {
            (Some(members), _) => members,
            (None, Some(_)) => {
                vec![serde_json::from_slice(json).map_err(|_| "this is no key set (RFC 7517)")?]
            }
            (None, None) => return Err("this is no key set (RFC 7517)"),
        };
        let mut set = Self::default();
        for member in members {
            let key = serde_json::from_value::<Jwk>(member)
                .map_err(|_| "this key is malformed")
                .and_then(|jwk| Key::from_jwk(&jwk, allowed));
            match key {
                Ok(key) => set.keys.push(key),
                Err(_) => set.unusable += 1,
            }
        }
        Ok(set)
    }

    /// A set of one key.
    pub(crate) fn of(key: Key) -> Self {
        Self {
            keys: vec![key],
            unusable: 0,
        }
    }

    /// The same set, its only key for tokens with this `kid` (or with none) alone.
    ///
    /// # Errors
    /// When it holds several keys: those have their own.
    pub(crate) fn with_kid(self, kid: Option<String>) -> Result<Self, &'static str> {
        if kid.is_none() {
            return Ok(self);
        }
        let [key] = <[Key; 1]>::try_from(self.keys)
            .map_err(|_| "a kid can only be given to a single key; a key set has its own")?;
        Ok(Self::of(key.with_kid(kid)))
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// How many members of the set cannot check a token: of an unknown type, for encryption, malformed.
    pub(crate) fn unusable(&self) -> usize {
        self.unusable
    }
}

fn bare(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

fn is_pem(bare: &str) -> bool {
    bare.starts_with("-----BEGIN ")
}
