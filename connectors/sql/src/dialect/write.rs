//! Deleting or changing rows that are named by their keys.

use crate::catalogue::{Column, Table};

use super::spelling::Dialect;
use super::sql::{Sql, column, quoted};
use super::value::Value;

/// One way of writing to the rows of a table.
pub(crate) struct Write<'a> {
    pub(crate) table: &'a Table,
    /// The columns that are given a value; when there are none, the row is deleted.
    pub(crate) set: Vec<&'a Column>,
    /// More that a row must meet, each beginning with ` AND `, with the table called by the dialect's alias.
    pub(crate) guard: String,
    /// Whether the rows must go one after the other, because each guard looks at what the ones before have left.
    pub(crate) in_order: bool,
    /// What must not have changed since the rows were read, where others may write in between.
    #[cfg_attr(
        not(feature = "d1"),
        expect(dead_code, reason = "elsewhere rows are locked")
    )]
    pub(crate) unchanged: Option<&'a Unchanged>,
}

/// What makes a row the person's, and what decided about it.
#[cfg_attr(
    not(feature = "d1"),
    expect(dead_code, reason = "elsewhere rows are locked")
)]
pub(crate) struct Unchanged {
    /// The condition on the table, which is called `t`.
    pub(crate) rows: Sql,
    /// Expressions whose values each row brings after its key.
    pub(crate) facts: Vec<Sql>,
}

impl Write<'_> {
    /// How many values each row brings: those that are set, then its key.
    pub(crate) fn width(&self) -> usize {
        self.set.len() + self.table.key.len()
    }

    /// The statement for a single row.
    pub(crate) fn of_one(&self, dialect: Dialect, row: &[Value]) -> Sql {
        let (target, alias) = dialect.target(self.table);
        let mut values = row.iter().cloned();
        let mut next = || values.next().unwrap_or(Value::Null);
        let mut sql = if self.set.is_empty() {
            Sql::text(format!("DELETE FROM {target}"))
        } else {
            Sql::text(format!("UPDATE {target} SET "))
        };
        for (index, set) in self.set.iter().enumerate() {
            sql.push(if index > 0 { ", " } else { "" })
                .push(&format!("{} = ", quoted(&set.name)))
                .bind_as(next(), set.cast.as_deref());
        }
        sql.push(" WHERE ");
        for (index, name) in self.table.key.iter().enumerate() {
            sql.push(if index > 0 { " AND " } else { "" })
                .push(&format!("{} = ", column(&alias, name)))
                .bind_as(next(), self.table.cast_of(name));
        }
        sql.push(&self.guard);
        sql
    }
}

/// What a dialect sends for some rows, for the tests of plans: the statement, or its text where the values are arrays.
#[cfg(test)]
pub(crate) fn statements(
    dialect: Dialect,
    write: &Write<'_>,
    rows: &[Vec<Value>],
) -> Result<Sql, String> {
    match dialect {
        Dialect::Sqlite => Ok(write.of_one(dialect, &rows[0])),
        Dialect::Postgres => Err(super::postgres::statement(write)),
        Dialect::MariaDb | Dialect::MySql => Ok(super::mariadb::statements(write, rows).remove(0)),
    }
}
