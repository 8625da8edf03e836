//! Reading a log frame by frame.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::aead::{Aad, RandomizedNonceKey};
use bytes::Bytes;

use super::{
    Frame, HEADER, Kind, LogId, LogMark, MAX_PAYLOAD, NONCE, OVERHEAD, TAG, authenticated,
};
use crate::error::ArchiveError;

/// Reads a log up to a mark. A clone reads on its own.
pub(crate) struct LogReader {
    id: LogId,
    path: PathBuf,
    key: Arc<RandomizedNonceKey>,
    disk: LogMark,
    tail: Arc<[Frame]>,
    mark: LogMark,
    at: LogMark,
    /// Where in the tail the reader is.
    tail_at: usize,
    file: Option<BufReader<File>>,
}

impl LogReader {
    pub(super) fn new(
        id: LogId,
        path: PathBuf,
        key: Arc<RandomizedNonceKey>,
        disk: LogMark,
        tail: Arc<[Frame]>,
        mark: LogMark,
    ) -> Self {
        Self {
            id,
            path,
            key,
            disk,
            tail,
            mark,
            at: LogMark::default(),
            tail_at: 0,
            file: None,
        }
    }

    /// Another reader of the same, at the beginning.
    pub(crate) fn again(&self) -> Self {
        Self::new(
            self.id,
            self.path.clone(),
            Arc::clone(&self.key),
            self.disk,
            Arc::clone(&self.tail),
            self.mark,
        )
    }

    /// Goes to a place between two frames of this log.
    pub(crate) fn go_to(&mut self, place: LogMark) -> Result<(), ArchiveError> {
        if self.at == place {
            return Ok(());
        }
        if place.bytes < self.disk.bytes {
            self.tail_at = 0;
            let back = i64::try_from(place.bytes)
                .ok()
                .zip(i64::try_from(self.at.bytes).ok());
            match (&mut self.file, back) {
                // Within what is buffered this costs no call.
                (Some(file), Some((to, from))) if self.at.bytes <= self.disk.bytes => {
                    file.seek_relative(to - from)
                }
                (Some(file), _) => file.seek(SeekFrom::Start(place.bytes)).map(drop),
                (None, _) => Ok(()),
            }
            .map_err(ArchiveError::storage("reading the spool"))?;
            self.at = place;
            return Ok(());
        }
        let (mut at, mut index) =
            if self.at.bytes >= self.disk.bytes && self.at.bytes <= place.bytes {
                (self.at, self.tail_at)
            } else {
                (self.disk, 0)
            };
        // A file written by an earlier process does not know its frames; the tail is then empty.
        while at.bytes < place.bytes {
            let frame = self.tail.get(index).ok_or(TOO_SHORT)?;
            at = at.after(frame.payload.len());
            index += 1;
        }
        (self.at, self.tail_at) = (place, index);
        if at.bytes == place.bytes {
            Ok(())
        } else {
            Err(MISFIT)
        }
    }

    /// The next frame of a wanted kind, or nothing when the mark is reached.
    pub(crate) fn next(&mut self, wanted: &[Kind]) -> Result<Option<(Kind, Bytes)>, ArchiveError> {
        loop {
            if self.at.bytes >= self.mark.bytes {
                return if self.at == self.mark {
                    Ok(None)
                } else {
                    Err(MISFIT)
                };
            }
            let frame = if self.at.bytes < self.disk.bytes {
                self.next_in_file(wanted)?
            } else {
                self.next_in_tail(wanted)?
            };
            if frame.is_some() {
                return Ok(frame);
            }
        }
    }

    fn next_in_tail(&mut self, wanted: &[Kind]) -> Result<Option<(Kind, Bytes)>, ArchiveError> {
        let frame = self.tail.get(self.tail_at).ok_or(TOO_SHORT)?;
        self.at = self.at.after(frame.payload.len());
        self.tail_at += 1;
        Ok(wanted
            .contains(&frame.kind)
            .then(|| (frame.kind, frame.payload.clone())))
    }

    fn next_in_file(&mut self, wanted: &[Kind]) -> Result<Option<(Kind, Bytes)>, ArchiveError> {
        let reading = ArchiveError::storage("reading the spool");
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut file = File::open(&self.path).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => TOO_SHORT,
                    _ => reading(error),
                })?;
                file.seek(SeekFrom::Start(self.at.bytes))
                    .map_err(&reading)?;
                self.file.insert(BufReader::with_capacity(64 << 10, file))
            }
        };
        let mut header = [0; HEADER];
        read_exact(file, &mut header)?;
        let kind = Kind::from_byte(header[0]).ok_or(CHANGED)?;
        let length = u32::from_le_bytes([header[1], header[2], header[3], header[4]]) as usize;
        let number = self.at.frames;
        if length > MAX_PAYLOAD || self.at.bytes + OVERHEAD + length as u64 > self.disk.bytes {
            return Err(CHANGED);
        }
        self.at = self.at.after(length);
        if !wanted.contains(&kind) {
            file.seek_relative((NONCE + length + TAG) as i64)
                .map_err(&reading)?;
            return Ok(None);
        }
        let mut nonce = [0; NONCE];
        read_exact(file, &mut nonce)?;
        let mut sealed = vec![0; length + TAG];
        read_exact(file, &mut sealed)?;
        let aad = Aad::from(authenticated(&self.id, number, header[0]));
        self.key
            .open_in_place((&nonce).into(), aad, &mut sealed)
            .map_err(|_| CHANGED)?;
        sealed.truncate(length);
        Ok(Some((kind, sealed.into())))
    }
}

const TOO_SHORT: ArchiveError = ArchiveError::Damaged("the spool ends before what was committed");
const CHANGED: ArchiveError = ArchiveError::Damaged("the spool was changed, or has another key");
const MISFIT: ArchiveError = ArchiveError::Damaged("a mark does not fit the spool");

fn read_exact(file: &mut impl Read, buffer: &mut [u8]) -> Result<(), ArchiveError> {
    file.read_exact(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => TOO_SHORT,
        kind => ArchiveError::Storage {
            doing: "reading the spool",
            kind,
        },
    })
}
