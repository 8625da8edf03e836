//! What the fields of a collection are.

use serde::{Deserialize, Serialize};

/// The fields of a collection, in the order in which they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The declared fields. A record may leave some out; it may have others only when the schema is open.
    pub fields: Vec<Field>,
    /// Whether records may have fields that are not declared. They are then kept together, as one JSON object, in a
    /// last column.
    #[serde(default)]
    pub open: bool,
}

impl Schema {
    /// A schema of exactly these fields.
    pub fn closed(fields: impl IntoIterator<Item = Field>) -> Self {
        Self {
            fields: fields.into_iter().collect(),
            open: false,
        }
    }

    /// Whether a later page may declare this: the same fields, some of which may have become [`FieldType::Any`] because a
    /// value turned up that breaks the type they had.
    pub fn widens_to(&self, later: &Schema) -> bool {
        let widens = |(one, other): (&Field, &Field)| {
            one.name == other.name
                && one.description == other.description
                && (one.field_type == other.field_type || other.field_type == FieldType::Any)
        };
        self.open == later.open
            && self.fields.len() == later.fields.len()
            && self.fields.iter().zip(&later.fields).all(widens)
    }

    /// A schema of these fields and whatever else a record may have.
    pub fn open(fields: impl IntoIterator<Item = Field>) -> Self {
        Self {
            fields: fields.into_iter().collect(),
            open: true,
        }
    }
}

/// One field of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The field's name as its system spells it.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// What it means to the person it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Field {
    /// A field without a description.
    pub fn new(name: impl Into<String>, field_type: FieldType) -> Self {
        Self {
            name: name.into(),
            field_type,
            description: None,
        }
    }
}

/// What the values of a field are, in the words of the [Table Schema] standard where it has one.
///
/// How a value reaches the archive: a number is written with every digit. In JSON it stays a number only where a
/// double holds it exactly, and becomes a string otherwise.
///
/// [Table Schema]: https://specs.frictionlessdata.io/table-schema/
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldType {
    /// Text.
    String,
    /// A whole number of any size.
    Integer,
    /// A decimal number of any precision.
    Number,
    /// True or false.
    Boolean,
    /// A calendar date, ISO 8601.
    Date,
    /// A time of day, ISO 8601.
    Time,
    /// A date and time, ISO 8601, with an offset where the system keeps one.
    Datetime,
    /// A duration, ISO 8601.
    Duration,
    /// A UUID.
    Uuid,
    /// Bytes, written as base64 (RFC 4648).
    Binary,
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
    /// Values of more than one type, as SQLite allows.
    Any,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_widens_by_its_types_alone_and_never_narrows() {
        let of = |field_type| Schema::closed([Field::new("amount", field_type)]);
        assert!(of(FieldType::Integer).widens_to(&of(FieldType::Integer)));
        assert!(of(FieldType::Integer).widens_to(&of(FieldType::Any)));
        assert!(!of(FieldType::Any).widens_to(&of(FieldType::Integer)));
        assert!(!of(FieldType::Integer).widens_to(&of(FieldType::String)));
        let other = Schema::closed([Field::new("total", FieldType::Integer)]);
        assert!(!of(FieldType::Integer).widens_to(&other));
    }
}
