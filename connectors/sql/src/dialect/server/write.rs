//! Writing to many rows at once, and to fewer where that is refused.

use std::ops::Range;

use adieu_core::ConnectorError;

use super::Server;
use super::session::ServerSession;
use crate::dialect::{Applied, Sql, Value, Write};

impl<S: Server> ServerSession<S> {
    /// Writes to rows. Where the database refuses some of them, the others are written all the same: what was refused
    /// together is tried in halves.
    pub(crate) async fn write(
        &mut self,
        write: &Write<'_>,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Applied>, ConnectorError> {
        let mut applied = vec![Applied::Nothing; rows.len()];
        let mut waiting: Vec<Range<usize>> = if write.in_order {
            (0..rows.len()).rev().map(|at| at..at + 1).collect()
        } else {
            std::iter::once(0..rows.len()).collect()
        };
        while let Some(range) = waiting.pop() {
            let len = range.len();
            self.execute("SAVEPOINT adieu").await?;
            match self.try_write(write, &rows[range.clone()]).await? {
                // Nothing was found that may be written to, so nothing else may have changed either.
                Some(0) => self.execute("ROLLBACK TO SAVEPOINT adieu").await?,
                // Of deleted rows only the number matters.
                Some(found) if found == len || write.set.is_empty() => {
                    applied[range][..found].fill(Applied::Changed);
                }
                found => {
                    self.execute("ROLLBACK TO SAVEPOINT adieu").await?;
                    if len > 1 {
                        let middle = range.start + len / 2;
                        waiting.extend([middle..range.end, range.start..middle]);
                    } else if found.is_none() {
                        applied[range].fill(Applied::Refused);
                    }
                }
            }
            self.execute("RELEASE SAVEPOINT adieu").await?;
        }
        Ok(applied)
    }

    /// Deletes rows that refer to each other: all of them, or none when that is refused.
    pub(crate) async fn write_together(
        &mut self,
        write: &Write<'_>,
        rows: Vec<Vec<Value>>,
    ) -> Result<bool, ConnectorError> {
        self.execute("SAVEPOINT adieu").await?;
        let all = self.try_write(write, &rows).await? == Some(rows.len());
        if !all {
            self.execute("ROLLBACK TO SAVEPOINT adieu").await?;
        }
        self.execute("RELEASE SAVEPOINT adieu").await?;
        Ok(all)
    }

    /// Deletes what a statement selects and says how many rows that were; none of them, and `None`, when the database refuses one.
    pub(crate) async fn sweep(&mut self, sql: Sql) -> Result<Option<u64>, ConnectorError> {
        self.execute("SAVEPOINT adieu").await?;
        let swept = S::change(self.begin_call()?, sql).await;
        let refused = matches!(&swept, Err(error) if S::refuses_a_row(error));
        let swept = match self.end_call(swept) {
            Err(_) if refused => {
                self.execute("ROLLBACK TO SAVEPOINT adieu").await?;
                None
            }
            swept => Some(swept?),
        };
        self.execute("RELEASE SAVEPOINT adieu").await?;
        Ok(swept)
    }

    /// How many rows were found; `None` when the database refused one of them.
    async fn try_write(
        &mut self,
        write: &Write<'_>,
        rows: &[Vec<Value>],
    ) -> Result<Option<usize>, ConnectorError> {
        let written = S::write_all(self.begin_call()?, write, rows).await;
        let refused = matches!(&written, Err(error) if S::refuses_a_row(error));
        match self.end_call(written) {
            Err(_) if refused => Ok(None),
            written => written.map(|found| Some((found as usize).min(rows.len()))),
        }
    }
}
