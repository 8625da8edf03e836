//! Where an archive is written to, with its sums.

use std::io::{self, Write};

use aws_lc_rs::digest;

use super::{Assembled, Stop};
use crate::error::ArchiveError;

const BUFFER_BYTES: usize = 64 << 10;

/// Writes the archive's bytes, counted and hashed. After a stop it swallows them: what a library writes while it is being
/// dropped must not make a broken archive look whole.
pub(super) struct Outlet<W> {
    out: W,
    stop: Stop,
    buffer: Vec<u8>,
    sha256: digest::Context,
    bytes: u64,
}

impl<W: Write> Outlet<W> {
    pub(super) fn new(out: W, stop: Stop) -> Self {
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Self {
            out,
            stop,
            buffer,
            sha256: digest::Context::new(&digest::SHA256),
            bytes: 0,
        }
    }

    pub(super) fn finish(mut self) -> Result<Assembled<W>, ArchiveError> {
        self.pass_on()
            .and_then(|()| self.out.flush())
            .map_err(|error| ArchiveError::from_io(WRITING, &error))?;
        self.stop.check()?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.sha256.finish().as_ref());
        Ok(Assembled {
            bytes: self.bytes,
            sha256,
            out: self.out,
        })
    }

    fn pass_on(&mut self) -> io::Result<()> {
        if !self.stop.is_now() {
            self.out.write_all(&self.buffer)?;
            self.sha256.update(&self.buffer);
            self.bytes += self.buffer.len() as u64;
        }
        self.buffer.clear();
        Ok(())
    }
}

pub(super) const WRITING: &str = "writing the archive";

impl<W: Write> Write for Outlet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.pass_on()?;
        }
        let taken = bytes.len().min(BUFFER_BYTES);
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
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
