//! One key that a signature is checked with, bound to one algorithm.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};

use crate::algorithm::{Algorithm, Family};

/// A longer `kid` is refused, in a token and in a key set.
pub(crate) const MAX_KID_BYTES: usize = 256;

const MIN_SECRET_BYTES: usize = 32;

/// A key and the one algorithm it is for.
pub(crate) struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    decoding: DecodingKey,
}

impl Key {
    /// A shared secret, for HS256 alone. Its bytes are the key, as they stand.
    pub(crate) fn from_secret(secret: &str, allowed: &[Algorithm]) -> Result<Self, &'static str> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(
                "this shared secret is too short; use at least 32 random bytes (RFC 7518, section 3.2)",
            );
        }
        if is_public_key(secret) {
            return Err(
                "this is a public key and must not serve as a shared secret; write it as PEM, from \
                 -----BEGIN PUBLIC KEY----- on",
            );
        }
        Self::new(DecodingKey::from_secret(secret.as_bytes()), allowed)
    }

    /// A public key of RSA (2048 bits and more), P-256 or Ed25519 in PEM.
    pub(crate) fn from_pem(pem: &str, allowed: &[Algorithm]) -> Result<Self, &'static str> {
        if pem.contains("PRIVATE KEY-----") {
            return Err(
                "this is a private key; give the public one, which is enough to check tokens",
            );
        }
        if pem.contains("-----BEGIN CERTIFICATE") {
            return Err(
                "this is a certificate; give its key: openssl x509 -pubkey -noout -in cert.pem",
            );
        }
        if pem.matches("-----BEGIN ").count() != 1 {
            return Err("there is more than one key in this PEM; give each by itself");
        }
        let bytes = pem.as_bytes();
        let decoding = DecodingKey::from_rsa_pem(bytes)
            .or_else(|_| DecodingKey::from_ec_pem(bytes))
            .or_else(|_| DecodingKey::from_ed_pem(bytes))
            .map_err(|_| "this PEM holds no public key of RSA, P-256 or Ed25519")?;
        Self::new(decoding, allowed)
    }

    /// A public key from a key set.
    pub(crate) fn from_jwk(jwk: &Jwk, allowed: &[Algorithm]) -> Result<Self, &'static str> {
        let common = &jwk.common;
        if !matches!(common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return Err("this key is not for signatures");
        }
        if let Some(operations) = &common.key_operations
            && !operations.contains(&KeyOperations::Verify)
        {
            return Err("this key is not for signatures");
        }
        let named = match common.key_algorithm {
            None => None,
            Some(name) => Some(
                Algorithm::named(&name.to_string())
                    .filter(|it| allowed.contains(it))
                    .ok_or("this key is for an algorithm that is not allowed")?,
            ),
        };
        let decoding = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                let n = decode(&rsa.n)?;
                let e = decode(&rsa.e)?;
                DecodingKey::from_rsa_raw_components(without_zeros(&n), without_zeros(&e))
            }
            AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
                DecodingKey::from_ec_components(&ec.x, &ec.y)
                    .map_err(|_| "this key is not base64url")?
            }
            AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
                DecodingKey::from_ed_components(&okp.x).map_err(|_| "this key is not base64url")?
            }
            AlgorithmParameters::OctetKey(_) => {
                return Err("a shared secret does not belong in a key set");
            }
            _ => return Err("this key is of an unknown type"),
        };
        let mut key = match named {
            Some(algorithm) => Self::new(decoding, &[algorithm])?,
            None => Self::new(decoding, allowed)?,
        };
        if common
            .key_id
            .as_ref()
            .is_some_and(|kid| kid.len() > MAX_KID_BYTES)
        {
            return Err("this key's kid is too long");
        }
        key.kid.clone_from(&common.key_id);
        Ok(key)
    }

    /// The same key, for tokens with this `kid` (or with none) alone.
    pub(crate) fn with_kid(mut self, kid: Option<String>) -> Self {
        self.kid = kid;
        self
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Whether the signature over the message was made with this key and its algorithm.
    pub(crate) fn verifies(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        // The backend is named here, so that another crate's features cannot take it away.
        (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.into(), &self.decoding)
            .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }

    /// Checks the key material and binds it to the first allowed algorithm that fits its type.
    fn new(decoding: DecodingKey, allowed: &[Algorithm]) -> Result<Self, &'static str> {
        let family = checked_family(&decoding)?;
        let algorithm = allowed
            .iter()
            .copied()
            .find(|it| it.family() == family)
            .ok_or("this key fits none of the allowed algorithms")?;
        Ok(Self {
            kid: None,
            algorithm,
            decoding,
        })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Whether a text is something public that somebody took for a secret (algorithm confusion, RFC 8725, section 2.1).
fn is_public_key(text: &str) -> bool {
    if text.contains("-----BEGIN") || text.trim_start().starts_with(['{', '[']) {
        return true;
    }
    if text.starts_with("ssh-") || text.starts_with("ecdsa-sha2-") {
        return true;
    }
    let joined: String = text.split_ascii_whitespace().collect();
    let bare = joined
        .trim_end_matches('=')
        .replace('-', "+")
        .replace('_', "/");
    STANDARD_NO_PAD
        .decode(bare)
        .is_ok_and(|der| is_der_sequence(&der))
}

/// Whether the bytes are exactly one ASN.1 SEQUENCE, as every public key and certificate in DER is.
fn is_der_sequence(der: &[u8]) -> bool {
    match der {
        [0x30, length, rest @ ..] if *length < 0x80 => rest.len() == usize::from(*length),
        [0x30, 0x81, length, rest @ ..] => rest.len() == usize::from(*length),
        [0x30, 0x82, high, low, rest @ ..] => {
            rest.len() == usize::from(*high) * 256 + usize::from(*low)
        }
        _ => false,
    }
}

fn checked_family(key: &DecodingKey) -> Result<Family, &'static str> {
    match key.family() {
        AlgorithmFamily::Hmac => Ok(Family::Secret),
        AlgorithmFamily::Rsa => {
            let (bits, parsed) = match key.kind() {
                DecodingKeyKind::SecretOrDer(der) => match aws_lc_rs::rsa::PublicKey::from_der(der)
                {
                    Ok(public) => {
                        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
                        (bit_length(&modulus), true)
                    }
                    Err(_) => (0, false),
                },
                DecodingKeyKind::RsaModulusExponent { n, e } => (bit_length(n), is_exponent(e)),
            };
            if !parsed {
                return Err("this is no RSA key");
            }
            if !(2048..=8192).contains(&bits) {
                return Err("an RSA key needs 2048 to 8192 bits");
            }
            Ok(Family::Rsa)
        }
        AlgorithmFamily::Ec => {
            let point = key.try_get_as_bytes().map_err(|_| "this is no P-256 key")?;
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .map_err(|_| "this is no P-256 key; other curves are not offered")?;
            Ok(Family::P256)
        }
        AlgorithmFamily::Ed => {
            let point = key
                .try_get_as_bytes()
                .map_err(|_| "this is no Ed25519 key")?;
            ParsedPublicKey::new(&ED25519, point).map_err(|_| "this is no Ed25519 key")?;
            Ok(Family::Ed25519)
        }
    }
}

fn bit_length(big_endian: &[u8]) -> usize {
    match big_endian {
        [] => 0,
        [first, rest @ ..] => rest.len() * 8 + (8 - first.leading_zeros() as usize),
    }
}

/// Odd and at least 3: with an exponent of 1 anybody could sign.
fn is_exponent(e: &[u8]) -> bool {
    e.last().is_some_and(|last| last % 2 == 1) && e != [1]
}

fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| "this key is not base64url")
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    &bytes[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_in_any_dress_is_no_secret() {
        let der = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==";
        for public in [
            der.to_owned(),
            der.trim_end_matches('=').to_owned(),
            format!("{}\n{}", &der[..64], &der[64..]),
            der.replace('+', "-").replace('/', "_"),
            format!(" -----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----"),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a@b"
                .to_owned(),
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#
                .to_owned(),
        ] {
            assert!(
                Key::from_secret(&public, &Algorithm::ALL).is_err(),
                "{public} was taken for a secret"
            );
        }
        assert!(Key::from_secret("Zq3t6w9z$C&F)J@NcRfUjXn2r5u7x!A%", &Algorithm::ALL).is_ok());
    }

    #[test]
    fn an_exponent_of_one_and_an_even_one_are_refused() {
        assert!(!is_exponent(&[1]) && !is_exponent(&[2]) && !is_exponent(&[]));
        assert!(is_exponent(&[3]) && is_exponent(&[1, 0, 1]));
        assert_eq!(bit_length(&[0x80, 0]), 16);
        assert_eq!(bit_length(&[1]), 1);
    }
}
