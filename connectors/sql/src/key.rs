//! Walking through a table by its key.

use adieu_core::{ConnectorError, ErrorKind};

use crate::catalogue::Table;
use crate::dialect::sql::column;
use crate::dialect::{Sql, Value};

/// The key's columns.
pub(crate) fn key_columns(table: &Table, alias: &str) -> Vec<String> {
    table.key.iter().map(|name| column(alias, name)).collect()
}

/// The condition on rows that come after a key; `None` where the key says "from the beginning".
///
/// # Errors
/// `Protocol` when it is not a key of this table.
pub(crate) fn after(
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
    let mut sql = Sql::text(format!("({}) {sign} (", key_columns(table, "t").join(", ")));
    sql.bind_all(key.to_vec()).push(")");
    Ok(Some(sql))
}

/// The order of the key.
pub(crate) fn ordered(table: &Table, alias: &str, descending: bool) -> String {
    let direction = if descending { " DESC" } else { "" };
    let columns: Vec<String> = key_columns(table, alias)
        .iter()
        .map(|column| format!("{column}{direction}"))
        .collect();
    format!(" ORDER BY {}", columns.join(", "))
}

/// The condition that exactly the row of a key meets, with a place for each value of it.
pub(crate) fn is_key(table: &Table, alias: &str) -> Sql {
    let mut sql = Sql::default();
    for (index, name) in table.key.iter().enumerate() {
        sql.push(if index > 0 { " AND " } else { "" })
            .push(&format!("{} = ", column(alias, name)))
            .bind(Value::Null);
    }
    sql
}
