//! Why a request was refused.

use std::time::Duration;

use http::{HeaderValue, StatusCode};

use crate::scope::Scope;

/// A refusal. It knows its HTTP status, a stable code and its `WWW-Authenticate` header, and nothing of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// There is no token. Anonymous is nobody.
    #[error("a token is needed")]
    NoToken,
    /// There are two tokens; whose request it is must not be guessed.
    #[error("the request carries more than one token")]
    TwoTokens,
    /// The `Authorization` header says `Bearer` and then something that is no token.
    #[error("the Authorization header is malformed")]
    MalformedHeader,
    /// The token came in a cookie, and the request from a place that may not use it.
    #[error("a cookie is not accepted from this origin")]
    WrongOrigin,
    /// The token is longer than allowed.
    #[error("the token is too large")]
    TooLarge,
    /// The token is no signed JWT: not three parts, not base64url, not JSON, a member twice.
    #[error("the token is malformed")]
    Malformed,
    /// The token needs something that is not offered: another algorithm, an extension (`crit`), another type.
    #[error("the token is of a kind that is not accepted")]
    Unsupported,
    /// No key of this name and algorithm is known.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature is not right.
    #[error("the token's signature is wrong")]
    WrongSignature,
    /// The token is from another issuer, or signed with another issuer's key.
    #[error("the token is from an issuer that is not accepted")]
    WrongIssuer,
    /// The token is for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// The token's time is over.
    #[error("the token has expired")]
    Expired,
    /// The token's time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// A claim that must be there is not.
    #[error("the token lacks a claim: {}", .0.as_str())]
    MissingClaim(Claim),
    /// A claim is of the wrong type or cannot be a value of its kind.
    #[error("the token has a malformed claim: {}", .0.as_str())]
    MalformedClaim(Claim),
    /// The token is right but does not allow this.
    #[error("the token lacks the scope {0}")]
    MissingScope(Scope),
    /// The person must log in again first (RFC 9470).
    #[error("a login within the last {} seconds is needed", .max_age.as_secs())]
    LoginTooOld {
        /// How long ago a login may be.
        max_age: Duration,
    },
    /// The issuer's keys cannot be had at the moment, so that nothing can be checked.
    #[error("the issuer's keys are not available")]
    KeysUnavailable {
        /// When it makes sense to try again.
        retry_after: Duration,
    },
}

/// A claim as refusals name it; what a token calls it may be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// `exp`
    Expiry,
    /// `nbf`
    NotBefore,
    /// `iat`
    IssuedAt,
    /// `iss`
    Issuer,
    /// `aud`
    Audience,
    /// `sub`, or what is configured in its place.
    Subject,
    /// The configured tenant.
    Tenant,
    /// `scope`, `scp`
    Scope,
    /// `auth_time`
    AuthTime,
    /// One of the configured identities.
    Identity,
}

impl Claim {
    /// The claim's usual name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expiry => "exp",
            Self::NotBefore => "nbf",
            Self::IssuedAt => "iat",
            Self::Issuer => "iss",
            Self::Audience => "aud",
            Self::Subject => "sub",
            Self::Tenant => "tenant",
            Self::Scope => "scope",
            Self::AuthTime => "auth_time",
            Self::Identity => "identity",
        }
    }
}

impl Denied {
    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TwoTokens | Self::MalformedHeader => StatusCode::BAD_REQUEST,
            Self::WrongOrigin | Self::MissingScope(_) => StatusCode::FORBIDDEN,
            Self::KeysUnavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// A code that stays the same, for logs, metrics and the type of a problem document.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoToken => "token_missing",
            Self::TwoTokens => "token_twice",
            Self::MalformedHeader => "authorization_malformed",
            Self::WrongOrigin => "origin_refused",
            Self::TooLarge => "token_too_large",
            Self::Malformed => "token_malformed",
            Self::Unsupported => "token_unsupported",
            Self::UnknownKey => "key_unknown",
            Self::WrongSignature => "signature_wrong",
            Self::WrongIssuer => "issuer_wrong",
            Self::WrongAudience => "audience_wrong",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::MissingClaim(_) => "claim_missing",
            Self::MalformedClaim(_) => "claim_malformed",
            Self::MissingScope(_) => "insufficient_scope",
            Self::LoginTooOld { .. } => "insufficient_user_authentication",
            Self::KeysUnavailable { .. } => "keys_unavailable",
        }
    }

    /// The error of RFC 6750 or RFC 9470, if this refusal has one.
    pub fn oauth_error(&self) -> Option<&'static str> {
        match self {
            Self::NoToken | Self::WrongOrigin | Self::KeysUnavailable { .. } => None,
            Self::TwoTokens | Self::MalformedHeader => Some("invalid_request"),
            Self::MissingScope(_) => Some("insufficient_scope"),
            Self::LoginTooOld { .. } => Some("insufficient_user_authentication"),
            _ => Some("invalid_token"),
        }
    }

    /// The `WWW-Authenticate` header of the answer, if this refusal has one.
    ///
    /// Without a token it holds no error (RFC 6750, section 3.1).
    pub fn www_authenticate(&self) -> Option<HeaderValue> {
        let mut value = "Bearer realm=\"privacy\"".to_owned();
        match self {
            Self::WrongOrigin | Self::KeysUnavailable { .. } => return None,
            Self::NoToken => {}
            _ => {
                let error = self.oauth_error()?;
                value += &format!(", error=\"{error}\", error_description=\"{self}\"");
            }
        }
        match self {
            Self::MissingScope(scope) => value += &format!(", scope=\"{scope}\""),
            Self::LoginTooOld { max_age } => {
                value += &format!(", max_age=\"{}\"", max_age.as_secs());
            }
            _ => {}
        }
        HeaderValue::try_from(value).ok()
    }

    /// The seconds of a `Retry-After` header, if this refusal has one.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::KeysUnavailable { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}
