//! Durable state: the engine's own tables, and the folder of spools and archives beside them.
//!
//! Every change is one small transaction. What an executor writes about a running request carries its fence: when
//! another executor has taken the request over meanwhile, nothing is written.

mod audit;
mod census;
mod change;
mod hold;
mod lookup;
mod notice;
mod read;
mod rows;
mod spools;
mod submit;
mod turn;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adieu_archive::Archives;
use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Executor as _, Row as _, Sqlite, Transaction};

use crate::archives::Shelf;
use crate::error::EngineError;
use crate::keys::{Hasher, MasterKey, Sealer};
use crate::queue::{Jobs, Queue};
use crate::request::RequestId;
use crate::state::{Record, Secrets};

pub(crate) use rows::{StepRow, to_timestamp};
pub(crate) use turn::{Checkpoint, Claim};

/// The engine's durable state in a SQLite database, with a folder for what is too large for it.
pub struct Store {
    writer: SqlitePool,
    reader: SqlitePool,
    folder: PathBuf,
    sealer: Sealer,
    hasher: Hasher,
    suppression: Hasher,
    holds: Hasher,
    pub(crate) key: MasterKey,
    /// Where finished archives lie.
    pub(crate) shelf: Shelf,
    pub(crate) queue: Arc<dyn Queue>,
    /// Held while this process is the only one; the system gives it back when the process ends, however it ends.
    _alone: Option<File>,
}

impl Store {
    /// Opens the database at `path`, makes it and its tables if they are not there, and uses the folder `path` + `.files`
    /// for spools and archives.
    ///
    /// # Errors
    /// When the database or the folder cannot be used, or was made with another key.
    pub async fn open(path: &Path, key: &MasterKey) -> Result<Self, EngineError> {
        let mut folder = path.as_os_str().to_owned();
        folder.push(".files");
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(folder.join("spool"))?;
        std::fs::create_dir_all(folder.join("archives"))?;
        let alone = take_alone(&folder)?;

        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Who works on what need not outlive a loss of power, which ends the work too; the rest says so as it begins.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .after_release(|connection, _| {
                Box::pin(async move {
                    connection.execute("PRAGMA synchronous = NORMAL").await?;
                    Ok(true)
                })
            })
            .connect_with(options.clone())
            .await?;
        sqlx::raw_sql(include_str!("schema.sql"))
            .execute(&writer)
            .await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(options.create_if_missing(false));
        if alone.is_some() {
            sqlx::query("UPDATE adieu_request SET lease_until = 1 WHERE lease_until > 1")
                .execute(&writer)
                .await?;
            sqlx::query("UPDATE adieu_notice SET lease_until = 0 WHERE lease_until > 0")
                .execute(&writer)
                .await?;
        }
        let queue = Jobs::open(writer.clone(), reader.clone(), alone.is_some()).await?;
        let store = Self {
            writer,
            reader,
            shelf: Shelf::new(Archives::Folder(folder.join("archives"))),
            folder,
            sealer: Sealer::new(key)?,
            hasher: Hasher::new(key, "owner")?,
            suppression: Hasher::new(key, "suppression")?,
            holds: Hasher::new(key, "hold")?,
            key: key.clone(),
            queue: Arc::new(queue),
            _alone: alone,
        };
        store.prove_key().await?;
        Ok(store)
    }

    /// Where a request's spool lies.
    pub(crate) fn spool_folder(&self, id: RequestId) -> PathBuf {
        self.folder.join("spool").join(id.to_string())
    }

    /// Has a request carried on when it is next due, and at no other time; part of the transaction that says when that is.
    async fn schedule(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        record: &Record,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        self.queue.remove(tx, record.id).await?;
        self.schedule_first(tx, record, now).await
    }

    /// The same for a request that has not been scheduled before.
    async fn schedule_first(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        record: &Record,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let Some(at) = record.next_at else {
            return Ok(());
        };
        let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
        self.queue.enqueue(tx, record.id, wait).await
    }

    /// Begins a change that is on disk once it is committed.
    async fn begin(&self) -> Result<Transaction<'_, Sqlite>, EngineError> {
        let begin = "PRAGMA synchronous = FULL; BEGIN IMMEDIATE";
        Ok(self.writer.begin_with(begin).await?)
    }

    /// Begins a change that outlives the process at once, and a loss of power with the next change that is on disk.
    async fn begin_lightly(&self) -> Result<Transaction<'_, Sqlite>, EngineError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// A wrong key would look like damage much later, so it is found out at the start.
    async fn prove_key(&self) -> Result<(), EngineError> {
        let row =
            sqlx::query("SELECT id, sealed FROM adieu_request WHERE sealed IS NOT NULL LIMIT 1")
                .fetch_optional(&self.writer)
                .await?;
        if let Some(row) = row {
            let id: RequestId = row.get::<&str, _>("id").parse()?;
            self.sealer
                .open::<Secrets>(&place(id, ""), row.get::<&[u8], _>("sealed"))
                .map_err(|_| {
                    EngineError::config(
                        "the store was made with another key; give the key it was made with, or another store",
                    )
                })?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// What a sealed value belongs to; it opens nowhere else.
fn place(id: RequestId, step: &str) -> String {
    format!("{id}/{step}")
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, EngineError> {
    serde_json::to_string(value).map_err(|_| EngineError::internal("a row could not be written"))
}

/// Takes the lock that says no other process uses the store; `None` when one does.
fn take_alone(folder: &Path) -> Result<Option<File>, EngineError> {
    let file = File::create(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use sqlx::AssertSqlSafe;
    use sqlx::sqlite::SqliteRow;

    use super::*;

    #[tokio::test]
    async fn a_change_is_on_disk_before_it_is_answered_and_the_queue_does_not_change_that() {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::generate().unwrap();
        let store = Store::open(&folder.path().join("adieu.db"), &key)
            .await
            .unwrap();
        let carry_on = Arc::new(|_| Box::pin(async {}) as _);
        let a_while = tokio::time::sleep(Duration::from_millis(200));
        store
            .queue
            .work(1, carry_on, Box::pin(a_while))
            .await
            .unwrap();
        let setting = async |tx: &mut Transaction<'_, Sqlite>, name: &str| -> SqliteRow {
            let pragma = AssertSqlSafe(format!("PRAGMA {name}"));
            sqlx::query(pragma).fetch_one(&mut **tx).await.unwrap()
        };
        for _ in 0..2 {
            let mut tx = store.begin().await.unwrap();
            let synchronous = setting(&mut tx, "synchronous").await;
            assert_eq!(synchronous.get::<i64, _>(0), 2, "FULL");
            let journal = setting(&mut tx, "journal_mode").await;
            assert_eq!(journal.get::<String, _>(0), "wal");
            tx.commit().await.unwrap();
            let mut light = store.begin_lightly().await.unwrap();
            let synchronous = setting(&mut light, "synchronous").await;
            assert_eq!(synchronous.get::<i64, _>(0), 1, "NORMAL");
            drop(light);
        }
    }
}
