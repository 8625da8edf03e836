//! Whether a column can hold what is to be written into it, as far as its declared type tells.

use adieu_core::FieldType;
use jiff::civil::Time;

use crate::catalogue::{Column, ColumnType};
use crate::config::Constant;
use crate::dialect::Dialect;
use crate::pseudonym::split_date;

/// Why a column cannot hold a constant; none where it can, or where only the database can tell.
pub(crate) fn refusal(
    constant: &Constant,
    column: &Column,
    dialect: Dialect,
) -> Option<&'static str> {
    let text = match constant {
        Constant::Boolean(value) => u8::from(*value).to_string(),
        Constant::Integer(number) => number.to_string(),
        Constant::Real(number) => number.to_string(),
        Constant::Text(text) => text.clone(),
    };
    match column.field_type {
        FieldType::Integer => match text.parse::<i128>() {
            Err(_) => Some("it holds whole numbers; write one"),
            Ok(number) if !range(&column.declared, dialect).contains(&number) => {
                Some("it holds no number as large")
            }
            Ok(_) => None,
        },
        FieldType::Number if text.parse::<f64>().is_err() => Some("it holds numbers; write one"),
        FieldType::Boolean => match text.to_ascii_lowercase().as_str() {
            "0" | "1" | "true" | "false" | "t" | "f" => None,
            _ => Some("it holds true or false; write one of them"),
        },
        FieldType::Date | FieldType::Datetime if split_date(&text).is_none() => {
            Some("it holds dates; write one, such as \"2000-01-01\"")
        }
        FieldType::Time if text.parse::<Time>().is_err() => {
            Some("it holds times of day; write one, such as \"00:00:00\"")
        }
        FieldType::Uuid if uuid::Uuid::try_parse(&text).is_err() => {
            Some("it holds UUIDs; write one")
        }
        FieldType::Any
            if column.nested && serde_json::from_str::<serde_json::Value>(&text).is_err() =>
        {
            Some("it holds JSON; write some, such as \"{}\"")
        }
        FieldType::String => match words(&column.declared) {
            Some(words) if !words.contains(&text) => {
                Some("it is none of the words that the column may hold")
            }
            None if max_chars(column).is_some_and(|most| text.chars().count() > most) => {
                Some("it is longer than the column")
            }
            _ => None,
        },
        _ => None,
    }
}

/// How many characters a column holds; none where its type does not say.
pub(crate) fn max_chars(column: &Column) -> Option<usize> {
    let declared = column.declared.to_ascii_lowercase();
    if column.column_type != ColumnType::Text || !declared.contains("char") {
        return None;
    }
    let (_, rest) = declared.split_once('(')?;
    rest.split_once(')')?.0.trim().parse().ok()
}

/// The words of `enum('a','b')`, of which a column holds one.
fn words(declared: &str) -> Option<Vec<String>> {
    let list = declared.strip_prefix("enum(")?.strip_suffix(')')?;
    let mut words = Vec::new();
    let mut rest = list;
    while let Some(quoted) = rest.strip_prefix('\'') {
        let mut word = String::new();
        let mut signs = quoted.char_indices().peekable();
        let mut end = quoted.len();
        while let Some((at, sign)) = signs.next() {
            match sign {
                '\'' if matches!(signs.peek(), Some((_, '\''))) => {
                    signs.next();
                    word.push('\'');
                }
                '\'' => {
                    end = at + 1;
                    break;
                }
                sign => word.push(sign),
            }
        }
        words.push(word);
        rest = quoted[end..].trim_start_matches([',', ' ']);
    }
    Some(words)
}

/// The whole numbers that a type holds. SQLite's integers all have 64 bits, however they are declared.
fn range(declared: &str, dialect: Dialect) -> std::ops::RangeInclusive<i128> {
    let declared = declared.to_ascii_lowercase();
    let name: String = declared
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let bits = match (dialect, name.as_str()) {
        (Dialect::Sqlite, _) => 64,
        (_, "tinyint") => 8,
        (_, "smallint" | "int2" | "year") => 16,
        (_, "mediumint") => 24,
        (_, "int" | "integer" | "int4") => 32,
        _ => 64,
    };
    if declared.contains("unsigned") || matches!(name.as_str(), "oid" | "bit") {
        0..=(1 << bits) - 1
    } else {
        -(1 << (bits - 1))..=(1 << (bits - 1)) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(declared: &str, column_type: ColumnType, field_type: FieldType) -> Column {
        Column {
            declared: declared.to_owned(),
            field_type,
            ..Column::plain("c", column_type)
        }
    }

    fn is_refused(declared: &str, field_type: FieldType, constant: &Constant) -> bool {
        let column_type = match field_type {
            FieldType::String => ColumnType::Text,
            FieldType::Integer => ColumnType::Integer,
            _ => ColumnType::Own,
        };
        let column = of(declared, column_type, field_type);
        refusal(constant, &column, Dialect::MariaDb).is_some()
    }

    #[test]
    fn a_constant_fits_or_it_is_said_why_not() {
        let text = |text: &str| Constant::Text(text.to_owned());
        for (declared, field_type, good, bad) in [
            (
                "tinyint(4)",
                FieldType::Integer,
                Constant::Integer(-128),
                Constant::Integer(128),
            ),
            (
                "int(10) unsigned",
                FieldType::Integer,
                Constant::Integer(4_294_967_295),
                Constant::Integer(-1),
            ),
            (
                "bigint",
                FieldType::Integer,
                Constant::Integer(i64::MIN),
                text("none"),
            ),
            (
                "decimal(10,2)",
                FieldType::Number,
                Constant::Real(0.5),
                text("free"),
            ),
            (
                "tinyint(1)",
                FieldType::Boolean,
                Constant::Boolean(true),
                Constant::Integer(7),
            ),
            ("date", FieldType::Date, text("2000-01-01"), text("gone")),
            (
                "datetime",
                FieldType::Datetime,
                text("2000-01-01 00:00:00"),
                Constant::Integer(0),
            ),
            ("time", FieldType::Time, text("00:00:00"), text("noon")),
            (
                "uuid",
                FieldType::Uuid,
                text("00000000-0000-0000-0000-000000000000"),
                text("0"),
            ),
            (
                "varchar(4)",
                FieldType::String,
                text("gönë"),
                text("erased"),
            ),
            (
                "character varying(4)",
                FieldType::String,
                text("gone"),
                text("erased"),
            ),
            (
                "enum('it''s','b,c')",
                FieldType::String,
                text("it's"),
                text("b"),
            ),
        ] {
            assert!(!is_refused(declared, field_type, &good), "{declared}");
            assert!(is_refused(declared, field_type, &bad), "{declared}");
        }
        assert_eq!(
            words("enum('it''s','b,c','')").unwrap(),
            ["it's", "b,c", ""]
        );
    }
}
