//! Counting dispositions.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::disposition::{Disposition, Retention, RetentionBasis};
use crate::error::ErrorKind;

/// How many records of a collection met which [`Disposition`].
///
/// A survey returns one of what an erasure *would* do; an erasure returns one of what it *did*. They are the same type
/// so that the two can be compared. Its size does not grow with the number of records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    #[serde(default)]
    erase: u64,
    #[serde(default)]
    pseudonymize: u64,
    #[serde(default)]
    absent: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retain: Vec<Retained>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schedule: Option<Scheduled>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Failed>,
}

/// Records kept on one ground.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retained {
    /// The ground in law.
    pub basis: RetentionBasis,
    /// The reason in words.
    pub reason: String,
    /// How many records are kept.
    pub records: u64,
    /// In how many of them fields were, or would be, replaced.
    #[serde(default)]
    pub pseudonymize: u64,
    /// The last days of keeping; `None` when none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateRange>,
}

/// Records whose deletion the system has accepted and does later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduled {
    /// How many.
    pub records: u64,
    /// By when; `None` when the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<DateRange>,
}

/// Records that could not be handled, of one sort of failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The sort of failure.
    pub kind: ErrorKind,
    /// How many records.
    pub records: u64,
}

/// From the earliest to the latest of some dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateRange {
    /// The earliest.
    pub first: Date,
    /// The latest.
    pub last: Date,
}

impl Tally {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts `records` that met one disposition.
    pub fn count(&mut self, disposition: &Disposition, records: u64) {
        if records == 0 {
            return;
        }
        match disposition {
            Disposition::Erase => self.erase = self.erase.saturating_add(records),
            Disposition::Pseudonymize => {
                self.pseudonymize = self.pseudonymize.saturating_add(records);
            }
            Disposition::Absent => self.absent = self.absent.saturating_add(records),
            Disposition::Retain {
                retention,
                pseudonymize,
            } => {
                let Retention {
                    basis,
                    reason,
                    until,
                } = retention;
                self.add_retained(&Retained {
                    basis: *basis,
                    reason: reason.clone(),
                    records,
                    pseudonymize: if *pseudonymize { records } else { 0 },
                    until: until.map(DateRange::of),
                });
            }
            Disposition::Scheduled { by } => self.add_scheduled(&Scheduled {
                records,
                by: by.map(DateRange::of),
            }),
        }
    }

    /// Counts `records` that could not be handled; the rest of their batch went on.
    pub fn fail(&mut self, kind: ErrorKind, records: u64) {
        if records == 0 {
            return;
        }
        match self.failed.iter_mut().find(|failed| failed.kind == kind) {
            Some(failed) => failed.records = failed.records.saturating_add(records),
            None => {
                self.failed.push(Failed { kind, records });
                self.failed.sort_by_key(|failed| failed.kind);
            }
        }
    }

    /// Adds what another tally counted.
    pub fn add(&mut self, other: &Tally) {
        self.erase = self.erase.saturating_add(other.erase);
        self.pseudonymize = self.pseudonymize.saturating_add(other.pseudonymize);
        self.absent = self.absent.saturating_add(other.absent);
        for retained in &other.retain {
            self.add_retained(retained);
        }
        if let Some(scheduled) = &other.schedule {
            self.add_scheduled(scheduled);
        }
        for failed in &other.failed {
            self.fail(failed.kind, failed.records);
        }
    }

    /// Prepares the sum of an erasure for going through the collection once more: what was done stays counted, what
    /// is met again (kept, scheduled, failed records) is counted anew.
    pub fn begin_round(&mut self) {
        for kept in &mut self.retain {
            kept.records = 0;
            kept.until = None;
        }
        self.retain.retain(|kept| kept.pseudonymize > 0);
        self.schedule = None;
        self.failed.clear();
    }

    /// Records that are, or would be, deleted.
    pub fn erase(&self) -> u64 {
        self.erase
    }

    /// Records that stay and are, or would be, made pseudonymous; retained ones are counted apart.
    pub fn pseudonymize(&self) -> u64 {
        self.pseudonymize
    }

    /// Records that were gone already.
    pub fn absent(&self) -> u64 {
        self.absent
    }

    /// Records that are kept, by ground and reason.
    pub fn retained(&self) -> &[Retained] {
        &self.retain
    }

    /// Records whose deletion was accepted and comes later.
    pub fn scheduled(&self) -> Option<&Scheduled> {
        self.schedule.as_ref()
    }

    /// Records that could not be handled.
    pub fn failed(&self) -> &[Failed] {
        &self.failed
    }

    /// How many records an erasure would still change, by a survey; zero proves that it is done.
    pub fn pending(&self) -> u64 {
        let reduced: u64 = self.retain.iter().map(|kept| kept.pseudonymize).sum();
        let failed: u64 = self.failed.iter().map(|failed| failed.records).sum();
        self.erase + self.pseudonymize + reduced + failed
    }

    /// How many records are held about the person, by a survey.
    pub fn held(&self) -> u64 {
        let retained: u64 = self.retain.iter().map(|kept| kept.records).sum();
        let scheduled = self.schedule.as_ref().map_or(0, |later| later.records);
        let failed: u64 = self.failed.iter().map(|failed| failed.records).sum();
        self.erase + self.pseudonymize + retained + scheduled + failed
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add_retained(&mut self, other: &Retained) {
        match self
            .retain
            .iter_mut()
            .find(|kept| kept.basis == other.basis && kept.reason == other.reason)
        {
            Some(kept) => {
                kept.records = kept.records.saturating_add(other.records);
                kept.pseudonymize = kept.pseudonymize.saturating_add(other.pseudonymize);
                kept.until = DateRange::joined(kept.until, other.until);
            }
            None => {
                self.retain.push(other.clone());
                self.retain
                    .sort_by(|a, b| (a.basis, &a.reason).cmp(&(b.basis, &b.reason)));
            }
        }
    }

    fn add_scheduled(&mut self, other: &Scheduled) {
        match &mut self.schedule {
            Some(later) => {
                later.records = later.records.saturating_add(other.records);
                later.by = DateRange::joined(later.by, other.by);
            }
            None => self.schedule = Some(other.clone()),
        }
    }
}

impl DateRange {
    /// The range of a single date.
    pub fn of(date: Date) -> Self {
        Self {
            first: date,
            last: date,
        }
    }

    fn joined(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Self {
                first: one.first.min(other.first),
                last: one.last.max(other.last),
            }),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn kept(until: Date, pseudonymize: bool) -> Disposition {
        Disposition::Retain {
            retention: Retention {
                basis: RetentionBasis::LegalObligation,
                reason: "tax law".to_owned(),
                until: Some(until),
            },
            pseudonymize,
        }
    }

    #[test]
    fn a_tally_stays_small_however_many_dates_it_saw() {
        let mut tally = Tally::new();
        for year in 2030..2040 {
            tally.count(&kept(date(year, 1, 1), year == 2033), 2);
        }
        let [retained] = tally.retained() else {
            panic!("one ground, one entry: {tally:?}");
        };
        assert_eq!((retained.records, retained.pseudonymize), (20, 2));
        let until = retained.until.unwrap();
        assert_eq!(
            (until.first, until.last),
            (date(2030, 1, 1), date(2039, 1, 1))
        );
        assert_eq!((tally.held(), tally.pending()), (20, 2));
    }

    #[test]
    fn batches_add_up_to_the_same_tally_in_any_order() {
        let mut one = Tally::new();
        one.count(&Disposition::Erase, 3);
        one.count(&kept(date(2030, 1, 1), false), 1);
        one.fail(ErrorKind::Internal, 1);
        let mut other = Tally::new();
        other.count(&Disposition::Scheduled { by: None }, 1);
        other.fail(ErrorKind::Config, 2);
        other.count(&kept(date(2029, 1, 1), true), 1);
        let mut forwards = one.clone();
        forwards.add(&other);
        let mut backwards = other.clone();
        backwards.add(&one);
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.held(), 3 + 2 + 1 + 3);
    }

    #[test]
    fn going_through_once_more_counts_kept_records_once() {
        let mut sum = Tally::new();
        sum.count(&Disposition::Erase, 2);
        sum.count(&kept(date(2030, 1, 1), true), 3);
        sum.fail(ErrorKind::Internal, 1);
        sum.begin_round();
        let mut second = Tally::new();
        second.count(&Disposition::Erase, 1);
        second.count(&kept(date(2030, 1, 1), false), 3);
        sum.add(&second);
        assert_eq!(sum.erase(), 3);
        assert_eq!(
            (sum.retained()[0].records, sum.retained()[0].pseudonymize),
            (3, 3)
        );
        assert!(sum.failed().is_empty());
    }

    #[test]
    fn counting_nothing_leaves_nothing() {
        let mut tally = Tally::new();
        tally.count(&Disposition::Erase, 0);
        tally.count(&kept(date(2030, 1, 1), true), 0);
        tally.fail(ErrorKind::Internal, 0);
        assert!(tally.is_empty());
    }
}
