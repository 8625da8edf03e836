//! Where an archive is gathered, page by page.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adieu_core::{Collection, ConnectorName};
use aws_lc_rs::aead::RandomizedNonceKey;
use aws_lc_rs::digest;
use tokio::task::spawn_blocking;

use crate::assemble::{self, Assembled, Contents};
use crate::error::ArchiveError;
use crate::format::Format;
use crate::key::ArchiveKey;
use crate::log::{Budget, Log, LogId, LogReader};
use crate::mark::Mark;
use crate::page::Page;
use crate::press::Pen;

/// Choices for a [`Spool`]. They must be the same whenever the same spool is opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolOptions {
    /// How much text and how many bytes of attachments make a page full. A page is what a crash costs at most.
    pub page_bytes: u64,
    /// How much lies in memory before it is written to the folder.
    pub memory_bytes: usize,
    /// Whether text in CSV that a spreadsheet would take for a formula is made harmless with a leading apostrophe.
    ///
    /// Off, because it changes values: a text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is then not the
    /// person's data any more. JSON is never changed. The archive says which way it was made.
    pub formula_safe: bool,
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self {
            page_bytes: 64 << 20,
            memory_bytes: 1 << 20,
            formula_safe: false,
        }
    }
}

/// Where one request's archive is gathered: a folder of its own, everything in it sealed under the request's [`ArchiveKey`].
///
/// A small export stays in memory and never touches the folder. Clones are the same spool.
#[derive(Clone)]
pub struct Spool {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    key: Arc<RandomizedNonceKey>,
    format: Format,
    options: SpoolOptions,
    budget: Arc<Budget>,
    logs: Mutex<HashMap<LogId, Arc<Mutex<Log>>>>,
}

impl Spool {
    /// The spool in this folder, new or as an earlier process left it. Nothing is read or written yet.
    ///
    /// # Errors
    /// When the key is unusable.
    pub fn open(
        folder: impl Into<PathBuf>,
        key: &ArchiveKey,
        format: Format,
        options: SpoolOptions,
    ) -> Result<Self, ArchiveError> {
        let key = Arc::new(key.spool_key(format.as_str())?);
        let budget = Arc::new(Budget {
            used: AtomicUsize::new(0),
            limit: options.memory_bytes,
        });
        let logs = Mutex::new(HashMap::new());
        let inner = Inner {
            folder: folder.into(),
            key,
            format,
            options,
            budget,
            logs,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// In which form the archive will be.
    pub fn format(&self) -> Format {
        self.inner.format
    }

    /// Begins the next page of a collection after what this mark says is committed. Whatever lies beyond it is forgotten,
    /// also what an unfinished page of the same collection goes on writing.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] when the spool does not reach to the mark: it was committed, but lost before [`Spool::sync`].
    pub fn page(
        &self,
        connector: &ConnectorName,
        collection: &Collection,
        mark: &Mark,
    ) -> Result<Page, ArchiveError> {
        let log = self.log(connector, collection.name.as_str());
        let epoch = lock(&log).begin(mark.log)?;
        let pen = Pen::new(log, epoch);
        Ok(Page::new(
            self.inner.format,
            self.inner.options,
            &collection.yields,
            mark.clone(),
            pen,
        ))
    }

    /// Makes everything committed so far survive a loss of power. Before that, it survives nothing: store a mark only afterwards.
    ///
    /// # Errors
    /// When it cannot be written.
    ///
    /// # Cancel safety
    /// The writing goes on when the future is dropped; call it again to know.
    pub async fn sync(&self) -> Result<(), ArchiveError> {
        let inner = Arc::clone(&self.inner);
        run(move || {
            let logs: Vec<_> = lock(&inner.logs).values().cloned().collect();
            let mut written = false;
            for log in logs {
                written |= lock(&log).sync()?;
            }
            if written {
                sync_folder(&inner.folder)
            } else {
                Ok(())
            }
        })
        .await
    }

    /// Removes everything: the spool is not needed any more.
    ///
    /// # Errors
    /// When the folder cannot be removed. One that is not there is no error.
    pub async fn remove(self) -> Result<(), ArchiveError> {
        run(move || {
            lock(&self.inner.logs).clear();
            match fs::remove_dir_all(&self.inner.folder) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(ArchiveError::from_io("removing the spool", &error))
                }
                _ => Ok(()),
            }
        })
        .await
    }

    /// Puts the archive together from what the marks say is committed, and writes it as a stream.
    ///
    /// When it fails, what was written is never a complete archive. The spool stays as it is.
    /// One archive at a time: a second call stops the first.
    ///
    /// # Errors
    /// When the spool is damaged, or the archive cannot be written.
    ///
    /// # Cancel safety
    /// When the future is dropped, the writing stops soon, and what was written is not complete.
    pub async fn assemble<W: Write + Send + 'static>(
        &self,
        contents: &Contents,
        out: W,
    ) -> Result<Assembled<W>, ArchiveError> {
        let stop = assemble::Stop::default();
        let (spool, contents, watched) = (self.clone(), contents.clone(), stop.clone());
        let _stops_when_dropped = stop.when_dropped();
        run(move || assemble::run(&spool, &contents, out, &watched)).await
    }

    pub(crate) fn options(&self) -> SpoolOptions {
        self.inner.options
    }

    /// A log for what is made while the archive is put together. It is gone with its last handle.
    pub(crate) fn scratch(&self, name: &str) -> Result<Scratch, ArchiveError> {
        let log = self.log("~", name);
        let epoch = lock(&log).begin(crate::log::LogMark::default())?;
        Ok(Scratch {
            pen: Pen::new(Arc::clone(&log), epoch),
            log,
        })
    }

    /// A reader of what the mark says is committed of a collection.
    pub(crate) fn reader(
        &self,
        connector: &ConnectorName,
        collection: &str,
        mark: &Mark,
    ) -> Result<LogReader, ArchiveError> {
        let log = self.log(connector.as_str(), collection);
        lock(&log).reader(mark.log)
    }

    fn log(&self, connector: impl AsRef<str>, collection: &str) -> Arc<Mutex<Log>> {
        let inner = &self.inner;
        let id = log_id(connector.as_ref(), collection);
        let mut logs = lock(&inner.logs);
        let log = logs.entry(id).or_insert_with(|| {
            let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            let log = Log::new(
                id,
                inner.folder.join(name),
                Arc::clone(&inner.key),
                Arc::clone(&inner.budget),
            );
            Arc::new(Mutex::new(log))
        });
        Arc::clone(log)
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("format", &self.inner.format)
            .finish_non_exhaustive()
    }
}

/// A log that is written and read once, while the archive is put together.
pub(crate) struct Scratch {
    pub(crate) pen: Pen,
    log: Arc<Mutex<Log>>,
}

impl Scratch {
    /// Ends the writing; what was written can now be read.
    pub(crate) fn read(&self) -> Result<LogReader, ArchiveError> {
        let end = self.pen.finish()?;
        lock(&self.log).reader(end)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut log = lock(&self.log);
        // Also when it fails nothing is lost but space, until the folder is removed.
        let _ = log.begin(crate::log::LogMark::default());
    }
}

/// Work for a thread that may wait for the disk.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ArchiveError> {
    spawn_blocking(work)
        .await
        .map_err(|_| ArchiveError::Stopped)?
}

/// Names of connectors and collections may be anything; a log's name is a hash of them.
fn log_id(connector: &str, collection: &str) -> LogId {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(connector.as_bytes());
    context.update(&[0]);
    context.update(collection.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&context.finish().as_ref()[..16]);
    id
}

fn sync_folder(folder: &Path) -> Result<(), ArchiveError> {
    let failed = ArchiveError::storage("syncing the spool");
    for folder in [Some(folder), folder.parent()].into_iter().flatten() {
        if !folder.as_os_str().is_empty() && cfg!(unix) {
            File::open(folder)
                .and_then(|opened| opened.sync_all())
                .map_err(&failed)?;
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is valid after each step, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
