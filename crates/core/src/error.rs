//! What went wrong in a connector, classified where it was born.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What sort of failure this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operator's configuration does not fit the system: a missing table, a wrong account.
    Config,
    /// The credentials are missing, wrong or expired.
    Unauthorized,
    /// The credentials are right but may not do this.
    Forbidden,
    /// The system asks to be called less often.
    RateLimited,
    /// No answer came in time.
    TimedOut,
    /// The system cannot be reached, or says that it cannot serve now.
    Unavailable,
    /// The system, or a cursor, says something that makes no sense.
    Protocol,
    /// The system has no way to do this.
    Unsupported,
    /// A fault of the connector or of adieu itself.
    Internal,
}

impl ErrorKind {
    /// The kind as it stands in receipts and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::TimedOut => "timed_out",
            Self::Unavailable => "unavailable",
            Self::Protocol => "protocol",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }

    fn usual_retry(self) -> Retry {
        match self {
            Self::RateLimited | Self::TimedOut | Self::Unavailable | Self::Internal => {
                Retry::WithBackoff
            }
            Self::Config
            | Self::Unauthorized
            | Self::Forbidden
            | Self::Protocol
            | Self::Unsupported => Retry::Never,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the same step may succeed when it is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Not before this much time has passed; the system said so.
    After(Duration),
    /// Later; the engine chooses when.
    WithBackoff,
    /// Only after somebody has changed something.
    Never,
}

/// Whether the failed step may have changed the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing was changed.
    None,
    /// It is not known: the answer was lost.
    Unknown,
}

/// A failure of a connector on three axes: [`ErrorKind`], [`Retry`] and [`Effect`].
///
/// It says what failed and never for whom. `what` is made of the connector's own words, of names from the
/// configuration and of codes (`HTTP 503`, `SQLSTATE 40001`); another library's message is left out, because it
/// may quote a row. For the same reason there is no source: an error is classified where it is born.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {what}")]
pub struct ConnectorError {
    kind: ErrorKind,
    what: Cow<'static, str>,
    retry: Retry,
    effect: Effect,
}

impl ConnectorError {
    /// An error of this kind, with the retry that is usual for it and no effect. `what` must not hold personal data.
    pub fn new(kind: ErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            what: what.into(),
            retry: kind.usual_retry(),
            effect: Effect::None,
        }
    }

    /// Sets whether to try again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets whether the system may have been changed.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// What sort of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What failed, in words without personal data.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Whether to try again.
    pub fn retry_advice(&self) -> Retry {
        self.retry
    }

    /// Whether the system may have been changed.
    pub fn effect_seen(&self) -> Effect {
        self.effect
    }

    /// The answer to a step for a collection that the connector does not have.
    pub fn unknown_collection() -> Self {
        Self::new(ErrorKind::Config, "this connector has no such collection")
    }
}
