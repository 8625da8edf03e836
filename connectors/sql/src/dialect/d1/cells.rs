//! How values come through D1's JSON without losing anything: with their types beside them.
//!
//! A whole number comes as text, because JavaScript would round it; bytes in hexadecimal, or as a list of numbers where that
//! would be longer than a value may be; an infinite number as text. Text comes as it is. Where it was no UTF-8 a replacement
//! character shows, and whoever sees one asks again for all texts as bytes.

use serde_json::Value as Json;

use super::statement::{Statement, Writing};
use crate::dialect::sql::quoted;
use crate::dialect::{Batch, Cell, Sql};

/// No longer value is sent in hexadecimal: a value of D1 has two million bytes at most.
const MAX_HEXADECIMAL: usize = 900_000;

/// How many types are told in one expression, which must not be nested deeper than D1 allows.
const TYPES_TOGETHER: usize = 20;

/// How texts are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    AsTheyAre,
    AsBytes,
}

/// What an answer says makes no sense.
pub(super) struct Unreadable;

/// A query whose answer [`push_row`] reads.
pub(super) fn asked(query: &Sql, width: usize, texts: Texts) -> Statement {
    let columns: Vec<String> = (0..width).map(|place| format!("c{place}")).collect();
    let mut writing = Writing::default();
    writing
        .push(&format!("WITH q({}) AS (", columns.join(", ")))
        .append(query.clone())
        .push(&format!(") SELECT {} FROM q", told(&columns, texts)));
    writing.finish()
}

/// The end of a statement that writes: the named columns of each row that it wrote to.
pub(super) fn returning(columns: &[String]) -> String {
    let columns: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
    format!(" RETURNING {}", told(&columns, Texts::AsBytes))
}

/// What to select so that the values of expressions arrive: their types, then each of them.
pub(super) fn told(expressions: &[String], texts: Texts) -> String {
    let types = expressions.chunks(TYPES_TOGETHER).map(|some| {
        let types = some
            .iter()
            .map(|one| format!("substr(typeof({one}), 1, 1)"));
        format!("({})", types.collect::<Vec<_>>().join(" || "))
    });
    let types = types.collect::<Vec<_>>().join(" || ");
    let values = expressions.iter().enumerate().map(|(place, one)| {
        let bytes = format!(
            "CASE WHEN length(CAST({one} AS BLOB)) > {MAX_HEXADECIMAL} THEN CAST({one} AS BLOB) ELSE hex({one}) END"
        );
        let text = match texts {
            Texts::AsTheyAre => one,
            Texts::AsBytes => &bytes,
        };
        format!(
            "CASE typeof({one}) WHEN 'integer' THEN CAST({one} AS TEXT) WHEN 'text' THEN {text} WHEN 'blob' THEN {bytes} \
             WHEN 'real' THEN CASE WHEN abs({one}) > 1.7976931348623157e308 THEN CAST({one} AS TEXT) ELSE {one} END END AS v{place}"
        )
    });
    let values: Vec<String> = values.collect();
    format!("{types} AS types, {}", values.join(", "))
}

/// Adds a row of an answer to a batch; says whether a text in it may not have been UTF-8.
pub(super) fn push_row(batch: &mut Batch, row: &[Json], texts: Texts) -> Result<bool, Unreadable> {
    let (Some(Json::String(types)), values) = (row.first(), &row[1..]) else {
        return Err(Unreadable);
    };
    if types.len() != values.len() {
        return Err(Unreadable);
    }
    let mut odd = false;
    for (kind, value) in types.bytes().zip(values) {
        match (kind, value) {
            (b'n', Json::Null) => batch.push(Cell::Null),
            (b'i', Json::String(digits)) => {
                batch.push(Cell::Integer(digits.parse().map_err(|_| Unreadable)?));
            }
            (b'r', Json::Number(number)) => {
                batch.push(Cell::Real(number.as_f64().ok_or(Unreadable)?));
            }
            (b'r', Json::String(infinite)) => batch.push(Cell::Real(match infinite.as_str() {
                "Inf" => f64::INFINITY,
                "-Inf" => f64::NEG_INFINITY,
                _ => return Err(Unreadable),
            })),
            (b't', Json::String(text)) if texts == Texts::AsTheyAre => {
                odd |= text.contains(char::REPLACEMENT_CHARACTER);
                batch.push(Cell::Text(text.as_bytes()));
            }
            (b't', value) => batch.push(Cell::Text(&bytes(value)?)),
            (b'b', value) => batch.push(Cell::Blob(&bytes(value)?)),
            _ => return Err(Unreadable),
        }
    }
    Ok(odd)
}

fn bytes(value: &Json) -> Result<Vec<u8>, Unreadable> {
    let bytes: Option<Vec<u8>> = match value {
        Json::String(digits) if digits.len() % 2 == 0 && digits.is_ascii() => {
            let pairs = (0..digits.len()).step_by(2);
            pairs
                .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok())
                .collect()
        }
        Json::Array(numbers) => {
            let numbers = numbers.iter();
            numbers
                .map(|number| u8::try_from(number.as_u64()?).ok())
                .collect()
        }
        _ => None,
    };
    bytes.ok_or(Unreadable)
}
