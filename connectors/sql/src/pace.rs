//! How many rows a transaction of an erasure takes, so that it holds its locks no longer than it should.

use std::num::NonZeroU32;
use std::time::Duration;

/// What the first transaction takes, of whose rows nothing is known yet: a trigger or a key without an index may take a millisecond for
/// each. Most people have fewer.
const FIRST_ROWS: NonZeroU32 = NonZeroU32::new(500).unwrap();
/// How much more a transaction takes than the one before at most: the first rows may have been in memory, and the next ones not.
const MAX_GROWTH: u64 = 50;

/// How many rows one transaction may delete or change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    /// Where more are left than that: what should take half of the time that it may, because the next rows may be slower.
    pub(crate) some: u64,
    /// Where no more are left.
    pub(crate) all: u64,
}

impl Pace {
    /// The pace that was found before, within a bound. Where none was, the first rows: few, or all of the bound where no time is set.
    pub(crate) fn within(bound: NonZeroU32, found: Option<NonZeroU32>, limit: Duration) -> Self {
        let first = match limit {
            Duration::MAX => bound,
            _ => FIRST_ROWS,
        };
        let some = u64::from(bound.min(found.unwrap_or(first)).get());
        let all = match found {
            Some(_) => (2 * some).min(bound.get().into()),
            None => some,
        };
        Self { some, all }
    }

    /// The pace after a transaction in which so many rows took so long; none after one that had no rows.
    pub(crate) fn after(rows: u64, took: Duration, limit: Duration) -> Option<NonZeroU32> {
        let (took, half) = (took.as_nanos().max(1), limit.as_nanos() / 2);
        let fitting = (u128::from(rows).saturating_mul(half) / took).max(1);
        let fitting = fitting.min(u128::from(rows.saturating_mul(MAX_GROWTH)));
        NonZeroU32::new(u32::try_from(fitting).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    fn after(rows: u64, took_ms: u64) -> u32 {
        let pace = Pace::after(rows, Duration::from_millis(took_ms), LIMIT);
        pace.unwrap().get()
    }

    #[test]
    fn a_transaction_is_to_take_half_of_the_time_that_it_may() {
        assert_eq!(after(10_000, 200), 50_000);
        assert_eq!(after(10_000, 1_000), 10_000);
        assert_eq!(after(10_000, 10_000), 1_000);
    }

    #[test]
    fn it_takes_one_row_at_least_and_grows_by_so_much_at_most() {
        assert_eq!(after(1, 60_000), 1);
        assert_eq!(Pace::after(0, LIMIT, LIMIT), None);
        assert_eq!(after(100, 0), 5_000);
        assert_eq!(after(u64::MAX, 1), u32::MAX);
    }

    #[test]
    fn what_is_left_goes_at_once_where_that_fits_the_whole_time() {
        let bound = |rows| NonZeroU32::new(rows).unwrap();
        let pace = |some, all| Pace { some, all };
        let within = |bound, found| Pace::within(bound, found, LIMIT);
        assert_eq!(within(bound(1_000_000), None), pace(500, 500));
        let found = NonZeroU32::new(50_000);
        assert_eq!(within(bound(1_000_000), found), pace(50_000, 100_000));
        assert_eq!(within(bound(60_000), found), pace(50_000, 60_000));
        assert_eq!(within(bound(100), found), pace(100, 100));
    }

    #[test]
    fn without_a_limit_only_the_bound_counts() {
        let bound = NonZeroU32::new(1_000).unwrap();
        let pace = Pace {
            some: 1_000,
            all: 1_000,
        };
        assert_eq!(Pace::within(bound, None, Duration::MAX), pace);
    }
}
