//! Carrying a request on, phase by phase, from wherever it was left.

use std::fs::File;
use std::time::Duration;

use adieu_archive::{ArchiveError, ArchiveKey, Spool, SpoolOptions};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::ledger::Ledger;
use crate::progress::Happening;
use crate::request::{Exception, Kind, RequestId, Status};
use crate::state::{Phase, State, StepState};
use crate::teller::Teller;

/// What came of advancing a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// It ended like this.
    Ended(Status),
    /// There is more to do, at this time.
    Again(Timestamp),
    /// It was not due, somebody else works on it, or it is over.
    Idle,
}

/// How a phase ended.
pub(crate) enum Next {
    /// The next one begins.
    Phase(Phase),
    /// The request ends.
    End(Status),
    /// It goes on at this time.
    Wait(Timestamp),
}

impl Engine {
    /// Takes a request up and carries it on until it ends, has to wait, or the budget is used up.
    ///
    /// # Errors
    /// When the engine's own state cannot be read or written, or another executor has taken the request over. A connector's
    /// failure is no error here: it is written down, retried, and ends among the request's exceptions.
    ///
    /// # Cancel safety
    /// The future may be dropped at any point. What was done since the last checkpoint is done again.
    pub async fn advance(&self, id: RequestId, budget: Duration) -> Result<Advance, EngineError> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let lease_until = now
            .checked_add(inner.options.lease)
            .map_err(|_| EngineError::config("the lease is longer than the calendar"))?;
        let Some(claim) = inner.store.claim(id, now, lease_until).await? else {
            return Ok(Advance::Idle);
        };
        let (after_a_crash, takeups) = (claim.after_a_crash, claim.takeups);
        let ledger = Ledger::new(
            &inner.store,
            &*inner.clock,
            claim,
            inner.options.lease,
            inner.options.checkpoint_every,
        );
        if after_a_crash {
            note_lost_answers(&ledger).await;
        }
        if takeups > inner.options.takeups_at_most {
            return inner.give_up(&ledger, takeups).await;
        }
        let until = Instant::now() + budget;
        let done = tokio::select! {
            lost = ledger.keep_lease() => Err(lost),
            done = inner.carry_on(&ledger, until) => done,
        };
        match done {
            Err(EngineError::Archive(ArchiveError::Damaged(what))) => {
                tracing::warn!(request = %id, "the export begins anew: {what}");
                inner.begin_export_anew(&ledger).await
            }
            done => done,
        }
    }
}

/// An executor died in the middle of an erasure: what it was told may be lost.
async fn note_lost_answers(ledger: &Ledger<'_>) {
    let mut pages = ledger.pages().await;
    if pages.record.kind != Kind::Erasure || pages.record.phase != Phase::Act {
        return;
    }
    let pending: Vec<_> = pages
        .steps
        .iter()
        .filter(|(_, state)| state.state == State::Pending)
        .map(|(id, _)| id.clone())
        .collect();
    for id in pending {
        pages.step(&id).interrupted = true;
    }
}

impl Inner {
    async fn carry_on(&self, ledger: &Ledger<'_>, until: Instant) -> Result<Advance, EngineError> {
        let teller = Teller {
            request: ledger.id,
            events: self.events.clone(),
        };
        teller.tell(Happening::Started);
        loop {
            let (kind, phase) = {
                let pages = ledger.pages().await;
                (pages.record.kind, pages.record.phase)
            };
            let next = match phase {
                Phase::Discover => self.discover_all(ledger, &teller, until).await?,
                Phase::Survey => self.survey_before(ledger, until).await?,
                Phase::Act if kind == Kind::Export => {
                    self.export_all(ledger, &teller, until).await?
                }
                Phase::Act => self.erase_all(ledger, &teller, until).await?,
                Phase::Verify => self.verify_all(ledger, &teller, until).await?,
                Phase::Finish => Next::End(self.finish(ledger).await?),
            };
            match next {
                Next::Phase(next) => ledger.pages().await.record.phase = next,
                Next::Wait(at) => {
                    ledger.pages().await.record.next_at = Some(at);
                    ledger.give_back().await?;
                    return Ok(Advance::Again(at));
                }
                Next::End(status) => {
                    self.end(ledger, status).await?;
                    teller.tell(Happening::Status { status });
                    return Ok(Advance::Ended(status));
                }
            }
        }
    }

    /// The request's spool, for this executor alone.
    pub(crate) async fn spool(&self, ledger: &Ledger<'_>) -> Result<HeldSpool, EngineError> {
        let pages = ledger.pages().await;
        let folder = self.store.spool_folder(ledger.id);
        let lock = File::create(folder.with_extension("lock"))?;
        // An executor of this machine that lost its lease, and does not know it yet, still writes there.
        lock.try_lock().map_err(|_| EngineError::Superseded)?;
        let key = ArchiveKey::from_bytes(&pages.secrets.archive_key)?;
        let spool = Spool::open(folder, &key, pages.record.format, SpoolOptions::default())?;
        Ok(HeldSpool { spool, _lock: lock })
    }

    /// Ends a request that whoever carried it on did not survive. An erasure that had begun gets its receipt.
    async fn give_up(&self, ledger: &Ledger<'_>, takeups: u32) -> Result<Advance, EngineError> {
        let mut pages = ledger.pages().await;
        let began = pages.record.kind == Kind::Erasure
            && matches!(pages.record.phase, Phase::Act | Phase::Verify);
        let reason = format!(
            "it was given up: the process ended {} times in a row while it carried the request on",
            takeups.saturating_sub(1)
        );
        pages.record.exceptions.push(Exception {
            connector: "adieu".to_owned(),
            collection: None,
            reason,
        });
        pages.event("given_up");
        if began {
            // What is left of it needs no connector.
            pages.record.phase = Phase::Finish;
        }
        drop(pages);
        let status = if began {
            ledger.checkpoint().await?;
            self.finish(ledger).await?
        } else {
            Status::Failed
        };
        self.end(ledger, status).await?;
        Teller {
            request: ledger.id,
            events: self.events.clone(),
        }
        .tell(Happening::Status { status });
        Ok(Advance::Ended(status))
    }

    /// The spool does not hold what was committed: everything is read once more. An export changes nothing, so it can be.
    async fn begin_export_anew(&self, ledger: &Ledger<'_>) -> Result<Advance, EngineError> {
        let at = ledger.now();
        let mut pages = ledger.pages().await;
        pages.record.attempts += 1;
        let wait = Duration::from_secs(pages.record.attempts.saturating_sub(1).min(60).into());
        let at = at.checked_add(wait).unwrap_or(at);
        let ids: Vec<_> = pages.steps.keys().cloned().collect();
        for id in ids {
            *pages.step(&id) = StepState::default();
        }
        pages.record.phase = Phase::Act;
        pages.record.next_at = Some(at);
        pages.event("export_began_anew");
        drop(pages);
        match std::fs::remove_dir_all(self.store.spool_folder(ledger.id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        ledger.give_back().await?;
        Ok(Advance::Again(at))
    }
}

/// A spool and the lock on it, which the system gives back when the process ends.
pub(crate) struct HeldSpool {
    pub(crate) spool: Spool,
    _lock: File,
}
