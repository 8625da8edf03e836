//! The columns of a CSV in the words of Table Schema.

use adieu_core::{FieldType, Schema};
use serde_json::{Value, json};

use crate::record::labels;

/// What the columns are. A column in which a value did not fit its type is text.
pub(super) fn table_schema(schema: &Schema, misfits: &[u32]) -> Value {
    let labels = labels(schema);
    let mut fields = Vec::with_capacity(schema.fields.len() + 1);
    for (index, (field, label)) in (0_u32..).zip(schema.fields.iter().zip(&labels.fields)) {
        let declared = table_type(field.field_type);
        let (name, format) = if misfits.contains(&index) {
            ("string", None)
        } else {
            declared
        };
        let mut entry = json!({ "name": label, "type": name });
        if let Some(format) = format {
            entry["format"] = format.into();
        }
        if *label != field.name {
            entry["title"] = field.name.clone().into();
        }
        if let Some(description) = &field.description {
            entry["description"] = description.clone().into();
        }
        if declared.0 != name || declared.1 != format {
            entry["declaredType"] = serde_json::to_value(field.field_type).unwrap_or_default();
        }
        fields.push(entry);
    }
    if let Some(rest) = &labels.rest {
        fields.push(json!({ "name": rest, "type": "object", "description": "whatever else a record has, as one JSON object" }));
    }
    json!({ "fields": fields, "missingValues": [""] })
}

fn table_type(field_type: FieldType) -> (&'static str, Option<&'static str>) {
    match field_type {
        FieldType::Integer => ("integer", None),
        FieldType::Number => ("number", None),
        FieldType::Boolean => ("boolean", None),
        FieldType::Date => ("date", None),
        FieldType::Time => ("time", None),
        FieldType::Datetime => ("datetime", None),
        FieldType::Duration => ("duration", None),
        FieldType::Uuid => ("string", Some("uuid")),
        FieldType::Binary => ("string", Some("binary")),
        FieldType::Object => ("object", None),
        FieldType::Array => ("array", None),
        FieldType::Any => ("any", None),
        _ => ("string", None),
    }
}
