//! How often one person may call.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use adieu_core::{Identity, Subject};
use adieu_engine::RequestId;

/// A person as the limits of this process know them: a hash under a key that no other process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Caller(u64);

impl Caller {
    /// One of `0..many`, always the same one.
    pub(crate) fn place(self, many: usize) -> usize {
        usize::try_from(self.0 % many.max(1) as u64).unwrap_or_default()
    }
}

/// What is being counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pace {
    /// Every call.
    Calls,
    /// Calls that make connectors work.
    Asks,
}

/// Counts calls by person: a bucket each that fills again over a minute.
pub(crate) struct Rates {
    hasher: RandomState,
    buckets: Mutex<HashMap<(Caller, Pace), Bucket>>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

/// More than this many persons within a minute, and those whose buckets are full again are forgotten.
const MANY: usize = 10_000;

impl Rates {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            buckets: Mutex::default(),
        }
    }

    /// Names the person of a token.
    pub(crate) fn caller(&self, subject: &Subject, identity: &Identity) -> Caller {
        Caller(self.hasher.hash_one((subject.tenant(), identity)))
    }

    /// Names whoever holds a pass for this request's archive.
    pub(crate) fn holder(&self, id: RequestId) -> Caller {
        Caller(self.hasher.hash_one(id))
    }

    /// Takes one call out of the person's bucket; or says after how long there is one again.
    pub(crate) fn take(
        &self,
        caller: Caller,
        pace: Pace,
        per_minute: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        let most = f64::from(per_minute.max(1));
        let per_second = most / 60.0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MANY {
            let minute = Duration::from_secs(60);
            buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at) < minute);
        }
        let bucket = buckets.entry((caller, pace)).or_insert(Bucket {
            left: most,
            at: now,
        });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + passed * per_second).min(most);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            Ok(())
        } else {
            Err(Duration::from_secs_f64((1.0 - bucket.left) / per_second))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(rates: &Rates, who: &str) -> Caller {
        let identity = Identity::new("user_id", who).unwrap();
        rates.caller(&Subject::new([identity.clone()]), &identity)
    }

    #[test]
    fn a_bucket_empties_fills_again_and_is_of_one_person() {
        let rates = Rates::new();
        let (ada, eve) = (caller(&rates, "ada"), caller(&rates, "eve"));
        let now = Instant::now();
        for _ in 0..6 {
            assert!(rates.take(ada, Pace::Asks, 6, now).is_ok());
        }
        let wait = rates.take(ada, Pace::Asks, 6, now).unwrap_err();
        assert!(
            wait > Duration::from_secs(9) && wait <= Duration::from_secs(10),
            "{wait:?}"
        );
        assert!(rates.take(eve, Pace::Asks, 6, now).is_ok());
        assert!(rates.take(ada, Pace::Calls, 6, now).is_ok());
        assert!(
            rates
                .take(ada, Pace::Asks, 6, now + Duration::from_secs(11))
                .is_ok()
        );
    }

    #[test]
    fn persons_who_were_long_silent_are_forgotten() {
        let rates = Rates::new();
        let now = Instant::now();
        for at in 0..MANY {
            rates.take(Caller(at as u64), Pace::Calls, 6, now).unwrap();
        }
        rates
            .take(
                caller(&rates, "ada"),
                Pace::Calls,
                6,
                now + Duration::from_secs(61),
            )
            .unwrap();
        assert_eq!(rates.buckets.lock().unwrap().len(), 1);
    }
}
