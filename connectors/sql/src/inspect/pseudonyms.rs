//! What could replace a value in a row that has to stay.

use adieu_core::FieldType;

use super::personal::Sort;
use crate::catalogue::{Catalogue, Column, ColumnType, Table};
use crate::compare::unfit;
use crate::config::{Constant, DatePrecision, Pseudonymizer};

/// The first replacement that the column can take; otherwise why there is none.
pub(crate) fn pseudonym(
    column: &Column,
    sort: Sort,
    table: &Table,
    catalogue: &Catalogue,
) -> Result<Pseudonymizer, &'static str> {
    let mut why = "no replacement of its type is known; write one";
    for way in candidates(column, sort, table) {
        match unfit(&way, column, table, catalogue) {
            None => return Ok(way),
            Some(reason) => why = reason,
        }
    }
    Err(why)
}

fn candidates(column: &Column, sort: Sort, table: &Table) -> Vec<Pseudonymizer> {
    let text = |text: &str| Pseudonymizer::Value(Constant::Text(text.to_owned()));
    let in_any_set = table.unique.iter().any(|set| set.contains(&column.name));
    let mut candidates = Vec::new();
    if sort == Sort::Email || in_any_set {
        candidates.push(Pseudonymizer::Unique);
    }
    candidates.push(Pseudonymizer::Null);
    match (column.field_type, sort) {
        (FieldType::Date | FieldType::Datetime, _) | (_, Sort::Birth)
            if column.column_type != ColumnType::Integer =>
        {
            candidates.push(Pseudonymizer::Date(DatePrecision::Year));
        }
        (FieldType::Integer | FieldType::Number, _) => {
            candidates.push(Pseudonymizer::Value(Constant::Integer(0)));
        }
        (_, Sort::Ip) => candidates.push(Pseudonymizer::Truncate),
        (_, Sort::Json) => candidates.push(text("{}")),
        (FieldType::String, Sort::Name) if column.column_type != ColumnType::Own => {
            candidates.push(text("erased"));
        }
        (FieldType::String, _) if column.column_type != ColumnType::Own => {
            candidates.push(text(""))
        }
        _ => {}
    }
    candidates
}
