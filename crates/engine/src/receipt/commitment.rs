//! Commitments to the subject: a receipt names nobody, and yet its holder can prove whom it is about.

use std::fmt;
use std::str::FromStr;

use adieu_core::{Identity, Subject};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::EngineError;

/// One identity, hidden: HMAC-SHA-256 under the opening, over its tenant, kind and value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// The kind of identity.
    pub kind: String,
    /// The commitment in base64url.
    pub hmac: String,
}

/// What opens the commitments of one receipt. Given to the data subject, and kept nowhere else once the request is over.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening([u8; 32]);

impl Opening {
    pub(crate) fn new(salt: [u8; 32]) -> Self {
        Self(salt)
    }

    /// The commitments to all identities of a subject.
    pub(crate) fn commit(&self, subject: &Subject) -> Vec<Commitment> {
        let tenant = subject.tenant().map(|tenant| tenant.expose());
        subject
            .identities()
            .map(|identity| Commitment {
                kind: identity.kind().as_str().to_owned(),
                hmac: URL_SAFE_NO_PAD.encode(self.mac(tenant, identity)),
            })
            .collect()
    }

    /// Whether one of these commitments is to this identity.
    pub fn opens(
        &self,
        commitments: &[Commitment],
        tenant: Option<&str>,
        identity: &Identity,
    ) -> bool {
        let expected = self.mac(tenant, identity);
        commitments.iter().any(|commitment| {
            commitment.kind == identity.kind().as_str()
                && URL_SAFE_NO_PAD.decode(&commitment.hmac).is_ok_and(|hmac| {
                    constant_time::verify_slices_are_equal(&hmac, &expected).is_ok()
                })
        })
    }

    fn mac(&self, tenant: Option<&str>, identity: &Identity) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        for part in [
            tenant.unwrap_or(""),
            identity.kind().as_str(),
            identity.value().expose(),
        ] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign().as_ref().to_vec()
    }
}

/// The text that the data subject keeps.
impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opening(…)")
    }
}

impl FromStr for Opening {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        URL_SAFE_NO_PAD
            .decode(text.trim())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| {
                EngineError::config(
                    "an opening is the 43 characters that were printed with the receipt",
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_holder_of_the_opening_can_tell_whom_a_receipt_is_about() {
        let ada = Identity::new("email", "ada@example.com").unwrap();
        let eve = Identity::new("email", "eve@example.com").unwrap();
        let opening = Opening::new([7; 32]);
        let commitments = opening.commit(&Subject::new([ada.clone()]));
        assert!(opening.opens(&commitments, None, &ada));
        assert!(!opening.opens(&commitments, None, &eve));
        assert!(!opening.opens(&commitments, Some("acme"), &ada));
        assert!(!Opening::new([8; 32]).opens(&commitments, None, &ada));
        let text = opening.to_string();
        assert_eq!(text.parse::<Opening>().unwrap(), opening);
        assert!("short".parse::<Opening>().is_err());
    }
}
