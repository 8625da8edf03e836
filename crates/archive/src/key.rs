//! The secret of one archive.

use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519;
use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::error::ArchiveError;

/// The secret of one request's archive: it opens the spool while the archive is gathered, and the finished archive at rest.
///
/// Whoever deletes it has deleted the archive, wherever copies of it lie. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct ArchiveKey {
    identity: x25519::Identity,
}

impl ArchiveKey {
    /// A new random key.
    pub fn generate() -> Self {
        Self {
            identity: x25519::Identity::generate(),
        }
    }

    /// The key as bytes, to be kept sealed. They are wiped when dropped.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let text = self.identity.to_string();
        Zeroizing::new(text.expose_secret().as_bytes().to_vec())
    }

    /// The key that [`ArchiveKey::to_bytes`] gave.
    ///
    /// # Errors
    /// When the bytes are not such a key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ArchiveError::Key)?;
        let identity = x25519::Identity::from_str(text).map_err(|_| ArchiveError::Key)?;
        Ok(Self { identity })
    }

    pub(crate) fn identity(&self) -> &x25519::Identity {
        &self.identity
    }

    /// The key under which the spool is sealed, another one for each purpose.
    pub(crate) fn spool_key(&self, purpose: &str) -> Result<RandomizedNonceKey, ArchiveError> {
        let secret = self.to_bytes();
        let pseudorandom = Salt::new(HKDF_SHA256, b"adieu archive spool v1").extract(&secret);
        let info = [purpose.as_bytes()];
        let mut key = Zeroizing::new([0_u8; 32]);
        pseudorandom
            .expand(&info, Bytes32)
            .and_then(|material| material.fill(&mut *key))
            .map_err(|_| ArchiveError::Key)?;
        RandomizedNonceKey::new(&AES_256_GCM, &*key).map_err(|_| ArchiveError::Key)
    }
}

impl fmt::Debug for ArchiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArchiveKey(…)")
    }
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}
