//! Walking through a table by its key.

use adieu_core::{ConnectorError, ErrorKind};

use crate::catalogue::Table;
use crate::dialect::sql::column;
use crate::dialect::{Dialect, Sql, Value};

/// The key's columns, as they are fetched.
pub(crate) fn key_columns(dialect: Dialect, table: &Table, alias: &str) -> Vec<String> {
    let keyed = |name: &String| dialect.keyed(table, name, alias);
    table.key.iter().map(keyed).collect()
}

/// The condition on rows that come after a key; `None` where the key says "from the beginning".
///
/// # Errors
/// `Protocol` when it is not a key of this table.
pub(crate) fn after(
    dialect: Dialect,
    table: &Table,
    key: &[Value],
    descending: bool,
) -> Result<Option<Sql>, ConnectorError> {
    if key.len() != table.key.len() || key.contains(&Value::Null) {
        return Err(ConnectorError::new(
            ErrorKind::Protocol,
            "the cursor was not made by this collection",
        ));
    }
    let sign = if descending { "<" } else { ">" };
    let columns: Vec<String> = plain(table, "t").collect();
    let bound = |sql: &mut Sql, place: usize| {
        let value = key[place].clone();
        let cast = match value {
            Value::Integer(_) => None,
            _ => table.cast_of(&table.key[place]),
        };
        sql.bind_as(value, cast);
    };
    let mut sql = Sql::default();
    if dialect.compares_rows() {
        sql.push(&format!("({}) {sign} (", columns.join(", ")));
        for place in 0..key.len() {
            sql.push(if place > 0 { ", " } else { "" });
            bound(&mut sql, place);
        }
        sql.push(")");
        return Ok(Some(sql));
    }
    // a >= 1 AND (a > 1 OR (b >= 2 AND (b > 2 OR …))): the first part is a range of an index.
    for (place, column) in columns.iter().enumerate() {
        if place + 1 < columns.len() {
            sql.push(&format!("{column} {sign}= "));
            bound(&mut sql, place);
            sql.push(&format!(" AND ({column} {sign} "));
            bound(&mut sql, place);
            sql.push(" OR (");
        } else {
            sql.push(&format!("{column} {sign} "));
            bound(&mut sql, place);
        }
    }
    sql.push(&"))".repeat(columns.len() - 1));
    Ok(Some(sql))
}

/// The order of the key.
pub(crate) fn ordered(table: &Table, alias: &str, descending: bool) -> String {
    let direction = if descending { " DESC" } else { "" };
    let columns: Vec<String> = plain(table, alias)
        .map(|column| format!("{column}{direction}"))
        .collect();
    format!(" ORDER BY {}", columns.join(", "))
}

fn plain<'a>(table: &'a Table, alias: &'a str) -> impl Iterator<Item = String> + 'a {
    table.key.iter().map(move |name| column(alias, name))
}
