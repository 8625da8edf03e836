//! One bounded unit of work on a collection.

use std::fmt;
use std::num::NonZeroU32;

use crate::cursor::Cursor;
use crate::name::CollectionName;
use crate::subject::Subject;

/// One bounded, repeatable unit of work on a collection: for whom, on what, and from where.
#[derive(Clone, Debug)]
pub struct Step {
    subject: Subject,
    collection: CollectionName,
    cursor: Option<Cursor>,
    key: StepKey,
    max_records: NonZeroU32,
    run: Option<StepKey>,
}

impl Step {
    /// How many records an erasure step may touch unless told otherwise.
    pub const DEFAULT_MAX_RECORDS: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

    /// The first step on a collection.
    pub fn new(subject: Subject, collection: CollectionName, key: StepKey) -> Self {
        Self {
            subject,
            collection,
            cursor: None,
            key,
            max_records: Self::DEFAULT_MAX_RECORDS,
            run: None,
        }
    }

    /// The step that goes on at a cursor.
    #[must_use]
    pub fn at(mut self, cursor: Option<Cursor>) -> Self {
        self.cursor = cursor;
        self
    }

    /// Sets how many records an erasure step may touch.
    #[must_use]
    pub fn at_most(mut self, max_records: NonZeroU32) -> Self {
        self.max_records = max_records;
        self
    }

    /// Says which run the step is part of: one pass of one request over a connector's collections.
    #[must_use]
    pub fn in_run(mut self, run: StepKey) -> Self {
        self.run = Some(run);
        self
    }

    /// Whose records.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Of which collection.
    pub fn collection(&self) -> &CollectionName {
        &self.collection
    }

    /// Where to go on; `None` at the beginning.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// The same for the same step however often it is sent, different for every other: what a provider calls an
    /// idempotency key.
    pub fn key(&self) -> &StepKey {
        &self.key
    }

    /// Which run the step is part of, when it is part of one. A connector may keep something open from one step of a run to the
    /// next, such as a moment of a database that all of them see. It must not need it: the next step may come much later, never, or
    /// after a restart.
    pub fn run(&self) -> Option<&StepKey> {
        self.run.as_ref()
    }

    /// How many records an erasure step may touch at most. An export step is bounded by
    /// [`PageWriter::is_full`](crate::PageWriter::is_full) instead.
    pub fn max_records(&self) -> NonZeroU32 {
        self.max_records
    }
}

/// Names a step for a system that recognises a repeated call; holds nothing personal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StepKey(String);

impl StepKey {
    /// Takes a text of letters, digits and `-` as a key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
