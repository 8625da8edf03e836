//! Durable state: the engine's own tables, and the folder of spools and archives beside them.
//!
//! Every change is one small transaction. What an executor writes about a running request carries its fence: when
//! another executor has taken the request over meanwhile, nothing is written.

mod lookup;
mod read;
mod rows;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adieu_core::Subject;
use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Row as _, Sqlite, Transaction};

use crate::audit::AuditEntry;
use crate::error::EngineError;
use crate::keys::{Hasher, MasterKey, Sealer};
use crate::request::{NewRequest, RequestId, Status};
use crate::state::{Record, Secrets, StepId, StepState, Steps};

use rows::{RECORD_COLUMNS, read_record, read_step, to_timestamp};

/// The engine's durable state in a SQLite database, with a folder for what is too large for it.
pub struct Store {
    writer: SqlitePool,
    reader: SqlitePool,
    folder: PathBuf,
    sealer: Sealer,
    hasher: Hasher,
    suppression: Hasher,
    pub(crate) key: MasterKey,
    /// Held while this process is the only one; the system gives it back when the process ends, however it ends.
    _alone: Option<File>,
}

/// A request taken up by one executor.
pub(crate) struct Claim {
    pub(crate) record: Record,
    pub(crate) secrets: Secrets,
    pub(crate) steps: Steps,
    pub(crate) fence: i64,
    /// Whether the executor before ended without giving the request back.
    pub(crate) after_a_crash: bool,
}

/// What one checkpoint writes.
pub(crate) struct Checkpoint<'a> {
    pub(crate) record: &'a Record,
    pub(crate) secrets: &'a Secrets,
    pub(crate) steps: Vec<(&'a StepId, &'a StepState)>,
    pub(crate) fence: i64,
    pub(crate) lease_until: Option<Timestamp>,
    pub(crate) events: &'a [String],
    /// Who is from now on known as erased.
    pub(crate) suppress: Option<&'a Subject>,
    pub(crate) at: Timestamp,
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
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
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
        }
        let store = Self {
            writer,
            reader,
            folder,
            sealer: Sealer::new(key)?,
            hasher: Hasher::new(key, "owner")?,
            suppression: Hasher::new(key, "suppression")?,
            key: key.clone(),
            _alone: alone,
        };
        store.prove_key().await?;
        Ok(store)
    }

    /// Where a request's spool lies.
    pub(crate) fn spool_folder(&self, id: RequestId) -> PathBuf {
        self.folder.join("spool").join(id.to_string())
    }

    /// Where a request's archive lies.
    pub(crate) fn archive_path(&self, id: RequestId) -> PathBuf {
        self.folder.join("archives").join(format!("{id}.age"))
    }

    /// Writes down a new request; or finds the one that was submitted under the same idempotency key.
    pub(crate) async fn submit(
        &self,
        new: &NewRequest,
        record: &Record,
        secrets: &Secrets,
    ) -> Result<(RequestId, bool), EngineError> {
        let tenant = new.subject.tenant().map(|tenant| tenant.expose());
        let owner = new
            .owner
            .as_ref()
            .map(|owner| self.hasher.identity(tenant, owner));
        let idempotency = new.idempotency_key.as_ref().map(|key| {
            let owner = owner.as_deref().map(crate::keys::hex).unwrap_or_default();
            self.hasher.parts(&["idempotency", &owner, key])
        });
        let subject_hash = self.hasher.subject(&new.subject);
        let mut tx = self.begin().await?;
        if let Some(hash) = &idempotency {
            let before = sqlx::query(
                "SELECT id, kind, format, subject_hash FROM adieu_request WHERE idempotency_hash = ?",
            )
            .bind(hash)
            .fetch_optional(&mut *tx)
            .await?;
            if let Some(row) = before {
                let same = row.get::<String, _>("kind") == new.kind.as_str()
                    && row.get::<String, _>("format") == new.format.as_str()
                    && row.get::<Vec<u8>, _>("subject_hash") == subject_hash;
                return match same {
                    true => Ok((row.get::<String, _>("id").parse()?, false)),
                    false => Err(EngineError::conflict(
                        "this idempotency key was used for another request",
                    )),
                };
            }
        }
        let sealed = self.sealer.seal(&place(record.id, ""), secrets)?;
        sqlx::query(
            "INSERT INTO adieu_request (id, kind, format, status, phase, created_at, due_at, execute_at, next_at,
                 subject_hash, owner_hash, idempotency_hash, sealed)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(record.id.to_string())
        .bind(record.kind.as_str())
        .bind(record.format.as_str())
        .bind(record.status.as_str())
        .bind(record.phase.as_str())
        .bind(record.created_at.as_millisecond())
        .bind(record.due_at.as_millisecond())
        .bind(record.execute_at.as_millisecond())
        .bind(record.next_at.map(Timestamp::as_millisecond))
        .bind(subject_hash)
        .bind(owner)
        .bind(idempotency)
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        append(&mut tx, record.id, record.created_at, "submitted").await?;
        tx.commit().await?;
        Ok((record.id, true))
    }

    /// Takes up a request that is due, unless another executor has it.
    pub(crate) async fn claim(
        &self,
        id: RequestId,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claim>, EngineError> {
        let mut tx = self.begin().await?;
        let Some(row) = sqlx::query(
            "SELECT fence, lease_until, sealed FROM adieu_request
             WHERE id = ? AND next_at <= ? AND lease_until <= ? AND sealed IS NOT NULL",
        )
        .bind(id.to_string())
        .bind(now.as_millisecond())
        .bind(now.as_millisecond())
        .fetch_optional(&mut *tx)
        .await?
        else {
            return Ok(None);
        };
        let fence = row.get::<i64, _>("fence") + 1;
        let after_a_crash = row.get::<i64, _>("lease_until") != 0;
        let secrets: Secrets = self
            .sealer
            .open(&place(id, ""), row.get::<&[u8], _>("sealed"))?;
        sqlx::query(
            "UPDATE adieu_request SET fence = ?, lease_until = ?, status = 'running' WHERE id = ?",
        )
        .bind(fence)
        .bind(lease_until.as_millisecond())
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query(RECORD_COLUMNS)
            .bind(id.to_string())
            .fetch_one(&mut *tx)
            .await?;
        let mut record = read_record(&row)?;
        record.status = Status::Running;
        let mut steps = Steps::new();
        for row in
            sqlx::query("SELECT connector, collection, sealed FROM adieu_step WHERE request_id = ?")
                .bind(id.to_string())
                .fetch_all(&mut *tx)
                .await?
        {
            let (step, state) = read_step(&self.sealer, id, &row)?;
            steps.insert(step, state);
        }
        tx.commit().await?;
        Ok(Some(Claim {
            record,
            secrets,
            steps,
            fence,
            after_a_crash,
        }))
    }

    /// Writes down how far a request has come, if this executor still has it.
    pub(crate) async fn checkpoint(&self, change: Checkpoint<'_>) -> Result<(), EngineError> {
        let record = change.record;
        let id = record.id;
        let mut tx = self.begin().await?;
        let sealed = self.sealer.seal(&place(id, ""), change.secrets)?;
        let written = sqlx::query(
            "UPDATE adieu_request SET status = ?, phase = ?, next_at = ?, finished_at = ?, execute_at = ?, due_at = ?,
                 lease_until = ?, attempts = ?, sealed = ?, blockers = ?, exceptions = ?, archive_sha256 = ?,
                 archive_bytes = ?, archive_expires_at = ?, receipt = ?
             WHERE id = ? AND fence = ?",
        )
        .bind(record.status.as_str())
        .bind(record.phase.as_str())
        .bind(record.next_at.map(Timestamp::as_millisecond))
        .bind(record.finished_at.map(Timestamp::as_millisecond))
        .bind(record.execute_at.as_millisecond())
        .bind(record.due_at.as_millisecond())
        .bind(change.lease_until.map_or(0, Timestamp::as_millisecond))
        .bind(record.attempts)
        .bind(sealed)
        .bind(json(&record.blockers)?)
        .bind(json(&record.exceptions)?)
        .bind(&record.archive_sha256)
        .bind(record.archive_bytes.map(u64::cast_signed))
        .bind(record.archive_expires_at.map(Timestamp::as_millisecond))
        .bind(&record.receipt)
        .bind(id.to_string())
        .bind(change.fence)
        .execute(&mut *tx)
        .await?;
        if written.rows_affected() != 1 {
            return Err(EngineError::Superseded);
        }
        for ((connector, collection), state) in change.steps {
            let sealed = self
                .sealer
                .seal(&place(id, &format!("{connector}/{collection}")), state)?;
            sqlx::query(
                "INSERT INTO adieu_step (request_id, connector, collection, state, attempts, records, sealed)
                 VALUES (?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
                     records = excluded.records, sealed = excluded.sealed",
            )
            .bind(id.to_string())
            .bind(connector.as_str())
            .bind(collection.as_str())
            .bind(state.state.as_str())
            .bind(state.attempts)
            .bind(state.records.cast_signed())
            .bind(sealed)
            .execute(&mut *tx)
            .await?;
        }
        if let Some(subject) = change.suppress {
            self.suppress(&mut tx, id, subject, change.at).await?;
        }
        for event in change.events {
            append(&mut tx, id, change.at, event).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Keeps the lease of a request that takes long.
    pub(crate) async fn renew(
        &self,
        id: RequestId,
        fence: i64,
        lease_until: Timestamp,
    ) -> Result<(), EngineError> {
        let written =
            sqlx::query("UPDATE adieu_request SET lease_until = ? WHERE id = ? AND fence = ?")
                .bind(lease_until.as_millisecond())
                .bind(id.to_string())
                .bind(fence)
                .execute(&self.writer)
                .await?;
        match written.rows_affected() {
            1 => Ok(()),
            _ => Err(EngineError::Superseded),
        }
    }

    /// Changes a request that nobody is working on: cancel, resume, expire. `change` says no by returning an error.
    pub(crate) async fn change_idle(
        &self,
        id: RequestId,
        now: Timestamp,
        event: &str,
        change: impl FnOnce(&mut Record, &mut Option<Secrets>, &mut Steps) -> Result<(), EngineError>
        + Send,
    ) -> Result<Record, EngineError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(RECORD_COLUMNS)
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(EngineError::NotFound)?;
        if row.get::<i64, _>("lease_until") > now.as_millisecond() {
            return Err(EngineError::conflict(
                "the request is being carried out right now; try again when it waits",
            ));
        }
        let mut record = read_record(&row)?;
        let mut secrets: Option<Secrets> = row
            .get::<Option<&[u8]>, _>("sealed")
            .map(|sealed| self.sealer.open(&place(id, ""), sealed))
            .transpose()?;
        let mut steps = Steps::new();
        for row in
            sqlx::query("SELECT connector, collection, sealed FROM adieu_step WHERE request_id = ?")
                .bind(id.to_string())
                .fetch_all(&mut *tx)
                .await?
        {
            let (step, state) = read_step(&self.sealer, id, &row)?;
            steps.insert(step, state);
        }
        change(&mut record, &mut secrets, &mut steps)?;
        let sealed = secrets
            .as_ref()
            .map(|secrets| self.sealer.seal(&place(id, ""), secrets))
            .transpose()?;
        sqlx::query(
            "UPDATE adieu_request SET status = ?, phase = ?, next_at = ?, finished_at = ?, sealed = ?, attempts = ?,
                 blockers = ?, exceptions = ?, fence = fence + 1, lease_until = 0 WHERE id = ?",
        )
        .bind(record.status.as_str())
        .bind(record.phase.as_str())
        .bind(record.next_at.map(Timestamp::as_millisecond))
        .bind(record.finished_at.map(Timestamp::as_millisecond))
        .bind(sealed)
        .bind(record.attempts)
        .bind(json(&record.blockers)?)
        .bind(json(&record.exceptions)?)
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
        for ((connector, collection), state) in &steps {
            let sealed = self
                .sealer
                .seal(&place(id, &format!("{connector}/{collection}")), state)?;
            sqlx::query(
                "UPDATE adieu_step SET state = ?, attempts = ?, sealed = ?
                 WHERE request_id = ? AND connector = ? AND collection = ?",
            )
            .bind(state.state.as_str())
            .bind(state.attempts)
            .bind(sealed)
            .bind(id.to_string())
            .bind(connector.as_str())
            .bind(collection.as_str())
            .execute(&mut *tx)
            .await?;
        }
        if secrets.is_none() {
            wipe_steps(&mut tx, id).await?;
        }
        append(&mut tx, id, now, event).await?;
        tx.commit().await?;
        Ok(record)
    }

    /// Wipes what is sealed of a request that is over, in the transaction of its own.
    pub(crate) async fn wipe(&self, id: RequestId) -> Result<(), EngineError> {
        let mut tx = self.begin().await?;
        wipe_steps(&mut tx, id).await?;
        sqlx::query("UPDATE adieu_request SET sealed = NULL WHERE id = ?")
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn begin(&self) -> Result<Transaction<'_, Sqlite>, EngineError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    async fn suppress(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        id: RequestId,
        subject: &Subject,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let tenant = subject.tenant().map(|tenant| tenant.expose());
        for identity in subject.identities() {
            sqlx::query(
                "INSERT INTO adieu_suppression (hash, kind, request_id, erased_at) VALUES (?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET request_id = excluded.request_id, erased_at = excluded.erased_at",
            )
            .bind(self.suppression.identity(tenant, identity))
            .bind(identity.kind().as_str())
            .bind(id.to_string())
            .bind(at.as_millisecond())
            .execute(&mut **tx)
            .await?;
        }
        Ok(())
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

async fn append(
    tx: &mut Transaction<'_, Sqlite>,
    id: RequestId,
    at: Timestamp,
    event: &str,
) -> Result<(), EngineError> {
    let last = sqlx::query("SELECT sequence, hash FROM adieu_audit ORDER BY sequence DESC LIMIT 1")
        .fetch_optional(&mut **tx)
        .await?
        .map(|row| {
            (
                row.get::<i64, _>("sequence").cast_unsigned(),
                row.get::<Vec<u8>, _>("hash"),
            )
        });
    // The table keeps milliseconds, so the hash is taken over them.
    let at = to_timestamp(at.as_millisecond())?;
    let entry = AuditEntry::following(last, at, id.to_string(), event.to_owned());
    sqlx::query(
        "INSERT INTO adieu_audit (sequence, at, request_id, event, previous, hash) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(entry.sequence.cast_signed())
    .bind(entry.at.as_millisecond())
    .bind(&entry.request_id)
    .bind(&entry.event)
    .bind(&entry.previous)
    .bind(&entry.hash)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn wipe_steps(tx: &mut Transaction<'_, Sqlite>, id: RequestId) -> Result<(), EngineError> {
    sqlx::query("UPDATE adieu_step SET sealed = x'' WHERE request_id = ?")
        .bind(id.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
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
