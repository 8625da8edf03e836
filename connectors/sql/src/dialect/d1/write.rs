//! Writing to rows that are still as they were read.
//!
//! Between reading and writing others may have written, so each statement finds its rows anew: by their keys, by the condition
//! that made them the person's, and by what decided that their time is over. `meta.changes` would count what triggers and
//! cascades did as well; so each row that was written to is told with its key.

use super::cells;
use super::statement::{List, Statement, Writing};
use crate::dialect::Value;
use crate::dialect::Write;
use crate::dialect::sql::{column, quoted};

/// The statement that writes to these rows, answering with the key of each that it wrote to.
pub(super) fn changing(write: &Write<'_>, rows: &[Vec<Value>]) -> Statement {
    let mut writing = Writing::default();
    let list = writing.list(rows);
    let table = &write.table.sql;
    if write.set.is_empty() {
        let names = |of: &dyn Fn(&String) -> String| {
            let names = write.table.key.iter().map(of);
            names.collect::<Vec<_>>().join(", ")
        };
        let (here, found) = (
            names(&|name| quoted(name)),
            names(&|name| column("t", name)),
        );
        writing.push(&format!(
            "DELETE FROM {table} WHERE ({here}) IN (SELECT {found} FROM {} AS v CROSS JOIN {table} AS t WHERE ",
            list.table
        ));
        matched(&mut writing, write, &list);
        writing.push(&write.guard).push(")");
    } else {
        let values = write.set.iter().enumerate();
        let values = values.map(|(place, set)| {
            let value = list.value("v", place);
            format!("{} = {value}", quoted(&set.name))
        });
        let values = values.collect::<Vec<_>>().join(", ");
        writing.push(&format!(
            "UPDATE {table} AS t SET {values} FROM {} AS v WHERE ",
            list.table
        ));
        matched(&mut writing, write, &list);
        writing.push(&write.guard);
    }
    writing.push(&cells::returning(&write.table.key));
    writing.finish()
}

/// The query for the keys of those of these rows that are still as they were read.
pub(super) fn remaining(write: &Write<'_>, rows: &[Vec<Value>]) -> Statement {
    let keys = write.table.key.iter().map(|name| column("t", name));
    let told = cells::told(&keys.collect::<Vec<_>>(), cells::Texts::AsBytes);
    let mut writing = Writing::default();
    let list = writing.list(rows);
    writing.push(&format!(
        "SELECT {told} FROM {} AS v CROSS JOIN {} AS t WHERE ",
        list.table, write.table.sql
    ));
    matched(&mut writing, write, &list);
    writing.finish()
}

/// A query that fails, and takes everything back with it, where one of these rows is still there.
pub(super) fn all_gone(write: &Write<'_>, rows: &[Vec<Value>]) -> Statement {
    let mut writing = Writing::default();
    let list = writing.list(rows);
    writing.push(&format!(
        "SELECT json(CASE WHEN EXISTS (SELECT 1 FROM {} AS v CROSS JOIN {} AS t WHERE ",
        list.table, write.table.sql
    ));
    of_keys(&mut writing, write, &list);
    writing.push(") THEN 'not JSON' ELSE 'null' END)");
    writing.finish()
}

fn matched(writing: &mut Writing, write: &Write<'_>, list: &List) {
    of_keys(writing, write, list);
    if let Some(unchanged) = write.unchanged {
        writing
            .push(" AND (")
            .append(unchanged.rows.clone())
            .push(")");
        for (place, fact) in unchanged.facts.iter().enumerate() {
            let read = list.value("v", write.width() + place);
            writing
                .push(" AND ")
                .append(fact.clone())
                .push(&format!(" IS {read}"));
        }
    }
}

fn of_keys(writing: &mut Writing, write: &Write<'_>, list: &List) {
    for (index, name) in write.table.key.iter().enumerate() {
        let value = list.value("v", write.set.len() + index);
        writing.push(if index > 0 { " AND " } else { "" });
        writing.push(&format!("{} = {value}", column("t", name)));
    }
}
