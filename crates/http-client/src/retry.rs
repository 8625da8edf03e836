//! When a call is sent again.

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};

use crate::call::Request;
use crate::failure::Failure;
use crate::response::{Reply, Response};

/// What the provider's own rules say of an answer that is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its status says it all.
    Usual,
    /// Another attempt may help, and this one changed nothing.
    Again,
    /// Another attempt is of no use.
    Stop,
}

/// Looks at an answer and gives a [`Verdict`].
pub(crate) type Judge = fn(&Response) -> Verdict;

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) attempts: NonZeroU32,
    pub(crate) max_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::MIN.saturating_add(3),
            max_wait: Duration::from_secs(20),
        }
    }
}

/// The first wait is up to this long, each later one up to twice the one before.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);

/// No wait of our own choice is longer.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// One call's policy: full jitter between attempts, or as long as the provider says; no more retries than the budget that the
/// whole account shares; and never again when it is not known what became of a call that may not be repeated.
#[derive(Clone)]
pub(crate) struct Usual {
    patience: Patience,
    judge: Option<Judge>,
    budget: Arc<TpsBudget>,
    sent: u32,
}

impl Usual {
    pub(crate) fn new(patience: Patience, judge: Option<Judge>, budget: Arc<TpsBudget>) -> Self {
        Self {
            patience,
            judge,
            budget,
            sent: 0,
        }
    }

    /// Whether another attempt may help and does no harm, and how long the provider asks to wait before.
    fn advice(
        &self,
        request: &Request,
        result: &Result<Reply, Failure>,
    ) -> Option<Option<Duration>> {
        let response = match result {
            Ok(Reply::Whole(response)) if !response.status().is_success() => response,
            Ok(_) => return None,
            Err(failure) => {
                let harmless =
                    request.repeat || failure.error.effect_seen() == adieu_core::Effect::None;
                return (failure.again && harmless).then_some(None);
            }
        };
        let verdict = self.judge.map_or(Verdict::Usual, |judge| judge(response));
        let again = match (verdict, response.status().as_u16()) {
            (Verdict::Stop, _) => false,
            // It was refused before anything was done.
            (Verdict::Again, _) | (Verdict::Usual, 425 | 429) => true,
            (Verdict::Usual, 408 | 500 | 502..=504) => request.repeat,
            (Verdict::Usual, _) => false,
        };
        again.then(|| response.wait())
    }

    /// A random time up to a bound that doubles with every attempt.
    fn backoff(&self) -> Duration {
        let doubled = FIRST_BACKOFF.saturating_mul(1 << self.sent.saturating_sub(1).min(16));
        let bound = doubled.min(LONGEST_BACKOFF).as_micros();
        Duration::from_micros(fastrand::u64(0..=u64::try_from(bound).unwrap_or(u64::MAX)))
    }
}

impl Policy<Request, Reply, Failure> for Usual {
    type Future = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn retry(
        &mut self,
        request: &mut Request,
        result: &mut Result<Reply, Failure>,
    ) -> Option<Self::Future> {
        self.sent += 1;
        let Some(asked) = self.advice(request, result) else {
            self.budget.deposit();
            return None;
        };
        if self.sent >= self.patience.attempts.get() || asked > Some(self.patience.max_wait) {
            return None;
        }
        if !self.budget.withdraw() {
            tracing::debug!("too many calls are being repeated; this one is not");
            return None;
        }
        let wait = asked.unwrap_or_default() + self.backoff();
        tracing::debug!(
            attempt = self.sent + 1,
            wait_ms = wait.as_millis(),
            "sent again"
        );
        Some(Box::pin(tokio::time::sleep(wait)))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}
