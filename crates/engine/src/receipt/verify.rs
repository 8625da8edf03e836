//! Verifying receipts, offline.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use super::RECEIPT_FORM;
use super::commitment::{Commitment, Opening};
use super::sign::RECEIPT_TYPE;
use adieu_core::Identity;

/// Verifies a receipt with the keys of whoever issued it.
///
/// # Errors
/// When it is not a receipt, no key fits, or the signature is wrong.
pub fn verify(jws: &str, jwks: &str) -> Result<VerifiedReceipt, ReceiptError> {
    let keys: JwkSet = serde_json::from_str(jwks).map_err(|_| ReceiptError::Keys)?;
    let jws = jws.trim();
    let header = jsonwebtoken::decode_header(jws).map_err(|_| ReceiptError::NotAReceipt)?;
    if header.typ.as_deref() != Some(RECEIPT_TYPE) || header.alg != Algorithm::EdDSA {
        return Err(ReceiptError::NotAReceipt);
    }
    let kid = header.kid.ok_or(ReceiptError::NotAReceipt)?;
    let key = keys.find(&kid).ok_or(ReceiptError::UnknownKey)?;
    let key = DecodingKey::from_jwk(key).map_err(|_| ReceiptError::Keys)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    // A receipt does not expire, and is addressed to whoever holds it.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims: Map<String, Value> = jsonwebtoken::decode(jws, &key, &validation)
        .map_err(|_| ReceiptError::Signature)?
        .claims;
    if claims.get("receipt").and_then(Value::as_str) != Some(RECEIPT_FORM) {
        return Err(ReceiptError::NotAReceipt);
    }
    Ok(VerifiedReceipt { claims })
}

/// A receipt whose signature was found right.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedReceipt {
    claims: Map<String, Value>,
}

impl VerifiedReceipt {
    /// What it says, in the form of [`Receipt`](super::Receipt).
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// Whether it is about this identity.
    pub fn is_about(&self, opening: &Opening, tenant: Option<&str>, identity: &Identity) -> bool {
        let commitments: Vec<Commitment> = self
            .claims
            .get("subject")
            .and_then(|subject| serde_json::from_value(subject.clone()).ok())
            .unwrap_or_default();
        opening.opens(&commitments, tenant, identity)
    }
}

/// Why a receipt does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The keys are not a JWK Set.
    #[error("the keys are not a JWK Set (RFC 7517)")]
    Keys,
    /// It is something else.
    #[error("this is not a receipt of adieu")]
    NotAReceipt,
    /// It was signed with a key that is not among these.
    #[error("no key in the key set has signed this receipt")]
    UnknownKey,
    /// It was changed, or never signed.
    #[error("the signature is wrong: the receipt was changed, or signed by somebody else")]
    Signature,
}
