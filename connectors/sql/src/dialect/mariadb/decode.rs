//! Values as MariaDB and MySQL send them in binary form.

use sqlx::mysql::MySqlTypeInfo;
use sqlx::{MySql, Type, TypeInfo as _};

use crate::dialect::Cell;

/// How the values of a column are written.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Signed,
    Unsigned,
    Single,
    Double,
    Decimal,
    Text,
    Bytes,
}

pub(super) fn form(of: &MySqlTypeInfo) -> Form {
    match of.name() {
        "FLOAT" => Form::Single,
        "DOUBLE" => Form::Double,
        "DECIMAL" => Form::Decimal,
        "YEAR" => Form::Unsigned,
        name if name.ends_with("UNSIGNED") => Form::Unsigned,
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => Form::Signed,
        // Only the collation tells text that is compared byte by byte from bytes.
        _ if <str as Type<MySql>>::compatible(of) => Form::Text,
        _ => Form::Bytes,
    }
}

/// A value in this form; `None` where it is not.
pub(super) fn read<'a>(form: Form, bytes: &'a [u8], text: &'a mut String) -> Option<Cell<'a>> {
    Some(match form {
        Form::Text => Cell::Text(bytes),
        Form::Bytes => Cell::Blob(bytes),
        Form::Decimal => Cell::Decimal(bytes),
        Form::Double => Cell::Real(f64::from_le_bytes(bytes.try_into().ok()?)),
        // The shortest digits that mean a single mean another double than its bits do.
        Form::Single => {
            let single = f32::from_le_bytes(bytes.try_into().ok()?);
            Cell::Real(single.to_string().parse().ok()?)
        }
        Form::Signed => Cell::Integer(match *bytes {
            [a] => i8::from_le_bytes([a]).into(),
            [a, b] => i16::from_le_bytes([a, b]).into(),
            [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
            _ => i64::from_le_bytes(bytes.try_into().ok()?),
        }),
        Form::Unsigned => {
            let mut eight = [0; 8];
            eight.get_mut(..bytes.len())?.copy_from_slice(bytes);
            let number = u64::from_le_bytes(eight);
            match i64::try_from(number) {
                Ok(number) => Cell::Integer(number),
                Err(_) => {
                    text.push_str(&number.to_string());
                    Cell::Decimal(text.as_bytes())
                }
            }
        }
    })
}
