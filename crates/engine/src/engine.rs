//! The engine: what a host, a server or a program holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adieu_archive::ArchiveKey;
use adieu_core::{Connector, ConnectorError, ConnectorName, Descriptor, Identity, Subject};
use aws_lc_rs::rand;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Span;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::advance::Advance;
use crate::audit::AuditEntry;
use crate::call::{RetryPolicy, Station, Verb};
use crate::clock::{Clock, SystemClock};
use crate::discover::discover;
use crate::error::EngineError;
use crate::plan::Plan;
use crate::progress::Event;
use crate::receipt::Signer;
use crate::request::{
    ConnectorProgress, Deadline, Exception, Kind, NewRequest, Request, RequestId, Status, later,
};
use crate::state::{Phase, Record, Secrets};
use crate::step_key::StepKeys;
use crate::store::{StepRow, Store, to_timestamp};
use crate::survey::{CollectionPreview, ConnectorPreview, Preview, survey};

/// How a gateway behaves, where the defaults do not fit.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who answers for the data; the issuer of receipts.
    pub controller: Option<String>,
    /// Which law sets the time to answer.
    pub deadline: Deadline,
    /// Which kinds of request an operator has to approve before they begin: none.
    pub approval: Vec<Kind>,
    /// When failed steps are sent again.
    pub retry: RetryPolicy,
    /// How long an archive can be fetched.
    pub archive_lifetime: Span,
    /// How long a silent executor keeps a request before another may take it up.
    pub lease: Duration,
    /// How often in a row a request is taken up by a process that then dies, before it ends with an exception.
    pub takeups_at_most: u32,
    /// How much work a crash may cost.
    pub checkpoint_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controller: None,
            deadline: Deadline::default(),
            approval: Vec::new(),
            retry: RetryPolicy::default(),
            archive_lifetime: Span::new().days(7),
            lease: Duration::from_secs(30),
            takeups_at_most: 25,
            checkpoint_every: Duration::from_secs(2),
        }
    }
}

/// Carries out requests over a set of connectors. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) connectors: Vec<Arc<dyn Connector>>,
    pub(crate) stations: Vec<Station>,
    pub(crate) options: Options,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signer: Signer,
    pub(crate) events: broadcast::Sender<Event>,
}

impl Engine {
    /// An engine over this store and these connectors.
    ///
    /// # Errors
    /// When two connectors have the same name, or the store's key is of no use.
    pub fn new(
        store: Store,
        connectors: Vec<Arc<dyn Connector>>,
        options: Options,
    ) -> Result<Self, EngineError> {
        Self::with_clock(store, connectors, options, Arc::new(SystemClock))
    }

    /// The same, by another clock.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn with_clock(
        store: Store,
        connectors: Vec<Arc<dyn Connector>>,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let mut names = BTreeSet::new();
        for connector in &connectors {
            let name = &connector.descriptor().name;
            if !names.insert(name) {
                return Err(EngineError::config(format!(
                    "two connectors are called {name}; give each a name of its own"
                )));
            }
        }
        let signer = Signer::new(&store.key)?;
        let stations = connectors.iter().cloned().map(Station::new).collect();
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                connectors,
                stations,
                options,
                clock,
                signer,
                events: broadcast::channel(1024).0,
            }),
        })
    }

    /// Who answers for the data, as configured.
    pub fn controller(&self) -> Option<&str> {
        self.inner.options.controller.as_deref()
    }

    /// What each connector is and holds.
    pub fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        self.inner
            .connectors
            .iter()
            .map(|connector| connector.descriptor())
    }

    /// Which collections a request about this subject would reach, computed without I/O.
    pub fn plan(&self, subject: &Subject) -> Plan {
        Plan::new(&self.inner.connectors, subject)
    }

    /// Asks every connector whether it would work now.
    pub async fn check(&self) -> Vec<(ConnectorName, Result<(), ConnectorError>)> {
        let mut asked: FuturesUnordered<_> = self
            .inner
            .stations
            .iter()
            .map(|station| async move {
                let answer = station
                    .call(Verb("check", None), station.connector.check())
                    .await;
                (station.connector.descriptor().name.clone(), answer)
            })
            .collect();
        let mut answers = Vec::new();
        while let Some(answer) = asked.next().await {
            answers.push(answer);
        }
        let order = |name: &ConnectorName| {
            self.descriptors()
                .position(|descriptor| descriptor.name == *name)
        };
        answers.sort_by_key(|(name, _)| order(name));
        answers
    }

    /// Counts what is held and what an erasure would do. Changes nothing, and nothing of it is kept.
    ///
    /// # Errors
    /// When the store cannot be read. A connector that does not answer is no error: the preview says so.
    pub async fn preview(&self, subject: &Subject) -> Result<Preview, EngineError> {
        let inner = &*self.inner;
        let retry = &inner.options.retry;
        let until = Instant::now() + Duration::from_secs(60);
        let keys = StepKeys(RequestId::generate());
        let discovery = discover(&inner.stations, subject, &keys, retry, until).await;
        let known = discovery.known;
        let counts = survey(inner.stations.iter(), &known, retry, until).await;
        let connectors = self
            .descriptors()
            .map(|descriptor| ConnectorPreview {
                name: descriptor.name.clone(),
                collections: descriptor
                    .collections
                    .iter()
                    .map(|collection| {
                        let id = (descriptor.name.clone(), collection.name.clone());
                        let reason = match &collection.erasure {
                            adieu_core::Support::Refused(why) => Some(why.clone()),
                            adieu_core::Support::Offered => counts
                                .error(&descriptor.name, &collection.name)
                                .map(ToString::to_string),
                        };
                        CollectionPreview {
                            name: collection.name.clone(),
                            tally: counts.tallies.get(&id).cloned(),
                            reason,
                        }
                    })
                    .collect(),
                unreachable: descriptor.unreachable.clone(),
            })
            .collect();
        let mut blockers = counts.blockers;
        blockers.extend(inner.held(&known).await?);
        Ok(Preview {
            connectors,
            complete: discovery.unanswered.is_empty() && counts.unanswered.is_empty(),
            blockers,
            plan: self.plan(subject),
        })
    }

    /// Writes a request down. From here on it is not lost; [`Engine::advance`] carries it out.
    ///
    /// The flag is `false` when the same idempotency key was seen before and its request is returned.
    ///
    /// # Errors
    /// When the subject is nobody, the idempotency key was used for something else, or the store cannot be written.
    pub async fn submit(&self, new: NewRequest) -> Result<(Request, bool), EngineError> {
        if new.subject.is_empty() {
            return Err(EngineError::config(
                "a request needs at least one identity of the person it is about",
            ));
        }
        let inner = &*self.inner;
        // As exactly as the store keeps it, so that the answer and what is read later say the same.
        let now = to_timestamp(inner.clock.now().as_millisecond())?;
        let grace = match new.kind {
            Kind::Export => 0,
            Kind::Erasure => new.grace_days,
        };
        let execute_at = later(now, Span::new().days(i64::from(grace)))?;
        let waits = !new.approved && inner.options.approval.contains(&new.kind);
        let record = Record {
            id: RequestId::generate(),
            kind: new.kind,
            format: new.format,
            status: match (waits, grace) {
                (true, _) => Status::AwaitingConfirmation,
                (false, 0) => Status::Running,
                (false, _) => Status::Scheduled,
            },
            phase: Phase::Discover,
            created_at: now,
            due_at: inner.options.deadline.after(now)?,
            extension: None,
            tenant: inner.store.tenant_hash(new.subject.tenant()),
            execute_at,
            next_at: (!waits).then_some(execute_at),
            finished_at: None,
            attempts: 0,
            blockers: Vec::new(),
            exceptions: Vec::new(),
            archive_sha256: None,
            archive_bytes: None,
            archive_expires_at: None,
            receipt: None,
        };
        let mut salt = [0; 32];
        rand::fill(&mut salt).map_err(|_| EngineError::internal("no randomness"))?;
        let secrets = Secrets {
            given: new.subject.clone(),
            known: new.subject.clone(),
            archive_key: ArchiveKey::generate().to_bytes().to_vec(),
            salt,
            notify: new.notify.clone(),
        };
        match inner.store.submit(&new, &record, &secrets).await? {
            (_, true) => Ok((self.shown(record, &[]), true)),
            (before, false) => Ok((self.request(before).await?, false)),
        }
    }

    /// One request as it stands.
    ///
    /// # Errors
    /// `NotFound`, or when the store cannot be read.
    pub async fn request(&self, id: RequestId) -> Result<Request, EngineError> {
        let (record, steps) = self.inner.store.record(id).await?;
        Ok(self.shown(record, &steps))
    }

    fn shown(&self, record: Record, steps: &[StepRow]) -> Request {
        let connectors = self
            .descriptors()
            .map(|descriptor| {
                let name = descriptor.name.as_str();
                let own = || steps.iter().filter(|step| step.connector == name);
                ConnectorProgress {
                    name: name.to_owned(),
                    collections_done: own().filter(|step| step.is_done).count(),
                    collections: descriptor.collections.len(),
                    records: own().map(|step| step.records).sum(),
                }
            })
            .collect();
        Request {
            id: record.id,
            kind: record.kind,
            format: record.format,
            status: record.status,
            created_at: record.created_at,
            due_at: record.due_at,
            extension: record.extension,
            execute_at: record.execute_at,
            finished_at: record.finished_at,
            next_at: record.next_at,
            archive_expires_at: record.archive_expires_at,
            archive_bytes: record.archive_bytes,
            connectors,
            blockers: record.blockers,
            exceptions: record.exceptions,
        }
    }

    /// The newest requests, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn requests(&self, limit: u32) -> Result<Vec<Request>, EngineError> {
        let ids = self.inner.store.ids(None, limit).await?;
        self.all(ids).await
    }

    /// The newest requests of one owner, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn requests_of(
        &self,
        tenant: Option<&str>,
        owner: &Identity,
        limit: u32,
    ) -> Result<Vec<Request>, EngineError> {
        let ids = self.inner.store.ids(Some((tenant, owner)), limit).await?;
        self.all(ids).await
    }

    /// Whether a request belongs to this owner. A request that is not there belongs to nobody.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_owned_by(
        &self,
        id: RequestId,
        tenant: Option<&str>,
        owner: &Identity,
    ) -> Result<bool, EngineError> {
        self.inner.store.is_owned_by(id, tenant, owner).await
    }

    /// The unfinished request of this kind about exactly this subject, if there is one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn unfinished(
        &self,
        kind: Kind,
        subject: &Subject,
    ) -> Result<Option<Request>, EngineError> {
        match self.inner.store.unfinished(kind, subject).await? {
            Some(id) => Ok(Some(self.request(id).await?)),
            None => Ok(None),
        }
    }

    /// Requests that are due and that nobody is working on: what a sweep takes up.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn due(&self, limit: u32) -> Result<Vec<RequestId>, EngineError> {
        self.inner.store.due(self.inner.clock.now(), limit).await
    }

    /// Carries a request on until it ends or has to wait longer than `patience`.
    ///
    /// # Errors
    /// As [`Engine::advance`].
    pub async fn run(&self, id: RequestId, patience: Duration) -> Result<Request, EngineError> {
        let give_up = Instant::now() + patience;
        loop {
            match self.advance(id, Duration::from_secs(60)).await? {
                Advance::Ended(_) | Advance::Idle => return self.request(id).await,
                Advance::Again(at) => {
                    let wait = at.duration_since(self.inner.clock.now());
                    let wait = Duration::try_from(wait).unwrap_or_default();
                    if Instant::now() + wait > give_up && !wait.is_zero() {
                        return self.request(id).await;
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Whether a person with this identity was erased.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_suppressed(
        &self,
        tenant: Option<&str>,
        identity: &Identity,
    ) -> Result<bool, EngineError> {
        self.inner.store.is_suppressed(tenant, identity).await
    }

    /// The public keys of receipts, a JWK Set.
    pub fn jwks(&self) -> Value {
        self.inner.signer.jwks()
    }

    /// Listens to what happens from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// The audit log after an entry; from the beginning with 0.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>, EngineError> {
        self.inner.store.audit(None, after, limit).await
    }

    /// Goes through the whole audit log; says how many entries it has, or which is the first that does not hold.
    ///
    /// # Errors
    /// `Conflict` naming the first entry that was changed, or that follows a gap.
    pub async fn verify_audit(&self) -> Result<u64, EngineError> {
        let mut last = (0, vec![0; 32]);
        loop {
            let entries = self.audit(last.0, 1000).await?;
            if entries.is_empty() {
                return Ok(last.0);
            }
            for entry in entries {
                if !entry.follows(last.0 + 1, &last.1) {
                    return Err(EngineError::conflict(format!(
                        "the audit log was changed at entry {}",
                        last.0 + 1
                    )));
                }
                last = (entry.sequence, entry.hash);
            }
        }
    }

    async fn all(&self, ids: Vec<RequestId>) -> Result<Vec<Request>, EngineError> {
        let mut requests = Vec::with_capacity(ids.len());
        for id in ids {
            requests.push(self.request(id).await?);
        }
        Ok(requests)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self
            .descriptors()
            .map(|descriptor| &descriptor.name)
            .collect();
        f.debug_struct("Engine")
            .field("connectors", &names)
            .finish_non_exhaustive()
    }
}

/// What could not be done, in one line each.
impl std::fmt::Display for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.collection {
            Some(collection) => write!(f, "{}, {collection}: {}", self.connector, self.reason),
            None => write!(f, "{}: {}", self.connector, self.reason),
        }
    }
}
