//! Calling a connector: within its limits, in time, and without its panics.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::{Connector, ConnectorError, Effect, ErrorKind, Retry};
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A connector as the engine holds it.
#[derive(Clone, Debug)]
pub(crate) struct Station {
    pub(crate) connector: Arc<dyn Connector>,
    places: Arc<Semaphore>,
}

impl Station {
    pub(crate) fn new(connector: Arc<dyn Connector>) -> Self {
        let places = connector.descriptor().limits.concurrent_steps.max(1);
        Self {
            connector,
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// Makes one call.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, ConnectorError>> + Send,
    ) -> Result<T, ConnectorError> {
        let _place = self.places.acquire().await;
        let limit = self.connector.descriptor().limits.call_timeout;
        match tokio::time::timeout(limit, AssertUnwindSafe(call).catch_unwind()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_panic)) => Err(ConnectorError::new(
                ErrorKind::Internal,
                "the connector panicked; this is a fault in it",
            )
            .retry(Retry::Never)
            .effect(Effect::Unknown)),
            Err(_elapsed) => Err(ConnectorError::new(
                ErrorKind::TimedOut,
                format!("no answer within {} s", limit.as_secs()),
            )
            .effect(Effect::Unknown)),
        }
    }

    /// Makes a call that may be made again, a few times while that is likely to help.
    pub(crate) async fn call_again<T, F>(
        &self,
        retry: &RetryPolicy,
        until: Instant,
        mut call: impl FnMut() -> F + Send,
    ) -> Result<T, ConnectorError>
    where
        F: Future<Output = Result<T, ConnectorError>> + Send,
        T: Send,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.call(call()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => match retry.soon(attempt, &error) {
                    Some(delay) if Instant::now() + delay < until => {
                        tokio::time::sleep(delay).await;
                    }
                    _ => return Err(error),
                },
            }
        }
    }
}

/// When a failed step is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a step is sent in a row before it has to wait.
    pub quick_attempts: u32,
    /// How long after the first of these; doubled each time.
    pub quick_delay: Duration,
    /// How long it then waits; doubled each time.
    pub first_wait: Duration,
    /// The longest it waits.
    pub longest_wait: Duration,
    /// For how long it is tried before it counts as failed. Zero: the quick attempts are all.
    pub give_up_after: Duration,
}

impl RetryPolicy {
    /// For a program that a person waits for: a few quick attempts, then the request ends with exceptions and can be resumed.
    pub fn impatient() -> Self {
        Self {
            give_up_after: Duration::ZERO,
            ..Self::default()
        }
    }

    /// The delay before the next quick attempt; `None` when there should be none.
    pub(crate) fn soon(&self, attempts: u32, error: &ConnectorError) -> Option<Duration> {
        if attempts >= self.quick_attempts {
            return None;
        }
        let usual = self.quick_delay * 2_u32.saturating_pow(attempts.saturating_sub(1)).min(64);
        match error.retry_advice() {
            Retry::Never => None,
            Retry::WithBackoff => Some(usual),
            Retry::After(asked) => Some(asked.max(usual)),
        }
    }

    /// The wait before the next round of attempts; `None` when the step counts as failed.
    pub(crate) fn late(
        &self,
        rounds: u32,
        failing_for: Duration,
        error: &ConnectorError,
    ) -> Option<Duration> {
        let usual = self
            .first_wait
            .saturating_mul(2_u32.saturating_pow(rounds.min(16)))
            .min(self.longest_wait);
        let wait = match error.retry_advice() {
            Retry::Never => return None,
            Retry::WithBackoff => usual,
            Retry::After(asked) => asked.max(usual),
        };
        (failing_for + wait <= self.give_up_after).then_some(wait)
    }
}

/// Three attempts in a row, then after a minute, two, four, … an hour, for a day.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            quick_attempts: 3,
            quick_delay: Duration::from_millis(200),
            first_wait: Duration::from_secs(60),
            longest_wait: Duration::from_secs(3600),
            give_up_after: Duration::from_secs(24 * 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_never_succeed_is_not_tried_again() {
        let policy = RetryPolicy::default();
        let never = ConnectorError::new(ErrorKind::Config, "no such table");
        assert_eq!(policy.soon(1, &never), None);
        assert_eq!(policy.late(0, Duration::ZERO, &never), None);
    }

    #[test]
    fn waits_grow_to_a_limit_and_end() {
        let policy = RetryPolicy::default();
        let error = ConnectorError::new(ErrorKind::Unavailable, "down");
        assert_eq!(policy.soon(1, &error), Some(Duration::from_millis(200)));
        assert_eq!(policy.soon(3, &error), None);
        assert_eq!(
            policy.late(0, Duration::ZERO, &error),
            Some(Duration::from_secs(60))
        );
        assert_eq!(
            policy.late(40, Duration::ZERO, &error),
            Some(Duration::from_secs(3600))
        );
        assert_eq!(policy.late(3, Duration::from_secs(24 * 3600), &error), None);
        let asked = error.retry(Retry::After(Duration::from_secs(7200)));
        assert_eq!(
            policy.late(0, Duration::ZERO, &asked),
            Some(Duration::from_secs(7200))
        );
        assert_eq!(
            RetryPolicy::impatient().late(0, Duration::ZERO, &asked),
            None
        );
    }
}
