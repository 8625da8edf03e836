//! The record itself: a map or a struct, or something that stands for one.

use serde::Serialize;
use serde::ser::{self, Impossible, SerializeMap, SerializeStruct};

use super::cell::Cell;
use super::json::{self, Unwritable};
use super::{Rows, UNWRITABLE, key::Key};

/// The forms that a record is written in.
#[derive(Clone, Copy)]
pub(super) struct With {
    pub(super) csv: bool,
    pub(super) json: bool,
}

/// Takes nothing but a map or a struct, and hands on its fields.
pub(super) struct Top<'r, 'a>(&'r mut Record<'a>);

impl Top<'_, '_> {
    /// Writes a record as JSON and, where wanted, as the cells of a CSV line.
    pub(super) fn write(
        rows: &mut Rows,
        record: &dyn erased_serde::Serialize,
        json: &mut Vec<u8>,
        with: With,
    ) -> Result<(), &'static str> {
        let mut at_hand = Record {
            rows,
            json,
            with,
            fields: 0,
            key: String::new(),
            fault: None,
        };
        erased_serde::serialize(record, Top(&mut at_hand))
            .map_err(|_| at_hand.fault.unwrap_or(UNWRITABLE))
    }
}

macro_rules! not_a_record {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {
        $(fn $method(self, $($arg: $type),*) -> Result<(), Unwritable> {
            $(let _ = $arg;)*
            Err(self.0.fail("a record is not a map or a struct"))
        })*
    };
}

impl<'r, 'a> ser::Serializer for Top<'r, 'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Impossible<(), Unwritable>;
    type SerializeTuple = Impossible<(), Unwritable>;
    type SerializeTupleStruct = Impossible<(), Unwritable>;
    type SerializeTupleVariant = Impossible<(), Unwritable>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Unwritable>;

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Unwritable> {
        self.0.begin();
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        self.0.begin();
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unwritable> {
        Err(self.0.fail("a record is not a map or a struct"))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unwritable> {
        Err(self.0.fail("a record is not a map or a struct"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Unwritable> {
        Err(self.0.fail("a record is not a map or a struct"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unwritable> {
        Err(self.0.fail("a record is not a map or a struct"))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unwritable> {
        Err(self.0.fail("a record is not a map or a struct"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwritable> {
        Err(self.0.fail("a record is not a map or a struct"))
    }

    not_a_record! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }
}

impl SerializeMap for Top<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.0.key.clear();
        key.serialize(Key {
            out: &mut self.0.key,
        })
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let name = std::mem::take(&mut self.0.key);
        self.0.field(&name, value)?;
        self.0.key = name;
        Ok(())
    }

    fn end(self) -> Result<(), Unwritable> {
        self.0.end();
        Ok(())
    }
}

impl SerializeStruct for Top<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        self.0.field(name, value)
    }

    fn end(self) -> Result<(), Unwritable> {
        self.0.end();
        Ok(())
    }
}

/// The record that is being written.
struct Record<'a> {
    rows: &'a mut Rows,
    json: &'a mut Vec<u8>,
    with: With,
    fields: usize,
    key: String,
    fault: Option<&'static str>,
}

impl Record<'_> {
    fn begin(&mut self) {
        self.json.push(b'{');
    }

    fn end(&mut self) {
        self.json.push(b'}');
    }

    fn fail(&mut self, reason: &'static str) -> Unwritable {
        self.fault = Some(reason);
        Unwritable
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Unwritable> {
        if self.fields > 0 {
            self.json.push(b',');
        }
        self.fields += 1;
        let rows = &mut *self.rows;
        let expected = rows
            .columns
            .get(rows.next)
            .filter(|column| column.name == name);
        let index = match expected {
            Some(_) => rows.next,
            None => match rows.by_name.get(name) {
                Some(index) => *index,
                None if rows.rest.is_some() => return self.other_field(name, value),
                None => {
                    return Err(self.fail("a record has a field that its schema does not declare"));
                }
            },
        };
        rows.next = index + 1;
        let column = &mut rows.columns[index];
        if column.span.is_some() {
            return Err(self.fail("a record has a field twice"));
        }
        self.json.extend_from_slice(&column.key);
        let start = rows.cells.len();
        let cell = Cell {
            json: self.json,
            with_texts: self.with.json,
            cells: self.with.csv.then_some(&mut rows.cells),
            field_type: column.field_type,
            misfit: &mut column.misfit,
            formula_safe: rows.formula_safe,
        };
        value.serialize(cell)?;
        column.span = Some((start, rows.cells.len()));
        Ok(())
    }

    fn other_field<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), Unwritable> {
        let start = self.json.len();
        json::text(name, self.json);
        self.json.push(b':');
        value.serialize(json::Value { out: self.json })?;
        if self.with.csv {
            let others = &mut self.rows.others;
            if !others.is_empty() {
                others.push(b',');
            }
            others.extend_from_slice(&self.json[start..]);
        }
        Ok(())
    }
}
