//! Connections to a server, and one of them for one call.

use std::sync::Arc;

use adieu_core::{ConnectorError, Effect, ErrorKind};
use futures_util::TryStreamExt;
use sqlx::Error;

use super::stream::ServerStream;
use super::{Server, Transaction};
use crate::catalogue::Catalogue;
use crate::dialect::connections::{Connections, Permit};
use crate::dialect::{Batch, Row, Session, Sql, Value};

/// A database and the connections to it that wait for work.
pub(crate) struct ServerDatabase<S: Server> {
    pub(crate) server: S,
    connections: Connections<S::Connection>,
}

impl<S: Server> ServerDatabase<S> {
    /// Names a database; nothing is opened yet.
    pub(crate) fn new(server: S, connections: usize) -> Self {
        Self {
            server,
            connections: Connections::new(connections),
        }
    }

    /// A connection of its own for one call.
    pub(crate) async fn session(self: &Arc<Self>) -> Result<ServerSession<S>, ConnectorError> {
        let permit = self.connections.permit().await?;
        self.with(permit).await
    }

    async fn with(self: &Arc<Self>, permit: Permit) -> Result<ServerSession<S>, ConnectorError> {
        let waiting = self.connections.take();
        let is_new = waiting.is_none();
        let connection = match waiting {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(ServerSession {
            database: Arc::clone(self),
            connection: Some(connection),
            permit: Some(permit),
            is_new,
            in_call: false,
            transaction: None,
            met_conflict: false,
        })
    }

    async fn connect(&self) -> Result<S::Connection, ConnectorError> {
        let connected = self.server.connect().await;
        connected.map_err(|error| S::classified(&error))
    }
}

/// One connection, for one call.
pub(crate) struct ServerSession<S: Server> {
    pub(crate) database: Arc<ServerDatabase<S>>,
    connection: Option<S::Connection>,
    permit: Option<Permit>,
    /// Whether it was opened for this call, and not long ago.
    is_new: bool,
    /// Whether an answer is still under way, or none can come any more: the connection is then of no use to others.
    in_call: bool,
    transaction: Option<Transaction>,
    met_conflict: bool,
}

impl<S: Server> ServerSession<S> {
    /// Another session, if one can be had without waiting: who has one already would wait for others who do the same.
    pub(crate) async fn another(&self) -> Result<Option<Self>, ConnectorError> {
        match self.database.connections.permit_now() {
            Some(permit) => self.database.with(permit).await.map(Some),
            None => Ok(None),
        }
    }

    /// Begins a transaction. A connection that broke while it waited is replaced by a new one.
    pub(crate) async fn begin(&mut self, transaction: Transaction) -> Result<(), ConnectorError> {
        self.transaction = Some(transaction);
        self.met_conflict = false;
        let began = self.execute(S::begin(transaction)).await;
        if began.is_ok() || self.is_new {
            return began;
        }
        self.connection = Some(self.database.connect().await?);
        self.is_new = true;
        self.in_call = false;
        self.execute(S::begin(transaction)).await
    }

    /// Makes everything durable. When that is refused, everything is taken back.
    pub(crate) async fn commit(&mut self) -> Result<(), ConnectorError> {
        let committed = S::execute(self.begin_call()?, "COMMIT").await;
        let effect = match &committed {
            Err(Error::Database(_)) => Effect::None,
            _ => Effect::Unknown,
        };
        let committed = self.end_call(committed);
        committed.map_err(|error| error.effect(effect))?;
        self.transaction = None;
        Ok(())
    }

    /// Takes everything back.
    pub(crate) async fn rollback(&mut self) -> Result<(), ConnectorError> {
        self.execute("ROLLBACK").await?;
        self.transaction = None;
        Ok(())
    }

    /// Whether the transaction failed because another one was in the way.
    pub(crate) fn met_conflict(&self) -> bool {
        self.met_conflict
    }

    /// Whether its transaction may change something.
    pub(crate) fn is_writing(&self) -> bool {
        matches!(self.transaction, Some(Transaction::Write))
    }

    pub(crate) async fn catalogue(&mut self) -> Result<Arc<Catalogue>, ConnectorError> {
        S::catalogue(self).await
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
        let connection = self.begin_call()?;
        let fold = async {
            let mut folded = start;
            let mut rows = S::fetch(connection, sql);
            let (mut one, mut scratch) = (Batch::new(width), S::Scratch::default());
            while let Some(row) = rows.try_next().await? {
                one.clear();
                S::push_row(&mut one, &row, width, &mut scratch)?;
                visit(&mut folded, one.row(0));
            }
            Ok(folded)
        };
        let folded = fold.await;
        self.end_call(folded)
    }

    /// All rows of a query that is known to have few.
    pub(crate) async fn rows(
        &mut self,
        sql: Sql,
        width: usize,
    ) -> Result<Vec<Vec<Value>>, ConnectorError> {
        let collect = move |rows: &mut Vec<Vec<Value>>, row: Row<'_>| rows.push(row.first(width));
        self.fold(sql, width, Vec::new(), collect).await
    }

    /// Sends statements without values.
    pub(crate) async fn execute(&mut self, statements: &'static str) -> Result<(), ConnectorError> {
        let executed = S::execute(self.begin_call()?, statements).await;
        self.end_call(executed)
    }

    /// Whether the database understands a query; it is not run.
    pub(crate) async fn understands(&mut self, sql: Sql) -> Result<bool, ConnectorError> {
        self.execute("SAVEPOINT adieu").await?;
        let prepared = S::prepare(self.begin_call()?, sql).await;
        let understood = match self.end_call(prepared) {
            Ok(()) => true,
            Err(error) if matches!(error.kind(), ErrorKind::Config | ErrorKind::Protocol) => false,
            Err(error) => return Err(error),
        };
        self.execute("ROLLBACK TO SAVEPOINT adieu").await?;
        Ok(understood)
    }

    /// Whether the database can work out a query without tables; it is run.
    pub(crate) async fn accepts(&mut self, sql: Sql) -> Result<bool, ConnectorError> {
        self.execute("SAVEPOINT adieu").await?;
        let accepted = match self.rows(sql, 1).await {
            Ok(_) => true,
            Err(error) if matches!(error.kind(), ErrorKind::Config | ErrorKind::Protocol) => false,
            Err(error) => return Err(error),
        };
        self.execute("ROLLBACK TO SAVEPOINT adieu").await?;
        Ok(accepted)
    }

    /// Sends a query and lets its rows be read as they come.
    pub(crate) fn stream(
        self,
        sql: Sql,
        width: usize,
        batch_rows: usize,
        back: fn(Self) -> Session,
    ) -> ServerStream {
        ServerStream::start(self, sql, width, batch_rows, back)
    }

    /// The connection, for one exchange. Until [`ServerSession::end_call`] the session counts as broken off.
    pub(super) fn begin_call(&mut self) -> Result<&mut S::Connection, ConnectorError> {
        self.in_call = true;
        self.connection.as_mut().ok_or_else(|| {
            ConnectorError::new(
                ErrorKind::Internal,
                "the database's connection was given away",
            )
        })
    }

    pub(super) fn end_call<T>(&mut self, result: Result<T, Error>) -> Result<T, ConnectorError> {
        self.in_call = matches!(&result, Err(error) if !matches!(error, Error::Database(_)));
        result.map_err(|error| {
            self.met_conflict |= S::is_conflict(&error);
            let error = S::classified(&error);
            if error.kind() == ErrorKind::Config {
                self.database.server.forget_catalogue();
            }
            error
        })
    }
}

/// A connection goes back to wait for work, without the transaction it had. One that was broken off in the middle of an
/// answer is closed: the rest of a long answer would have to be read first.
impl<S: Server> Drop for ServerSession<S> {
    fn drop(&mut self) {
        let (Some(mut connection), permit) = (self.connection.take(), self.permit.take()) else {
            return;
        };
        if self.in_call {
            return;
        }
        let database = Arc::clone(&self.database);
        if self.transaction.is_none() {
            database.connections.put_back(connection);
        } else if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if S::execute(&mut connection, "ROLLBACK").await.is_ok() {
                    database.connections.put_back(connection);
                }
                drop(permit);
            });
        }
    }
}
