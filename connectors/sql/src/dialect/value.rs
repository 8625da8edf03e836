//! Values as they stand in the database.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A value with its type. Text is bytes, because not every database keeps to UTF-8. It has no `Debug`: it is personal.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// A value that lies in a row.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    /// A number in its digits, because no other form would keep them all.
    Decimal(&'a [u8]),
    Text(&'a [u8]),
    /// Text that is JSON for certain.
    Json(&'a [u8]),
    Blob(&'a [u8]),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into().into_bytes())
    }

    /// A whole number; 0 where it is none. For what a catalogue says.
    pub(crate) fn as_integer(&self) -> i64 {
        match self {
            Self::Integer(number) => *number,
            _ => 0,
        }
    }

    /// Text; empty where it is none. For what a catalogue says.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => std::str::from_utf8(text).unwrap_or_default(),
            _ => "",
        }
    }

    pub(crate) fn as_cell(&self) -> Cell<'_> {
        match self {
            Self::Null => Cell::Null,
            Self::Integer(value) => Cell::Integer(*value),
            Self::Real(value) => Cell::Real(*value),
            Self::Text(text) => Cell::Text(text),
            Self::Blob(bytes) => Cell::Blob(bytes),
        }
    }
}

impl Cell<'_> {
    pub(crate) fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(value) => Value::Integer(value),
            Self::Real(value) => Value::Real(value),
            Self::Text(text) | Self::Decimal(text) | Self::Json(text) => Value::Text(text.to_vec()),
            Self::Blob(bytes) => Value::Blob(bytes.to_vec()),
        }
    }

    /// The value as text, where it is valid text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Decimal(text) | Self::Json(text) => {
                std::str::from_utf8(text).ok()
            }
            _ => None,
        }
    }
}

/// Some rows of equal width, in one piece of memory.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    cells: Vec<Stored>,
    width: usize,
}

enum Stored {
    Null,
    Integer(i64),
    Real(f64),
    Decimal(Range<usize>),
    Text(Range<usize>),
    Json(Range<usize>),
    Blob(Range<usize>),
}

impl Batch {
    /// An empty batch of rows with this many values.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            bytes: Vec::new(),
            cells: Vec::new(),
            width: width.max(1),
        }
    }

    /// An empty batch with room for as much as this one holds.
    pub(crate) fn as_roomy(&self) -> Self {
        Self {
            bytes: Vec::with_capacity(self.bytes.len()),
            cells: Vec::with_capacity(self.cells.len()),
            width: self.width,
        }
    }

    pub(crate) fn push(&mut self, cell: Cell<'_>) {
        let stored = match cell {
            Cell::Null => Stored::Null,
            Cell::Integer(value) => Stored::Integer(value),
            Cell::Real(value) => Stored::Real(value),
            Cell::Decimal(digits) => Stored::Decimal(self.keep(digits)),
            Cell::Text(text) => Stored::Text(self.keep(text)),
            Cell::Json(json) => Stored::Json(self.keep(json)),
            Cell::Blob(bytes) => Stored::Blob(self.keep(bytes)),
        };
        self.cells.push(stored);
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.cells.clear();
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.cells.len() / self.width
    }

    /// How much memory the rows take.
    pub(crate) fn size_bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.cells)
    }

    pub(crate) fn row(&self, index: usize) -> Row<'_> {
        let first = index * self.width;
        Row {
            bytes: &self.bytes,
            cells: self
                .cells
                .get(first..first + self.width)
                .unwrap_or_default(),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}

/// One row of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    bytes: &'a [u8],
    cells: &'a [Stored],
}

impl<'a> Row<'a> {
    /// The value at this place; NULL past the end.
    pub(crate) fn cell(&self, index: usize) -> Cell<'a> {
        match self.cells.get(index) {
            None | Some(Stored::Null) => Cell::Null,
            Some(Stored::Integer(value)) => Cell::Integer(*value),
            Some(Stored::Real(value)) => Cell::Real(*value),
            Some(Stored::Decimal(range)) => Cell::Decimal(&self.bytes[range.clone()]),
            Some(Stored::Text(range)) => Cell::Text(&self.bytes[range.clone()]),
            Some(Stored::Json(range)) => Cell::Json(&self.bytes[range.clone()]),
            Some(Stored::Blob(range)) => Cell::Blob(&self.bytes[range.clone()]),
        }
    }

    /// The first values, owned.
    pub(crate) fn first(&self, count: usize) -> Vec<Value> {
        (0..count)
            .map(|index| self.cell(index).to_value())
            .collect()
    }
}

/// How a value stands in a cursor: with its type, every bit kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Written {
    #[serde(rename = "n")]
    Null,
    #[serde(rename = "i")]
    Integer(i64),
    #[serde(rename = "r")]
    Real(u64),
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "x")]
    OddText(String),
    #[serde(rename = "b")]
    Blob(String),
}

impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => Written::Null,
            Self::Integer(value) => Written::Integer(*value),
            Self::Real(value) => Written::Real(value.to_bits()),
            Self::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Written::Text(text.to_owned()),
                Err(_) => Written::OddText(STANDARD.encode(text)),
            },
            Self::Blob(bytes) => Written::Blob(STANDARD.encode(bytes)),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = |text: String| {
            STANDARD
                .decode(text)
                .map_err(|_| serde::de::Error::custom("not base64"))
        };
        Ok(match Written::deserialize(deserializer)? {
            Written::Null => Self::Null,
            Written::Integer(value) => Self::Integer(value),
            Written::Real(bits) => Self::Real(f64::from_bits(bits)),
            Written::Text(text) => Self::text(text),
            Written::OddText(text) => Self::Text(bytes(text)?),
            Written::Blob(text) => Self::Blob(bytes(text)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>()
                .prop_filter("equal to itself", |value| !value.is_nan())
                .prop_map(Value::Real),
            any::<Vec<u8>>().prop_map(Value::Text),
            any::<String>().prop_map(Value::text),
            any::<Vec<u8>>().prop_map(Value::Blob),
        ]
    }

    proptest! {
        #[test]
        fn a_value_in_a_cursor_keeps_its_type_and_every_bit(value in any_value()) {
            let written = serde_json::to_string(&value).unwrap();
            let read: Value = serde_json::from_str(&written).unwrap();
            prop_assert!(read == value, "{}", written);
        }
    }
}
