//! From a store's refusals to the errors of the contract. Their own texts are left out: they quote keys.

use adieu_core::{ConnectorError, ErrorKind, Retry};
use http::{HeaderMap, StatusCode};

/// An answer that is neither success nor expected.
pub(super) struct Refusal<'a> {
    pub(super) doing: &'static str,
    pub(super) permission: &'static str,
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// How a provider's refusals are understood.
pub(super) type Explain = fn(&Refusal<'_>) -> ConnectorError;

impl Refusal<'_> {
    /// An error of this kind with the provider's code.
    pub(super) fn error(&self, kind: ErrorKind, code: &str) -> ConnectorError {
        let code = word(code);
        let answer = format!("HTTP {}{code}", self.status.as_u16());
        let what = match kind {
            ErrorKind::Forbidden => format!(
                "{} is not allowed ({answer}); it needs the permission {}",
                self.doing, self.permission
            ),
            ErrorKind::Unauthorized => {
                format!(
                    "{} was refused: the credentials are not good ({answer})",
                    self.doing
                )
            }
            _ => format!("{} failed ({answer})", self.doing),
        };
        ConnectorError::new(kind, what)
    }

    /// What the status alone says.
    pub(super) fn kind(&self) -> ErrorKind {
        match self.status.as_u16() {
            400 | 405 | 409 | 411..=417 => ErrorKind::Protocol,
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 | 301 | 302 | 307 | 308 => ErrorKind::Config,
            408 => ErrorKind::TimedOut,
            429 => ErrorKind::RateLimited,
            501 => ErrorKind::Unsupported,
            500.. => ErrorKind::Unavailable,
            _ => ErrorKind::Protocol,
        }
    }
}

/// A code of a provider with a space before it, when it is one: a word.
pub(super) fn word(code: &str) -> String {
    let is_word =
        !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_word {
        format!(" {code}")
    } else {
        String::new()
    }
}

/// Nobody answered.
pub(super) fn of_transport(doing: &str, error: &reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::new(
            ErrorKind::TimedOut,
            format!("{doing} was not answered in time"),
        )
    } else if error.is_connect() {
        ConnectorError::new(
            ErrorKind::Unavailable,
            format!("{doing} failed: the store cannot be reached"),
        )
    } else {
        ConnectorError::new(
            ErrorKind::Unavailable,
            format!("{doing} failed: the connection broke off"),
        )
    }
}

/// There are no credentials, or they cannot be used.
pub(super) fn of_credentials(error: &reqsign_core::Error) -> ConnectorError {
    let what = "no good credentials were found: not in the configuration, the environment, the provider's files, \
                a web identity or the machine's metadata";
    if error.is_retryable() {
        ConnectorError::new(
            ErrorKind::Unavailable,
            "a server of credentials did not answer",
        )
    } else {
        ConnectorError::new(ErrorKind::Unauthorized, what).retry(Retry::Never)
    }
}
