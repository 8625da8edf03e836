//! Connections to an SQLite file. SQLite works on the calling thread, so each call runs on one that may block.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_core::{ConnectorError, Effect, ErrorKind, Retry};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, InterruptHandle, OpenFlags, ToSql};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::catalogue;
use super::error::classified;
use crate::catalogue::Catalogue;
use crate::dialect::connections::{Connections, Permit, Permits, lock};
use crate::dialect::session::{BATCHES_IN_FLIGHT, MAX_BATCH_BYTES};
use crate::dialect::sql::Bound;
use crate::dialect::{Batch, Cell, Row, Sql, Transaction, Value};

/// An SQLite file and the connections to it that wait for work.
pub(crate) struct SqliteDatabase {
    path: PathBuf,
    busy_timeout: Duration,
    connections: Connections<Connection>,
    /// SQLite lets one connection write at a time. Others ask again and again, each in the end for longer; ours stand in line.
    writing: Permits,
    /// The catalogue as it was at this version of the schema.
    catalogue: Mutex<Option<(i64, Arc<Catalogue>)>>,
}

impl SqliteDatabase {
    pub(crate) fn new(path: PathBuf, connections: usize, busy_timeout: Duration) -> Self {
        Self {
            path,
            busy_timeout,
            connections: Connections::new(connections),
            writing: Permits::new(1),
            catalogue: Mutex::default(),
        }
    }

    /// A connection of its own for one call.
    pub(crate) async fn session(self: &Arc<Self>) -> Result<SqliteSession, ConnectorError> {
        let permit = self.connections.permit().await?;
        let connection = match self.connections.take() {
            Some(connection) => connection,
            None => {
                let database = Arc::clone(self);
                spawn_blocking(move || database.open())
                    .await
                    .map_err(|_| thread_ended())??
            }
        };
        Ok(SqliteSession {
            database: Arc::clone(self),
            connection: Some(connection),
            permit: Some(permit),
            turn: None,
        })
    }

    fn open(&self) -> Result<Connection, ConnectorError> {
        if !self.path.is_file() {
            return Err(ConnectorError::new(
                ErrorKind::Config,
                "there is no database file at the path of `url`",
            ));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| classified(&error))?;
        self.prepare(&connection)
            .map_err(|error| classified(&error))?;
        Ok(connection)
    }

    fn prepare(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection.busy_timeout(self.busy_timeout)?;
        connection.set_prepared_statement_cache_capacity(64);
        // Foreign keys are off by default. Deleted rows are overwritten and not only unlinked.
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON")?;
        Ok(())
    }
}

/// One connection, for one call.
pub(crate) struct SqliteSession {
    database: Arc<SqliteDatabase>,
    connection: Option<Connection>,
    permit: Option<Permit>,
    /// Held while a transaction writes.
    turn: Option<Permit>,
}

impl SqliteSession {
    pub(crate) async fn begin(&mut self, transaction: Transaction) -> Result<(), ConnectorError> {
        if matches!(transaction, Transaction::Write) {
            self.turn = Some(self.database.writing.take().await?);
        }
        self.run(move |connection| {
            connection
                .execute_batch(match transaction {
                    Transaction::Read => "BEGIN DEFERRED",
                    Transaction::Write => "BEGIN IMMEDIATE",
                })
                .map_err(|error| classified(&error))
        })
        .await
    }

    /// Makes everything durable. When that is refused, everything is taken back.
    pub(crate) async fn commit(&mut self) -> Result<(), ConnectorError> {
        self.run(|connection| {
            connection.execute_batch("COMMIT").map_err(|error| {
                let error = classified(&error);
                // A transaction that is still open after a refused COMMIT goes back with its connection.
                let effect = if connection.is_autocommit() {
                    Effect::Unknown
                } else {
                    Effect::None
                };
                error.effect(effect)
            })
        })
        .await?;
        self.turn = None;
        Ok(())
    }

    /// Takes everything back.
    pub(crate) async fn rollback(&mut self) -> Result<(), ConnectorError> {
        self.execute("ROLLBACK").await?;
        self.turn = None;
        Ok(())
    }

    pub(crate) async fn catalogue(&mut self) -> Result<Arc<Catalogue>, ConnectorError> {
        let database = Arc::clone(&self.database);
        self.run(move |connection| {
            let version = connection
                .query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0))
                .map_err(|error| classified(&error))?;
            let mut known = lock(&database.catalogue);
            if let Some((at, catalogue)) = &*known
                && *at == version
            {
                return Ok(Arc::clone(catalogue));
            }
            let mut told: [Vec<Vec<Value>>; 4] = Default::default();
            let queries = catalogue::queries(catalogue::OWN_TABLES);
            for ((query, width), told) in queries.into_iter().zip(&mut told) {
                each_row(connection, Sql::text(query), width, |row| {
                    let mut one = Batch::new(width);
                    push_row(&mut one, row, width)?;
                    told.push(one.row(0).first(width));
                    Ok(true)
                })?;
            }
            let catalogue = Arc::new(catalogue::assembled(told));
            *known = Some((version, Arc::clone(&catalogue)));
            Ok(catalogue)
        })
        .await
    }

    /// Sends a query and hands each row to `visit`, which adds it to `start`.
    pub(crate) async fn fold<T, V>(
        &mut self,
        sql: Sql,
        width: usize,
        start: T,
        mut visit: V,
    ) -> Result<T, ConnectorError>
    where
        T: Send + 'static,
        V: FnMut(&mut T, Row<'_>) + Send + 'static,
    {
        self.run(move |connection| {
            let mut folded = start;
            let mut one = Batch::new(width);
            each_row(connection, sql, width, |row| {
                one.clear();
                push_row(&mut one, row, width)?;
                visit(&mut folded, one.row(0));
                Ok(true)
            })?;
            Ok(folded)
        })
        .await
    }

    pub(super) async fn execute(&mut self, statements: &'static str) -> Result<(), ConnectorError> {
        self.run(move |connection| {
            connection
                .execute_batch(statements)
                .map_err(|error| classified(&error))
        })
        .await
    }

    /// Whether the database understands a query; it is not run.
    pub(crate) async fn understands(&mut self, sql: Sql) -> Result<bool, ConnectorError> {
        self.run(move |connection| {
            let (text, _) = sql.render(placeholder);
            // Otherwise a misspelt name in double quotes would be taken for a text.
            let quotes = DbConfig::SQLITE_DBCONFIG_DQS_DML;
            let before = connection
                .db_config(quotes)
                .map_err(|error| classified(&error))?;
            connection
                .set_db_config(quotes, false)
                .map_err(|error| classified(&error))?;
            let understood = match connection.prepare(&text) {
                Ok(statement) => Ok(statement.readonly()),
                Err(error) => match classified(&error) {
                    error if error.kind() == ErrorKind::Config => Ok(false),
                    error => Err(error),
                },
            };
            connection
                .set_db_config(quotes, before)
                .map_err(|error| classified(&error))?;
            understood
        })
        .await
    }

    /// Sends a query and lets its rows be read as they come.
    pub(crate) fn stream(mut self, sql: Sql, width: usize, batch_rows: usize) -> SqliteStream {
        let (sender, batches) = mpsc::channel(BATCHES_IN_FLIGHT);
        let (back, session) = oneshot::channel();
        let handle = self
            .connection
            .as_ref()
            .map(Connection::get_interrupt_handle);
        let running = Arc::new(Mutex::new(handle));
        let ended = Arc::clone(&running);
        drop(spawn_blocking(move || {
            let sent = self.send_batches(sql, width, batch_rows, &sender);
            // From here on the connection may serve another call, which must not be interrupted.
            *lock(&ended) = None;
            // The reader has gone when these fail.
            match sent {
                Ok(()) => drop(back.send(self)),
                Err(error) => {
                    drop(self);
                    drop(sender.blocking_send(Err(error)));
                }
            }
        }));
        SqliteStream {
            batches,
            running,
            session: Some(session),
        }
    }

    fn send_batches(
        &mut self,
        sql: Sql,
        width: usize,
        batch_rows: usize,
        sender: &mpsc::Sender<Result<Batch, ConnectorError>>,
    ) -> Result<(), ConnectorError> {
        let connection = self.connection.as_mut().ok_or_else(thread_ended)?;
        let mut batch = Batch::new(width);
        each_row(connection, sql, width, |row| {
            push_row(&mut batch, row, width)?;
            if batch.len() >= batch_rows || batch.size_bytes() >= MAX_BATCH_BYTES {
                let empty = batch.as_roomy();
                let full = std::mem::replace(&mut batch, empty);
                return Ok(sender.blocking_send(Ok(full)).is_ok());
            }
            Ok(true)
        })?;
        if batch.len() > 0 {
            let _ = sender.blocking_send(Ok(batch));
        }
        Ok(())
    }

    /// Runs work on a thread that may block. When the future is dropped, the running statement is interrupted and the
    /// transaction is taken back.
    pub(super) async fn run<T, W>(&mut self, work: W) -> Result<T, ConnectorError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> Result<T, ConnectorError> + Send + 'static,
    {
        let mut connection = self.connection.take().ok_or_else(thread_ended)?;
        let mut interrupt = InterruptOnDrop::of(&connection);
        let (connection, result) = spawn_blocking(move || {
            let result = work(&mut connection);
            (connection, result)
        })
        .await
        .map_err(|_| thread_ended())?;
        interrupt.disarm();
        self.connection = Some(connection);
        result
    }
}

/// A connection goes back to wait for work; one with an open transaction takes that back first.
impl Drop for SqliteSession {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let clean = connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
            if clean {
                self.database.connections.put_back(connection);
            }
        }
        drop(self.permit.take());
    }
}

/// Rows as they come. Dropping it ends the query.
pub(crate) struct SqliteStream {
    batches: mpsc::Receiver<Result<Batch, ConnectorError>>,
    running: Arc<Mutex<Option<InterruptHandle>>>,
    session: Option<oneshot::Receiver<SqliteSession>>,
}

impl SqliteStream {
    /// The next rows; `None` after the last ones.
    pub(crate) async fn next(&mut self) -> Option<Result<Batch, ConnectorError>> {
        self.batches.recv().await
    }

    /// After the last rows: the session that the query was sent in.
    pub(crate) async fn session(&mut self) -> Option<SqliteSession> {
        self.session.take()?.await.ok()
    }
}

impl Drop for SqliteStream {
    fn drop(&mut self) {
        if let Some(handle) = &*lock(&self.running) {
            handle.interrupt();
        }
    }
}

struct InterruptOnDrop(Option<InterruptHandle>);

impl InterruptOnDrop {
    fn of(connection: &Connection) -> Self {
        Self(Some(connection.get_interrupt_handle()))
    }

    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.interrupt();
        }
    }
}

fn each_row(
    connection: &Connection,
    sql: Sql,
    width: usize,
    mut visit: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<bool>,
) -> Result<(), ConnectorError> {
    let (text, values) = sql.render(placeholder);
    let mut walk = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(&text)?;
        debug_assert_eq!(statement.column_count(), width);
        let values = values.iter().map(|bound| &bound.value);
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            if !visit(row)? {
                break;
            }
        }
        Ok(())
    };
    walk().map_err(|error| classified(&error))
}

fn push_row(batch: &mut Batch, row: &rusqlite::Row<'_>, width: usize) -> rusqlite::Result<()> {
    for index in 0..width {
        batch.push(match row.get_ref(index)? {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(value) => Cell::Integer(value),
            ValueRef::Real(value) => Cell::Real(value),
            ValueRef::Text(text) => Cell::Text(text),
            ValueRef::Blob(bytes) => Cell::Blob(bytes),
        });
    }
    Ok(())
}

pub(super) fn placeholder(number: usize, _: &Bound) -> String {
    format!("?{number}")
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn thread_ended() -> ConnectorError {
    ConnectorError::new(ErrorKind::Internal, "the database's thread ended early")
        .retry(Retry::WithBackoff)
        .effect(Effect::Unknown)
}
