//! What one account of a provider bears: shared by all who call on it.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adieu_core::{ConnectorError, ErrorKind, Retry};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tower::retry::budget::TpsBudget;

use crate::breaker::Breaker;
use crate::failure::Failure;

/// How often a provider may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    calls: NonZeroU32,
    per: Duration,
    burst: NonZeroU32,
}

impl Rate {
    /// So many calls a second, evenly spread.
    pub const fn per_second(calls: NonZeroU32) -> Self {
        Self::new(calls, Duration::from_secs(1))
    }

    /// So many calls in this time, evenly spread.
    pub const fn new(calls: NonZeroU32, per: Duration) -> Self {
        Self {
            calls,
            per,
            burst: NonZeroU32::MIN,
        }
    }

    /// Lets so many calls go at once after a pause. However they fall, no span of the given time holds more calls than the rate
    /// allows: what goes at once is taken from the rest.
    #[must_use]
    pub fn with_burst(mut self, burst: NonZeroU32) -> Self {
        self.burst = burst.min(self.calls);
        self
    }

    fn quota(self) -> Option<Quota> {
        let one_per = self.per / (self.calls.get() - self.burst.get() + 1);
        Some(Quota::with_period(one_per)?.allow_burst(self.burst))
    }
}

/// One account at a provider: how often and how many times at once it is called, when it asked for a pause, and whether it
/// is down. Clients that are given the same account share all of that; it is cheap to clone.
#[derive(Clone)]
pub struct Account(Arc<Shared>);

struct Shared {
    limiter: Option<DefaultDirectRateLimiter>,
    clock: DefaultClock,
    concurrent: Arc<Semaphore>,
    budget: Arc<TpsBudget>,
    paused_until: Mutex<Option<Instant>>,
    breaker: Breaker,
}

impl Account {
    /// An account that bears so many calls, and so many at the same time. Without a rate, the provider's own answers set it.
    pub fn new(rate: Option<Rate>, concurrent: NonZeroU32) -> Self {
        let quota = rate.and_then(Rate::quota);
        // A provider that fails one call in three still gets through; one that fails them all is not asked twice as often.
        let budget = TpsBudget::new(Duration::from_secs(10), 10, 1.0);
        Self(Arc::new(Shared {
            limiter: quota.map(DefaultDirectRateLimiter::direct),
            clock: DefaultClock::default(),
            concurrent: Arc::new(Semaphore::new(concurrent.get() as usize)),
            budget: Arc::new(budget),
            paused_until: Mutex::new(None),
            breaker: Breaker::default(),
        }))
    }

    pub(crate) fn semaphore(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.concurrent)
    }

    pub(crate) fn budget(&self) -> Arc<TpsBudget> {
        Arc::clone(&self.0.budget)
    }

    pub(crate) fn breaker(&self) -> &Breaker {
        &self.0.breaker
    }

    /// Waits for its turn; refuses when that would take longer than `max_wait`, or the provider is down.
    pub(crate) async fn admit(&self, max_wait: Duration) -> Result<(), Failure> {
        while let Some(wait) = self.pause_left() {
            if wait > max_wait {
                let error = ConnectorError::new(
                    ErrorKind::RateLimited,
                    "the provider asked for a pause, which is not over",
                );
                return Err(Failure::lasting(error.retry(Retry::After(wait))));
            }
            tokio::time::sleep(wait).await;
        }
        self.0.breaker.admit()?;
        let Some(limiter) = &self.0.limiter else {
            return Ok(());
        };
        while let Err(not_until) = limiter.check() {
            tokio::time::sleep(not_until.wait_time_from(self.0.clock.now())).await;
        }
        Ok(())
    }

    /// Lets nobody call before this much time has passed.
    pub(crate) fn pause(&self, wait: Duration) {
        let Some(until) = Instant::now().checked_add(wait) else {
            return;
        };
        let mut paused = self.paused_until();
        *paused = Some(paused.map_or(until, |before| before.max(until)));
    }

    fn pause_left(&self) -> Option<Duration> {
        let mut paused = self.paused_until();
        let left = paused.map(|until| until.saturating_duration_since(Instant::now()))?;
        if left.is_zero() {
            *paused = None;
            return None;
        }
        Some(left)
    }

    fn paused_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn what_goes_at_once_is_taken_from_the_rest() {
        let even = Rate::per_second(calls(100)).quota().unwrap();
        assert_eq!(even.replenish_interval(), Duration::from_millis(10));
        assert_eq!(even.burst_size().get(), 1);
        let bursting = Rate::new(calls(100), Duration::from_secs(1)).with_burst(calls(51));
        let quota = bursting.quota().unwrap();
        assert_eq!(quota.replenish_interval(), Duration::from_millis(20));
        assert_eq!(quota.burst_size().get(), 51);
        assert_eq!(
            Rate::per_second(calls(2)).with_burst(calls(9)).burst.get(),
            2
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_for_all_and_a_long_one_is_refused_at_once() {
        let account = Account::new(None, calls(2));
        account.pause(Duration::from_secs(5));
        account.pause(Duration::from_secs(1));
        let before = Instant::now();
        account
            .clone()
            .admit(Duration::from_secs(10))
            .await
            .unwrap();
        assert!(before.elapsed() >= Duration::from_secs(5));

        account.pause(Duration::from_secs(300));
        let failure = account.admit(Duration::from_secs(10)).await.unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::RateLimited);
        assert!(
            matches!(failure.error.retry_advice(), Retry::After(wait) if wait > Duration::from_secs(290))
        );
        assert!(!failure.again);
    }

    #[tokio::test]
    async fn no_second_holds_more_calls_than_the_rate() {
        let account = Account::new(Some(Rate::per_second(calls(200))), calls(50));
        let before = Instant::now();
        for _ in 0..41 {
            account.admit(Duration::ZERO).await.unwrap();
        }
        // 40 spaces of 5 ms.
        assert!(
            before.elapsed() >= Duration::from_millis(195),
            "{:?}",
            before.elapsed()
        );
    }
}
