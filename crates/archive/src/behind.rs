//! Writing on a thread of its own.

use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

/// How much is handed over at once.
const PIECE_BYTES: usize = 128 << 10;

/// How many pieces may wait.
const WAITING: usize = 2;

/// Hands pieces of what is written to a thread that writes them on, so that making the next ones does not wait for that.
pub(crate) struct Behind<W> {
    piece: Vec<u8>,
    pieces: Option<SyncSender<Vec<u8>>>,
    /// Pieces that were written, for the next ones to use their memory.
    spare: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<io::Result<W>>>,
}

impl<W: Write + Send + 'static> Behind<W> {
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        let (pieces, coming) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let (back, spare) = mpsc::channel();
        let write = move || {
            for mut piece in coming {
                out.write_all(&piece)?;
                piece.clear();
                // Nobody may want it back.
                let _ = back.send(piece);
            }
            Ok(out)
        };
        let thread = thread::Builder::new()
            .name("adieu-archive".to_owned())
            .spawn(write)?;
        Ok(Self {
            piece: Vec::new(),
            pieces: Some(pieces),
            spare,
            thread: Some(thread),
        })
    }

    /// Waits until everything is written.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.hand_over()?;
        self.end()
    }
}

impl<W> Behind<W> {
    fn hand_over(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let spare = self.spare.try_recv().unwrap_or_default();
        let piece = mem::replace(&mut self.piece, spare);
        let taken = self.pieces.as_ref().map(|pieces| pieces.send(piece));
        match taken {
            Some(Ok(())) => Ok(()),
            // The thread ended early, and says why.
            _ => self.end().and(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn end(&mut self) -> io::Result<W> {
        self.pieces = None;
        let ended = self.thread.take().map(JoinHandle::join);
        ended
            .and_then(Result::ok)
            .unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }
}

impl<W> Write for Behind<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pieces.is_none() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let bytes = &bytes[..bytes.len().min(PIECE_BYTES)];
        if self.piece.len() + bytes.len() > PIECE_BYTES {
            self.hand_over()?;
        }
        self.piece.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// What was written may still be on its way; [`Behind::finish`] waits for it.
    fn flush(&mut self) -> io::Result<()> {
        self.hand_over()
    }
}

/// Nothing is written any more once it is gone.
impl<W> Drop for Behind<W> {
    fn drop(&mut self) {
        drop(self.end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes and no more.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let left = self.0.checked_sub(bytes.len());
            self.0 = left.ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn everything_arrives_in_order() {
        let written: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut behind = Behind::new(Vec::new()).unwrap();
        for piece in written.chunks(300_001) {
            behind.write_all(piece).unwrap();
        }
        assert!(behind.finish().unwrap() == written);
    }

    #[test]
    fn what_stops_the_thread_is_told() {
        let mut behind = Behind::new(Full(PIECE_BYTES)).unwrap();
        let error = loop {
            if let Err(error) = behind.write_all(&[0; PIECE_BYTES]) {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(behind.write_all(&[0; PIECE_BYTES]).is_err());
        let mut behind = Behind::new(Full(1)).unwrap();
        behind.write_all(&[0; 2]).unwrap();
        let error = behind.finish().err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
