//! Arrays in binary form, as JSON: `array_send` of <https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c>.

use std::fmt::Write as _;

use crate::record::data_url;

/// More dimensions than these there are not (`MAXDIM`).
const MAX_DIMENSIONS: usize = 6;

/// Writes an array of truth values, whole numbers, texts or UUIDs; `None` when it is not of that form.
pub(super) fn write(bytes: &[u8], out: &mut String) -> Option<()> {
    let mut rest = Rest(bytes);
    let dimensions = usize::try_from(rest.number()?).ok()?;
    let _has_nulls = rest.number()?;
    let element = u32::from_be_bytes(rest.take()?);
    let mut lengths = [0; MAX_DIMENSIONS];
    let lengths = lengths.get_mut(..dimensions)?;
    for length in &mut *lengths {
        // An array without elements has no dimensions.
        *length = usize::try_from(rest.number()?)
            .ok()
            .filter(|length| *length > 0)?;
        let _first_index = rest.number()?;
    }
    if lengths.is_empty() {
        out.push_str("[]");
    } else {
        dimension(&mut rest, lengths, element, out)?;
    }
    rest.0.is_empty().then_some(())
}

fn dimension(rest: &mut Rest<'_>, lengths: &[usize], of: u32, out: &mut String) -> Option<()> {
    let Some((length, inner)) = lengths.split_first() else {
        return element(rest, of, out);
    };
    out.push('[');
    for index in 0..*length {
        if index > 0 {
            out.push(',');
        }
        dimension(rest, inner, of, out)?;
    }
    out.push(']');
    Some(())
}

fn element(rest: &mut Rest<'_>, of: u32, out: &mut String) -> Option<()> {
    let length = rest.number()?;
    if length == -1 {
        out.push_str("null");
        return Some(());
    }
    let bytes = rest.bytes(usize::try_from(length).ok()?)?;
    match of {
        16 => out.push_str(if *bytes.first()? == 0 {
            "false"
        } else {
            "true"
        }),
        20 => write!(out, "{}", i64::from_be_bytes(bytes.try_into().ok()?)).ok()?,
        21 => write!(out, "{}", i16::from_be_bytes(bytes.try_into().ok()?)).ok()?,
        23 => write!(out, "{}", i32::from_be_bytes(bytes.try_into().ok()?)).ok()?,
        25 | 1043 => text(bytes, out)?,
        2950 => {
            let uuid = uuid::Uuid::from_slice(bytes).ok()?;
            write!(out, "\"{}\"", uuid.hyphenated()).ok()?;
        }
        _ => return None,
    }
    Some(())
}

fn text(bytes: &[u8], out: &mut String) -> Option<()> {
    // A database of the encoding SQL_ASCII keeps any bytes.
    let Ok(text) = std::str::from_utf8(bytes) else {
        write!(out, "\"{}\"", data_url(bytes)).ok()?;
        return Some(());
    };
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(text).ok()?);
    }
    Some(())
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(bytes: &[u8]) -> Option<String> {
        let mut out = String::new();
        write(bytes, &mut out).map(|()| out)
    }

    fn array(lengths: &[i32], of: u32, elements: &[Option<&[u8]>]) -> Vec<u8> {
        let count = i32::try_from(lengths.len()).unwrap();
        let mut bytes = [count.to_be_bytes(), [0; 4], of.to_be_bytes()].concat();
        for length in lengths {
            bytes.extend(length.to_be_bytes());
            bytes.extend(1_i32.to_be_bytes());
        }
        for element in elements {
            let length = element.map_or(-1, |element| i32::try_from(element.len()).unwrap());
            bytes.extend(length.to_be_bytes());
            bytes.extend(element.unwrap_or_default());
        }
        bytes
    }

    #[test]
    fn dimensions_lie_in_each_other_and_null_is_null() {
        let pairs = [Some(&b"a"[..]), None, Some(b"\"q\"\n"), Some(b"\xff")];
        assert_eq!(
            written(&array(&[2, 2], 25, &pairs)).unwrap(),
            r#"[["a",null],["\"q\"\n","data:application/octet-stream;base64,/w=="]]"#
        );
        assert_eq!(written(&array(&[], 23, &[])).unwrap(), "[]");
        let numbers = [Some(&[0xff_u8; 4][..]), Some(&[0, 0, 0, 7])];
        assert_eq!(written(&array(&[2], 23, &numbers)).unwrap(), "[-1,7]");
    }

    #[test]
    fn what_is_cut_or_of_another_type_is_not_written() {
        let whole = array(&[1], 25, &[Some(b"abc")]);
        for end in 0..whole.len() {
            assert_eq!(written(&whole[..end]), None, "{end}");
        }
        assert_eq!(written(&array(&[1], 600, &[Some(b"abc")])), None);
        assert_eq!(written(&array(&[1; 7], 25, &[Some(b"abc")])), None);
        assert_eq!(written(&array(&[i32::MAX, 0], 25, &[])), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(json) = written(&bytes) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
            }
        }

        #[test]
        fn texts_come_back(texts in proptest::collection::vec(any::<String>(), 1..5)) {
            let elements: Vec<_> = texts.iter().map(|text| Some(text.as_bytes())).collect();
            let length = i32::try_from(texts.len()).unwrap();
            let json = written(&array(&[length], 25, &elements)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), texts);
        }
    }
}
