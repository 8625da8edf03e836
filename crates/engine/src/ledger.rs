//! The state of one running request in memory, and its checkpoints.

use std::collections::BTreeSet;
use std::time::Duration;

use adieu_archive::Spool;
use adieu_core::{Blocker, ConnectorError, ErrorKind, IdentityValue, Subject};
use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::error::EngineError;
use crate::notice::Occasion;
use crate::request::RequestId;
use crate::state::{Record, Secrets, State, StepId, StepState, Steps};
use crate::store::{Checkpoint, Claim, Store};

/// The pages of one request: what it is, what is known, how each collection stands.
pub(crate) struct Pages {
    pub(crate) record: Record,
    pub(crate) secrets: Secrets,
    pub(crate) steps: Steps,
    changed: BTreeSet<StepId>,
    events: Vec<String>,
    last_checkpoint: Instant,
    /// Who is from now on known as erased.
    pub(crate) suppress: Option<Subject>,
    /// What the person is told once this is written down, and where.
    pub(crate) notice: Option<(Occasion, IdentityValue)>,
}

impl Pages {
    /// A step's state, to be changed; the next checkpoint writes it.
    pub(crate) fn step(&mut self, id: &StepId) -> &mut StepState {
        self.changed.insert(id.clone());
        self.steps.entry(id.clone()).or_default()
    }

    /// A step's state as it is.
    pub(crate) fn peek(&self, id: &StepId) -> StepState {
        self.steps.get(id).cloned().unwrap_or_default()
    }

    /// Stops an erasure that has begun: what is not done yet fails, and is taken up again when the request is resumed.
    pub(crate) fn stop(&mut self, blocker: &Blocker) {
        let left: Vec<_> = self
            .steps
            .iter()
            .filter(|(_, state)| state.state == State::Pending)
            .map(|(id, _)| id.clone())
            .collect();
        for id in left {
            let state = self.step(&id);
            state.state = State::Failed;
            state.error = Some(ConnectorError::new(
                ErrorKind::Forbidden,
                format!("{}: {}", blocker.code, blocker.advice),
            ));
        }
        self.event(format!("stopped {}", blocker.code));
    }

    /// Forgets whom the request was about. The key of its archive and the opening of its receipt stay.
    pub(crate) fn forget_subject(&mut self) {
        self.secrets.given = Subject::default();
        self.secrets.known = Subject::default();
        self.secrets.notify = None;
        let ids: Vec<_> = self.steps.keys().cloned().collect();
        for id in ids {
            self.step(&id).forget();
        }
    }

    /// Notes an event for the audit log; the next checkpoint writes it.
    pub(crate) fn event(&mut self, event: impl Into<String>) {
        self.events.push(event.into());
    }
}

/// One request in the hands of one executor.
pub(crate) struct Ledger<'a> {
    pub(crate) id: RequestId,
    store: &'a Store,
    clock: &'a dyn Clock,
    fence: i64,
    lease: Duration,
    every: Duration,
    pages: Mutex<Pages>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(
        store: &'a Store,
        clock: &'a dyn Clock,
        claim: Claim,
        lease: Duration,
        every: Duration,
    ) -> Self {
        Self {
            id: claim.record.id,
            store,
            clock,
            fence: claim.fence,
            lease,
            every,
            pages: Mutex::new(Pages {
                record: claim.record,
                secrets: claim.secrets,
                steps: claim.steps,
                changed: BTreeSet::new(),
                events: Vec::new(),
                last_checkpoint: Instant::now(),
                suppress: None,
                notice: None,
            }),
        }
    }

    /// The pages, for reading and writing.
    pub(crate) async fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().await
    }

    /// Whether so much time has passed that what was done should be written down.
    pub(crate) async fn is_due(&self) -> bool {
        self.pages.lock().await.last_checkpoint.elapsed() >= self.every
    }

    /// Writes down what has changed, and keeps the request.
    pub(crate) async fn checkpoint(&self) -> Result<(), EngineError> {
        let until = self.lease_until();
        self.write(Some(until)).await
    }

    /// The same, after the spool has made what is committed durable. No mark gets ahead of it meanwhile.
    pub(crate) async fn checkpoint_with(&self, spool: &Spool) -> Result<(), EngineError> {
        let mut pages = self.pages.lock().await;
        spool.sync().await?;
        let until = self.lease_until();
        self.write_pages(&mut pages, Some(until)).await
    }

    /// Writes down what has changed, and gives the request back.
    pub(crate) async fn give_back(&self) -> Result<(), EngineError> {
        self.write(None).await
    }

    /// Says again and again that somebody is working on the request; ends only when another executor has it.
    pub(crate) async fn keep_lease(&self) -> EngineError {
        loop {
            tokio::time::sleep(self.lease / 3).await;
            let until = self.lease_until();
            match self.store.renew(self.id, self.fence, until).await {
                Ok(()) => {}
                Err(EngineError::Superseded) => return EngineError::Superseded,
                // The store may answer again before the lease ends; a checkpoint finds out otherwise.
                Err(_) => tracing::warn!(request = %self.id, "the lease could not be renewed"),
            }
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes that a step failed; `true` when it is over with it, `false` when it waits for another time.
    pub(crate) async fn failed(
        &self,
        step: &StepId,
        error: &ConnectorError,
        retry: &crate::call::RetryPolicy,
    ) -> bool {
        let now = self.now();
        let mut pages = self.pages().await;
        let state = pages.step(step);
        state.note_effect(error);
        state.error = Some(error.clone());
        state.attempts += 1;
        let since = *state.first_failed_at.get_or_insert(now);
        let failing_for = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        state.next_at = retry
            .late(state.attempts - 1, failing_for, error)
            .and_then(|wait| now.checked_add(wait).ok());
        let over = state.next_at.is_none();
        if over {
            state.state = State::Failed;
        }
        tracing::warn!(
            request = %self.id, connector = %step.0, collection = %step.1, kind = %error.kind(), over,
            "a step failed: {}", error.what()
        );
        over
    }

    fn lease_until(&self) -> Timestamp {
        let now = self.now();
        now.checked_add(self.lease).unwrap_or(now)
    }

    async fn write(&self, lease_until: Option<Timestamp>) -> Result<(), EngineError> {
        let mut pages = self.pages.lock().await;
        self.write_pages(&mut pages, lease_until).await
    }

    async fn write_pages(
        &self,
        pages: &mut Pages,
        lease_until: Option<Timestamp>,
    ) -> Result<(), EngineError> {
        let at = self.now();
        let Pages {
            record,
            secrets,
            steps,
            changed,
            events,
            suppress,
            notice,
            ..
        } = &*pages;
        let steps = changed
            .iter()
            .filter_map(|id| steps.get_key_value(id))
            .collect();
        self.store
            .checkpoint(Checkpoint {
                record,
                secrets,
                steps,
                fence: self.fence,
                lease_until,
                events,
                suppress: suppress.as_ref(),
                notice: notice.as_ref(),
                at,
            })
            .await?;
        pages.changed.clear();
        pages.events.clear();
        pages.notice = None;
        pages.last_checkpoint = Instant::now();
        Ok(())
    }
}
