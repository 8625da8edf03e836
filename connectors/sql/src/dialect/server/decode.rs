//! The rows of an answer on their way into a batch.

use sqlx::{Column as _, ColumnIndex, Database, Decode, Error, Row, TypeInfo as _};

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

/// Adds a row to a batch. `form` tells how the values of a column are sent, and `read` reads one that is not NULL; `None` where it is
/// not of that form.
pub(crate) fn push_row<'r, R, F>(
    batch: &mut Batch,
    row: &'r R,
    width: usize,
    Scratch { forms, text }: &mut Scratch<F>,
    form: impl Fn(&<R::Database as Database>::TypeInfo) -> F,
    read: impl for<'a> Fn(F, &'a [u8], &'a mut String) -> Option<Cell<'a>>,
) -> Result<(), Error>
where
    R: Row,
    usize: ColumnIndex<R>,
    &'r [u8]: Decode<'r, R::Database>,
    F: Copy,
{
    if forms.is_empty() {
        forms.extend(row.columns().iter().map(|column| form(column.type_info())));
    }
    for index in 0..width {
        let Some(bytes) = row.try_get_unchecked::<Option<&[u8]>, _>(index)? else {
            batch.push(Cell::Null);
            continue;
        };
        let len = forms.len();
        let form = forms.get(index).copied();
        let form = form.ok_or(Error::ColumnIndexOutOfBounds { index, len })?;
        text.clear();
        batch.push(read(form, bytes, text).ok_or_else(|| unreadable(row, index))?);
    }
    Ok(())
}

/// A value of a form that this version of the database should not send; only its type is told.
#[cold]
fn unreadable<R: Row>(row: &R, index: usize) -> Error {
    let column = row.columns().get(index);
    let what = column.map_or("unknown", |column| column.type_info().name());
    Error::Protocol(format!("a value of type {what} in an unknown form"))
}
