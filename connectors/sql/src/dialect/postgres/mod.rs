//! PostgreSQL, through the native driver of sqlx.

mod array;
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
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, Error, Executor, PgConnection, SqlSafeStr};

use super::connections::lock;
use super::server::{Scratch, Server, ServerSession, push_row};
use super::sql::Bound;
use super::{Batch, Sql, Transaction, Value, Write};
use crate::catalogue::Catalogue;

pub(crate) use types::equal_values;
#[cfg(test)]
pub(crate) use write::statement;

/// A PostgreSQL database.
pub(crate) struct Postgres {
    options: PgConnectOptions,
    settings: String,
    /// The catalogue as it was at this state of the schema.
    catalogue: Mutex<Option<(Vec<Value>, Arc<Catalogue>)>>,
}

impl Postgres {
    pub(crate) fn new(options: PgConnectOptions, lock_timeout: Duration) -> Self {
        // Values are written in one form whatever the server prefers. Row security must not hide a row silently. A plan is
        // made for each value: one person has a row and another one a million; compiling it takes longer than any batch. Notices
        // may quote rows.
        let settings = format!(
            "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'; \
             SET extra_float_digits = 1; SET row_security = off; SET plan_cache_mode = force_custom_plan; SET jit = off; \
             SET client_min_messages = error; SET lock_timeout = {}",
            lock_timeout.as_millis()
        );
        Self {
            options: options
                .application_name("adieu")
                .disable_statement_logging(),
            settings,
            catalogue: Mutex::default(),
        }
    }
}

#[async_trait]
impl Server for Postgres {
    type Connection = PgConnection;
    type Row = PgRow;
    type Scratch = Scratch<decode::Form>;

    async fn connect(&self) -> Result<PgConnection, Error> {
        let mut connection = self.options.connect().await?;
        let settings = AssertSqlSafe(self.settings.clone());
        connection.execute(settings).await?;
        Ok(connection)
    }

    fn begin(transaction: Transaction) -> &'static str {
        match transaction {
            Transaction::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            // Rows are locked as they are read, so nobody changes them meanwhile.
            Transaction::Write => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET CONSTRAINTS ALL IMMEDIATE"
            }
        }
    }

    async fn execute(connection: &mut PgConnection, statements: &'static str) -> Result<(), Error> {
        connection.execute(statements).await.map(|_| ())
    }

    async fn prepare(connection: &mut PgConnection, sql: Sql) -> Result<(), Error> {
        let text = AssertSqlSafe(sql.render(placeholder).0).into_sql_str();
        connection.prepare(text).await.map(|_| ())
    }

    fn fetch(connection: &mut PgConnection, sql: Sql) -> BoxStream<'_, Result<PgRow, Error>> {
        bound(sql).fetch(connection)
    }

    fn push_row(
        batch: &mut Batch,
        row: &PgRow,
        width: usize,
        scratch: &mut Self::Scratch,
    ) -> Result<(), Error> {
        push_row(batch, row, width, scratch, decode::form, decode::read)
    }

    async fn write_all(
        connection: &mut PgConnection,
        write: &Write<'_>,
        rows: &[Vec<Value>],
    ) -> Result<u64, Error> {
        // Of very many keys the server would rather read the whole table; so it does not see how many they are.
        connection
            .execute("SET LOCAL plan_cache_mode = force_generic_plan")
            .await?;
        let written = write::all_at_once(write, rows).execute(connection).await?;
        Ok(written.rows_affected())
    }

    async fn change(connection: &mut PgConnection, sql: Sql) -> Result<u64, Error> {
        // Foreign keys are checked row by row, and the server shall not make a plan for each. The statement itself is forgotten each
        // time, so that it has a plan for its values.
        connection
            .execute("SET LOCAL plan_cache_mode = auto")
            .await?;
        let changed = bound(sql).persistent(false).execute(connection).await?;
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

/// A statement with its values.
fn bound(sql: Sql) -> Query<'static, sqlx::Postgres, PgArguments> {
    let (text, values) = sql.render(placeholder);
    values
        .into_iter()
        .fold(sqlx::query(AssertSqlSafe(text)), bind)
}

fn bind(
    query: Query<'static, sqlx::Postgres, PgArguments>,
    Bound { value, cast }: Bound,
) -> Query<'static, sqlx::Postgres, PgArguments> {
    match value {
        Value::Integer(value) if cast.is_none() => query.bind(value),
        Value::Real(value) if cast.is_none() => query.bind(value),
        Value::Blob(value) if cast.is_none() => query.bind(value),
        value => query.bind(as_text(&value)),
    }
}

/// A value as PostgreSQL reads it when it is cast from text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Integer(value) => Some(value.to_string()),
        Value::Real(value) => Some(value.to_string()),
        Value::Text(text) => String::from_utf8(text.clone()).ok(),
        Value::Blob(bytes) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            Some(format!("\\x{}", digits.collect::<String>()))
        }
    }
}

fn placeholder(number: usize, bound: &Bound) -> String {
    match &bound.cast {
        None => format!("${number}"),
        Some(cast) => format!("CAST(CAST(${number} AS TEXT) AS {cast})"),
    }
}
