//! The operator's key, and what is derived from it.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::{digest, hkdf, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::{Zeroize, Zeroizing};

use adieu_core::{Identity, Subject};

use crate::error::EngineError;

/// The key under which everything personal in the engine's tables is sealed: 32 random bytes that the operator keeps.
///
/// Seals, hashes and the receipt's signing key are derived from it (HKDF, RFC 5869), each with a label of its own. Whoever
/// loses it loses the identities of unfinished requests; whoever leaks it should make a new one.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A new random key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, EngineError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut()).map_err(|_| EngineError::internal("no randomness"))?;
        Ok(Self(bytes))
    }

    /// Reads a key from 64 hexadecimal digits, or from base64 of 32 bytes.
    ///
    /// # Errors
    /// When it is neither. The error does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let text = text.trim();
        let mut bytes = if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            (0..64)
                .step_by(2)
                .filter_map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
                .collect()
        } else {
            STANDARD
                .decode(text)
                .or_else(|_| URL_SAFE_NO_PAD.decode(text))
                .unwrap_or_default()
        };
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map(|key| Self(Zeroizing::new(key)));
        bytes.zeroize();
        key.map_err(|_| {
            EngineError::config(
                "the store's key is not 32 bytes in base64 or hexadecimal; make one with `openssl rand -base64 32`",
            )
        })
    }

    /// The key as base64, to be kept by the operator.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    /// 32 bytes for one purpose.
    pub(crate) fn derive(&self, label: &str) -> Result<Zeroizing<[u8; 32]>, EngineError> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"adieu/1");
        let mut derived = Zeroizing::new([0; 32]);
        salt.extract(self.0.as_slice())
            .expand(&[label.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(derived.as_mut()))
            .map_err(|_| EngineError::internal("a key could not be derived"))?;
        Ok(derived)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Seals what is personal before it reaches the tables (AES-256-GCM under random nonces).
pub(crate) struct Sealer(RandomizedNonceKey);

const NONCE_BYTES: usize = 12;

impl Sealer {
    pub(crate) fn new(master: &MasterKey) -> Result<Self, EngineError> {
        let key = master.derive("seal")?;
        RandomizedNonceKey::new(&AES_256_GCM, key.as_slice())
            .map(Self)
            .map_err(|_| EngineError::internal("the sealing key was refused"))
    }

    /// Seals a value for one place; it opens nowhere else.
    pub(crate) fn seal<T: Serialize>(
        &self,
        place: &str,
        value: &T,
    ) -> Result<Vec<u8>, EngineError> {
        let mut bytes = serde_json::to_vec(value)
            .map_err(|_| EngineError::internal("a state could not be written"))?;
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut bytes)
            .map_err(|_| EngineError::internal("a state could not be sealed"))?;
        bytes.extend_from_slice(nonce.as_ref());
        Ok(bytes)
    }

    /// Opens what was sealed for this place.
    pub(crate) fn open<T: DeserializeOwned>(
        &self,
        place: &str,
        sealed: &[u8],
    ) -> Result<T, EngineError> {
        let damaged = || {
            EngineError::internal(
                "a sealed state does not open: the store's key is another one, or the store was damaged",
            )
        };
        let split = sealed.len().checked_sub(NONCE_BYTES).ok_or_else(damaged)?;
        let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(&sealed[split..])
            .map_err(|_| damaged())?;
        let mut bytes = Zeroizing::new(sealed[..split].to_vec());
        let plain = self
            .0
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut bytes)
            .map_err(|_| damaged())?;
        serde_json::from_slice(plain).map_err(|_| damaged())
    }
}

/// Keyed hashes by which the tables recognise a person without knowing them.
pub(crate) struct Hasher(hmac::Key);

impl Hasher {
    pub(crate) fn new(master: &MasterKey, purpose: &str) -> Result<Self, EngineError> {
        let key = master.derive(purpose)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())))
    }

    /// The hash of one identity within its tenant.
    pub(crate) fn identity(&self, tenant: Option<&str>, identity: &Identity) -> Vec<u8> {
        self.parts(&[
            tenant.unwrap_or(""),
            identity.kind().as_str(),
            identity.value().expose(),
        ])
    }

    /// The hash of a whole subject, whatever the order in which its identities were given.
    pub(crate) fn subject(&self, subject: &Subject) -> Vec<u8> {
        let mut parts = vec![subject.tenant().map_or("", |tenant| tenant.expose())];
        for identity in subject.identities() {
            parts.push(identity.kind().as_str());
            parts.push(identity.value().expose());
        }
        self.parts(&parts)
    }

    /// The hash of some texts, each with its length so that no two lists run together.
    pub(crate) fn parts(&self, parts: &[&str]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign().as_ref().to_vec()
    }
}

/// SHA-256 over some byte strings.
pub(crate) fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_for_one_place_opens_there_alone() {
        let sealer = Sealer::new(&MasterKey::generate().unwrap()).unwrap();
        let sealed = sealer.seal("request/1", &"ada@example.com").unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"ada"));
        assert_eq!(
            sealer.open::<String>("request/1", &sealed).unwrap(),
            "ada@example.com"
        );
        assert!(sealer.open::<String>("request/2", &sealed).is_err());
        let other = Sealer::new(&MasterKey::generate().unwrap()).unwrap();
        assert!(other.open::<String>("request/1", &sealed).is_err());
        assert!(sealer.open::<String>("request/1", &sealed[..5]).is_err());
    }

    #[test]
    fn a_master_key_is_read_as_base64_or_hex_and_nothing_else() {
        let key = MasterKey::generate().unwrap();
        let again = MasterKey::parse(&key.to_base64()).unwrap();
        assert_eq!(key.0.as_slice(), again.0.as_slice());
        assert!(MasterKey::parse(&"ab".repeat(32)).is_ok());
        for bad in ["", "secret", &"zz".repeat(32), &"ab".repeat(31)] {
            let error = MasterKey::parse(bad).unwrap_err().to_string();
            assert!(error.contains("openssl rand"), "{error}");
        }
    }

    #[test]
    fn hashes_tell_people_tenants_and_lists_apart() {
        let master = MasterKey::generate().unwrap();
        let hasher = Hasher::new(&master, "owner").unwrap();
        let ada = Identity::new("email", "ada@example.com").unwrap();
        let eve = Identity::new("email", "eve@example.com").unwrap();
        assert_eq!(hasher.identity(None, &ada), hasher.identity(None, &ada));
        assert_ne!(hasher.identity(None, &ada), hasher.identity(None, &eve));
        assert_ne!(
            hasher.identity(None, &ada),
            hasher.identity(Some("acme"), &ada)
        );
        assert_ne!(hasher.parts(&["ab", "c"]), hasher.parts(&["a", "bc"]));
    }
}
