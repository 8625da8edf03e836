//! The finished archive at rest, encrypted as an [age](https://age-encryption.org/v1) file.
//!
//! Any part of it can be read without reading what is before it, and it tells when it was cut or changed.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use age::stream::{StreamReader, StreamWriter};
use age::{Decryptor, Encryptor};

use crate::behind::Behind;
use crate::error::ArchiveError;
use crate::key::ArchiveKey;
use crate::synced::SyncedFile;
use crate::vault::{VaultReader, VaultWriter};

const WRITING: &str = "writing the encrypted archive";
const READING: &str = "reading the encrypted archive";

/// Writes an encrypted archive. Nothing of it is to be seen at its path before [`SealedWriter::finish`]; dropped before that, it
/// leaves nothing behind.
pub struct SealedWriter {
    out: Option<Out>,
    /// Set when it is dropped, so that nothing waits for a vault then.
    dropped: Arc<AtomicBool>,
}

/// Where an encrypted archive goes.
enum Out {
    /// Encrypted and written on a thread of its own.
    File(Behind<Encrypting<UnfinishedFile>>),
    Vault(Encrypting<VaultWriter>),
}

type Encrypting<W> = StreamWriter<BufWriter<W>>;

/// A file that is not yet under its name; dropped, it is removed.
struct UnfinishedFile {
    file: SyncedFile,
    unfinished: PathBuf,
    path: PathBuf,
}

impl SealedWriter {
    /// Begins an archive that will be at this path, in a folder that exists. A second writer for the same path takes its place.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn create(path: impl Into<PathBuf>, key: &ArchiveKey) -> Result<Self, ArchiveError> {
        let path = path.into();
        let mut unfinished = OsString::from(&path);
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        let failed = ArchiveError::storage(WRITING);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&unfinished)
            .map_err(&failed)?;
        let file = UnfinishedFile {
            file: SyncedFile::new(file),
            unfinished,
            path,
        };
        let behind = Behind::new(encrypting(file, key)?).map_err(&failed)?;
        Ok(Self {
            out: Some(Out::File(behind)),
            dropped: Arc::default(),
        })
    }

    pub(crate) fn to_vault(vault: VaultWriter, key: &ArchiveKey) -> Result<Self, ArchiveError> {
        let dropped = vault.dropped();
        Ok(Self {
            out: Some(Out::Vault(encrypting(vault, key)?)),
            dropped,
        })
    }

    /// Makes the archive appear at its path, whole and safe from a loss of power.
    ///
    /// # Errors
    /// When it cannot be written; nothing is then left of it.
    pub fn finish(mut self) -> Result<(), ArchiveError> {
        match self.out.take() {
            Some(Out::File(behind)) => {
                let stream = behind.finish().map_err(ArchiveError::storage(WRITING))?;
                ended(stream)?.finish()
            }
            Some(Out::Vault(stream)) => ended(stream)?.finish(),
            None => Err(ArchiveError::Stopped),
        }
    }

    fn out(&mut self) -> io::Result<&mut dyn Write> {
        match &mut self.out {
            Some(Out::File(behind)) => Ok(behind),
            Some(Out::Vault(stream)) => Ok(stream),
            None => Err(ArchiveError::Stopped.into()),
        }
    }
}

fn encrypting<W: Write>(out: W, key: &ArchiveKey) -> Result<Encrypting<W>, ArchiveError> {
    let recipient = key.identity().to_public();
    let encryptor = Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient))
        .map_err(|_| ArchiveError::Key)?;
    // The header is shorter than the buffer, so nothing waits here.
    encryptor
        .wrap_output(BufWriter::with_capacity(128 << 10, out))
        .map_err(ArchiveError::storage(WRITING))
}

/// Writes the end of the encryption.
fn ended<W: Write>(stream: Encrypting<W>) -> Result<W, ArchiveError> {
    let failed = ArchiveError::storage(WRITING);
    let buffered = stream.finish().map_err(&failed)?;
    buffered
        .into_inner()
        .map_err(|error| failed(error.into_error()))
}

impl UnfinishedFile {
    fn finish(mut self) -> Result<(), ArchiveError> {
        let failed = ArchiveError::storage(WRITING);
        self.file.sync_all().map_err(&failed)?;
        fs::rename(&self.unfinished, &self.path).map_err(&failed)?;
        let folder = self
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty() && cfg!(unix));
        match folder {
            Some(folder) => File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(&failed),
            None => Ok(()),
        }
    }
}

impl Write for SealedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out()?.flush()
    }
}

impl Write for UnfinishedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for SealedWriter {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
    }
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        // After `finish` there is nothing of this name; otherwise what cannot be removed is cut when it is begun again.
        let _ = fs::remove_file(&self.unfinished);
    }
}

impl fmt::Debug for SealedWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedWriter(…)")
    }
}

/// Reads an encrypted archive, from any place in it.
pub struct SealedReader {
    stream: StreamReader<BufReader<Source>>,
    bytes: u64,
}

/// Where an encrypted archive comes from.
enum Source {
    File(File),
    Vault(VaultReader),
}

impl SealedReader {
    /// Opens the archive at this path.
    ///
    /// # Errors
    /// [`ArchiveError::Key`] when the key is not this archive's, [`ArchiveError::Damaged`] when it was cut.
    pub fn open(path: impl AsRef<Path>, key: &ArchiveKey) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(ArchiveError::storage(READING))?;
        Self::from(Source::File(file), key)
    }

    pub(crate) fn from_vault(vault: VaultReader, key: &ArchiveKey) -> Result<Self, ArchiveError> {
        Self::from(Source::Vault(vault), key)
    }

    fn from(source: Source, key: &ArchiveKey) -> Result<Self, ArchiveError> {
        let decryptor = Decryptor::new_buffered(BufReader::with_capacity(64 << 10, source))
            .map_err(decrypting)?;
        let mut stream = decryptor
            .decrypt(iter::once(key.identity() as &dyn age::Identity))
            .map_err(decrypting)?;
        let bytes = stream.seek(SeekFrom::End(0)).map_err(cut)?;
        stream.rewind().map_err(cut)?;
        Ok(Self { stream, bytes })
    }

    /// How long the archive is, decrypted.
    pub fn total_bytes(&self) -> u64 {
        self.bytes
    }
}

fn decrypting(error: age::DecryptError) -> ArchiveError {
    match error {
        age::DecryptError::Io(error) => cut(error),
        age::DecryptError::NoMatchingKeys | age::DecryptError::KeyDecryptionFailed => {
            ArchiveError::Key
        }
        _ => ArchiveError::Damaged("the encrypted archive was changed"),
    }
}

fn cut(error: io::Error) -> ArchiveError {
    match error.kind() {
        // One of ours that travelled inside.
        io::ErrorKind::Other => ArchiveError::from_io(READING, &error),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            ArchiveError::Damaged("the encrypted archive was cut or changed")
        }
        kind => ArchiveError::Storage {
            doing: READING,
            kind,
        },
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Vault(vault) => vault.read(buffer),
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(place),
            Self::Vault(vault) => vault.seek(place),
        }
    }
}

impl Read for SealedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Seek for SealedReader {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.stream.seek(place)
    }
}

impl fmt::Debug for SealedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedReader")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
