//! From the claims of a token whose signature was right to a grant.

use std::collections::BTreeSet;

use adieu_core::{Identity, IdentityKind, IdentityValue, Subject, Tenant};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::config::AuthConfig;
use crate::denied::{Claim, Denied};
use crate::grant::Grant;
use crate::key_ring::Signed;
use crate::scope::Scope;
use crate::token::Token;

type Claims = Map<String, Value>;

/// Checks everything a verified token says.
pub(crate) fn grant(
    config: &AuthConfig,
    subject_kind: &IdentityKind,
    token: &Token<'_>,
    signed: &Signed<'_>,
    now: Timestamp,
) -> Result<Grant, Denied> {
    let claims = token.claims();
    let issuer = issuer(config, claims, signed)?;
    audience(config, claims)?;
    let expires_at = times(config, claims, now)?;

    let identity = Identity::from_parts(
        subject_kind.clone(),
        value(claims, &config.subject_claim, Claim::Subject)?
            .ok_or(Denied::MissingClaim(Claim::Subject))?,
    );
    let mut subject = Subject::new([identity.clone()]);
    for (kind, source) in &config.identities {
        let believed = match &source.verified_by {
            Some(flag) => claims.get(flag) == Some(&Value::Bool(true)),
            None => source.assigned_by_issuer,
        };
        if believed && let Some(value) = value(claims, &source.claim, Claim::Identity)? {
            subject.learn(Identity::from_parts(kind.clone(), value));
        }
    }
    if let Some(name) = &config.tenant_claim {
        let tenant =
            text(claims, name, Claim::Tenant)?.ok_or(Denied::MissingClaim(Claim::Tenant))?;
        let tenant = Tenant::new(trimmed(tenant, Claim::Tenant)?)
            .map_err(|_| Denied::MalformedClaim(Claim::Tenant))?;
        subject = subject.within(tenant);
    }
    Ok(Grant {
        subject,
        identity,
        issuer,
        scopes: scopes(config, claims)?,
        auth_time: auth_time(config, claims, now)?,
        expires_at,
        token_hash: token.hash(),
    })
}

fn issuer(config: &AuthConfig, claims: &Claims, signed: &Signed<'_>) -> Result<String, Denied> {
    let issuer = text(claims, "iss", Claim::Issuer)?.ok_or(Denied::MissingClaim(Claim::Issuer))?;
    let accepted = config.issuer.iter().any(|it| it == issuer);
    if accepted && signed.issuer.is_none_or(|it| it == issuer) {
        Ok(issuer.to_owned())
    } else {
        Err(Denied::WrongIssuer)
    }
}

fn audience(config: &AuthConfig, claims: &Claims) -> Result<(), Denied> {
    let ours = |value: &Value| matches!(value, Value::String(it) if config.audience.contains(it));
    let named = match claims.get("aud") {
        None | Some(Value::Null) => return Err(Denied::MissingClaim(Claim::Audience)),
        Some(one @ Value::String(_)) => ours(one),
        Some(Value::Array(many)) if many.iter().all(Value::is_string) => many.iter().any(ours),
        Some(_) => return Err(Denied::MalformedClaim(Claim::Audience)),
    };
    if named {
        Ok(())
    } else {
        Err(Denied::WrongAudience)
    }
}

/// Checks `exp`, `nbf` and `iat`, and answers with `exp`.
fn times(config: &AuthConfig, claims: &Claims, now: Timestamp) -> Result<Timestamp, Denied> {
    let leeway = leeway(config);
    let expires_at =
        time(claims, "exp", Claim::Expiry)?.ok_or(Denied::MissingClaim(Claim::Expiry))?;
    if now.duration_since(expires_at) >= leeway {
        return Err(Denied::Expired);
    }
    match time(claims, "nbf", Claim::NotBefore)? {
        Some(begins_at) if begins_at.duration_since(now) > leeway => {
            return Err(Denied::NotYetValid);
        }
        None if config.require_nbf => return Err(Denied::MissingClaim(Claim::NotBefore)),
        _ => {}
    }
    match time(claims, "iat", Claim::IssuedAt)? {
        Some(issued_at) if issued_at.duration_since(now) > leeway => Err(Denied::NotYetValid),
        _ => Ok(expires_at),
    }
}

/// When the person logged in; a login in the future would stay fresh for ever.
fn auth_time(
    config: &AuthConfig,
    claims: &Claims,
    now: Timestamp,
) -> Result<Option<Timestamp>, Denied> {
    let login = time(claims, "auth_time", Claim::AuthTime)?;
    match login {
        Some(login) if login.duration_since(now) > leeway(config) => {
            Err(Denied::MalformedClaim(Claim::AuthTime))
        }
        _ => Ok(login),
    }
}

/// Every scope of every scope claim. A text that is no scope allows nothing, and is left out.
fn scopes(config: &AuthConfig, claims: &Claims) -> Result<BTreeSet<Scope>, Denied> {
    let malformed = Denied::MalformedClaim(Claim::Scope);
    let mut scopes = BTreeSet::new();
    for name in &config.scope_claims {
        match claims.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(many)) => {
                scopes.extend(many.split(' ').filter_map(|it| Scope::new(it).ok()));
            }
            Some(Value::Array(many)) => {
                for one in many {
                    let one = one.as_str().ok_or_else(|| malformed.clone())?;
                    scopes.extend(Scope::new(one).ok());
                }
            }
            Some(_) => return Err(malformed),
        }
    }
    Ok(scopes)
}

/// An identity's value. One that begins or ends with white space is refused: some databases would take it for another's.
fn value(claims: &Claims, name: &str, claim: Claim) -> Result<Option<IdentityValue>, Denied> {
    text(claims, name, claim)?
        .map(|text| {
            IdentityValue::new(trimmed(text, claim)?).map_err(|_| Denied::MalformedClaim(claim))
        })
        .transpose()
}

fn trimmed(text: &str, claim: Claim) -> Result<&str, Denied> {
    if text.trim() == text {
        Ok(text)
    } else {
        Err(Denied::MalformedClaim(claim))
    }
}

fn text<'a>(claims: &'a Claims, name: &str, claim: Claim) -> Result<Option<&'a str>, Denied> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Denied::MalformedClaim(claim)),
    }
}

/// A `NumericDate` (RFC 7519, section 2): seconds since 1970, possibly with a fraction.
fn time(claims: &Claims, name: &str, claim: Claim) -> Result<Option<Timestamp>, Denied> {
    let malformed = Denied::MalformedClaim(claim);
    let number = match claims.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number,
        Some(_) => return Err(malformed),
    };
    if let Some(seconds) = number.as_i64() {
        return Timestamp::from_second(seconds)
            .map(Some)
            .map_err(|_| malformed);
    }
    let seconds = number.as_f64().ok_or_else(|| malformed.clone())?;
    SignedDuration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|since| Timestamp::from_duration(since).ok())
        .map(Some)
        .ok_or(malformed)
}

fn leeway(config: &AuthConfig) -> SignedDuration {
    SignedDuration::from_secs(config.leeway_seconds.into())
}
