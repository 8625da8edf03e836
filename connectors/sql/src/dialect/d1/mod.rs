//! Cloudflare D1: SQLite over HTTP. A call is a transaction, and there is no longer one.

mod api;
mod cells;
mod error;
mod statement;
mod stream;
mod write;

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use adieu_core::{ConfigProblem, ConnectorError, ErrorKind};

use self::api::{Act, Api, Rows};
use self::cells::{Texts, Unreadable};
use self::error::Failure;
use self::statement::Statement;
use super::sqlite;
use crate::catalogue::Catalogue;
use crate::config::SqlConfig;
use crate::dialect::session::Host;
use crate::dialect::{Applied, Batch, Row, Sql, Value, Write};

/// <https://developers.cloudflare.com/d1/reference/time-travel/>
pub(crate) const HOST: Host = Host {
    company: "Cloudflare",
    keeps: [
        "Time Travel of Cloudflare D1",
        "the database can be taken back to any minute of that time",
        "30 days, or 7 on the free plan",
    ],
};
/// Tables that belong to the database itself.
const OWN_TABLES: &[&str] = &["sqlite_", "_cf_"];
/// How many columns an answer may have; one tells the types of the others.
const MAX_COLUMNS: usize = 100 - 1;
/// How many rows a call may delete or change: what is written of them all is one value, which may have 2 MB.
pub(crate) const MAX_CHANGED_ROWS: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
/// How many statements go in one call where each row needs its own.
const STATEMENTS_TOGETHER: usize = 50;

/// A D1 database.
pub(crate) struct D1Database {
    api: Api,
}

/// The calls on a D1 database that belong together. They share nothing.
#[derive(Clone)]
pub(crate) struct D1Session {
    database: Arc<D1Database>,
}

impl D1Database {
    /// Names a database; nothing is called yet.
    pub(crate) fn new(
        account: String,
        database: String,
        config: &SqlConfig,
        folder: &Path,
    ) -> Result<Self, ConfigProblem> {
        let api = Api::new(account, database, config, folder)?;
        Ok(Self { api })
    }

    pub(crate) fn session(self: &Arc<Self>) -> D1Session {
        D1Session {
            database: Arc::clone(self),
        }
    }
}

impl D1Session {
    /// Reads the catalogue. It is not kept: nothing tells whether it is still true but reading it again.
    pub(crate) async fn catalogue(&mut self) -> Result<Arc<Catalogue>, ConnectorError> {
        let queries = sqlite::queries(OWN_TABLES);
        let statements = queries
            .each_ref()
            .map(|(query, width)| cells::asked(&Sql::text(query), *width, Texts::AsTheyAre));
        let mut told: [Vec<Vec<Value>>; 4] = Default::default();
        let answers = self.run(&statements, Act::Read).await?;
        for ((rows, told), (_, width)) in answers.iter().zip(&mut told).zip(&queries) {
            let (batch, _) = batch(rows, *width, Texts::AsTheyAre)?;
            *told = (0..batch.len())
                .map(|index| batch.row(index).first(*width))
                .collect();
        }
        Ok(Arc::new(Catalogue {
            apart: true,
            max_columns: Some(MAX_COLUMNS),
            ..sqlite::assembled(told)
        }))
    }

    /// Sends a query that is known to have few rows and hands each to `visit`, which adds it to `start`.
    pub(crate) async fn fold<T, V>(
        &mut self,
        sql: Sql,
        width: usize,
        start: T,
        mut visit: V,
    ) -> Result<T, ConnectorError>
    where
        V: FnMut(&mut T, Row<'_>),
    {
        let mut folded = start;
        let batch = self.query(&sql, width).await?;
        (0..batch.len()).for_each(|index| visit(&mut folded, batch.row(index)));
        Ok(folded)
    }

    /// Writes to rows that are as they were read. Where the database refuses some of them, the others are written all the
    /// same: what was refused together is tried in halves.
    pub(crate) async fn write(
        &mut self,
        write: &Write<'_>,
        rows: Vec<Vec<Value>>,
    ) -> Result<Vec<Applied>, ConnectorError> {
        let mut applied = vec![Applied::Gone; rows.len()];
        let together = if write.in_order {
            STATEMENTS_TOGETHER
        } else {
            rows.len()
        };
        let mut waiting: Vec<Range<usize>> = (0..rows.len())
            .step_by(together.max(1))
            .map(|start| start..(start + together).min(rows.len()))
            .collect();
        waiting.reverse();
        while let Some(range) = waiting.pop() {
            let some = &rows[range.clone()];
            let each = if write.in_order { 1 } else { some.len() };
            let statements = some.chunks(each).map(|rows| write::changing(write, rows));
            let mut statements: Vec<Statement> = statements.collect();
            statements.push(write::remaining(write, some));
            let width = write.table.key.len();
            match self.run(&statements, Act::Write).await {
                Ok(answers) => {
                    let (remaining, changed) = answers.split_last().unwrap_or((&NO_ROWS, &[]));
                    let changed = keys(changed, width)?;
                    let remaining = keys(std::slice::from_ref(remaining), width)?;
                    for (row, applied) in some.iter().zip(&mut applied[range]) {
                        let key = named(&row[write.set.len()..][..width]);
                        if changed.contains(&key) {
                            *applied = Applied::Changed;
                        } else if remaining.contains(&key) {
                            *applied = Applied::Nothing;
                        }
                    }
                }
                Err(failure) if !failure.refuses_a_row => return Err(failure.error),
                Err(_) if range.len() > 1 => {
                    let middle = range.start + range.len() / 2;
                    waiting.extend([middle..range.end, range.start..middle]);
                }
                Err(_) => applied[range].fill(Applied::Refused),
            }
        }
        Ok(applied)
    }

    /// Deletes rows that refer to each other: all of them, or none when that is refused. SQLite looks at foreign keys at the end
    /// of a statement.
    pub(crate) async fn write_together(
        &mut self,
        write: &Write<'_>,
        rows: Vec<Vec<Value>>,
    ) -> Result<bool, ConnectorError> {
        let statements = [write::changing(write, &rows), write::all_gone(write, &rows)];
        match self.run(&statements, Act::Write).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.error.kind() == ErrorKind::Config => Ok(false),
            Err(failure) => Err(failure.error),
        }
    }

    /// Whether the database understands a query; it is not run.
    pub(crate) async fn understands(&mut self, sql: Sql) -> Result<bool, ConnectorError> {
        let (text, _) = sql.render(|number, _| format!("?{number}"));
        let explained = Sql::text(format!("EXPLAIN {}", with_strict_names(&text)));
        match self.run(&[explained.into()], Act::Read).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.error.kind() == ErrorKind::Config => Ok(false),
            Err(failure) => Err(failure.error),
        }
    }

    /// The rows of a query.
    async fn query(&self, sql: &Sql, width: usize) -> Result<Batch, ConnectorError> {
        for texts in [Texts::AsTheyAre, Texts::AsBytes] {
            let statement = cells::asked(sql, width, texts);
            let answers = self.run(&[statement], Act::Read).await?;
            let rows = answers.first().unwrap_or(&NO_ROWS);
            if let (batch, false) = batch(rows, width, texts)? {
                return Ok(batch);
            }
        }
        Err(unreadable())
    }

    async fn run(&self, statements: &[Statement], act: Act) -> Result<Vec<Rows>, Failure> {
        self.database.api.run(statements, act).await
    }
}

static NO_ROWS: Rows = Vec::new();

impl From<Failure> for ConnectorError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// Rows of an answer, and whether a text among them may not have been UTF-8.
fn batch(rows: &Rows, width: usize, texts: Texts) -> Result<(Batch, bool), ConnectorError> {
    let (mut batch, mut odd) = (Batch::new(width), false);
    for row in rows {
        odd |= cells::push_row(&mut batch, row, texts).map_err(|Unreadable| unreadable())?;
    }
    Ok((batch, odd))
}

/// The keys that statements answered with.
fn keys(answers: &[Rows], width: usize) -> Result<HashSet<String>, ConnectorError> {
    let mut keys = HashSet::new();
    for rows in answers {
        let (batch, _) = batch(rows, width, Texts::AsBytes)?;
        keys.extend((0..batch.len()).map(|index| named(&batch.row(index).first(width))));
    }
    Ok(keys)
}

/// A key as one text.
fn named(key: &[Value]) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

fn unreadable() -> ConnectorError {
    let what = "Cloudflare D1: an answer does not hold what was asked for";
    ConnectorError::new(ErrorKind::Protocol, what)
}

/// The same statement with names in backticks, because SQLite takes a misspelt name in double quotes for a text.
fn with_strict_names(text: &str) -> String {
    let mut quote = None;
    let strict = text.chars().map(|c| match (quote, c) {
        (None, '\'' | '"') => {
            quote = Some(c);
            if c == '"' { '`' } else { c }
        }
        (Some(open), c) if c == open => {
            quote = None;
            if c == '"' { '`' } else { c }
        }
        (_, c) => c,
    });
    strict.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_and_texts_stay_texts() {
        for (text, strict) in [
            (r#"t."a" = 'x "y" z'"#, "t.`a` = 'x \"y\" z'"),
            (r#""a""b" = 'it''s'"#, "`a``b` = 'it''s'"),
            ("a = 1", "a = 1"),
        ] {
            assert_eq!(with_strict_names(text), strict);
        }
    }
}
