//! A row as a record of the archive.

use std::sync::Arc;

use adieu_core::{Field, FieldType, FieldValue, Schema, provider_json};
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

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

impl<'a> Record<'a> {
    /// The values of the exported columns, in their order.
    pub(crate) fn values(&self) -> Vec<FieldValue<'a>> {
        let fields = self.shape.fields.iter().enumerate();
        let values = fields.map(|(place, field)| value(self.row.cell(self.first + place), field));
        values.collect()
    }
}

fn value<'a>(cell: Cell<'a>, field: &ShapedField) -> FieldValue<'a> {
    match (cell, field.field_type) {
        (Cell::Null, _) => FieldValue::Null,
        _ if field.masked.is_some() => FieldValue::Text(MASK.into()),
        (Cell::Integer(value), FieldType::Boolean) => FieldValue::Boolean(value != 0),
        (Cell::Integer(value), _) => FieldValue::Integer(value),
        (Cell::Real(value), _) if value.is_finite() => FieldValue::Float(value),
        (Cell::Real(value), _) => FieldValue::Text(not_finite(value).into()),
        (Cell::Blob(bytes), FieldType::Binary) => FieldValue::Bytes(bytes),
        (Cell::Text(json), _) if field.nested => match provider_json::Passed::new(json) {
            Some(json) => FieldValue::Json(json),
            None => octets(json),
        },
        (Cell::Decimal(digits), _) => number::value(digits),
        (Cell::Text(text), _) => match std::str::from_utf8(text) {
            Ok(text) => FieldValue::Text(text.into()),
            Err(_) => octets(text),
        },
        (Cell::Blob(bytes), _) => octets(bytes),
    }
}

fn not_finite(value: f64) -> &'static str {
    match value {
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

fn octets(bytes: &[u8]) -> FieldValue<'static> {
    FieldValue::Text(data_url(bytes).into())
}

/// Bytes where text is expected: a `data:` URL, RFC 2397.
pub(crate) fn data_url(bytes: &[u8]) -> String {
    let encoded = Base64Display::new(bytes, &STANDARD);
    format!("data:application/octet-stream;base64,{encoded}")
}
