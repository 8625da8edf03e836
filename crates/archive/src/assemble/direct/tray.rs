//! Where an archive is written before it is sent.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// What a writer writes to: it is taken away piece by piece.
#[derive(Clone, Default)]
pub(super) struct Tray(Arc<Mutex<Vec<u8>>>);

impl Tray {
    /// Takes away what lies on it.
    pub(super) fn clear(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Tray {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
