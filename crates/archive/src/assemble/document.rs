//! Writing JSON piece by piece, so that none of it has to be in memory as a whole.

use std::io::Write;

use serde::Serialize;

use super::outlet::WRITING;
use crate::error::ArchiveError;

/// A JSON object that is written member by member.
pub(super) struct Document<'a, W> {
    out: &'a mut W,
    first: bool,
}

impl<'a, W: Write> Document<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        Self { out, first: true }
    }

    /// Goes on in a list of which an earlier document has written nothing yet, or something.
    pub(super) fn going_on(out: &'a mut W, first: bool) -> Self {
        Self { out, first }
    }

    pub(super) fn out(&mut self) -> &mut W {
        self.out
    }

    pub(super) fn raw(&mut self, text: &str) -> Result<(), ArchiveError> {
        self.out
            .write_all(text.as_bytes())
            .map_err(|error| ArchiveError::from_io(WRITING, &error))
    }

    pub(super) fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), ArchiveError> {
        serde_json::to_writer(&mut *self.out, value)
            .map_err(|error| ArchiveError::from_io(WRITING, &error.into()))
    }

    pub(super) fn key(&mut self, key: &str) -> Result<(), ArchiveError> {
        self.separate()?;
        self.value(key)?;
        self.raw(": ")
    }

    pub(super) fn member(
        &mut self,
        key: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), ArchiveError> {
        self.key(key)?;
        self.value(value)
    }

    pub(super) fn list(&mut self, key: &str) -> Result<(), ArchiveError> {
        self.key(key)?;
        self.raw("[\n")?;
        self.first = true;
        Ok(())
    }

    pub(super) fn item(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), ArchiveError> {
        self.separate()?;
        self.value(value)
    }

    pub(super) fn end_list(&mut self) -> Result<(), ArchiveError> {
        self.first = false;
        self.raw("\n]")
    }

    pub(super) fn begin(&mut self) -> Result<(), ArchiveError> {
        self.separate()?;
        self.first = true;
        self.raw("{")
    }

    pub(super) fn end(&mut self) -> Result<(), ArchiveError> {
        self.first = false;
        self.raw("}")
    }

    fn separate(&mut self) -> Result<(), ArchiveError> {
        if std::mem::take(&mut self.first) {
            Ok(())
        } else {
            self.raw(",\n")
        }
    }
}
