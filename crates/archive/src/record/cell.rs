//! One field of a record, written as JSON and as a CSV cell at once.
//!
//! NULL is an empty cell; an empty text is an empty quoted one. Anything nested is a cell with its JSON in it.

use adieu_core::provider_json::Passed;
use adieu_core::{FieldType, FieldValue, Number};
use serde::Serialize;
use serde::ser::{
    self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::fits;
use super::json::{self, Compound, Unwritable, compound};

/// Writes a cell, in quotes where it needs them.
pub(crate) fn quote(text: &[u8], out: &mut Vec<u8>) {
    let at_the_edge = |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii_whitespace());
    // All of it is looked at, which goes many bytes at a time; a search that stops goes byte by byte.
    let is_quoted = |byte: &u8| matches!(byte, b'"' | b',' | b'\r' | b'\n');
    let needs_quotes = text
        .iter()
        .fold(false, |found, byte| found | is_quoted(byte));
    if !needs_quotes && !at_the_edge(text.first()) && !at_the_edge(text.last()) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    let mut copied = 0;
    for at in memchr::memchr_iter(b'"', text) {
        // The quote itself is copied with what follows it.
        out.extend_from_slice(&text[copied..=at]);
        copied = at;
    }
    out.extend_from_slice(&text[copied..]);
    out.push(b'"');
}

/// Writes one value of a declared field.
pub(super) struct Cell<'a> {
    pub(super) json: &'a mut Vec<u8>,
    /// Whether anybody reads the JSON of texts; everything else is written by way of it.
    pub(super) with_texts: bool,
    /// Where the CSV cell goes, when there is to be one.
    pub(super) cells: Option<&'a mut Vec<u8>>,
    pub(super) field_type: FieldType,
    pub(super) misfit: &'a mut bool,
    pub(super) formula_safe: bool,
}

impl<'a> Cell<'a> {
    /// Writes a value whose kind is known.
    pub(super) fn write(self, value: &FieldValue<'_>) -> Result<(), Unwritable> {
        match value {
            FieldValue::Bytes(bytes) => self.bytes(bytes),
            FieldValue::Json(json) => self.passed(json),
            FieldValue::Number(number) => self.number(*number),
            other => other.serialize(self),
        }
    }

    /// JSON that is written on. What may stay as it is spelled is not read.
    fn passed(self, passed: &Passed<'_>) -> Result<(), Unwritable> {
        let plain = passed.as_plain().map(<[u8]>::trim_ascii_start);
        let Some(plain @ [open @ (b'{' | b'['), ..]) = plain else {
            return passed.serialize(self);
        };
        let mut nested = self.nested(*open == b'{');
        if let Some(out) = &mut nested.json {
            if passed.is_compact() {
                out.extend_from_slice(plain);
            } else {
                json::compact(plain, out);
            }
        }
        nested.close();
        Ok(())
    }

    fn judge(&mut self, fits: impl FnOnce(FieldType) -> bool) {
        if !*self.misfit && !fits(self.field_type) {
            *self.misfit = true;
        }
    }

    /// A value that is its JSON in CSV too.
    fn plain(
        mut self,
        fits: impl FnOnce(FieldType) -> bool,
        value: impl Serialize,
    ) -> Result<(), Unwritable> {
        self.judge(fits);
        let start = self.json.len();
        value.serialize(json::Value { out: self.json })?;
        if let Some(cells) = self.cells {
            cells.extend_from_slice(&self.json[start..]);
        }
        Ok(())
    }

    fn integer(mut self, digits: &str, exact: bool) -> Result<(), Unwritable> {
        self.judge(|field| fits::integer(field, digits));
        let written = if exact { digits.as_bytes() } else { &[] };
        self.json.extend_from_slice(written);
        if !exact {
            json::text(digits, self.json);
        }
        if let Some(cells) = self.cells {
            cells.extend_from_slice(digits.as_bytes());
        }
        Ok(())
    }

    /// A number in its digits, which are few enough for a double.
    fn number(mut self, number: Number<'_>) -> Result<(), Unwritable> {
        let digits = number.digits();
        self.judge(|field| match number.is_whole() {
            true => fits::integer(field, digits),
            false => fits::float(field),
        });
        self.json.extend_from_slice(digits.as_bytes());
        if let Some(cells) = self.cells {
            cells.extend_from_slice(digits.as_bytes());
        }
        Ok(())
    }

    /// A text of which nothing needs quotes or escapes.
    fn bare(self, text: &str) {
        if self.with_texts {
            json::bare(text, self.json);
        }
        if let Some(cells) = self.cells {
            cells.extend_from_slice(text.as_bytes());
        }
    }

    /// Base64, in which nothing needs quotes.
    fn bytes(mut self, bytes: &[u8]) -> Result<(), Unwritable> {
        self.judge(fits::bytes);
        if self.with_texts {
            self.json.push(b'"');
            json::base64(bytes, self.json);
            self.json.push(b'"');
        }
        if let Some(cells) = self.cells {
            let start = cells.len();
            json::base64(bytes, cells);
            if cells.len() == start {
                cells.extend_from_slice(b"\"\"");
            } else if self.formula_safe && cells[start] == b'+' {
                cells.insert(start, b'\'');
            }
        }
        Ok(())
    }

    fn text_cell(self, text: &str) {
        let Some(cells) = self.cells else {
            return;
        };
        if self.formula_safe && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            quote(format!("'{text}").as_bytes(), cells);
        } else {
            quote(text.as_bytes(), cells);
        }
    }

    fn nested(mut self, is_object: bool) -> Nested<'a> {
        self.judge(|field| fits::nested(field, is_object));
        Nested {
            start: self.json.len(),
            cells: self.cells,
            inner: None,
            json: Some(self.json),
        }
    }
}

impl<'a> ser::Serializer for Cell<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Nested<'a>;
    type SerializeTuple = Nested<'a>;
    type SerializeTupleStruct = Nested<'a>;
    type SerializeTupleVariant = Nested<'a>;
    type SerializeMap = Nested<'a>;
    type SerializeStruct = Nested<'a>;
    type SerializeStructVariant = Nested<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.plain(fits::boolean, value)
    }

    fn serialize_i8(self, value: i8) -> Result<(), Unwritable> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Unwritable> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Unwritable> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Unwritable> {
        self.integer(
            itoa::Buffer::new().format(value),
            value.unsigned_abs() <= json::EXACT,
        )
    }

    fn serialize_i128(self, value: i128) -> Result<(), Unwritable> {
        self.integer(
            itoa::Buffer::new().format(value),
            value.unsigned_abs() <= json::EXACT.into(),
        )
    }

    fn serialize_u8(self, value: u8) -> Result<(), Unwritable> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Unwritable> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Unwritable> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Unwritable> {
        self.integer(itoa::Buffer::new().format(value), value <= json::EXACT)
    }

    fn serialize_u128(self, value: u128) -> Result<(), Unwritable> {
        self.integer(
            itoa::Buffer::new().format(value),
            value <= json::EXACT.into(),
        )
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unwritable> {
        if value.is_finite() {
            self.plain(fits::float, value)
        } else {
            self.serialize_f64(value.into())
        }
    }

    fn serialize_f64(mut self, value: f64) -> Result<(), Unwritable> {
        if value.is_finite() {
            return self.plain(fits::float, value);
        }
        self.judge(fits::float);
        let word = json::not_finite(value);
        json::text(word, self.json);
        if let Some(cells) = self.cells {
            cells.extend_from_slice(word.as_bytes());
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Unwritable> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(mut self, value: &str) -> Result<(), Unwritable> {
        let field = self.field_type;
        let may_be_bare = matches!(
            field,
            FieldType::Date | FieldType::Time | FieldType::Datetime | FieldType::Uuid
        );
        if may_be_bare && fits::text(field, value) {
            self.bare(value);
            return Ok(());
        }
        self.judge(|field| fits::text(field, value));
        if self.with_texts {
            json::text(value, self.json);
        }
        self.text_cell(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unwritable> {
        self.bytes(value)
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.json.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unwritable> {
        self.serialize_str(variant)
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
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        let mut nested = self.nested(true);
        if let Some(out) = nested.json.take() {
            json::Value { out: &mut *out }
                .serialize_newtype_variant(name, index, variant, value)?;
            nested.json = Some(out);
        }
        nested.close();
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Nested<'a>, Unwritable> {
        self.nested(false).open(|value| value.serialize_seq(length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Nested<'a>, Unwritable> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        length: usize,
    ) -> Result<Nested<'a>, Unwritable> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Nested<'a>, Unwritable> {
        self.nested(true)
            .open(|value| value.serialize_tuple_variant(name, index, variant, length))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Nested<'a>, Unwritable> {
        self.nested(true).open(|value| value.serialize_map(length))
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Nested<'a>, Unwritable> {
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Nested<'a>, Unwritable> {
        self.nested(true)
            .open(|value| value.serialize_struct_variant(name, index, variant, length))
    }
}

/// An array or an object in a cell.
pub(super) struct Nested<'a> {
    start: usize,
    cells: Option<&'a mut Vec<u8>>,
    inner: Option<Compound<'a>>,
    json: Option<&'a mut Vec<u8>>,
}

impl<'a> Nested<'a> {
    fn open(
        mut self,
        begin: impl FnOnce(json::Value<'a>) -> Result<Compound<'a>, Unwritable>,
    ) -> Result<Self, Unwritable> {
        if let Some(out) = self.json.take() {
            self.inner = Some(begin(json::Value { out })?);
        }
        Ok(self)
    }

    fn inner(&mut self) -> Result<&mut Compound<'a>, Unwritable> {
        self.inner.as_mut().ok_or(Unwritable)
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.inner()?.element(value)
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.inner()?.key(key)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.inner()?.value(value)
    }

    fn close(self) {
        let json = match (self.inner, self.json) {
            (Some(inner), _) => inner.close(),
            (None, json) => json,
        };
        if let (Some(cells), Some(json)) = (self.cells, json) {
            quote(&json[self.start..], cells);
        }
    }
}

compound!(Nested);
