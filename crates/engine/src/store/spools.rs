//! Spools that no request needs any more.
//!
//! A crash may come between writing down that a request is over and removing its spool; and a request that ended with
//! exceptions keeps its spool until it cannot be resumed any more.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;

use sqlx::Row as _;

use super::Store;
use crate::error::EngineError;
use crate::request::RequestId;

/// Requests that may still write to their spool.
const NEEDING: &str = "SELECT id FROM adieu_request WHERE sealed IS NOT NULL
     AND status NOT IN ('completed', 'failed', 'cancelled', 'expired') AND (?1 IS NULL OR id = ?1)";

impl Store {
    /// Removes them; says how many.
    pub(crate) async fn remove_spools(&self) -> Result<usize, EngineError> {
        let mut left = self.spools()?;
        if !left.is_empty() {
            for id in self.needing_spools(None).await? {
                left.remove(&id);
            }
        }
        let mut removed = 0;
        for id in left {
            let folder = self.spool_folder(id);
            let path = folder.with_extension("lock");
            let lock = File::create(&path)?;
            // Whoever takes the request up again from now on finds the spool taken, and comes back later.
            if lock.try_lock().is_ok() && self.needing_spools(Some(id)).await?.is_empty() {
                absent(fs::remove_dir_all(&folder))?;
                absent(fs::remove_file(&path))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Requests that have a spool. What is not named after a request is not ours.
    fn spools(&self) -> io::Result<BTreeSet<RequestId>> {
        let mut ids = BTreeSet::new();
        for entry in fs::read_dir(self.folder.join("spool"))? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            ids.extend(stem.and_then(|stem| stem.parse::<RequestId>().ok()));
        }
        Ok(ids)
    }

    /// All requests that need a spool, or this one if it does.
    async fn needing_spools(&self, id: Option<RequestId>) -> Result<Vec<RequestId>, EngineError> {
        sqlx::query(NEEDING)
            .bind(id.map(|id| id.to_string()))
            .fetch_all(&self.reader)
            .await?
            .iter()
            .map(|row| row.get::<&str, _>("id").parse())
            .collect()
    }
}

fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
