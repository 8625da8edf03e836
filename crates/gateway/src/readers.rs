//! Reading archives for many at once, with the memory of a few.

use std::collections::VecDeque;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adieu_archive::sealed::SealedReader;
use adieu_engine::{Engine, EngineError, RequestId};
use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::body::BrokenOff;

/// How many archives are decrypted at once, and how many keep what that needs in memory: some 200 KiB each.
const AT_ONCE: usize = 16;
/// How much is decrypted for a reader at a time.
const CHUNK_BYTES: usize = 16 << 10;
/// How much a server is handed at a time. It takes sixteen of them for a reader that takes none, so they are small.
const PIECE_BYTES: usize = 1 << 10;

/// Those who read archives. Who has not read for longest gives up what reading needs, and takes it up again where it was.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Inner>);

struct Inner {
    next: AtomicU64,
    warm: Mutex<VecDeque<Warm>>,
    turns: Semaphore,
}

/// An archive that is open, at the place where its reader goes on.
struct Warm {
    number: u64,
    at: u64,
    reader: SealedReader,
}

/// Which archive is read: that of a request which ended at this time, and no later one.
#[derive(Clone)]
pub(crate) struct Archive {
    pub(crate) engine: Engine,
    pub(crate) id: RequestId,
    pub(crate) made_at: Option<Timestamp>,
}

/// One who reads an archive.
struct Reading {
    readers: Readers,
    number: u64,
    archive: Archive,
    at: u64,
    left: u64,
    chunk: Bytes,
}

impl Default for Readers {
    fn default() -> Self {
        Self(Arc::new(Inner {
            next: AtomicU64::new(0),
            warm: Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
        }))
    }
}

impl Readers {
    /// A part of an archive that was just opened, piece by piece, each time the receiver has taken the one before.
    ///
    /// No thread waits for a slow receiver.
    pub(crate) fn read(
        &self,
        archive: Archive,
        reader: SealedReader,
        from: u64,
        bytes: u64,
    ) -> impl Stream<Item = Result<Bytes, BrokenOff>> + use<> {
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.keep(Warm {
            number,
            at: 0,
            reader,
        });
        let reading = Reading {
            readers: self.clone(),
            number,
            archive,
            at: from,
            left: bytes,
            chunk: Bytes::new(),
        };
        stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading.filter(|reading| reading.left > 0)?;
            match reading.next().await {
                Ok(piece) => Some((Ok(piece), Some(reading))),
                Err(error) => {
                    tracing::error!("an archive could not be read to its end: {error}");
                    Some((Err(BrokenOff), None))
                }
            }
        })
    }

    fn take(&self, number: u64) -> Option<Warm> {
        let mut warm = self.warm();
        let place = warm.iter().position(|one| one.number == number)?;
        warm.remove(place)
    }

    fn keep(&self, one: Warm) {
        let mut warm = self.warm();
        warm.push_back(one);
        if warm.len() > AT_ONCE {
            warm.pop_front();
        }
    }

    fn warm(&self) -> MutexGuard<'_, VecDeque<Warm>> {
        self.0.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    async fn next(&mut self) -> Result<Bytes, EngineError> {
        if self.chunk.is_empty() {
            self.chunk = self.decrypt().await?;
        }
        let bytes = self.chunk.len().min(PIECE_BYTES);
        self.left -= bytes as u64;
        metrics::counter!("adieu_archive_bytes_total").increment(bytes as u64);
        Ok(self.chunk.split_to(bytes))
    }

    async fn decrypt(&mut self) -> Result<Bytes, EngineError> {
        let _turn = self.readers.0.turns.acquire().await;
        let mut open = match self.readers.take(self.number) {
            Some(open) => open,
            None => Warm {
                number: self.number,
                at: 0,
                reader: self.archive.open().await?,
            },
        };
        let (readers, at) = (self.readers.clone(), self.at);
        let bytes = usize::try_from(self.left).unwrap_or(CHUNK_BYTES);
        let read = tokio::task::spawn_blocking(move || {
            if open.at != at {
                open.reader.seek(SeekFrom::Start(at))?;
            }
            let mut chunk = vec![0; bytes.min(CHUNK_BYTES)];
            open.reader.read_exact(&mut chunk)?;
            open.at = at + chunk.len() as u64;
            readers.keep(open);
            Ok::<_, io::Error>(Bytes::from(chunk))
        });
        let chunk = read
            .await
            .map_err(|_| EngineError::Internal("reading was given up".into()))??;
        self.at += chunk.len() as u64;
        Ok(chunk)
    }
}

impl Archive {
    /// Opens it again, if it is still the same.
    async fn open(&self) -> Result<SealedReader, EngineError> {
        let request = self.engine.request(self.id).await?;
        if request.finished_at != self.made_at {
            return Err(EngineError::Conflict(
                "another archive took its place".into(),
            ));
        }
        self.engine.open_archive(self.id).await
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.readers.take(self.number);
    }
}
