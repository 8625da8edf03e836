//! What lies inside a column, by SQLite's own functions: <https://www.sqlite.org/json1.html>.
//!
//! Keys are compared with those that `json_each` tells, because SQLite's paths have no certain way to write a quote in a key.

use crate::config::Local;
use crate::dialect::{Sql, Value};

/// The text at a place.
pub(crate) fn text(column: &str, local: &Local) -> Sql {
    if !local.is_element() {
        return at(&object(column), &local.outer(), scalar);
    }
    match local.inner().as_slice() {
        [] => Sql::text(scalar("je")),
        path => at(&object_of("je"), path, scalar),
    }
}

/// A table of the elements of an array.
pub(crate) fn elements(column: &str, local: &Local) -> Sql {
    let document = document(column);
    let mut sql = Sql::text("json_each(");
    match local.outer().as_slice() {
        [] => sql.push(&format!(
            "CASE json_type({document}) WHEN 'array' THEN {document} END"
        )),
        path => sql.append(at(&object(column), path, |alias| {
            format!("CASE {alias}.type WHEN 'array' THEN {alias}.value END")
        })),
    };
    sql.push(") AS je");
    sql
}

/// How many elements an array has.
pub(crate) fn held(column: &str, local: &Local) -> Sql {
    let document = document(column);
    let counted = |kind: &str, value: &str| {
        format!(
            "CASE {kind} WHEN 'null' THEN 0 WHEN 'array' THEN json_array_length({value}) ELSE 2 END"
        )
    };
    let mut sql = Sql::text(format!(
        "CASE WHEN {column} IS NULL THEN 0 WHEN {document} IS NULL THEN 2 ELSE "
    ));
    match local.outer().as_slice() {
        [] => sql.push(&counted(&format!("json_type({document})"), &document)),
        path => sql.append(found(&object(column), path, |alias| {
            let counted = counted(&format!("{alias}.type"), &format!("{alias}.value"));
            format!("coalesce(sum({counted}), 0)")
        })),
    };
    sql.push(" END");
    sql
}

/// The column where it is JSON; NULL otherwise.
fn document(column: &str) -> String {
    format!(
        "CASE WHEN typeof({column}) = 'text' THEN CASE WHEN json_valid({column}) THEN {column} END END"
    )
}

fn object(column: &str) -> String {
    let document = document(column);
    format!("CASE json_type({document}) WHEN 'object' THEN {document} END")
}

fn object_of(alias: &str) -> String {
    format!("CASE {alias}.type WHEN 'object' THEN {alias}.value END")
}

/// A text, or a whole number that SQLite can hold.
fn scalar(alias: &str) -> String {
    format!(
        "CASE {alias}.type WHEN 'text' THEN {alias}.value \
         WHEN 'integer' THEN CASE typeof({alias}.value) WHEN 'integer' THEN CAST({alias}.value AS TEXT) END END"
    )
}

/// An expression on what lies at a path in an object; NULL where the path leads nowhere, or to two places, because a key is
/// there twice.
fn at(object: &str, path: &[&str], value: impl Fn(&str) -> String) -> Sql {
    found(object, path, |alias| {
        format!("CASE count(*) WHEN 1 THEN max({}) END", value(alias))
    })
}

/// An aggregate of what lies at a path in an object.
fn found(object: &str, path: &[&str], aggregate: impl Fn(&str) -> String) -> Sql {
    let alias = |place: usize| format!("j{place}");
    let last = alias(path.len().saturating_sub(1));
    let tables: Vec<String> = (0..path.len())
        .map(|place| {
            let within = match place.checked_sub(1) {
                None => object.to_owned(),
                Some(before) => object_of(&alias(before)),
            };
            format!("json_each({within}) AS {}", alias(place))
        })
        .collect();
    let mut sql = Sql::text(format!(
        "(SELECT {} FROM {} WHERE ",
        aggregate(&last),
        tables.join(", ")
    ));
    for (place, key) in path.iter().enumerate() {
        sql.push(if place > 0 { " AND " } else { "" })
            .push(&format!("{}.key = ", alias(place)))
            .bind_as(Value::text(*key), None);
    }
    sql.push(")");
    sql
}
