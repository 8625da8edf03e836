//! Where finished archives are kept: a folder of this machine, or a vault elsewhere.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adieu_core::{Body, ConnectorError};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::error::ArchiveError;
use crate::key::ArchiveKey;
use crate::sealed::{SealedReader, SealedWriter};

/// A place for finished archives that is not on this machine, such as a bucket. What lies in it is encrypted.
#[async_trait]
pub trait Vault: fmt::Debug + Send + Sync + 'static {
    /// Proves that the vault is there and lets in.
    ///
    /// # Errors
    /// What is wrong, and what to change.
    async fn check(&self) -> Result<(), ConnectorError>;

    /// Begins an archive. What an earlier attempt left of the same name, unfinished, is removed.
    ///
    /// # Errors
    /// When the vault cannot be reached.
    async fn begin(&self, name: &str) -> Result<Box<dyn Deposit>, ConnectorError>;

    /// The length of an archive and its bytes from an offset on; `None` when there is no such archive.
    ///
    /// # Errors
    /// When the vault cannot be reached.
    async fn read(
        &self,
        name: &str,
        from: u64,
    ) -> Result<Option<(u64, Body<'static>)>, ConnectorError>;

    /// Removes all there is of an archive: every version, and what was never finished. One that is not there is no error.
    ///
    /// # Errors
    /// When something of it may be left.
    async fn remove(&self, name: &str) -> Result<(), ConnectorError>;

    /// The names of all archives, of finished and of unfinished ones.
    ///
    /// # Errors
    /// When the vault cannot be listed.
    async fn names(&self) -> Result<Vec<String>, ConnectorError>;
}

/// An archive on its way into a [`Vault`]. Nothing is to be seen of it before [`Deposit::finish`].
#[async_trait]
pub trait Deposit: Send {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they cannot be kept; the archive has to be begun anew.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectorError>;

    /// Makes the archive appear, whole and lasting.
    ///
    /// # Errors
    /// When it cannot be kept.
    async fn finish(self: Box<Self>) -> Result<(), ConnectorError>;
}

/// Where finished archives are kept.
#[derive(Clone, Debug)]
pub enum Archives {
    /// A folder, which is there.
    Folder(PathBuf),
    /// A vault.
    Vault(Arc<dyn Vault>),
}

impl Archives {
    /// Proves that the place is there and lets in.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check(&self) -> Result<(), ArchiveError> {
        match self {
            Self::Folder(folder) => std::fs::read_dir(folder)
                .map(drop)
                .map_err(ArchiveError::storage("listing the archives")),
            Self::Vault(vault) => Ok(vault.check().await?),
        }
    }

    /// Begins an archive of this name. What is returned belongs on a thread that may wait.
    ///
    /// # Errors
    /// When it cannot be kept there.
    pub async fn create(&self, name: &str, key: &ArchiveKey) -> Result<SealedWriter, ArchiveError> {
        match self {
            Self::Folder(folder) => SealedWriter::create(folder.join(name), key),
            Self::Vault(vault) => {
                let deposit = vault.begin(name).await?;
                SealedWriter::to_vault(VaultWriter::begin(deposit), key)
            }
        }
    }

    /// Opens an archive. What is returned belongs on a thread that may wait.
    ///
    /// # Errors
    /// As [`SealedReader::open`].
    pub async fn open(&self, name: &str, key: &ArchiveKey) -> Result<SealedReader, ArchiveError> {
        let (archives, name, key) = (self.clone(), name.to_owned(), key.clone());
        let handle = Handle::current();
        let opened = tokio::task::spawn_blocking(move || match archives {
            Self::Folder(folder) => SealedReader::open(folder.join(name), &key),
            Self::Vault(vault) => {
                let reader = VaultReader::open(vault, name, handle)?;
                SealedReader::from_vault(reader, &key)
            }
        });
        opened.await.map_err(|_| ArchiveError::Stopped)?
    }

    /// Removes an archive and all that was left of it. One that is not there is no error.
    ///
    /// # Errors
    /// When something of it may be left.
    pub async fn remove(&self, name: &str) -> Result<(), ArchiveError> {
        match self {
            Self::Folder(folder) => {
                let unfinished = format!("{name}.unfinished");
                for name in [name, &unfinished] {
                    match std::fs::remove_file(folder.join(name)) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            return Err(ArchiveError::from_io("removing an archive", &error));
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            Self::Vault(vault) => Ok(vault.remove(name).await?),
        }
    }

    /// The names of all archives, of finished and of unfinished ones.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn names(&self) -> Result<Vec<String>, ArchiveError> {
        match self {
            Self::Folder(folder) => {
                let failed = ArchiveError::storage("listing the archives");
                let mut names = Vec::new();
                for entry in std::fs::read_dir(folder).map_err(&failed)? {
                    let name = entry.map_err(&failed)?.file_name();
                    if let Some(name) = name.to_str() {
                        names.push(name.trim_end_matches(".unfinished").to_owned());
                    }
                }
                names.sort_unstable();
                names.dedup();
                Ok(names)
            }
            Self::Vault(vault) => Ok(vault.names().await?),
        }
    }
}

/// Writes into a vault from a thread that may wait.
pub(crate) struct VaultWriter {
    pieces: Option<mpsc::Sender<Piece>>,
    done: Option<oneshot::Receiver<Result<(), ConnectorError>>>,
    /// It is not wanted any more, so nothing may wait for the vault.
    dropped: Arc<AtomicBool>,
}

enum Piece {
    Bytes(Bytes),
    End,
}

/// How many pieces may wait for the vault.
const WAITING: usize = 4;

impl VaultWriter {
    fn begin(mut deposit: Box<dyn Deposit>) -> Self {
        let (pieces, mut taken) = mpsc::channel(WAITING);
        let (tell, done) = oneshot::channel();
        tokio::spawn(async move {
            let result = loop {
                match taken.recv().await {
                    Some(Piece::Bytes(bytes)) => {
                        if let Err(error) = deposit.write(&bytes).await {
                            break Err(error);
                        }
                    }
                    Some(Piece::End) => break deposit.finish().await,
                    // It was dropped before its end, so it must not appear.
                    None => return,
                }
            };
            let _ = tell.send(result);
        });
        Self {
            pieces: Some(pieces),
            done: Some(done),
            dropped: Arc::default(),
        }
    }

    /// What tells it that it is not wanted any more.
    pub(crate) fn dropped(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.dropped)
    }

    pub(crate) fn finish(mut self) -> Result<(), ArchiveError> {
        let pieces = self.pieces.take().ok_or(ArchiveError::Stopped)?;
        // When nobody takes it any more, the answer says why.
        let _ = pieces.blocking_send(Piece::End);
        self.answer()
    }

    fn answer(&mut self) -> Result<(), ArchiveError> {
        let done = self.done.take().ok_or(ArchiveError::Stopped)?;
        Ok(done.blocking_recv().map_err(|_| ArchiveError::Stopped)??)
    }
}

impl Write for VaultWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wanted = self
            .pieces
            .as_ref()
            .filter(|_| !self.dropped.load(Ordering::Relaxed));
        let pieces = wanted.ok_or(ArchiveError::Stopped)?;
        if pieces
            .blocking_send(Piece::Bytes(Bytes::copy_from_slice(bytes)))
            .is_err()
        {
            self.pieces = None;
            self.answer()?;
            return Err(ArchiveError::Stopped.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads from a vault on a thread that may wait, from any place.
pub(crate) struct VaultReader {
    vault: Arc<dyn Vault>,
    name: String,
    handle: Handle,
    length: u64,
    position: u64,
    /// What comes next, while nobody has gone elsewhere.
    body: Option<Body<'static>>,
    piece: Bytes,
}

impl VaultReader {
    fn open(vault: Arc<dyn Vault>, name: String, handle: Handle) -> Result<Self, ArchiveError> {
        let found = handle.block_on(vault.read(&name, 0))?;
        let (length, body) = found.ok_or(ArchiveError::Storage {
            doing: "reading the encrypted archive",
            kind: io::ErrorKind::NotFound,
        })?;
        Ok(Self {
            vault,
            name,
            handle,
            length,
            position: 0,
            body: Some(body),
            piece: Bytes::new(),
        })
    }
}

impl Read for VaultReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && self.position < self.length && !buffer.is_empty() {
            let body = match &mut self.body {
                Some(body) => body,
                None => {
                    let found = self
                        .handle
                        .block_on(self.vault.read(&self.name, self.position));
                    let (length, body) = found
                        .map_err(ArchiveError::from)?
                        .ok_or(io::ErrorKind::NotFound)?;
                    if length != self.length {
                        return Err(
                            ArchiveError::Damaged("the encrypted archive was changed").into()
                        );
                    }
                    self.body.insert(body)
                }
            };
            match self.handle.block_on(body.next()) {
                Some(piece) => self.piece = piece.map_err(ArchiveError::from)?,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let taken = self.piece.split_to(self.piece.len().min(buffer.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        self.position += taken.len() as u64;
        Ok(taken.len())
    }
}

impl Seek for VaultReader {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        let place = match place {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let place = place.ok_or(io::ErrorKind::InvalidInput)?;
        if place != self.position {
            self.position = place;
            self.body = None;
            self.piece = Bytes::new();
        }
        Ok(place)
    }
}
