//! What lies inside a column: <https://www.postgresql.org/docs/15/functions-json.html>.

use adieu_core::FieldType;

use crate::catalogue::Column;
use crate::config::Local;
use crate::dialect::{Sql, Value};

pub(crate) fn is_json(of: &Column) -> bool {
    matches!(of.declared.as_str(), "json" | "jsonb")
}

pub(crate) fn is_array(of: &Column) -> bool {
    of.field_type == FieldType::Array
}

/// The text at a place.
pub(crate) fn text(of: &Column, column: &str, local: &Local) -> Sql {
    if is_array(of) {
        return Sql::text("CAST(je.v AS TEXT) COLLATE \"C\"");
    }
    let kind = of.declared.as_str();
    let value = match local.is_element() {
        true => at(Sql::text("je.v"), &local.inner()),
        false => at(Sql::text(document(of, column)), &local.outer()),
    };
    let mut sql = Sql::text(format!(
        "(SELECT CASE {kind}_typeof(jv.v) WHEN 'string' THEN jv.v #>> '{{}}' \
         WHEN 'number' THEN substring(jv.v #>> '{{}}' FROM '^(?:0|-?[1-9][0-9]*)$') END FROM (SELECT "
    ));
    sql.append(value).push(" AS v) AS jv) COLLATE \"C\"");
    sql
}

/// A table of the elements of an array.
pub(crate) fn elements(of: &Column, column: &str, local: &Local) -> Sql {
    if is_array(of) {
        return Sql::text(format!("unnest({column}) AS je(v)"));
    }
    let kind = of.declared.as_str();
    let mut sql = Sql::text(format!(
        "{kind}_array_elements((SELECT CASE {kind}_typeof(ja.v) WHEN 'array' THEN ja.v END FROM (SELECT "
    ));
    sql.append(at(Sql::text(document(of, column)), &local.outer()))
        .push(" AS v) AS ja)) AS je(v)");
    sql
}

/// How many elements an array has.
pub(crate) fn held(of: &Column, column: &str, local: &Local) -> Sql {
    if is_array(of) {
        return Sql::text(format!("coalesce(cardinality({column}), 0)"));
    }
    let kind = of.declared.as_str();
    let document = document(of, column);
    let mut sql = Sql::text(format!(
        "CASE WHEN {column} IS NULL THEN 0 WHEN {document} IS NULL THEN 2 ELSE \
         (SELECT CASE coalesce({kind}_typeof(ja.v), 'null') WHEN 'null' THEN 0 \
         WHEN 'array' THEN {kind}_array_length(ja.v) ELSE 2 END FROM (SELECT "
    ));
    sql.append(at(Sql::text(document), &local.outer()))
        .push(" AS v) AS ja) END");
    sql
}

/// The column as JSON. Of the type json, what PostgreSQL takes and cannot read afterwards is left out: texts with a NUL, and
/// halves of characters.
fn document(of: &Column, column: &str) -> String {
    if of.declared == "jsonb" {
        return column.to_owned();
    }
    let pairs = r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}";
    format!(
        r"CASE WHEN regexp_replace(CAST({column} AS TEXT), '{pairs}', ' ', 'g') !~* '\\u(d[89a-f]|0000)' THEN {column} END"
    )
}

fn at(mut value: Sql, path: &[&str]) -> Sql {
    for key in path {
        value.push(" -> ").bind_as(Value::text(*key), Some("text"));
    }
    value
}
