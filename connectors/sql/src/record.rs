//! A row as a record of the archive.

use std::sync::Arc;

use adieu_core::{Field, FieldType, Schema, provider_json};
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::catalogue::{Column, Table};
use crate::config::{ColumnMapping, TableRule};
use crate::dialect::{Cell, Row};
use crate::number;

/// What stands for a value that is about somebody else.
const MASK: &str = "[masked]";

/// The exported columns of a table, in their own order.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) fields: Arc<[ShapedField]>,
}

pub(crate) struct ShapedField {
    pub(crate) name: String,
    pub(crate) field_type: FieldType,
    masked: Option<String>,
    /// Whether its text is JSON.
    nested: bool,
}

impl Shape {
    /// `deviating` are the exported columns, by place, in which values were seen that do not keep to the declared type.
    pub(crate) fn new(rule: &TableRule, table: &Table, deviating: &[usize]) -> Self {
        let fields = exported(rule, table).enumerate().map(|(place, column)| {
            let masked = match rule.columns.get(&column.name) {
                Some(ColumnMapping::Mask(reason)) => Some(reason.clone()),
                _ => None,
            };
            let field_type = match &masked {
                Some(_) => FieldType::String,
                None if deviating.contains(&place) => FieldType::Any,
                None => column.field_type,
            };
            ShapedField {
                name: column.name.clone(),
                field_type,
                masked,
                nested: column.nested,
            }
        });
        Self {
            fields: fields.collect(),
        }
    }

    pub(crate) fn schema(&self) -> Schema {
        Schema::closed(self.fields.iter().map(|field| {
            Field {
                description: field
                    .masked
                    .as_ref()
                    .map(|reason| format!("masked: {reason}")),
                ..Field::new(field.name.as_str(), field.field_type)
            }
        }))
    }
}

/// The columns of a table that are exported.
pub(crate) fn exported<'a>(
    rule: &'a TableRule,
    table: &'a Table,
) -> impl Iterator<Item = &'a Column> {
    table
        .columns
        .iter()
        .filter(|column| !matches!(rule.columns.get(&column.name), Some(ColumnMapping::Omit(_))))
}

/// One row, whose exported columns begin at a place in it.
pub(crate) struct Record<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) row: Row<'a>,
    pub(crate) first: usize,
}

impl Record<'_> {
    /// Whether every value is of the type that the schema says.
    pub(crate) fn fits(&self) -> bool {
        self.misfits().next().is_none()
    }

    /// By place, the fields whose value is not of the type that the schema says.
    pub(crate) fn misfits(&self) -> impl Iterator<Item = usize> {
        let fields = self.shape.fields.iter().enumerate();
        let misfits = fields.filter(|(place, field)| {
            !(field.masked.is_some()
                || match (self.row.cell(self.first + place), field.field_type) {
                    (Cell::Null, _) | (_, FieldType::Any) => true,
                    (cell, FieldType::Integer) => {
                        matches!(cell, Cell::Integer(_) | Cell::Decimal(_))
                    }
                    (cell, FieldType::Number) => {
                        matches!(cell, Cell::Integer(_) | Cell::Real(_) | Cell::Decimal(_))
                    }
                    (cell, FieldType::Boolean) => matches!(cell, Cell::Integer(0 | 1)),
                    (cell, FieldType::Binary) => matches!(cell, Cell::Blob(_)),
                    (cell, _) => matches!(cell, Cell::Text(_) | Cell::Blob(_)),
                })
        });
        misfits.map(|(place, _)| place)
    }
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.shape.fields.len()))?;
        for (place, field) in self.shape.fields.iter().enumerate() {
            let cell = self.row.cell(self.first + place);
            map.serialize_entry(&field.name, &Written { cell, field })?;
        }
        map.end()
    }
}

struct Written<'a> {
    cell: Cell<'a>,
    field: &'a ShapedField,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.cell, self.field.field_type) {
            (Cell::Null, _) => serializer.serialize_none(),
            _ if self.field.masked.is_some() => serializer.serialize_str(MASK),
            (Cell::Integer(value), FieldType::Boolean) => serializer.serialize_bool(value != 0),
            (Cell::Integer(value), _) => serializer.serialize_i64(value),
            (Cell::Real(value), _) if value.is_finite() => serializer.serialize_f64(value),
            (Cell::Real(value), _) => serializer.serialize_str(match value {
                _ if value.is_nan() => "NaN",
                _ if value > 0.0 => "Infinity",
                _ => "-Infinity",
            }),
            (Cell::Blob(bytes), FieldType::Binary) => {
                serializer.collect_str(&Base64Display::new(bytes, &STANDARD))
            }
            (Cell::Text(json), _) if self.field.nested => match provider_json::Passed::new(json) {
                Some(value) => value.serialize(serializer),
                None => octets(serializer, json),
            },
            (Cell::Decimal(digits), _) => number::serialize(digits, serializer),
            (Cell::Text(text), _) => match std::str::from_utf8(text) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => octets(serializer, text),
            },
            (Cell::Blob(bytes), _) => octets(serializer, bytes),
        }
    }
}

/// Bytes where text is expected: a `data:` URL, RFC 2397.
fn octets<S: Serializer>(serializer: S, bytes: &[u8]) -> Result<S::Ok, S::Error> {
    let encoded = Base64Display::new(bytes, &STANDARD);
    serializer.collect_str(&format_args!(
        "data:application/octet-stream;base64,{encoded}"
    ))
}
