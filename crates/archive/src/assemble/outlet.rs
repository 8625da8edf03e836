//! Where an archive is written to, with its sums.

use std::io::{self, Write};

use aws_lc_rs::digest;

use super::{Assembled, Stop};
use crate::error::ArchiveError;

const BUFFER_BYTES: usize = 64 << 10;

/// Writes the archive's bytes, counted and, where somebody asks for the sum, hashed. After a stop it swallows them: what a library writes while it is being
/// dropped must not make a broken archive look whole.
pub(super) struct Outlet<W> {
    out: W,
    stop: Stop,
    buffer: Vec<u8>,
    sha256: Option<digest::Context>,
    bytes: u64,
}

impl<W: Write> Outlet<W> {
    pub(super) fn new(out: W, stop: Stop) -> Self {
        Self {
            sha256: Some(digest::Context::new(&digest::SHA256)),
            ..Self::without_sum(out, stop)
        }
    }

    /// The same for an archive of whose sum nobody will ask.
    pub(super) fn without_sum(out: W, stop: Stop) -> Self {
        Self {
            out,
            stop,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            sha256: None,
            bytes: 0,
        }
    }

    pub(super) fn finish(mut self) -> Result<Assembled<W>, ArchiveError> {
        self.settle()?;
        let sum = self.sha256.take().ok_or(NO_SUM)?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(sum.finish().as_ref());
        Ok(Assembled {
            bytes: self.bytes,
            sha256,
            out: self.out,
        })
    }

    /// Ends the archive, and says how long it is.
    pub(super) fn end(mut self) -> Result<u64, ArchiveError> {
        self.settle()?;
        Ok(self.bytes)
    }

    fn settle(&mut self) -> Result<(), ArchiveError> {
        self.pass_on()
            .and_then(|()| self.out.flush())
            .map_err(|error| ArchiveError::from_io(WRITING, &error))?;
        self.stop.check()
    }

    fn pass_on(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let passed = self.pass(&buffer);
        buffer.clear();
        self.buffer = buffer;
        passed
    }

    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.stop.is_now() {
            self.out.write_all(bytes)?;
            if let Some(sha256) = &mut self.sha256 {
                sha256.update(bytes);
            }
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }
}

const NO_SUM: ArchiveError = ArchiveError::Misused("the sum of an archive that was not summed up");

pub(super) const WRITING: &str = "writing the archive";

impl<W: Write> Write for Outlet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.pass_on()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            self.pass(bytes)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        if self.stop.is_now() {
            Ok(())
        } else {
            self.out.flush()
        }
    }
}
