//! What it means that a value here equals a value there: exactly, whatever the database would call equal.

use crate::catalogue::{Column, ColumnType};
use crate::config::Local;
use crate::dialect::{Dialect, Sql, Value};

/// A place here and the column there that it must equal.
pub(crate) struct Pair<'a> {
    pub(crate) here: &'a Column,
    pub(crate) local: &'a Local,
    pub(crate) there: &'a Column,
}

/// `column = value`, or `column IN (…)`, for the forms in which the column would hold the values exactly; `None` when it
/// can hold none of them.
pub(crate) fn equals_any(
    dialect: Dialect,
    alias: &str,
    of: &Column,
    values: &[Value],
) -> Option<Sql> {
    let mut forms: Vec<Value> = Vec::new();
    for form in values
        .iter()
        .flat_map(|value| dialect.equal_values(of, value))
    {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    let compare = |left: String, forms: &[Value], cast: bool| {
        let mut sql = Sql::text(left);
        let is_list = forms.len() > 1;
        sql.push(if is_list { " IN (" } else { " = " });
        for (index, form) in forms.iter().enumerate() {
            let cast = dialect.compared_as(of, form).filter(|_| cast);
            sql.push(if index > 0 { ", " } else { "" });
            sql.bind_as(form.clone(), cast.as_deref());
        }
        sql.push(if is_list { ")" } else { "" });
        sql
    };
    let left = dialect.compared(of, alias);
    if forms.is_empty() {
        None
    } else if of.exact || of.column_type != ColumnType::Text {
        Some(compare(left, &forms, true))
    } else {
        // The first condition lets an index be used, the second one is byte by byte.
        let exactly = dialect.byte_by_byte(&left);
        Some(Sql::joined(
            [compare(left, &forms, true), compare(exactly, &forms, false)],
            " AND ",
        ))
    }
}

/// Whether the places here together equal one of these keys.
pub(crate) fn equals_any_key(
    dialect: Dialect,
    alias: &str,
    pairs: &[Pair<'_>],
    keys: Vec<Vec<Value>>,
) -> Option<Sql> {
    if let [pair] = pairs {
        return pair.equals_any(dialect, alias, &keys.concat());
    }
    let mut ways = Vec::new();
    for key in keys {
        let parts: Option<Vec<Sql>> = pairs
            .iter()
            .zip(&key)
            .map(|(pair, value)| pair.equals_any(dialect, alias, std::slice::from_ref(value)))
            .collect();
        ways.extend(parts.map(|parts| Sql::joined(parts, " AND ")));
    }
    (!ways.is_empty()).then(|| Sql::joined(ways, " OR "))
}

impl Pair<'_> {
    /// Whether the place here holds one of these values of the column there.
    fn equals_any(&self, dialect: Dialect, alias: &str, values: &[Value]) -> Option<Sql> {
        if self.local.is_whole() {
            return equals_any(dialect, alias, self.here, values);
        }
        let texts = values
            .iter()
            .flat_map(|value| dialect.texts_of(self.there, value));
        let texts: Vec<Value> = texts.collect();
        let text = dialect.text_inside(self.here, alias, self.local);
        (!texts.is_empty()).then(|| is_among(text, texts))
    }
}

/// Whether a text is one of these, byte by byte.
pub(crate) fn is_among(text: Sql, texts: Vec<Value>) -> Sql {
    let mut sql = text;
    sql.push(" IN (");
    for (index, text) in texts.into_iter().enumerate() {
        sql.push(if index > 0 { ", " } else { "" })
            .bind_as(text, None);
    }
    sql.push(")");
    sql
}

/// Two columns as expressions whose `=` is exact: where one holds numbers and the other may hold text, both are
/// compared as text, because the database would take `'01'` for 1.
pub(crate) fn comparable(
    dialect: Dialect,
    (left, here): (String, &Column),
    (right, there): (String, &Column),
) -> (String, String) {
    use ColumnType::{Any, Decimal, Integer, Numeric, Own, Real, Text, Uuid};
    let as_text = |expression: String| dialect.as_text(&expression);
    match (here.column_type, there.column_type) {
        (Integer | Real | Numeric | Decimal, Integer | Real | Numeric | Decimal) | (Uuid, Uuid) => {
            (left, right)
        }
        (Text | Any, Text | Any) if here.exact && there.exact => (left, right),
        (Text | Any, Text | Any) => (dialect.byte_by_byte(&left), dialect.byte_by_byte(&right)),
        (Own, Own) if here.cast == there.cast => (left, right),
        // Blanks at the end would be overlooked by a collation.
        (Text | Any, _) if !here.exact => (dialect.byte_by_byte(&left), as_text(right)),
        (_, Text | Any) if !there.exact => (as_text(left), dialect.byte_by_byte(&right)),
        (Text | Any, _) => (left, as_text(right)),
        (_, Text | Any) => (as_text(left), right),
        _ => (as_text(left), as_text(right)),
    }
}
