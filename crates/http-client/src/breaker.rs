//! A provider that is down is left alone for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adieu_core::{ConnectorError, ErrorKind, Retry};
use tokio::time::Instant;

use crate::failure::Failure;

/// After so many failures in a row the provider counts as down.
const FAILURES: u32 = 10;

/// How long it is then left alone, before one call tries whether it is back.
const LEFT_ALONE: Duration = Duration::from_secs(10);

/// Counts failures in a row. When they are too many, only one call in each [`LEFT_ALONE`] goes through, until one succeeds.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    next_try: Option<Instant>,
}

impl Breaker {
    /// Whether a call may go now.
    pub(crate) fn admit(&self) -> Result<(), Failure> {
        let mut state = self.lock();
        if state.failures < FAILURES {
            return Ok(());
        }
        let now = Instant::now();
        let wait = state
            .next_try
            .map_or(Duration::ZERO, |next| next.saturating_duration_since(now));
        if wait.is_zero() {
            // Whoever asks first tries. If that call is dropped, the next one tries after the same time.
            state.next_try = now.checked_add(LEFT_ALONE);
            return Ok(());
        }
        let error = ConnectorError::new(
            ErrorKind::Unavailable,
            "the provider failed many times in a row and is left alone for a while",
        );
        Err(Failure::lasting(error.retry(Retry::After(wait))))
    }

    /// The provider answered in a way that shows it is up.
    pub(crate) fn is_up(&self) {
        *self.lock() = State::default();
    }

    /// The provider could not be reached, or could not serve.
    pub(crate) fn has_failed(&self) {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.next_try = Instant::now().checked_add(LEFT_ALONE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_is_down_gets_one_call_in_a_while_until_it_is_back() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.admit().unwrap();
            breaker.has_failed();
        }
        let refused = breaker.admit().unwrap_err().error;
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert!(matches!(refused.retry_advice(), Retry::After(wait) if wait <= LEFT_ALONE));

        tokio::time::advance(LEFT_ALONE).await;
        breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "two calls tried at once");
        breaker.has_failed();
        assert!(breaker.admit().is_err());

        tokio::time::advance(LEFT_ALONE).await;
        breaker.admit().unwrap();
        breaker.is_up();
        for _ in 0..50 {
            breaker.admit().unwrap();
        }
    }

    #[test]
    fn failures_between_successes_do_not_add_up() {
        let breaker = Breaker::default();
        for _ in 0..100 {
            breaker.has_failed();
            breaker.is_up();
            breaker.admit().unwrap();
        }
    }
}
