//! What a receipt can say of a collection, and from what it can be said.

use std::num::NonZeroU64;

use adieu_core::{
    Collection, ConnectorError, DateRange, ErrorKind, RetentionBasis, Support, Tally,
};
use serde::Serialize;

use crate::plan::needs_in_words;
use crate::state::{Answers, State, StepState};

/// What was done to records of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Written to the archive.
    Exported {
        /// How many records.
        records: u64,
        /// How many files.
        files: u64,
    },
    /// Deleted.
    Erased {
        /// How many records.
        records: Counted,
    },
    /// Kept, with what pointed to the person replaced.
    Pseudonymized {
        /// How many records.
        records: Counted,
    },
    /// Kept on a ground in law.
    Retained {
        /// How many records.
        records: Counted,
        /// In how many of them fields were replaced.
        pseudonymized: u64,
        /// The ground.
        basis: RetentionBasis,
        /// The reason in words.
        reason: String,
        /// The last days of keeping.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<DateRange>,
    },
    /// The system has accepted the deletion and does it later.
    Scheduled {
        /// How many records.
        records: Counted,
        /// By when.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<DateRange>,
    },
    /// Nothing was held, or it was gone already.
    Absent,
    /// The system offers no such thing, or no identity reaches the collection.
    Unsupported {
        /// Why.
        reason: String,
    },
    /// The system could not be reached.
    Unreachable {
        /// The sort of failure.
        kind: ErrorKind,
        /// What failed.
        reason: String,
    },
    /// Records could not be handled.
    Failed {
        /// How many, where it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        records: Option<u64>,
        /// The sort of failure.
        kind: ErrorKind,
        /// What failed.
        reason: String,
    },
}

/// A number of records that a connector itself reported in its answer to an erasure step.
///
/// It cannot be made outside the engine, so "erased" cannot be said without such an answer:
///
/// ```compile_fail
/// use adieu_engine::receipt::{Counted, Outcome};
///
/// let claim = Outcome::Erased { records: Counted(std::num::NonZeroU64::MIN) };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Counted(NonZeroU64);

impl Counted {
    /// The number.
    pub fn records(self) -> u64 {
        self.0.get()
    }

    fn by(_: &Answers, count: impl Fn(&Tally) -> u64, tally: &Tally) -> Option<Self> {
        NonZeroU64::new(count(tally)).map(Self)
    }
}

/// What the erasure of a collection can be said to have done.
pub(crate) fn erasure_outcomes(
    collection: &Collection,
    reached: bool,
    state: &StepState,
) -> Vec<Outcome> {
    if let Support::Refused(reason) = &collection.erasure {
        return vec![Outcome::Unsupported {
            reason: reason.clone(),
        }];
    }
    if !reached {
        return vec![not_reached(collection)];
    }
    let answers = &state.answers;
    let tally = answers.tally();
    let mut outcomes = Vec::new();
    if let Some(records) = Counted::by(answers, Tally::erase, tally) {
        outcomes.push(Outcome::Erased { records });
    }
    if let Some(records) = Counted::by(answers, Tally::pseudonymize, tally) {
        outcomes.push(Outcome::Pseudonymized { records });
    }
    for kept in tally.retained() {
        if let Some(records) = Counted::by(answers, |_| kept.records, tally) {
            outcomes.push(Outcome::Retained {
                records,
                pseudonymized: kept.pseudonymize,
                basis: kept.basis,
                reason: kept.reason.clone(),
                until: kept.until,
            });
        }
    }
    if let Some(later) = tally.scheduled()
        && let Some(records) = Counted::by(answers, |_| later.records, tally)
    {
        outcomes.push(Outcome::Scheduled {
            records,
            by: later.by,
        });
    }
    if state.state == State::Failed {
        outcomes.push(failure(state));
    } else if outcomes.is_empty() {
        outcomes.push(Outcome::Absent);
    }
    outcomes
}

/// What the export of a collection can be said to have done.
pub(crate) fn export_outcomes(
    collection: &Collection,
    reached: bool,
    state: &StepState,
) -> Vec<Outcome> {
    if let Support::Refused(reason) = &collection.export {
        return vec![Outcome::Unsupported {
            reason: reason.clone(),
        }];
    }
    if !reached {
        return vec![not_reached(collection)];
    }
    if state.state == State::Failed {
        return vec![failure(state)];
    }
    match (state.mark.records(), state.mark.attachments()) {
        (0, 0) => vec![Outcome::Absent],
        (records, files) => vec![Outcome::Exported { records, files }],
    }
}

fn not_reached(collection: &Collection) -> Outcome {
    Outcome::Unsupported {
        reason: format!(
            "no identity reaches it; it needs {}",
            needs_in_words(collection).join(", or ")
        ),
    }
}

fn failure(state: &StepState) -> Outcome {
    let error = state.error.clone().unwrap_or_else(|| {
        ConnectorError::new(ErrorKind::Internal, "it was not gone through to its end")
    });
    let (kind, reason) = (error.kind(), error.what().to_owned());
    match kind {
        ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::Unauthorized => {
            Outcome::Unreachable { kind, reason }
        }
        _ => Outcome::Failed {
            records: state.remaining.as_ref().map(Tally::pending),
            kind,
            reason,
        },
    }
}
