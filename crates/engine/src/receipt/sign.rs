//! Signing receipts: JWS with EdDSA (RFC 7515, RFC 8037).

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::Receipt;
use crate::error::EngineError;
use crate::keys::{MasterKey, sha256};

/// The type in the header of a receipt.
pub(crate) const RECEIPT_TYPE: &str = "adieu-receipt+jws";

/// Signs receipts with a key derived from the operator's.
pub(crate) struct Signer {
    key: EncodingKey,
    kid: String,
    public: String,
}

impl Signer {
    pub(crate) fn new(master: &MasterKey) -> Result<Self, EngineError> {
        let refused = || EngineError::internal("the signing key was refused");
        let seed = master.derive("receipt")?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| refused())?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let der = pair.to_pkcs8v1().map_err(|_| refused())?;
        // The thumbprint of RFC 7638 names the key.
        let thumbprint = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
        Ok(Self {
            key: EncodingKey::from_ed_der(der.as_ref()),
            kid: URL_SAFE_NO_PAD.encode(sha256(&[thumbprint.as_bytes()])),
            public,
        })
    }

    /// The signed receipt in its compact form.
    pub(crate) fn sign(&self, receipt: &Receipt) -> Result<String, EngineError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(RECEIPT_TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, receipt, &self.key)
            .map_err(|_| EngineError::internal("the receipt could not be signed"))
    }

    /// The public key as a JWK Set (RFC 7517), to verify receipts with.
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": self.public,
        }]})
    }
}
