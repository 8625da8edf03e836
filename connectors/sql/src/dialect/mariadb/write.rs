//! Writing to many rows with few statements.

use crate::dialect::sql::{column, quoted};
use crate::dialect::{Dialect, Sql, Value, Write};

/// How many keys one statement names: of many more, the server would rather read the whole table.
const MAX_KEYS: usize = 1_000;

/// One statement for all rows that are given the same values, or few where they are many.
pub(crate) fn statements(write: &Write<'_>, rows: &[Vec<Value>]) -> Vec<Sql> {
    let mut groups: Vec<(&[Value], Vec<&[Value]>)> = Vec::new();
    for row in rows {
        let (values, key) = row.split_at(write.set.len().min(row.len()));
        // Rows of the same values mostly follow each other.
        match groups.last_mut() {
            Some((known, keys)) if *known == values => keys.push(key),
            _ => groups.push((values, vec![key])),
        }
    }
    let mut statements = Vec::new();
    for (values, keys) in &groups {
        let few = keys.chunks(MAX_KEYS);
        statements.extend(few.map(|keys| statement(write, values, keys)));
    }
    statements
}

/// What must come before rows that refer to themselves or to each other are deleted: MariaDB checks each row at once and lets
/// none go to which one refers, be it the row itself. The references are in rows that go too.
pub(super) fn loosening(write: &Write<'_>, rows: &[Vec<Value>]) -> Vec<Sql> {
    let own = write.table.foreign_keys.iter();
    let own = own.filter(|key| write.set.is_empty() && key.target == write.table.name);
    own.filter_map(|key| {
        let (_, alias) = Dialect::MariaDb.target(write.table);
        let locals = key.pairs.iter().map(|(local, _)| local);
        let itself = key.pairs.iter().map(|(local, there)| {
            format!(" AND {} = {}", column(&alias, local), column(&alias, there))
        });
        let loosened = Write {
            table: write.table,
            set: locals
                .filter_map(|local| write.table.column(local))
                .filter(|column| !column.not_null && !column.primary)
                .collect(),
            // Of rows that go one after the other, each may let go of itself alone.
            guard: if write.in_order {
                itself.collect()
            } else {
                String::new()
            },
            in_order: write.in_order,
            unchanged: None,
        };
        let nulls = vec![Value::Null; loosened.set.len()];
        let rows: Vec<Vec<Value>> = rows
            .iter()
            .map(|key| [nulls.as_slice(), key].concat())
            .collect();
        (!nulls.is_empty()).then(|| statements(&loosened, &rows))
    })
    .flatten()
    .collect()
}

fn statement(write: &Write<'_>, values: &[Value], keys: &[&[Value]]) -> Sql {
    let (target, alias) = Dialect::MariaDb.target(write.table);
    let mut sql = if write.set.is_empty() {
        Sql::text(format!("DELETE FROM {target}"))
    } else {
        Sql::text(format!("UPDATE {target} SET "))
    };
    for (index, (set, value)) in write.set.iter().zip(values).enumerate() {
        sql.push(if index > 0 { ", " } else { "" })
            .push(&format!("{} = ", quoted(&set.name)))
            .bind_as(value.clone(), None);
    }
    sql.push(" WHERE (");
    if let [name] = write.table.key.as_slice() {
        sql.push(&format!("{} IN (", column(&alias, name)));
        for (index, key) in keys.iter().enumerate() {
            sql.push(if index > 0 { ", " } else { "" });
            bind_key(&mut sql, write, 0, key);
        }
        sql.push(")");
    } else {
        // Of a key of several columns, the server finds ranges in an index only so.
        for (index, key) in keys.iter().enumerate() {
            sql.push(if index > 0 { " OR " } else { "" });
            for (place, name) in write.table.key.iter().enumerate() {
                sql.push(if place > 0 { " AND " } else { "" })
                    .push(&format!("{} = ", column(&alias, name)));
                bind_key(&mut sql, write, place, key);
            }
        }
    }
    sql.push(")").push(&write.guard);
    sql
}

fn bind_key(sql: &mut Sql, write: &Write<'_>, place: usize, key: &[Value]) {
    let value = key.get(place).cloned().unwrap_or(Value::Null);
    let cast = match value {
        Value::Integer(_) => None,
        _ => write
            .table
            .key
            .get(place)
            .and_then(|name| write.table.cast_of(name)),
    };
    sql.bind_as(value, cast);
}
