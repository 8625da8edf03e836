//! What SQLite's declared types mean: <https://www.sqlite.org/datatype3.html>.

use adieu_core::FieldType;

use crate::catalogue::{Column, ColumnType};
use crate::dialect::Value;

/// The affinity of a declared type, by the five rules of section 3.1.
pub(crate) fn column_type(declared: &str) -> ColumnType {
    let declared = declared.to_ascii_uppercase();
    let has = |word: &str| declared.contains(word);
    if has("INT") {
        ColumnType::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        ColumnType::Text
    } else if has("BLOB") || declared.is_empty() || declared == "ANY" {
        ColumnType::Any
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        ColumnType::Real
    } else {
        ColumnType::Numeric
    }
}

/// What the values of a column are as long as they keep to its declared type.
pub(crate) fn field_type(declared: &str) -> FieldType {
    let upper = declared.to_ascii_uppercase();
    match column_type(declared) {
        ColumnType::Integer => FieldType::Integer,
        ColumnType::Text => FieldType::String,
        ColumnType::Real => FieldType::Number,
        ColumnType::Any if upper.contains("BLOB") => FieldType::Binary,
        ColumnType::Any => FieldType::Any,
        ColumnType::Numeric if upper.starts_with("BOOL") => FieldType::Boolean,
        ColumnType::Numeric
            if ["NUM", "DEC", "MONEY"]
                .iter()
                .any(|word| upper.starts_with(word)) =>
        {
            FieldType::Number
        }
        // DATE, DATETIME, JSON, UUID, STRING …: SQLite keeps what text they are given.
        _ => FieldType::String,
    }
}

/// The values of a column that are exactly this one. SQLite converts what it compares (`'01'` becomes 1 beside a number),
/// so a value is bound only in the form in which the column would hold it, and not at all where there is none.
pub(crate) fn equal_values(column: &Column, value: &Value) -> Vec<Value> {
    let text = match value {
        Value::Null => return Vec::new(),
        Value::Blob(_) => return vec![value.clone()],
        Value::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            Err(_) => return vec![value.clone()],
        },
        Value::Integer(number) => number.to_string(),
        Value::Real(number) if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
            format!("{number:.0}")
        }
        Value::Real(number) => {
            return match column.column_type {
                ColumnType::Text => Vec::new(),
                _ => vec![Value::Real(*number)],
            };
        }
    };
    let integer = text
        .parse::<i64>()
        .ok()
        .filter(|number| number.to_string() == text)
        .map(Value::Integer);
    match column.column_type {
        ColumnType::Text => vec![Value::text(text)],
        ColumnType::Any | ColumnType::Uuid | ColumnType::Own => {
            integer.into_iter().chain([Value::text(text)]).collect()
        }
        ColumnType::Integer | ColumnType::Real | ColumnType::Numeric | ColumnType::Decimal => {
            match integer {
                Some(integer) => vec![integer],
                None if reads_as_number(&text) => Vec::new(),
                None => vec![Value::text(text)],
            }
        }
    }
}

/// What a column holds after this value was stored in it.
pub(crate) fn coerced(column_type: ColumnType, value: Value) -> Value {
    match (column_type, value) {
        (ColumnType::Text, Value::Integer(number)) => Value::text(number.to_string()),
        (ColumnType::Text, Value::Real(number)) => Value::text(format!("{number:?}")),
        (ColumnType::Integer | ColumnType::Numeric, Value::Real(number))
            if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 =>
        {
            Value::Integer(number as i64)
        }
        (ColumnType::Real, Value::Integer(number)) => Value::Real(number as f64),
        (ColumnType::Integer | ColumnType::Numeric | ColumnType::Real, Value::Text(text)) => {
            let number = std::str::from_utf8(&text)
                .ok()
                .map(str::trim)
                .and_then(|text| {
                    text.parse::<i64>().map(Value::Integer).ok().or_else(|| {
                        reads_as_number(text)
                            .then(|| text.parse::<f64>().map(Value::Real).ok())
                            .flatten()
                    })
                });
            match number {
                Some(number) => coerced(column_type, number),
                None => Value::Text(text),
            }
        }
        (_, value) => value,
    }
}

/// Whether SQLite would take this text for a number. Generous: white space, signs, exponents.
fn reads_as_number(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        && text.trim_start_matches(['+', '-']).parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(column_type: ColumnType) -> Column {
        Column::plain("c", column_type)
    }

    #[test]
    fn only_the_canonical_form_of_a_number_equals_it() {
        let number = of(ColumnType::Integer);
        assert!(equal_values(&number, &Value::text("1")) == vec![Value::Integer(1)]);
        for near in [
            "01",
            " 1",
            "1 ",
            "+1",
            "1.0",
            "1e0",
            "0x1",
            "1 or 1=1",
            "９",
            "-0",
            "9223372036854775808",
        ] {
            let values = equal_values(&number, &Value::text(near));
            assert!(
                !values
                    .iter()
                    .any(|value| matches!(value, Value::Integer(_) | Value::Real(_))),
                "{near}"
            );
            // What is bound as text must not be text that SQLite turns into a number.
            let as_text = values
                .first()
                .and_then(|value| value.as_cell().as_text().map(str::to_owned));
            assert!(
                as_text.is_none_or(|text| text.trim().parse::<f64>().is_err()),
                "{near}"
            );
        }
    }

    #[test]
    fn numbers_in_text_columns_are_compared_as_text() {
        assert!(equal_values(&of(ColumnType::Text), &Value::Integer(7)) == vec![Value::text("7")]);
        assert!(
            equal_values(&of(ColumnType::Any), &Value::text("7"))
                == vec![Value::Integer(7), Value::text("7")]
        );
        assert!(
            equal_values(&of(ColumnType::Numeric), &Value::text("a@b.c"))
                == vec![Value::text("a@b.c")]
        );
    }

    #[test]
    fn declared_types_have_the_affinity_that_sqlite_gives_them() {
        for (declared, expected) in [
            ("NVARCHAR(40)", FieldType::String),
            ("bigint", FieldType::Integer),
            ("NUMERIC(10,2)", FieldType::Number),
            ("DATETIME", FieldType::String),
            ("BOOLEAN", FieldType::Boolean),
            ("double precision", FieldType::Number),
            ("BLOB", FieldType::Binary),
            ("", FieldType::Any),
            ("STRING", FieldType::String),
        ] {
            assert_eq!(field_type(declared), expected, "{declared}");
        }
    }
}
