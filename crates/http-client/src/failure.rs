//! Why an attempt brought no whole answer.

use adieu_core::{ConnectorError, Effect, ErrorKind};
use http_body_util::LengthLimitError;
use tower::BoxError;
use tower::timeout::error::Elapsed;

/// An attempt without a whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What went wrong, in our own words.
    pub(crate) error: ConnectorError,
    /// Whether another attempt in the same call may help.
    pub(crate) again: bool,
    /// Whether it was the provider, or the way to it, that failed.
    pub(crate) down: bool,
}

impl Failure {
    /// Nothing that another attempt right now would change; the provider was not asked.
    pub(crate) fn lasting(error: ConnectorError) -> Self {
        Self {
            error,
            again: false,
            down: false,
        }
    }

    fn passing(error: ConnectorError) -> Self {
        Self {
            error,
            again: true,
            down: true,
        }
    }

    /// No head of an answer came. `safe` calls change nothing, whatever happened to them.
    pub(crate) fn before_the_head(error: &BoxError, safe: bool) -> Self {
        let effect = effect(safe);
        if error.is::<Elapsed>() {
            let late = "no answer came in time";
            return Self::passing(ConnectorError::new(ErrorKind::TimedOut, late).effect(effect));
        }
        if let Some(error) = error.downcast_ref::<reqwest::Error>()
            && error.is_connect()
        {
            let unreachable = "no connection could be made";
            return Self::passing(ConnectorError::new(ErrorKind::Unavailable, unreachable));
        }
        let broken = "the connection broke off before an answer";
        Self::passing(ConnectorError::new(ErrorKind::Unavailable, broken).effect(effect))
    }

    /// The head came and the body did not, or not whole.
    pub(crate) fn within_the_body(error: &BoxError, safe: bool) -> Self {
        let effect = effect(safe);
        if error.is::<LengthLimitError>() {
            return Self::too_long(safe);
        }
        let broken = "the connection broke off within the answer";
        Self::passing(ConnectorError::new(ErrorKind::Unavailable, broken).effect(effect))
    }

    /// The body took too long.
    pub(crate) fn slow_body(safe: bool) -> Self {
        let slow = "the answer was not whole in time";
        Self::passing(ConnectorError::new(ErrorKind::TimedOut, slow).effect(effect(safe)))
    }

    /// The body is longer than is taken.
    pub(crate) fn too_long(safe: bool) -> Self {
        let long = "the answer is longer than is taken; see max_body_bytes";
        Self::lasting(ConnectorError::new(ErrorKind::Protocol, long).effect(effect(safe)))
    }
}

pub(crate) fn effect(safe: bool) -> Effect {
    if safe { Effect::None } else { Effect::Unknown }
}
