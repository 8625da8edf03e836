//! Records as text: CSV and JSON from one walk over each record.

use std::collections::HashMap;

use adieu_core::{FieldType, Schema};
use serde::Serialize;
use serde::ser::{self, Impossible, SerializeMap, SerializeStruct};

mod cell;
mod fits;
mod json;

use cell::Cell;
pub(crate) use cell::quote;
pub(crate) use json::Unwritable;

/// Writes the records of one collection.
pub(crate) struct Rows {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    /// The label of the column that keeps undeclared fields, when the schema is open.
    rest: Option<String>,
    formula_safe: bool,
    /// The cells of the record at hand, in the order of its fields.
    cells: Vec<u8>,
    /// The undeclared fields of the record at hand, as JSON without braces.
    others: Vec<u8>,
    /// Which column is likely to come next.
    next: usize,
}

struct Column {
    field_type: FieldType,
    name: String,
    label: String,
    /// The name as JSON, with its colon.
    key: Vec<u8>,
    /// Where in `cells` this record's value is.
    span: Option<(usize, usize)>,
    misfit: bool,
}

impl Rows {
    /// A writer for this schema. `misfits` are the columns of which an earlier page knows that not all values fit their type.
    pub(crate) fn new(
        schema: &Schema,
        misfits: &[u32],
        formula_safe: bool,
    ) -> Result<Self, &'static str> {
        let labels = labels(schema);
        let mut by_name = HashMap::with_capacity(schema.fields.len());
        let mut columns = Vec::with_capacity(schema.fields.len());
        for (index, (field, label)) in schema.fields.iter().zip(labels.fields).enumerate() {
            if by_name.insert(field.name.clone(), index).is_some() {
                return Err("a schema has two fields of one name");
            }
            let mut key = Vec::new();
            json::text(&field.name, &mut key);
            key.push(b':');
            let misfit = misfits.iter().any(|column| *column as usize == index);
            columns.push(Column {
                field_type: field.field_type,
                name: field.name.clone(),
                label,
                key,
                span: None,
                misfit,
            });
        }
        let (cells, others) = (Vec::new(), Vec::new());
        Ok(Self {
            columns,
            by_name,
            rest: labels.rest,
            formula_safe,
            cells,
            others,
            next: 0,
        })
    }

    /// Writes the line of column names.
    pub(crate) fn write_header(&self, csv: &mut Vec<u8>) {
        let labels = self
            .columns
            .iter()
            .map(|column| &column.label)
            .chain(&self.rest);
        for (index, label) in labels.enumerate() {
            if index > 0 {
                csv.push(b',');
            }
            quote(label.as_bytes(), csv);
        }
        csv.extend_from_slice(b"\r\n");
    }

    /// Writes one record as a JSON object and, where wanted, as a CSV line. After an error both may hold a part of it.
    pub(crate) fn write(
        &mut self,
        record: &dyn erased_serde::Serialize,
        csv: Option<&mut Vec<u8>>,
        json: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        self.cells.clear();
        self.others.clear();
        self.next = 0;
        for column in &mut self.columns {
            column.span = None;
        }
        let mut record_at_hand = Record {
            rows: self,
            json,
            with_cells: csv.is_some(),
            fields: 0,
            key: String::new(),
            fault: None,
        };
        if erased_serde::serialize(record, Top(&mut record_at_hand)).is_err() {
            return Err(record_at_hand
                .fault
                .unwrap_or("a record cannot be serialized as a map or a struct"));
        }
        if let Some(csv) = csv {
            self.write_line(csv);
        }
        Ok(())
    }

    /// The columns in which a value did not fit the declared type.
    pub(crate) fn misfits(&self) -> Vec<u32> {
        let misfits = (0..).zip(&self.columns).filter(|(_, column)| column.misfit);
        misfits.map(|(index, _)| index).collect()
    }

    fn write_line(&mut self, csv: &mut Vec<u8>) {
        let before = csv.len();
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                csv.push(b',');
            }
            if let Some((start, end)) = column.span {
                csv.extend_from_slice(&self.cells[start..end]);
            }
        }
        if self.rest.is_some() {
            if !self.columns.is_empty() {
                csv.push(b',');
            }
            if !self.others.is_empty() {
                self.others.insert(0, b'{');
                self.others.push(b'}');
                quote(&self.others, csv);
            }
        }
        if csv.len() == before {
            // An empty line would be taken for no record at all.
            csv.extend_from_slice(b"\"\"");
        }
        csv.extend_from_slice(b"\r\n");
    }
}

/// The names of the columns in CSV: those of the fields, made unique and never blank.
pub(crate) struct Labels {
    pub(crate) fields: Vec<String>,
    pub(crate) rest: Option<String>,
}

pub(crate) fn labels(schema: &Schema) -> Labels {
    let mut taken = std::collections::HashSet::new();
    let mut unique = |wanted: String| {
        let mut label = wanted.clone();
        let mut count = 1_u32;
        while !taken.insert(label.to_lowercase()) {
            count += 1;
            label = format!("{wanted}_{count}");
        }
        label
    };
    let clean = |(index, name): (usize, &str)| {
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_control() || c == '\u{feff}' {
                    ' '
                } else {
                    c
                }
            })
            .collect();
        match name.trim() {
            "" => format!("field_{}", index + 1),
            name => name.to_owned(),
        }
    };
    let names = schema.fields.iter().map(|field| field.name.as_str());
    let fields = names.enumerate().map(clean).map(&mut unique).collect();
    let rest = schema.open.then(|| unique("other_fields".to_owned()));
    Labels { fields, rest }
}

struct Record<'a> {
    rows: &'a mut Rows,
    json: &'a mut Vec<u8>,
    with_cells: bool,
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
            cells: self.with_cells.then_some(&mut rows.cells),
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
        if self.with_cells {
            let others = &mut self.rows.others;
            if !others.is_empty() {
                others.push(b',');
            }
            others.extend_from_slice(&self.json[start..]);
        }
        Ok(())
    }
}

/// The record itself: a map or a struct, or something that stands for one.
struct Top<'r, 'a>(&'r mut Record<'a>);

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
        key.serialize(json::Key {
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
