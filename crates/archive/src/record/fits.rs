//! Whether a value is what its field's type says, as Table Schema understands it. Where one is not, the archive's description falls
//! back to text, so that it is always true.

use adieu_core::FieldType;

pub(super) fn boolean(field: FieldType) -> bool {
    matches!(
        field,
        FieldType::Boolean | FieldType::Any | FieldType::String
    )
}

pub(super) fn integer(field: FieldType, digits: &str) -> bool {
    match field {
        FieldType::Integer | FieldType::Number | FieldType::Any | FieldType::String => true,
        FieldType::Boolean => matches!(digits, "0" | "1"),
        _ => false,
    }
}

pub(super) fn float(field: FieldType) -> bool {
    matches!(
        field,
        FieldType::Number | FieldType::Any | FieldType::String
    )
}

pub(super) fn bytes(field: FieldType) -> bool {
    matches!(
        field,
        FieldType::Binary | FieldType::Any | FieldType::String
    )
}

pub(super) fn nested(field: FieldType, is_object: bool) -> bool {
    match field {
        FieldType::Object => is_object,
        FieldType::Array => !is_object,
        FieldType::Any | FieldType::String => true,
        _ => false,
    }
}

pub(super) fn text(field: FieldType, text: &str) -> bool {
    let bytes = text.as_bytes();
    match field {
        FieldType::String | FieldType::Any => true,
        FieldType::Integer => is_digits(unsigned(bytes)),
        FieldType::Number => is_number(bytes),
        FieldType::Boolean => matches!(text, "true" | "false" | "0" | "1"),
        FieldType::Date => is_date(bytes),
        FieldType::Time => is_time(bytes),
        FieldType::Datetime => {
            bytes.len() >= 19
                && is_date(&bytes[..10])
                && matches!(bytes[10], b'T' | b' ')
                && is_time(&bytes[11..])
        }
        FieldType::Duration => is_duration(bytes),
        FieldType::Uuid => is_uuid(bytes),
        FieldType::Binary => is_base64(bytes),
        FieldType::Object => text.starts_with('{') && is_json(text),
        FieldType::Array => text.starts_with('[') && is_json(text),
        _ => false,
    }
}

fn unsigned(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text)
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn is_number(text: &[u8]) -> bool {
    if matches!(text, b"NaN" | b"INF" | b"-INF") {
        return true;
    }
    let text = unsigned(text);
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
        Some(at) => (&mantissa[..at], Some(&mantissa[at + 1..])),
        None => (mantissa, None),
    };
    is_digits(whole)
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|exponent| exponent.len() < 6 && is_digits(unsigned(exponent)))
}

/// Two digits as a number.
fn pair(text: &[u8]) -> Option<u32> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
        }
        _ => None,
    }
}

/// `YYYY-MM-DD`, a day that exists, in the years that everybody's software knows.
fn is_date(text: &[u8]) -> bool {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return false;
    }
    let (Some(century), Some(year), Some(month), Some(day)) = (
        pair(&text[..2]),
        pair(&text[2..4]),
        pair(&text[5..7]),
        pair(&text[8..]),
    ) else {
        return false;
    };
    let year = century * 100 + year;
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    year >= 1 && (1..=days).contains(&day)
}

/// `HH:MM:SS`, with a fraction and an offset where there are any.
fn is_time(text: &[u8]) -> bool {
    if text.len() < 8 || text[2] != b':' || text[5] != b':' {
        return false;
    }
    let below = |digits: &[u8], limit| pair(digits).is_some_and(|value| value < limit);
    if !below(&text[..2], 24) || !below(&text[3..5], 60) || !below(&text[6..8], 60) {
        return false;
    }
    let mut rest = &text[8..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    match rest {
        [] | [b'Z'] => true,
        [b'+' | b'-', hours @ .., b':', tens, ones] => {
            below(hours, 24) && below(&[*tens, *ones], 60)
        }
        _ => false,
    }
}

/// `P1Y2M3DT4H5M6.7S` or `P4W`.
fn is_duration(text: &[u8]) -> bool {
    let Some(text) = unsigned(text).strip_prefix(b"P") else {
        return false;
    };
    match text.iter().position(|byte| *byte == b'T') {
        None => !text.is_empty() && has_parts(text, b"YMWD"),
        Some(at) => {
            let (date, time) = (&text[..at], &text[at + 1..]);
            !time.is_empty() && has_parts(date, b"YMWD") && has_parts(time, b"HMS")
        }
    }
}

/// Whether the text is numbers with these units, each at most once and in this order.
fn has_parts(mut text: &[u8], mut units: &[u8]) -> bool {
    while !text.is_empty() {
        let length = text
            .iter()
            .take_while(|byte| byte.is_ascii_digit() || **byte == b'.')
            .count();
        let number = &text[..length];
        let unit = text
            .get(length)
            .filter(|unit| is_digits(number) || **unit == b'S' && is_number(number));
        let Some(at) = unit.and_then(|unit| units.iter().position(|known| known == unit)) else {
            return false;
        };
        units = &units[at + 1..];
        text = &text[length + 1..];
    }
    true
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_base64(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    text.len().is_multiple_of(4)
        && padding <= 2
        && text[..text.len() - padding]
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
