//! Deleting rows that are not read, where every row of a person in a table goes the same way.
//!
//! Rows that are few enough for one transaction are deleted by one statement, and of more of them as many as are. That goes on for as
//! long as it takes little to find them: each statement goes through the rows that went before. Then the rest is read, and PostgreSQL
//! tells instead where it lies, once, on a second connection and in any order, and each batch is gone to by its places. What a row was
//! when it was found is no reason to delete it: every statement asks whose it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adieu_core::{ConnectorError, Cursor, Disposition, Erased, Tally};

use crate::catalogue::{Catalogue, LiesIn};
use crate::config::EraseRule;
use crate::dialect::{Batch as Rows, Session, Sql};
use crate::erase::{Batch, Position};
use crate::pace::Pace;
use crate::snapshot::{Moment, Place, Reading};

/// How many places one statement is given at most: a mebibyte of text.
const MAX_PLACES: u64 = 100_000;

/// Places as a literal of an array.
struct Places {
    literal: String,
    count: u64,
}

impl Batch<'_> {
    /// Deletes the next rows with one statement that finds them: all that are left, where they are few enough. `None` where rows must
    /// be read; those that were deleted are then taken off what the transaction may still touch.
    pub(crate) async fn sweep(
        &mut self,
        session: &mut Session,
        position: &mut Position,
        rows: &Sql,
    ) -> Result<Option<Erased>, ConnectorError> {
        if !(self.goes_unread() && self.may_look_anew(position)) {
            return Ok(None);
        }
        // Where they lie is known no longer, if it was.
        drop(self.connector.snapshots.take(self.step));
        let dialect = self.catalogue.dialect;
        let Pace { some, all } = self.pace;
        let counting = dialect.count_up_to(self.table, rows, all);
        let begun = Instant::now();
        let left = session.count(counting).await?;
        position.slow_to_find = begun.elapsed() > self.connector.erase_lock / 4;
        let statement = match left <= all {
            true => dialect.sweep_all(self.table, rows),
            false => dialect.sweep(self.table, rows, some),
        };
        let begun = Instant::now();
        let swept = match left {
            0 => 0,
            _ => session.sweep(statement).await?.unwrap_or(0),
        };
        if left <= all && swept >= left {
            session.commit().await?;
            let mut tally = Tally::new();
            tally.count(&Disposition::Erase, swept);
            return Ok(Some(Erased::done(tally)));
        }
        if left > all && swept >= some {
            let erased = self.swept(position, swept, begun.elapsed())?;
            session.commit().await?;
            return Ok(Some(erased));
        }
        // What the database refuses, or others did meanwhile: the rest is read.
        position.by_key = true;
        self.swept = swept;
        let may_read = u32::try_from(all.saturating_sub(swept)).unwrap_or(u32::MAX);
        self.max_rows = self.max_rows.min(may_read);
        Ok(None)
    }

    /// Whether it does not matter to go through the rows that went before: more go now than have gone, or that is quick and there is
    /// nothing better.
    fn may_look_anew(&self, position: &Position) -> bool {
        let by_place = self.catalogue.dialect.goes_to_places();
        let is_quick = !by_place && !position.slow_to_find;
        position.may_sweep() && (self.pace.some > position.unread || is_quick)
    }

    /// Whether every row meets the same verdict, nothing goes or changes along with one, and one place has one row.
    pub(crate) fn goes_unread(&self) -> bool {
        let alike = matches!(self.rule.erase, EraseRule::Delete) && self.alone.is_none();
        let by_itself = self.links.is_empty() && self.deletion(false).guard.is_empty();
        let in_one_place = self.table.lies_in == LiesIn::OnePlace && !self.catalogue.apart;
        alike && by_itself && in_one_place
    }

    /// Where it goes on after so many rows were deleted unread.
    fn swept(
        &self,
        position: &mut Position,
        rows: u64,
        took: Duration,
    ) -> Result<Erased, ConnectorError> {
        position.unread += rows;
        position.pace = Pace::after(rows, took, self.connector.erase_lock);
        let mut tally = Tally::new();
        tally.count(&Disposition::Erase, rows);
        let next = Cursor::encode(self.step.collection(), position)?;
        Ok(Erased::more(tally, next))
    }

    /// Deletes the next rows by their place, where that can be. Where some were not found any more, or the database refuses one, the
    /// rest is for those who read it first.
    pub(crate) async fn sweep_places(
        &self,
        session: &mut Session,
        catalogue: &Arc<Catalogue>,
        position: &mut Position,
        rows: &Sql,
    ) -> Result<Option<Erased>, ConnectorError> {
        let snapshots = &self.connector.snapshots;
        let may = self.goes_unread() && snapshots.may_keep_for(self.step);
        if !may || !position.may_sweep() {
            return Ok(None);
        }
        let kept = match snapshots.take(self.step) {
            Some((moment, Place::Within(reading))) => Some((moment, reading)),
            _ => self.places(session, catalogue, rows).await,
        };
        // Unless this batch goes well, rows are read from here on: what the database refuses, what others wrote meanwhile, or all
        // of them where a second connection is not to be had or breaks.
        position.by_key = true;
        let Some((moment, mut reading)) = kept else {
            return Ok(None);
        };
        let Ok(places) = reading.places(self.pace.some.min(MAX_PLACES)).await else {
            return Ok(None);
        };
        if places.count == 0 {
            let ended = reading.stream.session().await.is_some();
            if position.missed || !ended {
                return Ok(None);
            }
            session.commit().await?;
            return Ok(Some(Erased::done(Tally::new())));
        }
        let dialect = self.catalogue.dialect;
        let statement = dialect.sweep_places(self.table, rows, places.literal);
        let begun = Instant::now();
        let Some(swept @ 1..) = session.sweep(statement).await? else {
            return Ok(None);
        };
        position.by_key = false;
        position.missed |= swept < places.count;
        let erased = self.swept(position, swept, begun.elapsed())?;
        session.commit().await?;
        if let Some(next) = &erased.next {
            snapshots.keep_within(self.step, moment, reading, next);
        }
        Ok(Some(erased))
    }

    /// A query on a second connection that tells where the rows lie; none where there is no such thing, or the database allows no
    /// second connection.
    async fn places(
        &self,
        session: &mut Session,
        catalogue: &Arc<Catalogue>,
        rows: &Sql,
    ) -> Option<(Moment, Reading)> {
        let query = self.catalogue.dialect.places(self.table, rows)?;
        let stream = session.places(query, self.max_rows as usize).await.ok()??;
        let reading = Reading {
            catalogue: Arc::clone(catalogue),
            stream,
            batch: Rows::new(1),
            next: 0,
        };
        Some((self.connector.snapshots.begin(true), reading))
    }
}

impl Reading {
    /// The next places, so many at most; none after the last one.
    async fn places(&mut self, most: u64) -> Result<Places, ConnectorError> {
        let mut literal = String::from("{");
        let mut count = 0;
        while count < most {
            if self.next >= self.batch.len() {
                match self.stream.next().await.transpose()? {
                    Some(batch) => (self.batch, self.next) = (batch, 0),
                    None => break,
                }
                continue;
            }
            literal.push_str(if count > 0 { ",\"" } else { "\"" });
            let place = self.batch.row(self.next).cell(0);
            literal.push_str(place.as_text().unwrap_or_default());
            literal.push('"');
            self.next += 1;
            count += 1;
        }
        literal.push('}');
        Ok(Places { literal, count })
    }
}
