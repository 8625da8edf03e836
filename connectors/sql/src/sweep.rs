//! Deleting rows that are not read, where every row of a person in a table goes the same way.
//!
//! The first batch is found and deleted by one statement, which is all there is to do for most people. Of those who have more rows,
//! PostgreSQL tells on a second connection where they lie, once and in any order, and each batch of them is gone to by its place:
//! a batch that looked for its rows anew would go through those that went before it. What a row was when it was found is no reason
//! to delete it: every statement asks again whose it is.

use std::sync::Arc;

use adieu_core::{ConnectorError, Cursor, Disposition, Erased, Tally};

use crate::catalogue::{Catalogue, LiesIn};
use crate::config::EraseRule;
use crate::dialect::{Batch as Places, Session, Sql};
use crate::erase::{Batch, Position};
use crate::snapshot::{Moment, Place, Reading};

impl Batch<'_> {
    /// The statement that finds and deletes the first rows; none where a row must be read first, or where finding her rows again in
    /// order to delete them would take too long.
    pub(crate) fn sweep(&self, rows: &Sql) -> Option<Sql> {
        let dialect = self.catalogue.dialect;
        let sweeps = self.goes_unread() && (dialect.goes_to_places() || !rows.looks_further());
        sweeps.then(|| dialect.sweep(self.table, rows, self.max_rows))
    }

    /// Whether every row meets the same verdict, nothing goes or changes along with one, and one place has one row.
    fn goes_unread(&self) -> bool {
        let alike = matches!(self.rule.erase, EraseRule::Delete) && self.alone.is_none();
        let by_itself = self.links.is_empty() && self.deletion(false).guard.is_empty();
        let in_one_place = self.table.lies_in == LiesIn::OnePlace && !self.catalogue.apart;
        alike && by_itself && in_one_place
    }

    /// Where it goes on after so many rows were deleted unread.
    pub(crate) fn swept(
        &self,
        position: &mut Position,
        rows: u64,
    ) -> Result<Erased, ConnectorError> {
        position.unread += rows;
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
        if !may || position.is_first() || position.by_key {
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
        let Ok(places) = reading.stream.next().await.transpose() else {
            return Ok(None);
        };
        let Some(places) = places else {
            let ended = reading.stream.session().await.is_some();
            if position.missed || !ended {
                return Ok(None);
            }
            session.commit().await?;
            return Ok(Some(Erased::done(Tally::new())));
        };
        let most = u64::from(self.max_rows);
        if places.len() as u64 > most {
            return Ok(None);
        }
        let statement = self
            .catalogue
            .dialect
            .sweep_places(self.table, rows, &places);
        let Some(swept @ 1..) = session.sweep(statement).await? else {
            return Ok(None);
        };
        position.by_key = false;
        position.missed |= swept < places.len() as u64;
        let erased = self.swept(position, swept)?;
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
            batch: Places::new(1),
            next: 0,
        };
        Some((self.connector.snapshots.begin(true), reading))
    }
}
