//! MariaDB and MySQL, through the native driver of sqlx. The catalogue tells which of the two it is.

mod catalogue;
mod decode;
mod error;
pub(super) mod inside;
mod types;
mod write;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_core::{ConnectorError, async_trait};
use futures_util::stream::BoxStream;
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, Error, Executor, MySql, MySqlConnection, SqlSafeStr};

use super::connections::lock;
use super::server::{Scratch, Server, ServerSession, push_row};
use super::sql::Bound;
use super::{Batch, Sql, Transaction, Value, Write};
use crate::catalogue::Catalogue;

pub(crate) use types::equal_values;
#[cfg(test)]
pub(crate) use write::statements;

/// A database of MariaDB or MySQL.
pub(crate) struct MariaDb {
    options: MySqlConnectOptions,
    settings: String,
    /// The catalogue as it was at this state of the schema.
    catalogue: Mutex<Option<(Vec<Value>, Arc<Catalogue>)>>,
}

impl MariaDb {
    pub(crate) fn new(options: MySqlConnectOptions, lock_timeout: Duration) -> Self {
        // Names are quoted as standard SQL says. A value that does not fit is an error and not cut. Lists of keys are looked
        // up in an index and not joined. MariaDB alone keeps what a subquery answered by the values of its outer columns, and
        // finds it again by their collation: what was true of 'a' would then be true of 'A'. MySQL alone (MariaDB passes over
        // comments of its versions from 5.7 on) would rather sort what two indexes find than walk through one in order.
        let seconds = lock_timeout.as_millis().div_ceil(1000).max(1);
        let settings = format!(
            "SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
             innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}, \
             group_concat_max_len = 1048576 \
             /*M! , optimizer_switch = 'subquery_cache=off' */ \
             /*!50717 , optimizer_switch = 'index_merge_intersection=off' */"
        );
        let options = options
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .disable_statement_logging();
        Self {
            options,
            settings,
            catalogue: Mutex::default(),
        }
    }
}

#[async_trait]
impl Server for MariaDb {
    type Connection = MySqlConnection;
    type Row = MySqlRow;
    type Scratch = Scratch<decode::Form>;

    async fn connect(&self) -> Result<MySqlConnection, Error> {
        let mut connection = self.options.connect().await?;
        let settings = AssertSqlSafe(self.settings.clone());
        connection.execute(settings).await?;
        Ok(connection)
    }

    fn begin(transaction: Transaction) -> &'static str {
        match transaction {
            Transaction::Read => {
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
            }
            // Rows are locked as they are read, so nobody changes them meanwhile.
            Transaction::Write => {
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION READ WRITE"
            }
        }
    }

    async fn execute(
        connection: &mut MySqlConnection,
        statements: &'static str,
    ) -> Result<(), Error> {
        connection.execute(statements).await.map(|_| ())
    }

    async fn prepare(connection: &mut MySqlConnection, sql: Sql) -> Result<(), Error> {
        let text = AssertSqlSafe(sql.render(placeholder).0).into_sql_str();
        connection.prepare(text).await.map(|_| ())
    }

    fn fetch(connection: &mut MySqlConnection, sql: Sql) -> BoxStream<'_, Result<MySqlRow, Error>> {
        bound(sql).fetch(connection)
    }

    fn push_row(
        batch: &mut Batch,
        row: &MySqlRow,
        width: usize,
        scratch: &mut Self::Scratch,
    ) -> Result<(), Error> {
        push_row(batch, row, width, scratch, decode::form, decode::read)
    }

    async fn write_all(
        connection: &mut MySqlConnection,
        write: &Write<'_>,
        rows: &[Vec<Value>],
    ) -> Result<u64, Error> {
        for statement in write::loosening(write, rows) {
            bound(statement).execute(&mut *connection).await?;
        }
        let mut found = 0;
        for statement in write::statements(write, rows) {
            let written = bound(statement).execute(&mut *connection).await?;
            found += written.rows_affected();
        }
        Ok(found)
    }

    async fn change(connection: &mut MySqlConnection, sql: Sql) -> Result<u64, Error> {
        let changed = bound(sql).execute(connection).await?;
        Ok(changed.rows_affected())
    }

    async fn catalogue(
        session: &mut ServerSession<Self>,
    ) -> Result<Arc<Catalogue>, ConnectorError> {
        catalogue::current(session).await
    }

    fn forget_catalogue(&self) {
        *lock(&self.catalogue) = None;
    }

    fn classified(error: &Error) -> ConnectorError {
        error::classified(error)
    }

    fn is_conflict(error: &Error) -> bool {
        error::is_conflict(error)
    }

    fn refuses_a_row(error: &Error) -> bool {
        error::refuses_a_row(error)
    }
}

/// A query with its values.
fn bound(sql: Sql) -> Query<'static, MySql, MySqlArguments> {
    let (text, values) = sql.render(placeholder);
    let mut query = sqlx::query(AssertSqlSafe(text));
    for bound in values {
        query = match bound.value {
            Value::Null => query.bind(None::<String>),
            Value::Integer(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
            Value::Text(text) => match String::from_utf8(text) {
                Ok(text) => query.bind(text),
                Err(bytes) => query.bind(bytes.into_bytes()),
            },
            Value::Blob(bytes) => query.bind(bytes),
        };
    }
    query
}

fn placeholder(_: usize, bound: &Bound) -> String {
    match &bound.cast {
        None => "?".to_owned(),
        Some(cast) => match cast.split_once(" COLLATE ") {
            // MySQL would take the value for what it is cast to, and a large number for the largest that it knows then.
            None => format!("CAST(CAST(? AS CHAR) AS {cast})"),
            Some((character_set, collation)) => {
                let text = "CAST(? AS CHAR CHARACTER SET utf8mb4)";
                format!("CONVERT({text} USING {character_set}) COLLATE {collation}")
            }
        },
    }
}
