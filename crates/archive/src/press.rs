//! Deflating text into the spool, in fragments that can be strung together without being deflated again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::error::ArchiveError;
use crate::log::{Kind, Log, LogMark};
use crate::mark::{FormMark, Sums};

/// How much deflated text makes a frame.
const FRAME_BYTES: usize = 128 << 10;

/// What ends a deflate stream that was flushed before: an empty last block.
pub(crate) const DEFLATE_END: [u8; 2] = [3, 0];

/// A page's right to append to its collection's log; it lapses with the page.
#[derive(Clone)]
pub(crate) struct Pen {
    log: Arc<Mutex<Log>>,
    epoch: u64,
}

impl Pen {
    pub(crate) fn new(log: Arc<Mutex<Log>>, epoch: u64) -> Self {
        Self { log, epoch }
    }

    pub(crate) fn append(&self, kind: Kind, payload: Vec<u8>) -> Result<(), ArchiveError> {
        self.log().append(self.epoch, kind, payload)
    }

    pub(crate) fn begin_body(&self) -> Result<(LogMark, u64), ArchiveError> {
        self.log().begin_body(self.epoch)
    }

    pub(crate) fn append_body(&self, body: u64, payload: Vec<u8>) -> Result<(), ArchiveError> {
        self.log().append_body(self.epoch, body, payload)
    }

    pub(crate) fn finish(&self) -> Result<LogMark, ArchiveError> {
        self.log().finish(self.epoch)
    }

    pub(crate) fn roll_back(&self, mark: LogMark) {
        self.log().roll_back(self.epoch, mark);
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A log is valid after each of its steps, so a panic elsewhere does not spoil it.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deflates one form of a collection, with its sums.
pub(crate) struct Press {
    kind: Kind,
    pen: Pen,
    deflate: Deflate,
    sums: Sums,
    packed_bytes: u64,
}

impl Press {
    /// Goes on after the mark.
    pub(crate) fn after(
        mark: &FormMark,
        kind: Kind,
        level: u32,
        pen: Pen,
    ) -> Result<Self, ArchiveError> {
        let deflate = Deflate::new(level);
        Ok(Self {
            kind,
            pen,
            deflate,
            sums: mark.sums()?,
            packed_bytes: mark.packed_bytes,
        })
    }

    /// Deflates a text; frames that become full go to the log.
    pub(crate) fn squeeze(&mut self, text: &[u8]) -> Result<(), ArchiveError> {
        self.sums.add(text);
        let Self {
            kind,
            pen,
            deflate,
            packed_bytes,
            ..
        } = self;
        deflate.write(text, |packed| {
            *packed_bytes += packed.len() as u64;
            pen.append(*kind, packed)
        })
    }

    /// Ends the fragment: everything so far is in the log, and another fragment may follow.
    pub(crate) fn end_fragment(&mut self) -> Result<FormMark, ArchiveError> {
        let packed = self.deflate.flush()?;
        if !packed.is_empty() {
            self.packed_bytes += packed.len() as u64;
            self.pen.append(self.kind, packed)?;
        }
        Ok(self.sums.mark(self.packed_bytes))
    }
}

/// A raw deflate stream that hands out its output in pieces of a frame's size.
pub(crate) struct Deflate {
    compress: Compress,
    out: Vec<u8>,
}

impl Deflate {
    pub(crate) fn new(level: u32) -> Self {
        Self {
            compress: Compress::new(Compression::new(level), false),
            out: Vec::new(),
        }
    }

    /// Begins another stream.
    pub(crate) fn reset(&mut self) {
        self.compress.reset();
        self.out.clear();
    }

    /// Deflates a text and hands out each piece that became full.
    pub(crate) fn write(
        &mut self,
        mut text: &[u8],
        mut full: impl FnMut(Vec<u8>) -> Result<(), ArchiveError>,
    ) -> Result<(), ArchiveError> {
        while !text.is_empty() {
            self.make_room();
            let read = self.step(text, FlushCompress::None)?;
            text = &text[read..];
            if self.out.len() >= FRAME_BYTES {
                full(std::mem::take(&mut self.out))?;
            }
        }
        Ok(())
    }

    /// What is left, up to a byte border after which another stream may go on.
    pub(crate) fn flush(&mut self) -> Result<Vec<u8>, ArchiveError> {
        self.drain(FlushCompress::Sync)
    }

    /// What is left, with the end of the stream.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, ArchiveError> {
        self.drain(FlushCompress::Finish)
    }

    fn drain(&mut self, how: FlushCompress) -> Result<Vec<u8>, ArchiveError> {
        loop {
            self.make_room();
            self.step(&[], how)?;
            // Room that was left over means that nothing is held back.
            if self.out.len() < self.out.capacity() {
                return Ok(std::mem::take(&mut self.out));
            }
        }
    }

    fn step(&mut self, text: &[u8], how: FlushCompress) -> Result<usize, ArchiveError> {
        const BROKEN: ArchiveError = ArchiveError::Misused("deflating failed");
        let before = self.compress.total_in();
        match self
            .compress
            .compress_vec(text, &mut self.out, how)
            .map_err(|_| BROKEN)?
        {
            Status::Ok | Status::StreamEnd | Status::BufError => {}
        }
        usize::try_from(self.compress.total_in() - before).map_err(|_| BROKEN)
    }

    fn make_room(&mut self) {
        if self.out.capacity() - self.out.len() < 1024 {
            self.out.reserve(16 << 10);
        }
    }
}
