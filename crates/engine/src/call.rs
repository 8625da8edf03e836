//! Calling a connector: within its limits, in time, and without its panics.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adieu_core::{CollectionName, Connector, ConnectorError, Effect, ErrorKind, Retry};
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument as _;

/// A connector as the engine holds it.
#[derive(Clone, Debug)]
pub(crate) struct Station {
    pub(crate) connector: Arc<dyn Connector>,
    places: Arc<Semaphore>,
}

/// What a system is asked to do, and with which collection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verb<'a>(
    pub(crate) &'static str,
    pub(crate) Option<&'a CollectionName>,
);

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
        what: Verb<'_>,
        call: impl Future<Output = Result<T, ConnectorError>> + Send,
    ) -> Result<T, ConnectorError> {
        self.call_beside(&Waited::default(), what, call).await
    }

    /// The same; what is waited for somebody else meanwhile does not count as the system's time.
    pub(crate) async fn call_beside<T>(
        &self,
        waited: &Waited,
        what: Verb<'_>,
        call: impl Future<Output = Result<T, ConnectorError>> + Send,
    ) -> Result<T, ConnectorError> {
        let _place = self.places.acquire().await;
        let descriptor = self.connector.descriptor();
        let limit = descriptor.limits.call_timeout;
        let span = tracing::info_span!(
            "step",
            verb = what.0,
            connector = %descriptor.name,
            collection = what.1.map(tracing::field::display),
        );
        let (begun, before) = (Instant::now(), waited.so_far());
        let call = AssertUnwindSafe(call).catch_unwind().instrument(span);
        let answer = match waited.timeout(limit, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_panic)) => Err(ConnectorError::new(
                ErrorKind::Internal,
                "the connector panicked; this is a fault in it",
            )
            .retry(Retry::Never)
            .effect(Effect::Unknown)),
            Err(Over) => Err(ConnectorError::new(
                ErrorKind::TimedOut,
                format!("no answer within {} s", limit.as_secs()),
            )
            .effect(Effect::Unknown)),
        };
        let took = begun.elapsed().saturating_sub(waited.so_far() - before);
        let outcome = answer
            .as_ref()
            .err()
            .map_or("ok", |error| error.kind().as_str());
        metrics::histogram!(
            "adieu_step_seconds",
            "connector" => descriptor.name.to_string(), "verb" => what.0, "outcome" => outcome
        )
        .record(took);
        answer
    }

    /// Counts a step that is sent again.
    pub(crate) fn sends_again(&self, what: &'static str) {
        metrics::counter!(
            "adieu_step_retries_total",
            "connector" => self.connector.descriptor().name.to_string(), "verb" => what
        )
        .increment(1);
    }

    /// Makes a call that may be made again, a few times while that is likely to help.
    pub(crate) async fn call_again<T, F>(
        &self,
        retry: &RetryPolicy,
        until: Instant,
        what: Verb<'_>,
        mut call: impl FnMut() -> F + Send,
    ) -> Result<T, ConnectorError>
    where
        F: Future<Output = Result<T, ConnectorError>> + Send,
        T: Send,
    {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.call(what, call()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => match retry.soon(attempt, &error) {
                    Some(delay) if Instant::now() + delay < until => {
                        self.sends_again(what.0);
                        tokio::time::sleep(delay).await;
                    }
                    _ => return Err(error),
                },
            }
        }
    }
}

/// How long a call has waited for whoever takes what it gives.
#[derive(Clone, Default)]
pub(crate) struct Waited(Arc<Mutex<(Duration, Option<Instant>)>>);

/// Somebody is being waited for as long as this lives.
pub(crate) struct Waiting<'a>(&'a Waited);

/// The time of a call is over.
struct Over;

impl Waited {
    pub(crate) fn begin(&self) -> Waiting<'_> {
        self.lock().1 = Some(Instant::now());
        Waiting(self)
    }

    fn so_far(&self) -> Duration {
        let (before, since) = *self.lock();
        before + since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    async fn timeout<T>(&self, limit: Duration, call: impl Future<Output = T>) -> Result<T, Over> {
        let mut call = std::pin::pin!(call);
        let (begun, before) = (Instant::now(), self.so_far());
        loop {
            let until = begun + limit + (self.so_far() - before);
            if Instant::now() >= until {
                return Err(Over);
            }
            tokio::select! {
                biased;
                done = &mut call => return Ok(done),
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, (Duration, Option<Instant>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut held = self.0.lock();
        if let Some(since) = held.1.take() {
            held.0 += since.elapsed();
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
