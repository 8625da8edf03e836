//! Values as PostgreSQL sends them in binary form.

use sqlx::postgres::PgTypeInfo;

use super::array;
use crate::dialect::Cell;

/// How the values of a column are sent.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Boolean,
    /// A signed number of 2, 4 or 8 bytes.
    Integer,
    /// An unsigned number of 4 bytes.
    Oid,
    Single,
    Double,
    Numeric,
    Date,
    Timestamp,
    TimestampWithZone,
    Uuid,
    Array,
    Json,
    /// JSON with the number of its version before it.
    Jsonb,
    Bytes,
    Text,
}

pub(super) fn form(of: &PgTypeInfo) -> Form {
    match of.oid().map_or(0, |oid| oid.0) {
        16 => Form::Boolean,
        17 => Form::Bytes,
        20 | 21 | 23 => Form::Integer,
        26 => Form::Oid,
        114 => Form::Json,
        700 => Form::Single,
        701 => Form::Double,
        1000 | 1005 | 1007 | 1009 | 1015 | 1016 | 2951 => Form::Array,
        1082 => Form::Date,
        1114 => Form::Timestamp,
        1184 => Form::TimestampWithZone,
        1700 => Form::Numeric,
        2950 => Form::Uuid,
        3802 => Form::Jsonb,
        _ => Form::Text,
    }
}

/// A value in this form; `None` where it is not.
pub(super) fn read<'a>(form: Form, bytes: &'a [u8], text: &'a mut String) -> Option<Cell<'a>> {
    Some(match form {
        Form::Boolean => Cell::Integer(i64::from(*bytes.first()? != 0)),
        Form::Integer => Cell::Integer(match *bytes {
            [a, b] => i16::from_be_bytes([a, b]).into(),
            [a, b, c, d] => i32::from_be_bytes([a, b, c, d]).into(),
            _ => i64::from_be_bytes(bytes.try_into().ok()?),
        }),
        Form::Oid => Cell::Integer(u32::from_be_bytes(bytes.try_into().ok()?).into()),
        // The shortest digits that mean a single mean another double than its bits do.
        Form::Single => {
            let single = f32::from_be_bytes(bytes.try_into().ok()?);
            Cell::Real(single.to_string().parse().ok()?)
        }
        Form::Double => Cell::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
        Form::Numeric => numeric(bytes, text)?,
        Form::Date => date(i32::from_be_bytes(bytes.try_into().ok()?), text),
        Form::Timestamp => timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "", text),
        Form::TimestampWithZone => timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "Z", text),
        Form::Uuid => {
            let mut digits = uuid::Uuid::encode_buffer();
            let uuid = uuid::Uuid::from_slice(bytes).ok()?;
            text.push_str(uuid.hyphenated().encode_lower(&mut digits));
            Cell::Text(text.as_bytes())
        }
        Form::Array => {
            array::write(bytes, text)?;
            Cell::Json(text.as_bytes())
        }
        Form::Json => Cell::Json(bytes),
        Form::Jsonb => Cell::Json(bytes.strip_prefix(&[1])?),
        Form::Bytes => Cell::Blob(bytes),
        Form::Text => Cell::Text(bytes),
    })
}

/// Days since 2000-01-01.
fn date(days: i32, out: &mut String) -> Cell<'_> {
    match days {
        i32::MAX => out.push_str("infinity"),
        i32::MIN => out.push_str("-infinity"),
        days => {
            let era = push_date(days.into(), out);
            out.push_str(era);
        }
    }
    Cell::Text(out.as_bytes())
}

/// Microseconds since 2000-01-01.
fn timestamp<'a>(micros: i64, zone: &str, out: &'a mut String) -> Cell<'a> {
    match micros {
        i64::MAX => out.push_str("infinity"),
        i64::MIN => out.push_str("-infinity"),
        micros => {
            const DAY: i64 = 86_400_000_000;
            let era = push_date(micros.div_euclid(DAY), out);
            let within = micros.rem_euclid(DAY);
            let (seconds, fraction) = (within / 1_000_000, within % 1_000_000);
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            for (mark, number) in [('T', hour), (':', minute), (':', second)] {
                out.push(mark);
                push_digits(number, 2, out);
            }
            if fraction != 0 {
                out.push('.');
                push_digits(fraction, 6, out);
                out.truncate(out.trim_end_matches('0').len());
            }
            out.push_str(zone);
            out.push_str(era);
        }
    }
    Cell::Text(out.as_bytes())
}

/// Writes a day of the proleptic Gregorian calendar, which is jiff's too but for its range, as PostgreSQL spells it: years
/// before 1 are followed by `BC`, which is returned. The algorithm is `civil_from_days` of
/// <https://howardhinnant.github.io/date_algorithms.html>.
fn push_date(days_since_2000: i64, out: &mut String) -> &'static str {
    let days = days_since_2000 + 730_425;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (year, suffix) = if year > 0 {
        (year, "")
    } else {
        (1 - year, " BC")
    };
    push_digits(year, 4, out);
    for number in [month, day] {
        out.push('-');
        push_digits(number, 2, out);
    }
    suffix
}

/// Writes a number that is not negative in at least so many digits. A million rows have millions of them.
fn push_digits(number: i64, at_least: usize, out: &mut String) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number);
    for _ in digits.len()..at_least {
        out.push('0');
    }
    out.push_str(digits);
}

/// Digits of base 10,000, the power of the first one, a sign, and how many decimal digits are shown.
fn numeric<'a>(bytes: &[u8], out: &'a mut String) -> Option<Cell<'a>> {
    let word = |index: usize| Some([*bytes.get(2 * index)?, *bytes.get(2 * index + 1)?]);
    let count = i64::from(i16::from_be_bytes(word(0)?));
    let weight = i64::from(i16::from_be_bytes(word(1)?));
    let scale = usize::from(u16::from_be_bytes(word(3)?) & 0x3FFF);
    let special = match u16::from_be_bytes(word(2)?) {
        0x0000 => None,
        0x4000 => {
            out.push('-');
            None
        }
        0xC000 => Some("NaN"),
        0xD000 => Some("Infinity"),
        0xF000 => Some("-Infinity"),
        _ => return None,
    };
    if let Some(special) = special {
        out.push_str(special);
        return Some(Cell::Text(out.as_bytes()));
    }
    let digit = |at: i64| -> Option<u16> {
        if (0..count).contains(&at) {
            word(4 + usize::try_from(at).ok()?).map(u16::from_be_bytes)
        } else {
            Some(0)
        }
    };
    if weight < 0 {
        out.push('0');
    }
    for at in 0..=weight {
        push_digits(digit(at)?.into(), if at == 0 { 1 } else { 4 }, out);
    }
    if scale > 0 {
        out.push('.');
        let end = out.len() + scale;
        let mut at = weight + 1;
        while out.len() < end {
            push_digits(digit(at)?.into(), 4, out);
            at += 1;
        }
        out.truncate(end);
    }
    Some(Cell::Decimal(out.as_bytes()))
}
