//! How expressions are spelled in each dialect.

use adieu_core::FieldType;

use crate::catalogue::{Column, ColumnType, Table};

use super::sql::{Sql, column, quoted};
use super::value::Value;
use super::{mariadb, postgres, sqlite};

/// A way of speaking SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[default]
    Sqlite,
    Postgres,
    MariaDb,
    /// It speaks as MariaDB does but for a few words, which are told apart where they are.
    MySql,
}

impl Dialect {
    /// A column as it is fetched for the archive and for the classifier.
    pub(crate) fn fetched(self, of: &Column, alias: &str) -> String {
        let plain = column(alias, &of.name);
        match &of.fetch {
            None => plain,
            Some(form) => form.replace("{}", &plain),
        }
    }

    /// A column in a form that can be bound again and then equals itself: for keys and for references.
    pub(crate) fn keyed(self, table: &Table, name: &str, alias: &str) -> String {
        let plain = column(alias, name);
        match self {
            Self::Sqlite => plain,
            Self::Postgres => match table.column(name).map(|column| column.column_type) {
                Some(ColumnType::Text | ColumnType::Integer) => plain,
                _ => self.as_text(&plain),
            },
            Self::MariaDb | Self::MySql => match table.column(name) {
                Some(column) => self.restored(column, alias),
                None => plain,
            },
        }
    }

    /// An expression as text.
    pub(crate) fn as_text(self, expression: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("CAST({expression} AS TEXT)"),
            Self::MariaDb | Self::MySql => format!("CAST({expression} AS CHAR)"),
        }
    }

    /// A text expression that is compared byte by byte, whatever its collation.
    pub(crate) fn byte_by_byte(self, expression: &str) -> String {
        match self {
            Self::Sqlite => format!("{expression} COLLATE BINARY"),
            Self::Postgres => format!("CAST({expression} AS TEXT) COLLATE \"C\""),
            Self::MariaDb | Self::MySql => {
                format!("CAST(CONVERT({expression} USING utf8mb4) AS BINARY)")
            }
        }
    }

    /// What stands on the left of `=` when a column is compared with [`Dialect::equal_values`].
    pub(crate) fn compared(self, of: &Column, alias: &str) -> String {
        let plain = column(alias, &of.name);
        match (self, of.column_type) {
            (Self::MariaDb | Self::MySql, ColumnType::Own)
                if of.field_type == FieldType::Binary =>
            {
                plain
            }
            (Self::MariaDb | Self::MySql, ColumnType::Own) => {
                self.byte_by_byte(&self.as_text(&plain))
            }
            (_, ColumnType::Own) => self.as_text(&plain),
            _ => plain,
        }
    }

    /// The type to which a value must be cast beside [`Dialect::compared`].
    pub(crate) fn compared_as(self, of: &Column, value: &Value) -> Option<String> {
        match (of.column_type, value) {
            (ColumnType::Own, _) | (_, Value::Integer(_)) => None,
            _ => of.cast.clone(),
        }
    }

    /// The values of a column that are exactly this one, in the form in which the column holds them.
    pub(crate) fn equal_values(self, column: &Column, value: &Value) -> Vec<Value> {
        match self {
            Self::Sqlite => sqlite::equal_values(column, value),
            Self::Postgres => postgres::equal_values(column, value),
            Self::MariaDb | Self::MySql => mariadb::equal_values(column, value),
        }
    }

    /// A column in a form that can be stored again.
    pub(crate) fn restored(self, of: &Column, alias: &str) -> String {
        let plain = column(alias, &of.name);
        match (self, of.column_type) {
            (Self::Sqlite, _) | (_, ColumnType::Text | ColumnType::Integer) => match &of.fetch {
                // Bits are fetched as the number that they are.
                Some(form) if matches!(self, Self::MariaDb | Self::MySql) => {
                    form.replace("{}", &plain)
                }
                _ => plain,
            },
            (Self::MariaDb | Self::MySql, ColumnType::Own)
                if of.field_type == FieldType::Binary =>
            {
                plain
            }
            _ if of.cast.as_deref() == Some("inet") => self.fetched(of, alias),
            _ => self.as_text(&plain),
        }
    }

    /// Whether the database tells if a value is a constant already: a number, a date or an address can be written in
    /// many ways.
    pub(crate) fn judges_constants(self) -> bool {
        self != Self::Sqlite
    }

    /// Whether a column holds what it would hold after this constant was stored in it.
    pub(crate) fn is_stored(self, of: &Column, expression: &str, constant: &Value) -> Option<Sql> {
        let mut sql = Sql::default();
        match self {
            Self::Sqlite => return None,
            Self::Postgres => sql
                .push(&self.as_text(expression))
                .push(" IS NOT DISTINCT FROM CAST(")
                .bind_as(constant.clone(), Some(of.cast.as_deref().unwrap_or("text")))
                .push(" AS TEXT)"),
            Self::MariaDb => sql
                .push(expression)
                .push(" <=> ")
                .bind_as(constant.clone(), None),
            // JSON equals no text, but what it would be as JSON.
            Self::MySql => sql.push(expression).push(" <=> ").bind_as(
                constant.clone(),
                match of.column_type {
                    ColumnType::Own if of.nested => Some("JSON"),
                    ColumnType::Text => of.cast.as_deref(),
                    _ => None,
                },
            ),
        };
        Some(sql)
    }

    /// What a column holds after this value was stored in it.
    pub(crate) fn coerced(self, column_type: ColumnType, value: Value) -> Value {
        match self {
            Self::Sqlite => sqlite::coerced(column_type, value),
            Self::Postgres | Self::MariaDb | Self::MySql => value,
        }
    }

    /// Whether `(a, b) > (1, 2)` finds its place in an index.
    pub(crate) fn compares_rows(self) -> bool {
        !matches!(self, Self::MariaDb | Self::MySql)
    }

    /// How many rows there are of a query's FROM and WHERE, counted up to a limit where that can be.
    pub(crate) fn counted(self, rest: &str, limit: u64) -> String {
        match self {
            // A limited query within it could not see the row that it is about.
            Self::MariaDb | Self::MySql => format!("(SELECT count(*) {rest})"),
            _ => format!("(SELECT count(*) FROM (SELECT 1 {rest} LIMIT {limit}) AS c)"),
        }
    }

    /// The end of a condition that there is no row of a query's FROM and WHERE, in a statement that may write to the same table.
    pub(crate) fn and_none(self, rest: &str) -> String {
        match self {
            // MySQL reads from the table that it writes to only what it has put aside before.
            Self::MySql => {
                format!(" AND NOT EXISTS (SELECT 1 FROM (SELECT 1 {rest} LIMIT 1) AS n)")
            }
            _ => format!(" AND NOT EXISTS (SELECT 1 {rest})"),
        }
    }

    /// By which name a statement that changes a table calls it: what follows the verb, and the alias.
    pub(crate) fn target(self, table: &Table) -> (String, String) {
        match self {
            Self::Sqlite | Self::Postgres => (format!("{} AS t", table.sql), "t".to_owned()),
            // A single-table DELETE knows no alias.
            Self::MariaDb | Self::MySql => (table.sql.clone(), table.sql.clone()),
        }
    }

    /// Deletes so many of the rows that meet a condition on the table, which is called `t`. A row that others changed meanwhile must
    /// still meet it.
    pub(crate) fn sweep(self, table: &Table, rows: &Sql, limit: u64) -> Sql {
        let target = format!("{} AS t", table.sql);
        let keys: Vec<String> = table.key.iter().map(|name| column("t", name)).collect();
        let chosen = |selected: &str| {
            let mut chosen = Sql::text(format!("(SELECT {selected} FROM {target} WHERE "));
            chosen
                .append(rows.clone())
                .push(&format!(" LIMIT {limit})"));
            chosen
        };
        let mut sql = Sql::default();
        match self {
            Self::Sqlite => {
                let keys = keys.join(", ");
                sql.push(&format!("DELETE FROM {target} WHERE ({keys}) IN "))
                    .append(chosen(&keys));
            }
            Self::Postgres => {
                sql.push(&format!("DELETE FROM {target} WHERE t.ctid = ANY(ARRAY"))
                    .append(chosen("t.ctid"))
                    .push(") AND ")
                    .append(asked_again(rows));
            }
            Self::MariaDb | Self::MySql => {
                let same = keys.iter().enumerate();
                let same: Vec<String> = same.map(|(i, key)| format!("s.k{i} = {key}")).collect();
                let named = keys.iter().enumerate();
                let named: Vec<String> = named.map(|(i, key)| format!("{key} AS k{i}")).collect();
                sql.push(&format!("DELETE t FROM {target} JOIN "))
                    .append(chosen(&named.join(", ")))
                    .push(&format!(" AS s ON {} WHERE ", same.join(" AND ")))
                    .append(rows.clone());
            }
        }
        sql
    }

    /// Deletes all rows that meet a condition on the table, which is called `t`.
    pub(crate) fn sweep_all(self, table: &Table, rows: &Sql) -> Sql {
        let target = match self {
            Self::Sqlite | Self::Postgres => "",
            Self::MariaDb | Self::MySql => " t",
        };
        let mut sql = Sql::text(format!("DELETE{target} FROM {} AS t WHERE ", table.sql));
        sql.append(rows.clone());
        sql
    }

    /// A query that counts the rows that meet a condition on the table, which is called `t`, up to one more than so many.
    pub(crate) fn count_up_to(self, table: &Table, rows: &Sql, most: u64) -> Sql {
        let begin = "SELECT count(*) FROM (SELECT 1 AS one FROM";
        let mut sql = Sql::text(format!("{begin} {} AS t WHERE ", table.sql));
        let limit = most.saturating_add(1);
        sql.append(rows.clone())
            .push(&format!(" LIMIT {limit}) AS counted"));
        sql
    }

    /// A query that tells where the rows lie that meet a condition on the table, which is called `t`: in any order, and each place as
    /// text. None where rows are only found by their keys.
    pub(crate) fn places(self, table: &Table, rows: &Sql) -> Option<Sql> {
        if !self.goes_to_places() {
            return None;
        }
        let place = self.as_text("t.ctid");
        let mut sql = Sql::text(format!("SELECT {place} FROM {} AS t WHERE ", table.sql));
        sql.append(rows.clone());
        Some(sql)
    }

    /// Deletes the rows at these places, a literal of an array, that still meet the condition on the table, which is called `t`.
    pub(crate) fn sweep_places(self, table: &Table, rows: &Sql, places: String) -> Sql {
        // Of very many places the server would rather read another table whole; so it does not see how many they are.
        let begin = "t WHERE t.ctid = ANY(ARRAY(SELECT unnest(";
        let mut sql = Sql::text(format!("DELETE FROM {} AS {begin}", table.sql));
        sql.bind_as(Value::text(places), Some("tid[]"))
            .push("))) AND ")
            .append(asked_again(rows));
        sql
    }

    /// Whether a row has a place by which a statement goes straight to it.
    pub(crate) fn goes_to_places(self) -> bool {
        self == Self::Postgres
    }

    /// The end of a query whose rows nobody else may change until the transaction ends. Where writers wait for each
    /// other anyway it is empty.
    pub(crate) fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE OF t",
            Self::MariaDb | Self::MySql => " FOR UPDATE",
        }
    }
}

/// What is asked once more of rows that are gone to by their places. Within a CASE no index serves a condition on the row itself, so
/// not all of hers are read for each batch; what is asked of other rows is looked up for each.
fn asked_again(rows: &Sql) -> Sql {
    let (begin, end) = match rows.looks_further() {
        false => ("CASE WHEN ", " THEN TRUE ELSE FALSE END"),
        true => ("(", ")"),
    };
    let mut sql = Sql::text(begin);
    sql.append(rows.clone()).push(end);
    sql
}

/// A table's name in a statement, within its schema where it has one.
pub(crate) fn qualified(schema: Option<&str>, name: &str) -> String {
    match schema {
        None => quoted(name),
        Some(schema) => format!("{}.{}", quoted(schema), quoted(name)),
    }
}

/// Whether a text is a whole number as it is usually written.
pub(crate) fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !digits.is_empty() && !digits.starts_with('0'))
}
