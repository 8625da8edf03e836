//! Whether a record fits its schema.

use adieu_core::{FieldType, Schema};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What of a record does not fit the schema; names fields, never values.
pub(crate) fn misfit(record: &Value, schema: &Schema) -> Option<String> {
    let Value::Object(record) = record else {
        return Some("it is not a map".to_owned());
    };
    for (name, value) in record {
        match schema.fields.iter().find(|field| field.name == *name) {
            None if schema.open => {}
            None => return Some(format!("it has the field `{name}`, which is not declared")),
            Some(field) if fits(value, field.field_type) => {}
            Some(field) => {
                return Some(format!(
                    "the field `{name}` is not a {:?}",
                    field.field_type
                ));
            }
        }
    }
    None
}

fn fits(value: &Value, field_type: FieldType) -> bool {
    if value.is_null() {
        return true;
    }
    match field_type {
        FieldType::String
        | FieldType::Date
        | FieldType::Time
        | FieldType::Datetime
        | FieldType::Duration
        | FieldType::Uuid => value.is_string(),
        FieldType::Integer => match value {
            Value::Number(number) => number.is_i64() || number.is_u64(),
            Value::String(text) => is_decimal(text) && !text.contains(['.', 'e', 'E']),
            _ => false,
        },
        FieldType::Number => match value {
            Value::Number(_) => true,
            // Databases know these three as numbers, and JSON does not.
            Value::String(text) => {
                is_decimal(text) || matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity")
            }
            _ => false,
        },
        FieldType::Boolean => value.is_boolean(),
        FieldType::Binary => value
            .as_str()
            .is_some_and(|text| STANDARD.decode(text).is_ok()),
        FieldType::Object => value.is_object(),
        FieldType::Array => value.is_array(),
        _ => true,
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().any(|b| b.is_ascii_digit())
        && digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
}

#[cfg(test)]
mod tests {
    use adieu_core::Field;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_fits_when_its_values_are_of_the_declared_types() {
        let schema = Schema::closed([
            Field::new("id", FieldType::Integer),
            Field::new("total", FieldType::Number),
            Field::new("photo", FieldType::Binary),
        ]);
        for record in [
            json!({"id": 7, "total": 1.5, "photo": "AQID"}),
            json!({"id": "123456789012345678901234567890", "total": "0.10", "photo": null}),
            json!({}),
        ] {
            assert_eq!(misfit(&record, &schema), None, "{record}");
        }
        for record in [
            json!({"id": "seven"}),
            json!({"id": 1.5}),
            json!({"total": true}),
            json!({"photo": "not base64!"}),
            json!({"other": 1}),
            json!([1]),
        ] {
            assert!(misfit(&record, &schema).is_some(), "{record}");
        }
        assert_eq!(misfit(&json!({"other": 1}), &Schema::open([])), None);
    }
}
