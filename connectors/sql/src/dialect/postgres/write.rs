//! Writing to many rows with one statement.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::as_text;
use crate::dialect::sql::{column, quoted};
use crate::dialect::{Dialect, Value, Write};

/// The statement for all of some rows, with its values: one array for each column.
pub(super) fn all_at_once(
    write: &Write<'_>,
    rows: &[Vec<Value>],
) -> Query<'static, sqlx::Postgres, PgArguments> {
    let mut query = sqlx::query(AssertSqlSafe(statement(write)));
    for place in 0..write.width() {
        let values = rows.iter().map(|row| row.get(place).and_then(as_text));
        query = query.bind(values.collect::<Vec<Option<String>>>());
    }
    query
}

pub(crate) fn statement(write: &Write<'_>) -> String {
    let (target, alias) = Dialect::Postgres.target(write.table);
    let value = |place: usize, cast: Option<&str>| match cast {
        None => format!("v.c{place}"),
        Some(cast) => format!("CAST(v.c{place} AS {cast})"),
    };
    let arrays: Vec<String> = (1..=write.width())
        .map(|place| format!("${place}"))
        .collect();
    let names: Vec<String> = (0..write.width())
        .map(|place| format!("c{place}"))
        .collect();
    let values = format!("unnest({}) AS v({})", arrays.join(", "), names.join(", "));
    let set = write.set.iter().enumerate().map(|(place, set)| {
        format!(
            "{} = {}",
            quoted(&set.name),
            value(place, set.cast.as_deref())
        )
    });
    let set: Vec<String> = set.collect();
    let first = write.set.len();
    let keys = write.table.key.iter().enumerate().map(|(place, name)| {
        let cast = write.table.cast_of(name);
        format!("{} = {}", column(&alias, name), value(first + place, cast))
    });
    let keys: Vec<String> = keys.collect();
    let begin = if set.is_empty() {
        format!("DELETE FROM {target} USING {values}")
    } else {
        format!("UPDATE {target} SET {} FROM {values}", set.join(", "))
    };
    format!("{begin} WHERE {}{}", keys.join(" AND "), write.guard)
}
