//! The rows of an answer on their way into a batch.

use sqlx::{Column as _, ColumnIndex, Database, Error, Row, ValueRef as _};

use crate::dialect::{Batch, Cell};

/// What is known of the columns of an answer, and memory to write texts in.
pub(crate) struct Scratch<F> {
    forms: Vec<F>,
    text: String,
}

impl<F> Default for Scratch<F> {
    fn default() -> Self {
        Self {
            forms: Vec::new(),
            text: String::new(),
        }
    }
}

/// Adds a row to a batch. `form` tells how the values of a column are sent, and `cell` reads one that is not NULL.
pub(crate) fn push_row<R, F>(
    batch: &mut Batch,
    row: &R,
    width: usize,
    Scratch { forms, text }: &mut Scratch<F>,
    form: impl Fn(&<R::Database as Database>::TypeInfo) -> F,
    cell: impl for<'a> Fn(
        F,
        <R::Database as Database>::ValueRef<'a>,
        &'a mut String,
    ) -> Result<Cell<'a>, Error>,
) -> Result<(), Error>
where
    R: Row,
    usize: ColumnIndex<R>,
    F: Copy,
{
    if forms.is_empty() {
        forms.extend(row.columns().iter().map(|column| form(column.type_info())));
    }
    for index in 0..width {
        let value = row.try_get_raw(index)?;
        if value.is_null() {
            batch.push(Cell::Null);
            continue;
        }
        let len = forms.len();
        let form = forms.get(index).copied();
        let form = form.ok_or(Error::ColumnIndexOutOfBounds { index, len })?;
        text.clear();
        batch.push(cell(form, value, text)?);
    }
    Ok(())
}
