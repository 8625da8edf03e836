//! A text that is made while the archive is put together: deflated into the spool first, because a ZIP entry says its length before its
//! bytes.

use std::io::{self, Write};

use aws_lc_rs::digest;
use crc32fast::Hasher;

use super::Stop;
use super::part::Form;
use super::pieces::{Ending, Pieces};
use crate::attachment::hex;
use crate::error::ArchiveError;
use crate::log::Kind;
use crate::press::Deflate;
use crate::spool::{Scratch, Spool};

const LEVEL: u32 = 6;

/// Deflates what is written to it into a scratch log.
pub(super) struct Text {
    scratch: Scratch,
    deflate: Deflate,
    buffer: Vec<u8>,
    crc32: Hasher,
    sha256: digest::Context,
    bytes: u64,
    packed_bytes: u64,
}

/// A text that is complete. It lives as long as this does.
pub(super) struct MadeText {
    pub(super) form: Form,
    _scratch: Scratch,
}

impl Text {
    pub(super) fn new(spool: &Spool, name: &str) -> Result<Self, ArchiveError> {
        Ok(Self {
            scratch: spool.scratch(name)?,
            deflate: Deflate::new(LEVEL),
            buffer: Vec::with_capacity(16 << 10),
            crc32: Hasher::new(),
            sha256: digest::Context::new(&digest::SHA256),
            bytes: 0,
            packed_bytes: 0,
        })
    }

    pub(super) fn finish(mut self, stop: &Stop) -> Result<MadeText, ArchiveError> {
        self.pass_on()?;
        let rest = self.deflate.finish()?;
        self.packed_bytes += rest.len() as u64;
        self.scratch.pen.append(Kind::Body, rest)?;
        let pieces = Pieces::new(
            self.scratch.read()?,
            Kind::Body,
            self.packed_bytes,
            Ending::With(Vec::new()),
            stop.clone(),
        );
        let form = Form {
            bytes: self.bytes,
            packed_bytes: self.packed_bytes,
            crc32: self.crc32.finalize(),
            sha256: hex(self.sha256.finish().as_ref()),
            pieces,
        };
        Ok(MadeText {
            form,
            _scratch: self.scratch,
        })
    }

    fn pass_on(&mut self) -> Result<(), ArchiveError> {
        self.crc32.update(&self.buffer);
        self.sha256.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        let (pen, packed_bytes) = (&self.scratch.pen, &mut self.packed_bytes);
        self.deflate.write(&self.buffer, |packed| {
            *packed_bytes += packed.len() as u64;
            pen.append(Kind::Body, packed)
        })?;
        self.buffer.clear();
        Ok(())
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= 16 << 10 {
            self.pass_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
