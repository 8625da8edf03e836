//! A statement as D1 takes it: with all its values in one JSON text, which is its only parameter.
//!
//! So a statement may have more than the hundred values that D1 allows, and whole numbers, NULLs and bytes arrive as what they
//! are: the API takes texts for certain, and the JavaScript behind it would round whole numbers beyond 2^53.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::dialect::sql::Bound;
use crate::dialect::{Sql, Value};

/// A statement and its parameter.
#[derive(Clone, Serialize)]
pub(super) struct Statement {
    sql: String,
    /// Left out where it would be empty, which the API does not like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<String>,
}

/// A statement that is being written.
#[derive(Default)]
pub(super) struct Writing {
    text: String,
    places: Vec<Json>,
}

/// A list of rows of values that lies in a statement's parameter.
pub(super) struct List {
    /// The table of the list: its rows are in the column `value`.
    pub(super) table: String,
    /// By place in a row, whether JSON has a form of its own for every value there.
    plain: Vec<bool>,
}

impl Writing {
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a piece with its values.
    pub(super) fn append(&mut self, sql: Sql) -> &mut Self {
        let places = &mut self.places;
        let (text, _) = sql.render(|_, Bound { value, .. }| {
            let (written, form) = written(value);
            places.push(written);
            form.read("?1", places.len() - 1)
        });
        self.push(&text)
    }

    /// Puts a list into the parameter.
    pub(super) fn list(&mut self, rows: &[Vec<Value>]) -> List {
        let width = rows.first().map_or(0, Vec::len);
        let is_plain = |place| {
            rows.iter().all(|row| {
                row.get(place)
                    .is_none_or(|value| matches!(written(value).1, Form::Plain))
            })
        };
        let plain = (0..width).map(is_plain).collect();
        let row = |row: &Vec<Value>| row.iter().map(|value| written(value).0).collect::<Json>();
        self.places.push(rows.iter().map(row).collect());
        List {
            table: format!("json_each(?1, '$[{}]')", self.places.len() - 1),
            plain,
        }
    }

    pub(super) fn finish(self) -> Statement {
        Statement {
            sql: self.text,
            params: match self.places.is_empty() {
                true => Vec::new(),
                false => vec![Json::Array(self.places).to_string()],
            },
        }
    }
}

impl From<Sql> for Statement {
    fn from(sql: Sql) -> Self {
        let mut writing = Writing::default();
        writing.append(sql);
        writing.finish()
    }
}

impl List {
    /// The value at this place of a row.
    pub(super) fn value(&self, alias: &str, place: usize) -> String {
        let row = format!("{alias}.value");
        let of = |form: Form| form.read(&row, place);
        if self.plain.get(place).is_none_or(|plain| *plain) {
            return of(Form::Plain);
        }
        format!(
            "CASE {row}->>'$[{place}][0]' WHEN 'r' THEN {} WHEN 'b' THEN {} WHEN 't' THEN {} ELSE {} END",
            of(Form::Real),
            of(Form::Bytes),
            of(Form::OddText),
            of(Form::Plain)
        )
    }
}

/// How a value stands in the JSON text.
#[derive(Clone, Copy)]
enum Form {
    /// As itself.
    Plain,
    /// `["r", digits, exponent]`: SQLite's own reading of decimals may miss the last bit of a double.
    Real,
    /// `["b", hexadecimal]`
    Bytes,
    /// `["t", hexadecimal]`: text that is not UTF-8.
    OddText,
}

impl Form {
    /// The expression that has the value again.
    fn read(self, source: &str, place: usize) -> String {
        let part = |part: u8| format!("({source}->>'$[{place}][{part}]')");
        match self {
            Self::Plain => format!("({source}->>{place})"),
            Self::Real => format!("({} * pow(2.0, {}))", part(1), part(2)),
            Self::Bytes => format!("unhex({})", part(1)),
            Self::OddText => format!("CAST(unhex({}) AS TEXT)", part(1)),
        }
    }
}

fn written(value: &Value) -> (Json, Form) {
    match value {
        Value::Null => (Json::Null, Form::Plain),
        Value::Integer(number) => (json!(number), Form::Plain),
        Value::Real(number) => match parts(*number) {
            Some((digits, exponent)) => (json!(["r", digits, exponent]), Form::Real),
            None => (Json::Null, Form::Plain),
        },
        Value::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => (json!(text), Form::Plain),
            Err(_) => (json!(["t", hexadecimal(text)]), Form::OddText),
        },
        Value::Blob(bytes) => (json!(["b", hexadecimal(bytes)]), Form::Bytes),
    }
}

/// A double as a whole number and the power of two that it is multiplied with, exactly; none where it is no number.
fn parts(number: f64) -> Option<(i64, i64)> {
    const FRACTION_BITS: i64 = 52;
    if number.is_nan() {
        return None;
    }
    if number.is_infinite() {
        // No power of two as large is finite.
        return Some((if number > 0.0 { 1 } else { -1 }, 5_000));
    }
    let bits = number.to_bits().cast_signed();
    let biased = (bits >> FRACTION_BITS) & 0x7FF;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let (digits, exponent) = match biased {
        0 => (fraction, -1_074),
        biased => (fraction | 1 << FRACTION_BITS, biased - 1_075),
    };
    Some((if number < 0.0 { -digits } else { digits }, exponent))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
