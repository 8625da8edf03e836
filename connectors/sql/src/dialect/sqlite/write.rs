//! Deleting and changing rows.

use adieu_core::{ConnectorError, ErrorKind};
use rusqlite::Connection;

use super::database::{SqliteSession, placeholder};
use super::error::{classified, refuses_a_row};
use crate::dialect::{Applied, Dialect, Sql, Value, Write};

impl SqliteSession {
    /// Sends a statement once for each row.
    pub(crate) async fn write(
        &mut self,
        write: &Write<'_>,
        values: Vec<Vec<Value>>,
    ) -> Result<Vec<Applied>, ConnectorError> {
        let (text, _) = write.of_one(Dialect::Sqlite, &[]).render(placeholder);
        self.run(move |connection| {
            let mut statement = connection
                .prepare_cached(&text)
                .map_err(|error| classified(&error))?;
            let mut applied = Vec::with_capacity(values.len());
            for values in &values {
                applied.push(
                    match statement.execute(rusqlite::params_from_iter(values)) {
                        Ok(0) => Applied::Nothing,
                        Ok(_) => Applied::Changed,
                        Err(error) if refuses_a_row(&error) => Applied::Refused,
                        Err(error) => return Err(classified(&error)),
                    },
                );
                still_open(connection)?;
            }
            Ok(applied)
        })
        .await
    }

    /// Sends a statement that deletes rows and says how many; `None`, and nothing was done, when one of them was refused.
    pub(crate) async fn sweep(&mut self, sql: Sql) -> Result<Option<u64>, ConnectorError> {
        let (text, values) = sql.render(placeholder);
        self.run(move |connection| {
            let mut statement = connection
                .prepare_cached(&text)
                .map_err(|error| classified(&error))?;
            let values = values.iter().map(|bound| &bound.value);
            let swept = match statement.execute(rusqlite::params_from_iter(values)) {
                Ok(rows) => Some(rows as u64),
                Err(error) if refuses_a_row(&error) => None,
                Err(error) => return Err(classified(&error)),
            };
            still_open(connection)?;
            Ok(swept)
        })
        .await
    }

    /// Deletes rows that refer to each other, with the foreign keys checked at the end of the transaction.
    pub(crate) async fn write_together(
        &mut self,
        write: &Write<'_>,
        rows: Vec<Vec<Value>>,
    ) -> Result<bool, ConnectorError> {
        self.execute("SAVEPOINT together; PRAGMA defer_foreign_keys = ON")
            .await?;
        let applied = self.write(write, rows).await?;
        if applied.iter().all(|applied| *applied == Applied::Changed) {
            self.execute("RELEASE together").await?;
            return Ok(true);
        }
        self.execute("ROLLBACK TO together; RELEASE together; PRAGMA defer_foreign_keys = OFF")
            .await?;
        Ok(false)
    }
}

/// A trigger can end the transaction that it was fired in.
fn still_open(connection: &Connection) -> Result<(), ConnectorError> {
    if connection.is_autocommit() {
        let what = "a trigger of the database took the whole transaction back";
        return Err(ConnectorError::new(ErrorKind::Config, what));
    }
    Ok(())
}
