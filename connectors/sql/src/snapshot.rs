//! What an export keeps open from one page to the next, so that all its pages show one moment of the database.
//!
//! It is a convenience that may end at any time: a page that finds nothing kept begins at a new moment.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_core::{CollectionName, Cursor, Step, StepKey};
use tokio::time::Instant;

use crate::catalogue::Catalogue;
use crate::dialect::connections::lock;
use crate::dialect::{Batch, RowStream, Session};

/// How long one waits for its next page at most. Whoever takes longer than that between two pages has gone.
const MAX_IDLE: Duration = Duration::from_secs(20);

/// The moments at which exports look, by the run of their steps.
pub(crate) struct Snapshots {
    kept: Arc<Mutex<HashMap<StepKey, Kept>>>,
    /// How many at most, so that connections are left for others.
    most: usize,
    /// How long one may stay open.
    limit: Duration,
}

/// A moment of the database: one transaction that reads.
pub(crate) struct Moment {
    /// When it is over; none where it lasts for one page alone.
    until: Option<Instant>,
    /// The collections that were read to their end.
    finished: BTreeSet<CollectionName>,
}

/// Where in it an export is.
pub(crate) enum Place {
    /// Between two collections.
    Between(Session),
    /// Within a collection.
    Within(Reading),
}

/// A query whose rows are still coming.
pub(crate) struct Reading {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) stream: RowStream,
    pub(crate) batch: Batch,
    /// The row of the batch that is next.
    pub(crate) next: usize,
}

struct Kept {
    moment: Moment,
    place: Place,
    /// The page that it is kept for, where it is one page alone.
    awaits: Option<(CollectionName, Cursor)>,
    number: u64,
}

impl Snapshots {
    pub(crate) fn new(connections: usize, limit: Duration) -> Self {
        Self {
            kept: Arc::default(),
            most: connections / 2,
            limit,
        }
    }

    /// Whether anything is ever kept for a step.
    pub(crate) fn may_keep_for(&self, step: &Step) -> bool {
        step.run().is_some() && self.most > 0 && !self.limit.is_zero()
    }

    /// The moment at which a step goes on, and where; none when it begins at a new one.
    pub(crate) fn take(&self, step: &Step) -> Option<(Moment, Place)> {
        let kept = lock(&self.kept).remove(step.run()?)?;
        let is_meant = match &kept.awaits {
            None => true,
            Some((collection, cursor)) => {
                collection == step.collection() && Some(cursor) == step.cursor()
            }
        };
        (is_meant && !kept.moment.is_over()).then_some((kept.moment, kept.place))
    }

    /// A moment that begins now, and may last for more than one page.
    pub(crate) fn begin(&self, may_last: bool) -> Moment {
        Moment {
            until: may_last.then(|| Instant::now() + self.limit),
            finished: BTreeSet::new(),
        }
    }

    /// Keeps a moment for the page that begins at this cursor.
    pub(crate) fn keep_within(&self, step: &Step, moment: Moment, reading: Reading, next: &Cursor) {
        let awaits = (step.collection().clone(), next.clone());
        drop(self.keep(step, moment, Place::Within(reading), Some(awaits)));
    }

    /// Keeps a moment for the next collection, unless all of these are finished; gives back the session that is not kept.
    pub(crate) fn keep_between(
        &self,
        step: &Step,
        mut moment: Moment,
        session: Session,
        all: &[&CollectionName],
    ) -> Option<Session> {
        moment.finished.insert(step.collection().clone());
        if all.iter().all(|one| moment.finished.contains(*one)) {
            return Some(session);
        }
        match self.keep(step, moment, Place::Between(session), None) {
            Some(Place::Between(session)) => Some(session),
            _ => None,
        }
    }

    fn keep(
        &self,
        step: &Step,
        moment: Moment,
        place: Place,
        awaits: Option<(CollectionName, Cursor)>,
    ) -> Option<Place> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let (Some(run), Some(until)) = (step.run(), moment.until) else {
            return Some(place);
        };
        let until = until.min(Instant::now() + MAX_IDLE);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let kept = Kept {
            moment,
            place,
            awaits,
            number,
        };
        {
            let mut all = lock(&self.kept);
            if all.len() >= self.most || kept.moment.is_over() {
                return Some(kept.place);
            }
            all.insert(run.clone(), kept);
        }
        let (all, run) = (Arc::downgrade(&self.kept), run.clone());
        tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            let Some(all) = all.upgrade() else { return };
            let mut all = lock(&all);
            if all.get(&run).is_some_and(|kept| kept.number == number) {
                let over = all.remove(&run);
                drop(all);
                drop(over);
            }
        });
        None
    }
}

impl Moment {
    /// Whether it has been open for as long as it may.
    pub(crate) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}
