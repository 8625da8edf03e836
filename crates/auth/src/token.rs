//! Taking a compact JWS (RFC 7515) apart, strictly.

use std::collections::HashSet;
use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{self, Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::denied::Denied;
use crate::key::MAX_KID_BYTES;

/// A token taken apart. Nothing of it has been verified.
pub(crate) struct Token<'a> {
    text: &'a str,
    message: &'a [u8],
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: Option<String>,
    claims: Map<String, Value>,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    ///
    /// Exactly three parts of canonical base64url without padding; the first two are JSON objects in which no member
    /// comes twice, at any depth. Of the header only `alg`, `kid`, `typ` and `crit` are looked at: `jku`, `jwk`, `x5u`
    /// and `x5c` would let a token bring its own key (RFC 8725, section 3.10).
    pub(crate) fn parse(text: &'a str, max_bytes: usize) -> Result<Self, Denied> {
        if text.len() > max_bytes {
            return Err(Denied::TooLarge);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Denied::Malformed);
        };
        let message = &text.as_bytes()[..header.len() + 1 + payload.len()];
        let header = object(header)?;
        if header.contains_key("crit") || !is_access_token(header.get("typ")) {
            return Err(Denied::Unsupported);
        }
        let algorithm = match header.get("alg") {
            Some(Value::String(name)) => Algorithm::named(name).ok_or(Denied::Unsupported)?,
            _ => return Err(Denied::Malformed),
        };
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Some(kid.clone()),
            Some(_) => return Err(Denied::Malformed),
        };
        Ok(Self {
            text,
            message,
            signature: decode(signature)?,
            algorithm,
            kid,
            claims: object(payload)?,
        })
    }

    /// What was signed.
    pub(crate) fn message(&self) -> &[u8] {
        self.message
    }

    pub(crate) fn signature(&self) -> &Vec<u8> {
        &self.signature
    }

    /// What the token says it was signed with; only good for leaving keys out.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What the token says, to be believed only once its signature was found right.
    pub(crate) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.text.as_bytes()).as_ref());
        hash
    }
}

/// Whether a `typ` is that of an access token; others (a logout token, a receipt) may share issuer and key
/// (RFC 8725, section 3.11).
fn is_access_token(typ: Option<&Value>) -> bool {
    match typ {
        None => true,
        Some(Value::String(typ)) => ["JWT", "at+jwt", "application/at+jwt"]
            .iter()
            .any(|it| it.eq_ignore_ascii_case(typ)),
        Some(_) => false,
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Denied> {
    let json = decode(part)?;
    serde_json::from_slice::<NothingTwice>(&json).map_err(|_| Denied::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Denied::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, Denied> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Denied::Malformed)
}

/// Any JSON in which no object has two members of one name; two readers could see two different tokens in it.
struct NothingTwice;

impl<'de> Deserialize<'de> for NothingTwice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> de::Visitor<'de> for NothingTwice {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, Self)) = map.next_entry::<String, Self>()? {
            if !names.insert(name) {
                return Err(de::Error::custom("a member comes twice"));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while let Some(Self) = seq.next_element()? {}
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}
