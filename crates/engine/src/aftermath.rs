//! What can be done with a request besides carrying it out: cancel, resume, fetch what came of it, forget.

use adieu_archive::ArchiveKey;
use adieu_archive::sealed::SealedReader;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::receipt::Opening;
use crate::request::{Kind, Request, RequestId, Status};
use crate::state::{Phase, State};

impl Engine {
    /// Cancels a request of which nothing has been done.
    ///
    /// # Errors
    /// `Conflict` once it has begun or is over, `NotFound` when it is not there.
    pub async fn cancel(&self, id: RequestId) -> Result<Request, EngineError> {
        let now = self.inner.clock.now();
        self.inner
            .store
            .change_idle(id, now, "cancelled", |record, secrets, _| {
                match record.status {
                    Status::AwaitingConfirmation | Status::Scheduled => {}
                    _ => {
                        return Err(EngineError::conflict(
                            "the request has begun or is over, and cannot be cancelled any more",
                        ));
                    }
                }
                record.status = Status::Cancelled;
                record.finished_at = Some(now);
                record.next_at = None;
                *secrets = None;
                Ok(())
            })
            .await?;
        self.request(id).await
    }

    /// Takes up again a request that ended with exceptions, failed or was blocked: what is done stays done.
    ///
    /// # Errors
    /// `Conflict` when its status is another, `NotFound` when it is not there.
    pub async fn resume(&self, id: RequestId) -> Result<Request, EngineError> {
        let now = self.inner.clock.now();
        self.inner
            .store
            .change_idle(id, now, "resumed", |record, secrets, steps| {
                if !record.status.is_resumable() || secrets.is_none() {
                    return Err(EngineError::conflict(format!(
                        "the request is {}, and there is nothing to resume",
                        record.status.as_str()
                    )));
                }
                let began = steps.values().any(|state| state.found.is_some());
                for state in steps.values_mut() {
                    if state.state == State::Failed {
                        state.state = State::Pending;
                        state.attempts = 0;
                        state.first_failed_at = None;
                        state.next_at = None;
                        state.error = None;
                        if record.kind == Kind::Erasure {
                            state.cursor = None;
                            state.answers.begin_round();
                            state.round = 0;
                        }
                    }
                }
                // Identities that were found before an erasure began may not be found again after it.
                record.phase = match (record.kind, began) {
                    (Kind::Erasure, true) => Phase::Act,
                    _ => Phase::Discover,
                };
                record.status = Status::Running;
                record.finished_at = None;
                record.next_at = Some(now);
                record.attempts = 0;
                record.exceptions.clear();
                record.blockers.clear();
                Ok(())
            })
            .await?;
        self.request(id).await
    }

    /// Opens the archive of a finished export.
    ///
    /// # Errors
    /// `Conflict` when there is none yet or any more, `NotFound` when there is no such request.
    pub async fn open_archive(&self, id: RequestId) -> Result<SealedReader, EngineError> {
        let (record, _) = self.inner.store.record(id).await?;
        let Some(secrets) = self.inner.store.secrets(id).await? else {
            return Err(EngineError::conflict(
                "the archive has passed its time and was deleted",
            ));
        };
        if record.archive_sha256.is_none() || !record.status.is_final() {
            return Err(EngineError::conflict("there is no archive yet"));
        }
        let key = ArchiveKey::from_bytes(&secrets.archive_key)?;
        let shelf = &self.inner.store.shelf;
        Ok(shelf.archives.open(&shelf.name(id), &key).await?)
    }

    /// The receipt of a finished request: a JWS in its compact form.
    ///
    /// # Errors
    /// `Conflict` when there is none yet, `NotFound` when there is no such request.
    pub async fn receipt(&self, id: RequestId) -> Result<String, EngineError> {
        let (record, _) = self.inner.store.record(id).await?;
        match record.receipt {
            Some(receipt) if record.status.is_final() => Ok(receipt),
            _ => Err(EngineError::conflict("there is no receipt yet")),
        }
    }

    /// What opens the commitments of a request's receipt, for the data subject to keep. Gone once it was forgotten.
    ///
    /// # Errors
    /// `NotFound`, or when the store cannot be read.
    pub async fn opening(&self, id: RequestId) -> Result<Option<Opening>, EngineError> {
        let secrets = self.inner.store.secrets(id).await?;
        Ok(secrets.map(|secrets| Opening::new(secrets.salt)))
    }

    /// Forgets what is sealed of a request that is over: identities, keys, the opening. An archive goes with its key.
    ///
    /// # Errors
    /// `Conflict` while it is not over, or can still be resumed.
    pub async fn forget(&self, id: RequestId) -> Result<(), EngineError> {
        let (record, _) = self.inner.store.record(id).await?;
        match record.status {
            Status::Completed | Status::Cancelled | Status::Expired if record.next_at.is_none() => {
            }
            _ => {
                return Err(EngineError::conflict(
                    "the request is not over, can still be resumed, or waits for what a system deletes later",
                ));
            }
        }
        self.inner.store.wipe(id).await?;
        self.inner.store.shelf.remove(id).await
    }

    /// Deletes archives that have passed their time, and says how many; and spools that no request needs any more.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn expire(&self) -> Result<usize, EngineError> {
        let now = self.inner.clock.now();
        let ids = self.inner.store.expired(now).await?;
        for id in &ids {
            let result = self
                .inner
                .store
                .change_idle(*id, now, "expired", |record, secrets, _| {
                    record.status = Status::Expired;
                    record.next_at = None;
                    *secrets = None;
                    Ok(())
                })
                .await;
            match result {
                Ok(_) => self.inner.store.shelf.remove(*id).await?,
                Err(EngineError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.inner.store.forget_notices(now).await?;
        match self.inner.store.remove_spools().await? {
            0 => {}
            spools => tracing::info!(spools, "spools that nobody needs any more were removed"),
        }
        Ok(ids.len())
    }
}
