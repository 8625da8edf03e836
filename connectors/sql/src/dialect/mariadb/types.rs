//! What the types of MariaDB and of MySQL mean: <https://mariadb.com/kb/en/data-types/>,
//! <https://dev.mysql.com/doc/refman/8.0/en/data-types.html>.

use adieu_core::FieldType;

use crate::catalogue::{Column, ColumnType};
use crate::dialect::spelling::is_whole;
use crate::dialect::{Dialect, Value};

/// A type as `information_schema` tells it.
pub(super) struct MariaType<'a> {
    /// `bigint`, `varchar`.
    pub(super) name: &'a str,
    /// With its length and attributes: `bigint(20) unsigned`, `decimal(10,2)`.
    pub(super) declared: &'a str,
    pub(super) character_set: &'a str,
    pub(super) collation: &'a str,
    /// Whether a check asks for JSON, which is what the type JSON is.
    pub(super) is_json: bool,
    pub(super) dialect: Dialect,
}

/// A column of a type, without what its table says of it.
pub(super) fn column(name: String, of: &MariaType<'_>) -> Column {
    use ColumnType::{Decimal, Integer, Own, Real, Text, Uuid};
    const AS_TEXT: &str = "CAST({} AS CHAR)";
    const AS_NUMBER: &str = "({} + 0)";
    // With the reference system where it is not the plain one.
    const AS_SHAPE: &str =
        "CONCAT(IF(ST_SRID({}) = 0, '', CONCAT('SRID=', ST_SRID({}), ';')), ST_AsText({}))";
    let (column_type, field_type, fetch) = match of.name {
        _ if of.is_json => (Text, FieldType::Any, None),
        "tinyint" if of.declared.starts_with("tinyint(1)") => (Integer, FieldType::Boolean, None),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => {
            (Integer, FieldType::Integer, None)
        }
        "bit" => (Integer, FieldType::Integer, Some(AS_NUMBER)),
        "float" | "double" => (Real, FieldType::Number, None),
        "decimal" => (Decimal, FieldType::Number, None),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            (Text, FieldType::String, None)
        }
        "json" => (Own, FieldType::Any, Some(AS_TEXT)),
        "enum" | "set" => (Own, FieldType::String, Some(AS_TEXT)),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            (Own, FieldType::Binary, None)
        }
        "uuid" => (Uuid, FieldType::Uuid, Some(AS_TEXT)),
        "date" => (Own, FieldType::Date, Some(AS_TEXT)),
        "datetime" | "timestamp" => (Own, FieldType::Datetime, Some(AS_TEXT)),
        "time" => (Own, FieldType::Time, Some(AS_TEXT)),
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => {
            (Own, FieldType::String, Some(AS_SHAPE))
        }
        _ => (Own, FieldType::String, Some(AS_TEXT)),
    };
    let cast = match column_type {
        Integer if of.declared.contains("unsigned") || of.name == "bit" => {
            Some("UNSIGNED".to_owned())
        }
        Decimal => {
            let declared = of.declared.split(' ').next().unwrap_or_default();
            Some(declared.to_owned())
        }
        // MySQL fails where a text cannot be written in the column's character set; as a cast it is another text then.
        Text if of.dialect == Dialect::MySql && !matches!(of.character_set, "" | "utf8mb4") => {
            let (character_set, collation) = (of.character_set, of.collation);
            Some(format!("{character_set} COLLATE {collation}"))
        }
        _ => None,
    };
    Column {
        name,
        column_type,
        declared: of.declared.to_owned(),
        // The others call texts equal that differ in case, in accents, or in blanks at the end.
        exact: of.collation.ends_with("_nopad_bin") || of.collation == "utf8mb4_0900_bin",
        field_type,
        fetch: fetch.map(str::to_owned),
        nested: of.is_json || of.name == "json",
        cast,
        not_null: false,
        primary: false,
        generated: false,
    }
}

/// Whether a decimal column has room for a whole number: of one that is too large a cast would make the largest that it holds.
fn has_room(column: &Column, number: &str) -> bool {
    let declared = column.declared.split_once('(').map(|(_, rest)| rest);
    let declared = declared.and_then(|rest| rest.split(')').next());
    let (digits, scale) = declared
        .and_then(|both| both.split_once(','))
        .unwrap_or_default();
    let room = match (digits.parse::<usize>(), scale.parse::<usize>()) {
        (Ok(digits), Ok(scale)) => digits.saturating_sub(scale),
        _ => return false,
    };
    number == "0" || number.trim_start_matches('-').len() <= room
}

/// The values of a column that are exactly this one: a number only in its shortest form, a text byte by byte.
pub(crate) fn equal_values(column: &Column, value: &Value) -> Vec<Value> {
    let is_binary = column.field_type == FieldType::Binary;
    let text = match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) if is_binary => return vec![Value::Blob(text.clone())],
        Value::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            Err(_) => return Vec::new(),
        },
        Value::Blob(_) if is_binary => return vec![value.clone()],
        Value::Null | Value::Real(_) | Value::Blob(_) => return Vec::new(),
    };
    let signed = || {
        text.parse::<i64>()
            .ok()
            .filter(|one| one.to_string() == text)
    };
    let unsigned = || {
        text.parse::<u64>()
            .ok()
            .filter(|one| one.to_string() == text)
    };
    match column.column_type {
        // A year of two digits would be one of this century or of the last.
        ColumnType::Integer
            if column.declared.starts_with("year") && matches!(text.len(), 1..4) && text != "0" =>
        {
            Vec::new()
        }
        ColumnType::Integer | ColumnType::Real => match (signed(), unsigned()) {
            (Some(number), _) => vec![Value::Integer(number)],
            (None, Some(_)) if column.cast.is_some() => vec![Value::text(text)],
            _ => Vec::new(),
        },
        ColumnType::Decimal if !is_whole(&text) || !has_room(column, &text) => Vec::new(),
        ColumnType::Uuid if text.len() != 36 || uuid::Uuid::try_parse(&text).is_err() => Vec::new(),
        _ => vec![Value::text(text)],
    }
}
