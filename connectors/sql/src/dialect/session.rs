//! One database, one session on it: the calls that every dialect answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::ConnectorError;

use super::sql::Sql;
use super::sqlite::{SqliteDatabase, SqliteSession, SqliteStream};
use super::url::DatabaseUrl;
use super::value::{Batch, Row, Value};
use crate::catalogue::Catalogue;

/// A database of any dialect.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(Arc<SqliteDatabase>),
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transaction {
    /// Reading from one state of the database.
    Read,
    /// Changing it, with nobody else changing it meanwhile.
    Write,
}

/// What a statement did to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// The row was changed or deleted.
    Changed,
    /// The statement found no row.
    Nothing,
    /// A constraint or a trigger refused it.
    Refused,
}

/// One connection, for one call. Dropping it takes back what was not committed.
pub(crate) enum Session {
    Sqlite(SqliteSession),
}

/// Rows as they come. Dropping it ends the query.
pub(crate) enum RowStream {
    Sqlite(SqliteStream),
}

impl Database {
    /// Names a database; nothing is opened yet.
    pub(crate) fn new(url: DatabaseUrl, connections: usize, busy_timeout: Duration) -> Self {
        match url {
            DatabaseUrl::Sqlite(path) => Self::sqlite(path, connections, busy_timeout),
        }
    }

    fn sqlite(path: PathBuf, connections: usize, busy_timeout: Duration) -> Self {
        Self::Sqlite(Arc::new(SqliteDatabase::new(
            path,
            connections,
            busy_timeout,
        )))
    }

    pub(crate) async fn session(&self) -> Result<Session, ConnectorError> {
        match self {
            Self::Sqlite(database) => database.session().await.map(Session::Sqlite),
        }
    }
}

impl Session {
    pub(crate) async fn begin(&mut self, transaction: Transaction) -> Result<(), ConnectorError> {
        match self {
            Self::Sqlite(session) => session.begin(transaction).await,
        }
    }

    pub(crate) async fn commit(&mut self) -> Result<(), ConnectorError> {
        match self {
            Self::Sqlite(session) => session.commit().await,
        }
    }

    pub(crate) async fn catalogue(&mut self) -> Result<Arc<Catalogue>, ConnectorError> {
        match self {
            Self::Sqlite(session) => session.catalogue().await,
        }
    }

    /// Hands each row of a query to `visit`, which adds it to `start`.
    pub(crate) async fn fold<T, V>(
        &mut self,
        sql: Sql,
        width: usize,
        start: T,
        visit: V,
    ) -> Result<T, ConnectorError>
    where
        T: Send + 'static,
        V: FnMut(&mut T, Row<'_>) + Send + 'static,
    {
        match self {
            Self::Sqlite(session) => session.fold(sql, width, start, visit).await,
        }
    }

    /// All rows of a query that is known to have few.
    pub(crate) async fn rows(
        &mut self,
        sql: Sql,
        width: usize,
    ) -> Result<Vec<Vec<Value>>, ConnectorError> {
        self.fold(sql, width, Vec::new(), move |rows, row| {
            rows.push(row.first(width))
        })
        .await
    }

    /// Sends a statement once for each list of values, which stand in for those that are bound in it.
    pub(crate) async fn execute_each(
        &mut self,
        sql: Sql,
        values: Vec<Vec<Value>>,
    ) -> Result<Vec<Applied>, ConnectorError> {
        match self {
            Self::Sqlite(session) => session.execute_each(sql, values).await,
        }
    }

    pub(crate) async fn defer_foreign_keys(&mut self) -> Result<(), ConnectorError> {
        match self {
            Self::Sqlite(session) => session.defer_foreign_keys().await,
        }
    }

    pub(crate) async fn understands(&mut self, sql: Sql) -> Result<bool, ConnectorError> {
        match self {
            Self::Sqlite(session) => session.understands(sql).await,
        }
    }

    /// Sends a query and lets its rows be read as they come.
    pub(crate) fn stream(self, sql: Sql, width: usize, batch_rows: usize) -> RowStream {
        match self {
            Self::Sqlite(session) => RowStream::Sqlite(session.stream(sql, width, batch_rows)),
        }
    }
}

impl RowStream {
    pub(crate) async fn next(&mut self) -> Option<Result<Batch, ConnectorError>> {
        match self {
            Self::Sqlite(stream) => stream.next().await,
        }
    }
}
