//! Where finished archives lie, and which of them nobody needs any more.

use adieu_archive::Archives;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::keys::{Hasher, MasterKey, hex};
use crate::request::{RequestId, Status};
use crate::store::Store;

/// The archives of one store, and how they are called.
pub(crate) struct Shelf {
    pub(crate) archives: Archives,
    /// What the names begin with, where other gateways may keep theirs too.
    mark: String,
}

impl Shelf {
    pub(crate) fn new(archives: Archives) -> Self {
        Self {
            archives,
            mark: String::new(),
        }
    }

    fn shared(archives: Archives, key: &MasterKey) -> Result<Self, EngineError> {
        let mark = Hasher::new(key, "archives")?.parts(&[]);
        Ok(Self {
            archives,
            mark: format!("{}-", hex(&mark[..8])),
        })
    }

    /// The name of a request's archive.
    pub(crate) fn name(&self, id: RequestId) -> String {
        format!("{}{id}.age", self.mark)
    }

    /// Removes the archive of a request; there need not be one.
    pub(crate) async fn remove(&self, id: RequestId) -> Result<(), EngineError> {
        Ok(self.archives.remove(&self.name(id)).await?)
    }

    /// Whose archive has this name; `None` when it is none of ours.
    fn request_of(&self, name: &str) -> Option<RequestId> {
        let id = name.strip_prefix(&self.mark)?.strip_suffix(".age")?;
        id.parse().ok()
    }
}

impl Store {
    /// Keeps finished archives in this place, and not in the store's own folder. Gateways with different keys may share it.
    ///
    /// # Errors
    /// When it is a folder that is not there and cannot be made, or the store's key is of no use.
    pub fn keep_archives_in(mut self, archives: Archives) -> Result<Self, EngineError> {
        if let Archives::Folder(folder) = &archives {
            std::fs::create_dir_all(folder)?;
        }
        self.shelf = Shelf::shared(archives, &self.key)?;
        Ok(self)
    }
}

impl Engine {
    /// Proves that archives can be kept where they should be.
    ///
    /// # Errors
    /// What is wrong with the place, and what to change.
    pub async fn check_archives(&self) -> Result<(), EngineError> {
        Ok(self.inner.store.shelf.archives.check().await?)
    }

    /// Removes archives to which no request leads any more: what a crash left between two steps. Says how many.
    ///
    /// # Errors
    /// When the archives cannot be listed or one cannot be removed, or the store cannot be read.
    pub async fn remove_orphaned_archives(&self) -> Result<usize, EngineError> {
        let shelf = &self.inner.store.shelf;
        let mut removed = 0;
        for name in shelf.archives.names().await? {
            if let Some(id) = shelf.request_of(&name)
                && self.is_orphaned(id).await?
            {
                shelf.archives.remove(&name).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    async fn is_orphaned(&self, id: RequestId) -> Result<bool, EngineError> {
        let store = &self.inner.store;
        match store.record(id).await {
            Ok((record, _)) if record.status == Status::Failed => {
                Ok(record.archive_sha256.is_none())
            }
            // What opened it is gone.
            Ok(_) => Ok(store.secrets(id).await?.is_none()),
            Err(EngineError::NotFound) => Ok(true),
            Err(error) => Err(error),
        }
    }
}
