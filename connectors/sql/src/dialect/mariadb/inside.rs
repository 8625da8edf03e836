//! What lies inside a column: <https://mariadb.com/kb/en/json-functions/>, <https://dev.mysql.com/doc/refman/8.0/en/json-functions.html>.

use crate::config::Local;
use crate::dialect::{Sql, Value};

/// The text at a place.
pub(crate) fn text(column: &str, local: &Local) -> Sql {
    let value = match local.is_element() {
        true => at("je.v", &local.inner()),
        false => at(&document(column), &local.outer()),
    };
    let mut sql = Sql::text("CAST(CONVERT(CASE WHEN JSON_TYPE(");
    // MySQL says of numbers that only an unsigned one can hold that they are.
    sql.append(value.clone())
        .push(") IN ('STRING', 'INTEGER', 'UNSIGNED INTEGER') THEN JSON_UNQUOTE(")
        .append(value)
        .push(") END USING utf8mb4) AS BINARY)");
    sql
}

/// A table of the elements of an array.
pub(crate) fn elements(column: &str, local: &Local) -> Sql {
    let array = at(&document(column), &local.outer());
    let mut sql = Sql::text("JSON_TABLE(CASE JSON_TYPE(");
    sql.append(array.clone())
        .push(") WHEN 'ARRAY' THEN ")
        .append(array)
        .push(" END, '$[*]' COLUMNS (v JSON PATH '$')) AS je");
    sql
}

/// How many elements an array has.
pub(crate) fn held(column: &str, local: &Local) -> Sql {
    let document = document(column);
    let value = at(&document, &local.outer());
    let mut sql = Sql::text(format!(
        "CASE WHEN {column} IS NULL THEN 0 WHEN {document} IS NULL THEN 2 ELSE CASE coalesce(JSON_TYPE("
    ));
    sql.append(value.clone())
        .push("), 'NULL') WHEN 'NULL' THEN 0 WHEN 'ARRAY' THEN JSON_LENGTH(")
        .append(value)
        .push(") ELSE 2 END END");
    sql
}

/// The column where it is JSON; NULL otherwise.
fn document(column: &str) -> String {
    format!("CASE WHEN JSON_VALID({column}) THEN CONVERT({column} USING utf8mb4) END")
}

fn at(document: &str, path: &[&str]) -> Sql {
    if path.is_empty() {
        return Sql::text(document);
    }
    let steps = path.iter().map(|key| {
        let key = key.replace('\\', "\\\\").replace('"', "\\\"");
        format!(".\"{key}\"")
    });
    let path = format!("${}", steps.collect::<String>());
    let mut sql = Sql::text(format!("JSON_EXTRACT({document}, "));
    sql.bind_as(Value::text(path), None).push(")");
    sql
}
