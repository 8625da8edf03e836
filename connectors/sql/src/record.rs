//! A row as a record of the archive.

use std::sync::Arc;

use adieu_core::{Field, FieldType, FieldValue, Schema, provider_json};
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use crate::catalogue::{Column, Table};
use crate::config::{ColumnMapping, TableRule};
use crate::dialect::{Cell, Row};

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

/// One row, and where in it each exported column is.
pub(crate) struct Record<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) row: Row<'a>,
    pub(crate) places: &'a [usize],
}

impl<'a> Record<'a> {
    /// The values of the exported columns, in their order; none where one is not of the type that the schema says.
    pub(crate) fn values(&self) -> Option<Vec<FieldValue<'a>>> {
        let mut values = Vec::with_capacity(self.places.len());
        for (place, field) in self.places.iter().zip(&*self.shape.fields) {
            values.push(value(self.row.cell(*place), field)?);
        }
        Some(values)
    }

    /// By place, the fields whose value is not of the type that the schema says.
    #[cold]
    pub(crate) fn misfits(&self) -> impl Iterator<Item = usize> {
        let fields = self.places.iter().zip(&*self.shape.fields).enumerate();
        let misfits =
            fields.filter(|(_, (place, field))| value(self.row.cell(**place), field).is_none());
        misfits.map(|(field, _)| field)
    }
}

#[inline]
fn value<'a>(cell: Cell<'a>, field: &ShapedField) -> Option<FieldValue<'a>> {
    use FieldType::{Any, Binary, Boolean, Integer, Number};
    Some(match (cell, field.field_type) {
        (Cell::Null, _) => FieldValue::Null,
        _ if field.masked.is_some() => FieldValue::Text(MASK.into()),
        (Cell::Integer(value @ (0 | 1)), Boolean) => FieldValue::Boolean(value != 0),
        (Cell::Integer(value), Integer | Number | Any) => FieldValue::Integer(value),
        (Cell::Decimal(digits), Integer | Number | Any) => decimal(digits),
        (Cell::Real(value), Number | Any) if value.is_finite() => FieldValue::Float(value),
        (Cell::Real(value), Number | Any) => FieldValue::Text(not_finite(value).into()),
        (Cell::Blob(bytes), Binary) => FieldValue::Bytes(bytes),
        (Cell::Integer(_) | Cell::Decimal(_) | Cell::Real(_), _)
        | (_, Integer | Number | Boolean | Binary) => return None,
        (Cell::Json(json), _) => passed(provider_json::Passed::well_formed(json), json),
        (Cell::Text(json), _) if field.nested => passed(provider_json::Passed::new(json), json),
        (Cell::Text(text), _) => match std::str::from_utf8(text) {
            Ok(text) => FieldValue::Text(text.into()),
            Err(_) => octets(text),
        },
        (Cell::Blob(bytes), _) => octets(bytes),
    })
}

fn decimal(digits: &[u8]) -> FieldValue<'_> {
    match std::str::from_utf8(digits) {
        Ok(digits) => FieldValue::decimal(digits),
        Err(_) => octets(digits),
    }
}

fn passed<'a>(json: Option<provider_json::Passed<'a>>, text: &[u8]) -> FieldValue<'a> {
    match json {
        Some(json) => FieldValue::Json(json),
        None => octets(text),
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
