//! One database, one session on it: the calls that every dialect answers.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::{ConfigProblem, ConnectorError};

#[cfg(feature = "d1")]
use super::d1::{self, D1Database, D1Session};
use super::mariadb::MariaDb;
use super::postgres::Postgres;
use super::server::{ServerDatabase, ServerSession, ServerStream};
use super::sql::Sql;
use super::sqlite::{SqliteDatabase, SqliteSession, SqliteStream};
use super::url::DatabaseUrl;
use super::value::{Batch, Cell, Row, Value};
use super::write::Write;
use crate::catalogue::{Catalogue, Column};
use crate::config::SqlConfig;
use crate::walk::Walk;

/// How much memory the rows take at most that are handed over at a time, whatever their number. Handing over wakes a thread, which
/// takes as long as reading dozens of rows.
pub(super) const MAX_BATCH_BYTES: usize = 512 * 1024;
/// How many batches wait for their reader.
pub(super) const BATCHES_IN_FLIGHT: usize = 4;

/// A database of any dialect.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(Arc<SqliteDatabase>),
    Postgres(Arc<ServerDatabase<Postgres>>),
    MariaDb(Arc<ServerDatabase<MariaDb>>),
    #[cfg(feature = "d1")]
    D1(Arc<D1Database>),
}

/// A company that runs databases of one dialect.
#[derive(Clone, Copy)]
pub(crate) struct Host {
    pub(crate) company: &'static str,
    /// What of a database it keeps beside it: what, why, and how long.
    pub(crate) keeps: [&'static str; 3],
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
    /// The row is not the one any more that was read: others deleted or changed it meanwhile.
    #[cfg_attr(
        not(feature = "d1"),
        expect(dead_code, reason = "elsewhere rows are locked")
    )]
    Gone,
}

/// One connection, for one call. Dropping it takes back what was not committed.
pub(crate) enum Session {
    Sqlite(SqliteSession),
    Postgres(ServerSession<Postgres>),
    MariaDb(ServerSession<MariaDb>),
    #[cfg(feature = "d1")]
    D1(D1Session),
}

/// Rows as they come. Dropping it ends the query.
pub(crate) enum RowStream {
    Sqlite(SqliteStream),
    Server(ServerStream),
}

impl Database {
    /// Names a database; nothing is opened yet. Relative paths begin at the folder.
    ///
    /// # Errors
    /// When something that only a database of this dialect needs is missing.
    pub(crate) fn new(
        url: DatabaseUrl,
        config: &SqlConfig,
        folder: &Path,
    ) -> Result<Self, ConfigProblem> {
        let connections = config.connections.get();
        let busy_timeout = Duration::from_millis(config.busy_timeout_ms.into());
        Ok(match url.within(folder) {
            DatabaseUrl::Sqlite(path) => {
                let database = SqliteDatabase::new(path, connections, busy_timeout);
                Self::Sqlite(Arc::new(database))
            }
            DatabaseUrl::Postgres(options) => {
                let server = Postgres::new(*options, busy_timeout);
                Self::Postgres(Arc::new(ServerDatabase::new(server, connections)))
            }
            DatabaseUrl::MariaDb(options) => {
                let server = MariaDb::new(*options, busy_timeout);
                Self::MariaDb(Arc::new(ServerDatabase::new(server, connections)))
            }
            #[cfg(feature = "d1")]
            DatabaseUrl::D1 { account, database } => Self::D1(Arc::new(D1Database::new(
                account, database, config, folder,
            )?)),
        })
    }

    /// Who runs it, where that is known without being told.
    pub(crate) fn host(&self) -> Option<Host> {
        #[cfg(feature = "d1")]
        if let Self::D1(_) = self {
            return Some(d1::HOST);
        }
        None
    }

    /// How many rows a transaction of an erasure may delete or change, where so many are allowed.
    pub(crate) fn erase_rows(&self, allowed: NonZeroU32) -> NonZeroU32 {
        match self {
            #[cfg(feature = "d1")]
            Self::D1(_) => allowed.min(d1::MAX_CHANGED_ROWS),
            _ => allowed,
        }
    }

    /// How long a transaction of an erasure should hold its locks at most, where nothing else is said.
    pub(crate) fn erase_lock(&self) -> Duration {
        match self {
            // Every other writer waits for it.
            Self::Sqlite(_) => Duration::from_millis(500),
            // Only who writes to the same rows waits.
            Self::Postgres(_) | Self::MariaDb(_) => Duration::from_secs(2),
            // Its locks end with each call, and most of a call's time is its way.
            #[cfg(feature = "d1")]
            Self::D1(_) => Duration::MAX,
        }
    }

    pub(crate) async fn session(&self) -> Result<Session, ConnectorError> {
        match self {
            Self::Sqlite(database) => database.session().await.map(Session::Sqlite),
            Self::Postgres(database) => database.session().await.map(Session::Postgres),
            Self::MariaDb(database) => database.session().await.map(Session::MariaDb),
            #[cfg(feature = "d1")]
            Self::D1(database) => Ok(Session::D1(database.session())),
        }
    }
}

impl Session {
    pub(crate) async fn begin(&mut self, transaction: Transaction) -> Result<(), ConnectorError> {
        match self {
            Self::Sqlite(session) => session.begin(transaction).await,
            Self::Postgres(session) => session.begin(transaction).await,
            Self::MariaDb(session) => session.begin(transaction).await,
            // Each of its calls is a transaction.
            #[cfg(feature = "d1")]
            Self::D1(_) => Ok(()),
        }
    }

    pub(crate) async fn commit(&mut self) -> Result<(), ConnectorError> {
        match self {
            Self::Sqlite(session) => session.commit().await,
            Self::Postgres(session) => session.commit().await,
            Self::MariaDb(session) => session.commit().await,
            #[cfg(feature = "d1")]
            Self::D1(_) => Ok(()),
        }
    }

    /// Takes everything back.
    pub(crate) async fn rollback(&mut self) -> Result<(), ConnectorError> {
        match self {
            Self::Sqlite(session) => session.rollback().await,
            Self::Postgres(session) => session.rollback().await,
            Self::MariaDb(session) => session.rollback().await,
            #[cfg(feature = "d1")]
            Self::D1(_) => Ok(()),
        }
    }

    /// Whether the transaction failed because another one was in the way, and may succeed when it is tried again.
    pub(crate) fn met_conflict(&self) -> bool {
        match self {
            // Its writers wait for each other.
            Self::Sqlite(_) => false,
            Self::Postgres(session) => session.met_conflict(),
            Self::MariaDb(session) => session.met_conflict(),
            #[cfg(feature = "d1")]
            Self::D1(_) => false,
        }
    }

    pub(crate) async fn catalogue(&mut self) -> Result<Arc<Catalogue>, ConnectorError> {
        match self {
            Self::Sqlite(session) => session.catalogue().await,
            Self::Postgres(session) => session.catalogue().await,
            Self::MariaDb(session) => session.catalogue().await,
            #[cfg(feature = "d1")]
            Self::D1(session) => session.catalogue().await,
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
            Self::Postgres(session) => session.fold(sql, width, start, visit).await,
            Self::MariaDb(session) => session.fold(sql, width, start, visit).await,
            #[cfg(feature = "d1")]
            Self::D1(session) => session.fold(sql, width, start, visit).await,
        }
    }

    /// The same for the rows of a walk, of which there may be any number.
    pub(crate) async fn visit<T, V>(
        &mut self,
        walk: Walk,
        width: usize,
        start: T,
        visit: V,
    ) -> Result<T, ConnectorError>
    where
        T: Send + 'static,
        V: FnMut(&mut T, Row<'_>) + Send + 'static,
    {
        #[cfg(feature = "d1")]
        if let Self::D1(session) = self {
            return session.visit(walk, width, start, visit).await;
        }
        self.fold(walk.unordered()?, width, start, visit).await
    }

    /// The number that a query counts.
    pub(crate) async fn count(&mut self, sql: Sql) -> Result<u64, ConnectorError> {
        let visit = |count: &mut u64, row: Row<'_>| {
            if let Cell::Integer(rows) = row.cell(0) {
                *count = rows.unsigned_abs();
            }
        };
        self.fold(sql, 1, 0, visit).await
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

    /// Writes to rows, each of which brings [`Write::width`] values.
    pub(crate) async fn write(
        &mut self,
        write: &Write<'_>,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Applied>, ConnectorError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::Sqlite(session) => session.write(write, rows).await,
            Self::Postgres(session) => session.write(write, rows).await,
            Self::MariaDb(session) => session.write(write, rows).await,
            #[cfg(feature = "d1")]
            Self::D1(session) => session.write(write, rows).await,
        }
    }

    /// Deletes rows that refer to each other: all of them, or none when that is refused.
    pub(crate) async fn write_together(
        &mut self,
        write: &Write<'_>,
        rows: Vec<Vec<Value>>,
    ) -> Result<bool, ConnectorError> {
        match self {
            Self::Sqlite(session) => session.write_together(write, rows).await,
            Self::Postgres(session) => session.write_together(write, rows).await,
            Self::MariaDb(session) => session.write_together(write, rows).await,
            #[cfg(feature = "d1")]
            Self::D1(session) => session.write_together(write, rows).await,
        }
    }

    /// Deletes what [`Dialect::sweep`](super::Dialect::sweep) selects and says how many rows that were; none of them, and `None`, when
    /// the database refuses one.
    pub(crate) async fn sweep(&mut self, sql: Sql) -> Result<Option<u64>, ConnectorError> {
        match self {
            Self::Sqlite(session) => session.sweep(sql).await,
            Self::Postgres(session) => session.sweep(sql).await,
            Self::MariaDb(session) => session.sweep(sql).await,
            // Others may write between its reading and its deleting, so rows are deleted by what was read of them.
            #[cfg(feature = "d1")]
            Self::D1(_) => Ok(None),
        }
    }

    /// Reads where rows lie, as they come and so many at a time, on a connection of its own; none where no connection is free.
    pub(crate) async fn places(
        &mut self,
        sql: Sql,
        batch_rows: usize,
    ) -> Result<Option<RowStream>, ConnectorError> {
        let Self::Postgres(session) = self else {
            return Ok(None);
        };
        let Some(mut other) = session.another().await? else {
            return Ok(None);
        };
        other.begin(Transaction::Read).await?;
        let stream = other.stream(sql, 1, batch_rows, Session::Postgres);
        Ok(Some(RowStream::Server(stream)))
    }

    pub(crate) async fn understands(&mut self, sql: Sql) -> Result<bool, ConnectorError> {
        match self {
            Self::Sqlite(session) => session.understands(sql).await,
            Self::Postgres(session) => session.understands(sql).await,
            Self::MariaDb(session) => session.understands(sql).await,
            #[cfg(feature = "d1")]
            Self::D1(session) => session.understands(sql).await,
        }
    }

    /// Whether a column can hold a value, where the database can tell that without a row.
    pub(crate) async fn can_hold(
        &mut self,
        column: &Column,
        value: &Value,
    ) -> Result<bool, ConnectorError> {
        let Self::Postgres(session) = self else {
            return Ok(true);
        };
        let mut query = Sql::text("SELECT CAST(");
        query
            .bind_as(value.clone(), column.cast.as_deref())
            .push(" AS TEXT)");
        session.accepts(query).await
    }

    /// Whether its transaction may stay open from one page to the next: where it sees one moment and keeps nobody from writing.
    pub(crate) async fn may_stay_open(&mut self) -> Result<bool, ConnectorError> {
        match self {
            Self::Sqlite(_) => {
                // Without a write-ahead log whoever reads keeps others from writing.
                let mode = self
                    .rows(Sql::text("PRAGMA journal_mode"), 1)
                    .await?
                    .concat();
                Ok(mode.first().is_some_and(|mode| mode.as_str() == "wal"))
            }
            Self::Postgres(_) | Self::MariaDb(_) => Ok(true),
            #[cfg(feature = "d1")]
            Self::D1(_) => Ok(false),
        }
    }

    /// Goes through the rows of a walk and lets them be read as they come, in order.
    pub(crate) fn stream(
        self,
        walk: Walk,
        width: usize,
        batch_rows: usize,
    ) -> Result<RowStream, ConnectorError> {
        let sql = walk.ordered()?;
        Ok(match self {
            Self::Sqlite(session) => RowStream::Sqlite(session.stream(sql, width, batch_rows)),
            Self::Postgres(session) => {
                let back = Session::Postgres;
                RowStream::Server(session.stream(sql, width, batch_rows, back))
            }
            Self::MariaDb(session) => {
                let back = Session::MariaDb;
                RowStream::Server(session.stream(sql, width, batch_rows, back))
            }
            #[cfg(feature = "d1")]
            Self::D1(session) => RowStream::Server(session.stream(walk, width)),
        })
    }
}

impl RowStream {
    pub(crate) async fn next(&mut self) -> Option<Result<Batch, ConnectorError>> {
        match self {
            Self::Sqlite(stream) => stream.next().await,
            Self::Server(stream) => stream.next().await,
        }
    }

    /// After the last rows: the session that the query was sent in, with its transaction still open.
    pub(crate) async fn session(&mut self) -> Option<Session> {
        match self {
            Self::Sqlite(stream) => stream.session().await.map(Session::Sqlite),
            Self::Server(stream) => stream.session().await,
        }
    }
}
