//! What PostgreSQL's types mean: <https://www.postgresql.org/docs/15/datatype.html>.

use adieu_core::FieldType;

use crate::catalogue::{Column, ColumnType};
use crate::dialect::Value;
use crate::dialect::spelling::is_whole;

/// A type as the catalogue tells it; of a domain, the type behind it.
pub(super) struct PgType<'a> {
    /// `int8`, `_text`, a type of one's own.
    pub(super) name: &'a str,
    /// With its precision, as a cast names it: `numeric(10,2)`.
    pub(super) declared: &'a str,
    /// `b`ase, `c`omposite, `e`num, `r`ange, `m`ultirange.
    pub(super) kind: &'a str,
    pub(super) is_array: bool,
    /// Whether its collation tells all different texts apart.
    pub(super) deterministic: bool,
}

/// A column of a type, without what its table says of it.
pub(super) fn column(name: String, of: &PgType<'_>) -> Column {
    use ColumnType::{Decimal, Integer, Own, Real, Text, Uuid};
    const AS_TEXT: &str = "CAST({} AS TEXT)";
    const AS_JSON: &str = "CAST(to_json({}) AS TEXT)";
    // Without the `/32` that a cast adds to the address of a single host.
    const AS_ADDRESS: &str = "abbrev({})";
    let (column_type, field_type, fetch) = match of.name {
        // They are read as they are sent: the server takes as long to write them as JSON as to send the rest of a row.
        "_bool" | "_int2" | "_int4" | "_int8" | "_text" | "_uuid" | "_varchar" => {
            (Own, FieldType::Array, None)
        }
        _ if of.is_array => (Own, FieldType::Array, Some(AS_JSON)),
        "bool" => (Own, FieldType::Boolean, None),
        "int2" | "int4" | "int8" | "oid" => (Integer, FieldType::Integer, None),
        "float4" | "float8" => (Real, FieldType::Number, None),
        "numeric" => (Decimal, FieldType::Number, None),
        "money" => (Own, FieldType::Number, Some("CAST({} AS NUMERIC)")),
        "text" | "varchar" | "name" => (Text, FieldType::String, None),
        // The blanks at the end of a `character(n)` mean nothing.
        "bpchar" | "citext" => (Text, FieldType::String, Some(AS_TEXT)),
        "uuid" => (Uuid, FieldType::Uuid, None),
        "bytea" => (Own, FieldType::Binary, None),
        "date" => (Own, FieldType::Date, None),
        "timestamp" | "timestamptz" => (Own, FieldType::Datetime, None),
        "time" => (Own, FieldType::Time, Some(AS_TEXT)),
        "interval" => (Own, FieldType::Duration, Some(AS_TEXT)),
        "json" | "jsonb" => (Own, FieldType::Any, None),
        "inet" => (Own, FieldType::String, Some(AS_ADDRESS)),
        "hstore" => (Own, FieldType::Object, Some(AS_JSON)),
        _ if of.kind == "c" => (Own, FieldType::Object, Some(AS_JSON)),
        _ => (Own, FieldType::String, Some(AS_TEXT)),
    };
    let cast = match of.name {
        "text" | "varchar" | "name" => None,
        // With a length it would be cut.
        "bpchar" => Some("bpchar".to_owned()),
        _ => Some(of.declared.to_owned()),
    };
    Column {
        name,
        column_type,
        declared: of.declared.to_owned(),
        exact: of.deterministic && matches!(of.name, "text" | "varchar" | "name"),
        field_type,
        fetch: fetch.map(str::to_owned),
        nested: of.is_array || matches!(of.name, "json" | "jsonb") || fetch == Some(AS_JSON),
        cast,
        not_null: false,
        primary: false,
        generated: false,
    }
}

/// The values of a column that are exactly this one: a number only in its shortest form, a text byte by byte.
pub(crate) fn equal_values(column: &Column, value: &Value) -> Vec<Value> {
    let text = match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            Err(_) => return Vec::new(),
        },
        Value::Null | Value::Real(_) | Value::Blob(_) => return Vec::new(),
    };
    let integer = || {
        text.parse::<i64>()
            .ok()
            .filter(|one| one.to_string() == text)
    };
    let fits = match column.column_type {
        ColumnType::Text | ColumnType::Any | ColumnType::Numeric => true,
        ColumnType::Own => true,
        ColumnType::Uuid => text.len() == 36 && uuid::Uuid::try_parse(&text).is_ok(),
        ColumnType::Decimal => is_whole(&text),
        ColumnType::Integer | ColumnType::Real => {
            return integer().map(Value::Integer).into_iter().collect();
        }
    };
    // PostgreSQL has no text with a NUL in it, so nothing equals one.
    if fits && !text.contains('\0') {
        vec![Value::text(text)]
    } else {
        Vec::new()
    }
}
