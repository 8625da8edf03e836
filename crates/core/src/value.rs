//! The values of a record whose fields are known beforehand.

use std::borrow::Cow;
use std::fmt;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::decimal::Number;
use crate::provider_json::Passed;
use crate::schema::Field;

/// One value of a record: what [`PageWriter::values`](crate::PageWriter::values) takes.
#[derive(Clone)]
#[non_exhaustive]
pub enum FieldValue<'a> {
    /// No value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number of double precision.
    Float(f64),
    /// A number in its digits: see [`FieldValue::decimal`].
    Number(Number<'a>),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes, written as base64.
    Bytes(&'a [u8]),
    /// JSON, written on as it is read.
    Json(Passed<'a>),
}

/// It is somebody's: nothing of it is shown but its kind.
impl fmt::Debug for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Boolean(_) => "Boolean(…)",
            Self::Integer(_) => "Integer(…)",
            Self::Float(_) => "Float(…)",
            Self::Number(_) => "Number(…)",
            Self::Text(_) => "Text(…)",
            Self::Bytes(_) => "Bytes(…)",
            Self::Json(_) => "Json(…)",
        })
    }
}

impl Serialize for FieldValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.collect_str(&Base64Display::new(bytes, &STANDARD)),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

/// Values with the names of their fields: the same record as a map.
pub(crate) struct Named<'a> {
    pub(crate) fields: &'a [Field],
    pub(crate) values: &'a [FieldValue<'a>],
}

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (field, value) in self.fields.iter().zip(self.values) {
            map.serialize_entry(&field.name, value)?;
        }
        map.end()
    }
}
