//! The token that says that a person has seen what an erasure would do.

use adieu_core::{Identity, Subject};
use adieu_engine::{Engine, EngineError};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Signs and checks plan tokens: base64url of what it says, a dot, base64url of an HMAC-SHA-256 over it.
///
/// Whom it is for stands in it as a keyed hash, so that a token that leaks names nobody.
pub(crate) struct PlanTokens {
    key: hmac::Key,
}

/// How long a person may think about what they have seen.
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Longer than any that was signed here.
const MAX_BYTES: usize = 512;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    id: String,
    exp: i64,
    #[serde(rename = "for")]
    whom: String,
}

/// A token that was found right. It may still have been used.
#[derive(Debug)]
pub(crate) struct SeenPlan {
    pub(crate) id: String,
    pub(crate) expires_at: Timestamp,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanRefused {
    /// It was not signed here, or for somebody else.
    Invalid,
    /// Its time is over.
    Expired,
}

impl PlanTokens {
    pub(crate) fn new(engine: &Engine) -> Result<Self, EngineError> {
        let key = engine.derived_key("plan-token/1")?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()),
        })
    }

    /// A token for this person, and until when it is good. `None` when the system has no randomness to give.
    pub(crate) fn issue(
        &self,
        subject: &Subject,
        identity: &Identity,
        now: Timestamp,
    ) -> Option<(String, Timestamp)> {
        let mut id = [0; 16];
        rand::fill(&mut id).ok()?;
        let expires_at = now.checked_add(LIFETIME).ok()?;
        let said = Said {
            id: URL_SAFE_NO_PAD.encode(id),
            exp: expires_at.as_second(),
            whom: self.whom(subject, identity),
        };
        let said = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&said).ok()?);
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, said.as_bytes()));
        let expires_at = Timestamp::from_second(expires_at.as_second()).ok()?;
        Some((format!("{said}.{signature}"), expires_at))
    }

    /// Checks a token that this person shows.
    pub(crate) fn check(
        &self,
        token: &str,
        subject: &Subject,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<SeenPlan, PlanRefused> {
        let refused = PlanRefused::Invalid;
        if token.len() > MAX_BYTES {
            return Err(refused);
        }
        let (said, signature) = token.split_once('.').ok_or(refused)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| refused)?;
        hmac::verify(&self.key, said.as_bytes(), &signature).map_err(|_| refused)?;
        let said = URL_SAFE_NO_PAD.decode(said).map_err(|_| refused)?;
        let said: Said = serde_json::from_slice(&said).map_err(|_| refused)?;
        if said.whom != self.whom(subject, identity) {
            return Err(refused);
        }
        let expires_at = Timestamp::from_second(said.exp).map_err(|_| refused)?;
        if now >= expires_at {
            return Err(PlanRefused::Expired);
        }
        Ok(SeenPlan {
            id: said.id,
            expires_at,
        })
    }

    fn whom(&self, subject: &Subject, identity: &Identity) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        let tenant = subject.tenant().map_or("", |tenant| tenant.expose());
        // What is signed as a token has no such beginning.
        context.update(b"\0for");
        for part in [tenant, identity.kind().as_str(), identity.value().expose()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(context.sign())
    }
}

#[cfg(test)]
mod tests {
    use adieu_core::Tenant;

    use super::*;

    fn tokens(key: u8) -> PlanTokens {
        PlanTokens {
            key: hmac::Key::new(hmac::HMAC_SHA256, &[key; 32]),
        }
    }

    fn person(name: &str) -> (Subject, Identity) {
        let identity = Identity::new("user_id", name).unwrap();
        (Subject::new([identity.clone()]), identity)
    }

    #[test]
    fn a_token_is_good_for_one_person_for_fifteen_minutes() {
        let tokens = tokens(1);
        let (ada, ada_id) = person("ada");
        let (eve, eve_id) = person("eve");
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let (token, expires_at) = tokens.issue(&ada, &ada_id, now).unwrap();
        let check = |subject: &Subject, identity: &Identity, at| {
            tokens
                .check(&token, subject, identity, at)
                .map(|seen| seen.expires_at)
        };
        assert_eq!(check(&ada, &ada_id, now), Ok(expires_at));
        assert_eq!(
            expires_at.duration_since(now),
            SignedDuration::from_mins(15)
        );
        assert_eq!(check(&ada, &ada_id, expires_at), Err(PlanRefused::Expired));
        assert_eq!(check(&eve, &eve_id, now), Err(PlanRefused::Invalid));
        let elsewhere = ada.clone().within(Tenant::new("acme").unwrap());
        assert_eq!(check(&elsewhere, &ada_id, now), Err(PlanRefused::Invalid));
        assert!(!token.contains("ada"));
    }

    #[test]
    fn no_changed_byte_and_no_other_key_passes() {
        let (ada, identity) = person("ada");
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let (token, _) = tokens(1).issue(&ada, &identity, now).unwrap();
        assert!(tokens(2).check(&token, &ada, &identity, now).is_err());
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            if changed != token {
                assert!(
                    tokens(1).check(&changed, &ada, &identity, now).is_err(),
                    "byte {at}"
                );
            }
        }
        for bad in ["", ".", "a.b", "....", &"a".repeat(10_000)] {
            assert!(tokens(1).check(bad, &ada, &identity, now).is_err());
        }
    }
}
