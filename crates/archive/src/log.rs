//! The spool's storage: one append-only log of sealed frames for each collection.
//!
//! A frame is `kind (1) | length (4, little endian) | nonce (12) | ciphertext | tag (16)`. Kind, the frame's number and the log's name are
//! authenticated with it. The newest frames lie in memory, unsealed, until there are too many of them or they are to survive.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::aead::{Aad, RandomizedNonceKey};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::ArchiveError;
use crate::synced::SyncedFile;

mod reader;

pub(crate) use reader::LogReader;

/// The most that a frame holds.
pub(crate) const MAX_PAYLOAD: usize = 1 << 20;

/// Once a log has a file, so much may wait in memory to be written to it.
const SPILL_BYTES: u64 = 128 << 10;

const HEADER: usize = 5;
const NONCE: usize = 12;
const TAG: usize = 16;
/// How many bytes a frame has beyond what it holds.
const OVERHEAD: u64 = (HEADER + NONCE + TAG) as u64;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A piece of the deflated CSV.
    Csv = 1,
    /// A piece of the deflated JSON.
    Json = 2,
    /// A piece of an attachment's body.
    Body = 3,
    /// What is known of an attachment whose body is complete.
    Attachment = 4,
    /// Something that could not be read.
    Missing = 5,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Csv,
            Self::Json,
            Self::Body,
            Self::Attachment,
            Self::Missing,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// A place between two frames of a log, as if all of it were sealed already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogMark {
    pub(crate) bytes: u64,
    pub(crate) frames: u64,
}

impl LogMark {
    fn after(self, payload: usize) -> Self {
        Self {
            bytes: self.bytes + OVERHEAD + payload as u64,
            frames: self.frames + 1,
        }
    }

    fn before(self, payload: usize) -> Self {
        Self {
            bytes: self.bytes - OVERHEAD - payload as u64,
            frames: self.frames - 1,
        }
    }
}

/// Which log a frame belongs to; the name of its file.
pub(crate) type LogId = [u8; 16];

#[derive(Clone)]
pub(crate) struct Frame {
    kind: Kind,
    payload: Bytes,
}

/// How much of all logs of a spool may lie in memory.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) used: AtomicUsize,
    pub(crate) limit: usize,
}

/// The log of one collection.
pub(crate) struct Log {
    id: LogId,
    path: PathBuf,
    key: Arc<RandomizedNonceKey>,
    budget: Arc<Budget>,
    file: Option<SyncedFile>,
    /// Where what is in the file ends and what is in memory begins.
    disk: LogMark,
    tail: Vec<Frame>,
    end: LogMark,
    /// Counts the pages, so that what a page left running writes nothing into the next one.
    epoch: u64,
    /// Counts the bodies of attachments, for the same reason.
    body: u64,
    unsynced: bool,
}

impl Log {
    /// The log of this name, which may have a file already.
    pub(crate) fn new(
        id: LogId,
        path: PathBuf,
        key: Arc<RandomizedNonceKey>,
        budget: Arc<Budget>,
    ) -> Self {
        let bytes = fs::metadata(&path).map_or(0, |found| found.len());
        // How many frames the file has is not known before a mark says so.
        let disk = LogMark { bytes, frames: 0 };
        Self {
            id,
            path,
            key,
            budget,
            file: None,
            disk,
            tail: Vec::new(),
            end: disk,
            epoch: 0,
            body: 0,
            unsynced: false,
        }
    }

    /// Forgets what lies beyond the mark and begins a page; the answer is the page's epoch.
    pub(crate) fn begin(&mut self, mark: LogMark) -> Result<u64, ArchiveError> {
        self.epoch += 1;
        self.rewind(mark)?;
        Ok(self.epoch)
    }

    /// Takes back what a page wrote, if it is still this page's turn.
    pub(crate) fn roll_back(&mut self, epoch: u64, mark: LogMark) {
        if self.epoch == epoch {
            self.epoch += 1;
            // A file that cannot be cut now is cut when the next page begins; until then nobody reads beyond the mark.
            let _ = self.rewind(mark);
        }
    }

    /// Ends the page: from here on it writes nothing more.
    pub(crate) fn finish(&mut self, epoch: u64) -> Result<LogMark, ArchiveError> {
        self.check(epoch)?;
        self.epoch += 1;
        Ok(self.end)
    }

    /// Begins the body of an attachment: where it will be, and its number. An earlier body that was broken off ends here.
    pub(crate) fn begin_body(&mut self, epoch: u64) -> Result<(LogMark, u64), ArchiveError> {
        self.check(epoch)?;
        self.body += 1;
        Ok((self.end, self.body))
    }

    /// Appends a piece of a body, if it is still this body's turn.
    pub(crate) fn append_body(
        &mut self,
        epoch: u64,
        body: u64,
        payload: Vec<u8>,
    ) -> Result<(), ArchiveError> {
        if self.body == body {
            self.append(epoch, Kind::Body, payload)
        } else {
            Err(ArchiveError::Stopped)
        }
    }

    /// Appends a frame.
    pub(crate) fn append(
        &mut self,
        epoch: u64,
        kind: Kind,
        payload: Vec<u8>,
    ) -> Result<(), ArchiveError> {
        self.check(epoch)?;
        if payload.len() > MAX_PAYLOAD {
            return Err(ArchiveError::Misused("a frame of the spool is too large"));
        }
        self.end = self.end.after(payload.len());
        let held = payload.len() + size_of::<Frame>();
        self.tail.push(Frame {
            kind,
            payload: payload.into(),
        });
        let used = self.budget.used.fetch_add(held, Ordering::Relaxed) + held;
        let waiting = self.end.bytes - self.disk.bytes;
        let spills = self.disk.bytes > 0 && waiting >= SPILL_BYTES;
        if used > self.budget.limit || spills {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Seals what lies in memory and writes it to the file.
    pub(crate) fn flush(&mut self) -> Result<(), ArchiveError> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let failed = ArchiveError::storage("writing the spool");
        let mut at = self.disk;
        self.file()?
            .get_ref()
            .seek(SeekFrom::Start(at.bytes))
            .map_err(&failed)?;
        // Small frames go together, large ones one by one: each thread that writes keeps the memory of its largest piece.
        let mut sealed = Vec::new();
        for index in 0..self.tail.len() {
            self.seal(&self.tail[index], at.frames, &mut sealed)?;
            at = at.after(self.tail[index].payload.len());
            if sealed.len() as u64 >= SPILL_BYTES || index + 1 == self.tail.len() {
                self.file()?.write_all(&sealed).map_err(&failed)?;
                sealed.clear();
            }
        }
        self.disk = at;
        self.unsynced = true;
        self.drop_tail(0);
        Ok(())
    }

    /// Makes everything so far survive a loss of power; says whether there was anything to do.
    pub(crate) fn sync(&mut self) -> Result<bool, ArchiveError> {
        self.flush()?;
        if !self.unsynced {
            return Ok(false);
        }
        self.file()?
            .sync_all()
            .map_err(ArchiveError::storage("syncing the spool"))?;
        self.unsynced = false;
        Ok(true)
    }

    /// A reader of what lies before the mark. It does not see what is written later.
    pub(crate) fn reader(&self, mark: LogMark) -> Result<LogReader, ArchiveError> {
        if mark.bytes > self.end.bytes {
            return Err(ArchiveError::Damaged(
                "the spool ends before what was committed",
            ));
        }
        Ok(LogReader::new(
            self.id,
            self.path.clone(),
            Arc::clone(&self.key),
            self.disk,
            self.tail.as_slice().into(),
            mark,
        ))
    }

    fn rewind(&mut self, mark: LogMark) -> Result<(), ArchiveError> {
        if mark.bytes > self.end.bytes {
            return Err(ArchiveError::Damaged(
                "the spool ends before what was committed",
            ));
        }
        if mark.bytes < self.disk.bytes || self.tail.is_empty() {
            self.drop_tail(0);
            if mark.bytes < self.disk.bytes {
                let file = self.file()?;
                file.get_ref()
                    .set_len(mark.bytes)
                    .map_err(ArchiveError::storage("cutting the spool"))?;
                self.unsynced = true;
            }
            self.disk = mark;
            self.end = mark;
            return Ok(());
        }
        let mut kept = self.tail.len();
        let mut end = self.end;
        while end.bytes > mark.bytes && kept > 0 {
            kept -= 1;
            end = end.before(self.tail[kept].payload.len());
        }
        if end != mark {
            return Err(ArchiveError::Damaged("a mark does not fit the spool"));
        }
        self.drop_tail(kept);
        self.end = end;
        Ok(())
    }

    fn drop_tail(&mut self, kept: usize) {
        let freed: usize = self
            .tail
            .drain(kept..)
            .map(|frame| frame.payload.len() + size_of::<Frame>())
            .sum();
        self.budget.used.fetch_sub(freed, Ordering::Relaxed);
    }

    fn seal(&self, frame: &Frame, number: u64, out: &mut Vec<u8>) -> Result<(), ArchiveError> {
        let length = u32::try_from(frame.payload.len()).map_err(|_| ArchiveError::Key)?;
        out.push(frame.kind as u8);
        out.extend_from_slice(&length.to_le_bytes());
        let nonce_at = out.len();
        out.extend_from_slice(&[0; NONCE]);
        let text_at = out.len();
        out.extend_from_slice(&frame.payload);
        let aad = Aad::from(authenticated(&self.id, number, frame.kind as u8));
        let (nonce, tag) = self
            .key
            .seal_in_place_separate_tag(aad, &mut out[text_at..])
            .map_err(|_| ArchiveError::Key)?;
        out[nonce_at..text_at].copy_from_slice(nonce.as_ref());
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    fn file(&mut self) -> Result<&mut SyncedFile, ArchiveError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let failed = ArchiveError::storage("opening the spool");
                if let Some(folder) = self.path.parent() {
                    fs::create_dir_all(folder).map_err(&failed)?;
                }
                let mut options = OpenOptions::new();
                options.read(true).write(true).create(true).truncate(false);
                SyncedFile::new(options.open(&self.path).map_err(&failed)?)
            }
        };
        Ok(self.file.insert(file))
    }

    fn check(&self, epoch: u64) -> Result<(), ArchiveError> {
        if self.epoch == epoch {
            Ok(())
        } else {
            Err(ArchiveError::Stopped)
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.drop_tail(0);
    }
}

/// What is authenticated with a frame.
fn authenticated(id: &LogId, number: u64, kind: u8) -> [u8; 25] {
    let mut aad = [0; 25];
    aad[..16].copy_from_slice(id);
    aad[16..24].copy_from_slice(&number.to_le_bytes());
    aad[24] = kind;
    aad
}
