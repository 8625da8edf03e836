//! Values as JSON, every digit kept: a number stays a number only where a double holds it exactly.

use std::fmt::{self, Display};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{
    self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::key::Key;

/// The largest integer up to which a double holds every integer.
pub(super) const EXACT: u64 = 1 << 53;

/// A value that has no place in a record. It carries no text: the value's own message might quote it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unwritable;

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value cannot be serialized")
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

/// Writes a text as a JSON string.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    let is_escaped = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
    if text.bytes().fold(false, |any, byte| any | is_escaped(byte)) {
        // Writing text into memory does not fail.
        let _ = serde_json::to_writer(out, text);
    } else {
        bare(text, out);
    }
}

/// Writes a text of which nothing needs an escape.
pub(super) fn bare(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Writes a finite float with the fewest digits that mean it.
pub(super) fn float(value: f64, single: Option<f32>, out: &mut Vec<u8>) {
    // A single has fewer digits than the double of the same value.
    let _ = match single {
        Some(single) => serde_json::to_writer(out, &single),
        None => serde_json::to_writer(out, &value),
    };
}

/// The word for a float that is no number, as Table Schema spells it.
pub(super) fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "INF"
    } else {
        "-INF"
    }
}

pub(super) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // There is room for all of it.
    let _ = STANDARD.encode_slice(bytes, &mut out[start..]);
}

/// Copies JSON whose texts have no escapes, without the blanks between its parts.
pub(super) fn compact(json: &[u8], out: &mut Vec<u8>) {
    let (mut in_text, mut copied) = (false, 0);
    for (at, byte) in json.iter().enumerate() {
        match byte {
            b'"' => in_text = !in_text,
            b' ' | b'\t' | b'\n' | b'\r' if !in_text => {
                out.extend_from_slice(&json[copied..at]);
                copied = at + 1;
            }
            _ => {}
        }
    }
    out.extend_from_slice(&json[copied..]);
}

/// Writes one value of any kind.
pub(super) struct Value<'a> {
    pub(super) out: &'a mut Vec<u8>,
}

impl Value<'_> {
    fn digits(self, digits: &str, exact: bool) -> Result<(), Unwritable> {
        if exact {
            self.out.extend_from_slice(digits.as_bytes());
        } else {
            self.out.push(b'"');
            self.out.extend_from_slice(digits.as_bytes());
            self.out.push(b'"');
        }
        Ok(())
    }
}

impl<'a> ser::Serializer for Value<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
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
        self.digits(
            itoa::Buffer::new().format(value),
            value.unsigned_abs() <= EXACT,
        )
    }

    fn serialize_i128(self, value: i128) -> Result<(), Unwritable> {
        self.digits(
            itoa::Buffer::new().format(value),
            value.unsigned_abs() <= EXACT.into(),
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
        self.digits(itoa::Buffer::new().format(value), value <= EXACT)
    }

    fn serialize_u128(self, value: u128) -> Result<(), Unwritable> {
        self.digits(itoa::Buffer::new().format(value), value <= EXACT.into())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Unwritable> {
        if !value.is_finite() {
            return self.serialize_f64(value.into());
        }
        float(value.into(), Some(value), self.out);
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Unwritable> {
        if value.is_finite() {
            float(value, None, self.out);
        } else {
            text(not_finite(value), self.out);
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Unwritable> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        text(value, self.out);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unwritable> {
        self.out.push(b'"');
        base64(value, self.out);
        self.out.push(b'"');
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        self.out.extend_from_slice(b"null");
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
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unwritable> {
        let mut outer = self.serialize_map(Some(1))?;
        outer.serialize_entry(variant, value)?;
        SerializeMap::end(outer)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a>, Unwritable> {
        Ok(Compound::begin(self.out, b'[', "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a>, Unwritable> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, Unwritable> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Unwritable> {
        self.out.push(b'{');
        text(variant, self.out);
        self.out.push(b':');
        Ok(Compound::begin(self.out, b'[', "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a>, Unwritable> {
        Ok(Compound::begin(self.out, b'{', "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, Unwritable> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Unwritable> {
        self.out.push(b'{');
        text(variant, self.out);
        self.out.push(b':');
        Ok(Compound::begin(self.out, b'{', "}}"))
    }
}

/// An array or an object that is being written.
pub(super) struct Compound<'a> {
    pub(super) out: &'a mut Vec<u8>,
    close: &'static str,
    first: bool,
}

impl<'a> Compound<'a> {
    fn begin(out: &'a mut Vec<u8>, open: u8, close: &'static str) -> Self {
        out.push(open);
        Self {
            out,
            close,
            first: true,
        }
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
    }

    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.separate();
        value.serialize(Value { out: self.out })
    }

    pub(super) fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.separate();
        let mut name = String::new();
        key.serialize(Key { out: &mut name })?;
        text(&name, self.out);
        Ok(())
    }

    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.out.push(b':');
        value.serialize(Value { out: self.out })
    }

    /// Ends it and gives back what it was written into.
    pub(super) fn close(self) -> Option<&'a mut Vec<u8>> {
        self.out.extend_from_slice(self.close.as_bytes());
        Some(self.out)
    }
}

/// Implements the seven traits of compound values by the methods `element`, `key`, `value` and `close`.
macro_rules! compound {
    ($compound:ident) => {
        compound!(@list $compound SerializeSeq serialize_element);
        compound!(@list $compound SerializeTuple serialize_element);
        compound!(@list $compound SerializeTupleStruct serialize_field);
        compound!(@list $compound SerializeTupleVariant serialize_field);
        compound!(@fields $compound SerializeStruct);
        compound!(@fields $compound SerializeStructVariant);

        impl SerializeMap for $compound<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
                self.key(key)
            }

            fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.value(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.close();
                Ok(())
            }
        }
    };
    (@list $compound:ident $trait:ident $method:ident) => {
        impl $trait for $compound<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.element(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.close();
                Ok(())
            }
        }
    };
    (@fields $compound:ident $trait:ident) => {
        impl $trait for $compound<'_> {
            type Ok = ();
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Unwritable> {
                self.key(key)?;
                self.value(value)
            }

            fn end(self) -> Result<(), Unwritable> {
                self.close();
                Ok(())
            }
        }
    };
}
pub(super) use compound;

compound!(Compound);
