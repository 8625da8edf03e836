//! What is the same for all databases that run as servers: connections, transactions, rows as they come, writing in batches.

mod decode;
mod session;
mod stream;
mod write;

use std::sync::Arc;

use adieu_core::{ConnectorError, async_trait};
use futures_util::stream::BoxStream;
use sqlx::Error;

pub(crate) use decode::{Scratch, push_row};
pub(crate) use session::{ServerDatabase, ServerSession};
pub(crate) use stream::ServerStream;

use super::value::{Batch, Value};
use super::write::Write;
use super::{Sql, Transaction};
use crate::catalogue::Catalogue;

/// What differs between servers: the driver, the spelling, the catalogue, what an error means.
#[async_trait]
pub(crate) trait Server: Sized + Send + Sync + 'static {
    type Connection: Send + 'static;
    type Row: Send;
    /// What decoding needs beside a row: memory to write texts in, what is known of the columns.
    type Scratch: Default + Send;

    /// Opens a connection, with everything set that must not depend on the server's own settings.
    async fn connect(&self) -> Result<Self::Connection, Error>;

    /// The statements that begin a transaction.
    fn begin(transaction: Transaction) -> &'static str;

    /// Sends statements without values.
    async fn execute(
        connection: &mut Self::Connection,
        statements: &'static str,
    ) -> Result<(), Error>;

    /// Lets the server parse a statement without running it.
    async fn prepare(connection: &mut Self::Connection, sql: Sql) -> Result<(), Error>;

    /// Sends a query.
    fn fetch(
        connection: &mut Self::Connection,
        sql: Sql,
    ) -> BoxStream<'_, Result<Self::Row, Error>>;

    /// Adds a row to a batch.
    fn push_row(
        batch: &mut Batch,
        row: &Self::Row,
        width: usize,
        scratch: &mut Self::Scratch,
    ) -> Result<(), Error>;

    /// Writes to all of some rows with as few statements as there can be, and says how many were found.
    async fn write_all(
        connection: &mut Self::Connection,
        write: &Write<'_>,
        rows: &[Vec<Value>],
    ) -> Result<u64, Error>;

    /// Sends a statement that changes rows, and says how many.
    async fn change(connection: &mut Self::Connection, sql: Sql) -> Result<u64, Error>;

    /// Reads the catalogue, or knows it still.
    async fn catalogue(session: &mut ServerSession<Self>)
    -> Result<Arc<Catalogue>, ConnectorError>;

    /// Forgets what is known of the catalogue: a statement that was made from it failed.
    fn forget_catalogue(&self);

    /// What an error means; its text is left out, because it may quote a row.
    fn classified(error: &Error) -> ConnectorError;

    /// Whether another transaction was in the way, so that the same one may succeed at once.
    fn is_conflict(error: &Error) -> bool;

    /// Whether the error is about the rows that the statement worked on.
    fn refuses_a_row(error: &Error) -> bool;
}
