//! Reading the frames of one kind as one stream of bytes.

use std::io::{self, Read};

use bytes::{Buf, Bytes};

use super::Stop;
use crate::error::ArchiveError;
use crate::log::{Kind, LogReader};

/// What comes after the last frame.
pub(super) enum Ending {
    /// The frames reach to the mark, and then comes this.
    With(Vec<u8>),
    /// Nothing; other frames may follow.
    Open,
}

/// The frames of one kind, exactly as many bytes as were committed. Fewer or more are an error, never a shorter answer.
pub(super) struct Pieces {
    reader: LogReader,
    kind: Kind,
    left: u64,
    ending: Ending,
    piece: Bytes,
    stop: Stop,
}

impl Pieces {
    pub(super) fn new(
        reader: LogReader,
        kind: Kind,
        bytes: u64,
        ending: Ending,
        stop: Stop,
    ) -> Self {
        Self {
            reader,
            kind,
            left: bytes,
            ending,
            piece: Bytes::new(),
            stop,
        }
    }

    /// The next piece; empty at the end.
    fn next(&mut self) -> Result<Bytes, ArchiveError> {
        self.stop.check()?;
        if self.left > 0 {
            let (_, piece) = self.reader.next(&[self.kind])?.ok_or(WRONG_LENGTH)?;
            self.left = self
                .left
                .checked_sub(piece.len() as u64)
                .ok_or(WRONG_LENGTH)?;
            return Ok(piece);
        }
        match std::mem::replace(&mut self.ending, Ending::Open) {
            Ending::Open => Ok(Bytes::new()),
            Ending::With(ending) => match self.reader.next(&[self.kind])? {
                None => Ok(ending.into()),
                Some(_) => Err(WRONG_LENGTH),
            },
        }
    }
}

const WRONG_LENGTH: ArchiveError =
    ArchiveError::Damaged("the spool does not hold what was committed");

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            self.piece = self.next()?;
        }
        let read = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}
