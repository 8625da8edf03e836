//! The handle that a host holds.

use std::sync::Arc;
use std::time::Duration;

use adieu_archive::Format;
use adieu_auth::Authenticator;
use adieu_core::{Identity, Subject, Tenant};
use adieu_engine::{
    Clock, DirectExport, Engine, EngineError, ExtensionReason, Hold, HoldId, Kind, NewRequest,
    Refusal, Request, RequestId,
};
use tokio::sync::{Mutex, broadcast};

use crate::builder::{GatewayBuilder, Limits, Notices, SetupError};
use crate::guard::ErasedGuardLayer;
use crate::layer::GatewayLayer;
use crate::page::Page;
use crate::pass::Passes;
use crate::plan_token::PlanTokens;
use crate::rate::Rates;
use crate::readers::Readers;
use crate::sending::Sending;
use crate::worker::{Worker, WorkerOptions};

/// An engine, an authenticator and how both are used. Clones are the same gateway.
///
/// The layer answers with it, and a host's own code asks it directly, for example from its `DELETE /account`.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) prefix: String,
    pub(crate) grace_days: u16,
    pub(crate) erasure_max_age: Duration,
    pub(crate) operator_tenant: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) plan_tokens: PlanTokens,
    pub(crate) passes: Passes,
    pub(crate) page: Page,
    pub(crate) rates: Rates,
    pub(crate) sending: Sending,
    pub(crate) readers: Readers,
    pub(crate) reader_patience: Duration,
    pub(crate) notices: Option<Notices>,
    /// One person's submissions come one after the other, so that limits are counted right.
    pub(crate) submissions: Vec<Mutex<()>>,
    /// Requests that were moved by a call, and not by the engine, which tells of its own.
    pub(crate) moved: broadcast::Sender<RequestId>,
}

impl Inner {
    pub(crate) fn new(builder: GatewayBuilder) -> Result<Self, SetupError> {
        Ok(Self {
            plan_tokens: PlanTokens::new(&builder.engine)?,
            passes: Passes::new(&builder.engine)?,
            page: Page::render(&builder.page, &builder.prefix, builder.engine.controller())
                .ok_or_else(|| {
                    EngineError::Internal("the page could not be put together".into())
                })?,
            engine: builder.engine,
            authenticator: builder.authenticator,
            prefix: builder.prefix,
            grace_days: builder.grace_days,
            erasure_max_age: builder.erasure_max_age,
            operator_tenant: builder.operator_tenant,
            limits: builder.limits,
            clock: builder.clock,
            rates: Rates::new(),
            sending: Sending::default(),
            readers: Readers::default(),
            reader_patience: builder.reader_patience,
            notices: builder.notices,
            submissions: (0..64).map(|_| Mutex::new(())).collect(),
            moved: broadcast::channel(256).0,
        })
    }
}

impl Gateway {
    /// Begins a gateway over an engine, for the tokens that this authenticator accepts.
    pub fn builder(engine: Engine, authenticator: Authenticator) -> GatewayBuilder {
        GatewayBuilder::new(engine, authenticator)
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The layer that mounts the HTTP API.
    pub fn layer(&self) -> GatewayLayer {
        GatewayLayer::new(self.clone())
    }

    /// The layer that refuses tokens of erased persons on the host's own routes.
    pub fn erased_guard(&self) -> ErasedGuardLayer {
        ErasedGuardLayer::new(self.clone())
    }

    /// Begins to carry requests on in the background of this process. Needs a tokio runtime around it.
    pub fn spawn_worker(&self) -> Worker {
        self.spawn_worker_with(WorkerOptions::default())
    }

    /// The same, where the defaults do not fit.
    pub fn spawn_worker_with(&self, options: WorkerOptions) -> Worker {
        Worker::spawn(self.clone(), options)
    }

    /// Asks for an export of everything about a person. `owner` is the identity whose holder may see it.
    ///
    /// # Errors
    /// When the subject is nobody, or the store cannot be written.
    pub async fn export(
        &self,
        subject: Subject,
        owner: Identity,
        format: Format,
    ) -> Result<Request, EngineError> {
        let new = NewRequest::export(subject, format).owned_by(owner);
        Ok(self.submit(new).await?.0)
    }

    /// Exports everything about a person straight to a reader, without keeping anything of it.
    ///
    /// # Errors
    /// `Conflict` when exports need an operator's approval; when the subject is nobody, or the store cannot be written.
    pub async fn export_directly(
        &self,
        subject: Subject,
        format: Format,
    ) -> Result<DirectExport, EngineError> {
        let patience = self.inner.reader_patience;
        self.inner
            .engine
            .export_directly(subject, format, patience)
            .await
    }

    /// Asks for the erasure of a person, after the grace period of this gateway; an erasure of exactly this subject that
    /// is not finished is answered instead of a second one.
    ///
    /// The host has made sure that the person wants it. `owner` is the identity whose holder may see and cancel it.
    ///
    /// # Errors
    /// When the subject is nobody, or the store cannot be written.
    pub async fn erase(&self, subject: Subject, owner: Identity) -> Result<Request, EngineError> {
        let caller = self.inner.rates.caller(&subject, &owner);
        let _turn = self.turn(caller).await;
        if let Some(unfinished) = self
            .inner
            .engine
            .unfinished(Kind::Erasure, &subject)
            .await?
        {
            return Ok(unfinished);
        }
        let new = NewRequest::erasure(subject)
            .owned_by(owner)
            .after_days(self.inner.grace_days);
        Ok(self.submit(new).await?.0)
    }

    /// Cancels a request of which nothing has been done.
    ///
    /// # Errors
    /// `Conflict` once it has begun or is over, `NotFound` when it is not there.
    pub async fn cancel(&self, id: RequestId) -> Result<Request, EngineError> {
        let request = self.inner.engine.cancel(id).await?;
        self.count(&request);
        let _ = self.inner.moved.send(id);
        Ok(request)
    }

    /// Takes up again a request that ended with exceptions, failed or was blocked.
    ///
    /// # Errors
    /// `Conflict` when its status is another, `NotFound` when it is not there.
    pub async fn resume(&self, id: RequestId) -> Result<Request, EngineError> {
        let request = self.inner.engine.resume(id).await?;
        let _ = self.inner.moved.send(id);
        Ok(request)
    }

    /// Lets a request go on that waited for an operator's approval.
    ///
    /// # Errors
    /// `Conflict` when it does not wait for one, `NotFound` when it is not there.
    pub async fn approve(&self, id: RequestId) -> Result<Request, EngineError> {
        let request = self.inner.engine.approve(id).await?;
        self.has_moved(&request);
        Ok(request)
    }

    /// Refuses a request that waited for an operator's approval; the person sees the code.
    ///
    /// # Errors
    /// `Conflict` when it does not wait for one, `NotFound` when it is not there.
    pub async fn refuse(&self, id: RequestId, why: Refusal) -> Result<Request, EngineError> {
        let request = self.inner.engine.refuse(id, why).await?;
        self.has_moved(&request);
        Ok(request)
    }

    /// Gives a request more time, once, as the law allows it.
    ///
    /// # Errors
    /// `Conflict` when it is over, too late, or was extended before; `NotFound` when it is not there.
    pub async fn extend(
        &self,
        id: RequestId,
        reason: ExtensionReason,
    ) -> Result<Request, EngineError> {
        let request = self.inner.engine.extend(id, reason).await?;
        let _ = self.inner.moved.send(id);
        Ok(request)
    }

    /// Holds whoever has one of these identities in this tenant: they are not erased while it stands.
    ///
    /// # Errors
    /// When the subject is nobody, or the store cannot be written.
    pub async fn hold(&self, subject: &Subject, reason: String) -> Result<Hold, EngineError> {
        self.inner.engine.hold(subject, reason).await
    }

    /// The legal holds that stand; those of one tenant when one is named.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn holds(&self, tenant: Option<&Tenant>) -> Result<Vec<Hold>, EngineError> {
        self.inner.engine.holds(tenant).await
    }

    /// Releases a legal hold. A request that it blocked can then be resumed.
    ///
    /// # Errors
    /// `NotFound` when it does not stand, or is not of the tenant that is named.
    pub async fn release(&self, id: HoldId, tenant: Option<&Tenant>) -> Result<(), EngineError> {
        self.inner.engine.release(id, tenant).await
    }

    /// Whether a person with this identity was erased: for a host to ask when somebody signs up.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_suppressed(
        &self,
        tenant: Option<&Tenant>,
        identity: &Identity,
    ) -> Result<bool, EngineError> {
        let tenant = tenant.map(Tenant::expose);
        self.inner.engine.is_suppressed(tenant, identity).await
    }

    /// The engine behind it.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The authenticator behind it, for a host that reads the same tokens on its own routes.
    pub fn authenticator(&self) -> &Authenticator {
        &self.inner.authenticator
    }

    /// Under which path the API lies.
    pub fn prefix(&self) -> &str {
        &self.inner.prefix
    }

    /// Whether a path lies under the prefix. `/privacyx` does not lie under `/privacy`.
    #[inline]
    pub(crate) fn owns(&self, path: &str) -> bool {
        match path.as_bytes().strip_prefix(self.inner.prefix.as_bytes()) {
            Some([]) | Some([b'/', ..]) => true,
            Some(_) | None => false,
        }
    }

    /// Writes a request down and has it carried on.
    pub(crate) async fn submit(&self, new: NewRequest) -> Result<(Request, bool), EngineError> {
        let (request, is_new) = self.inner.engine.submit(new).await?;
        if is_new {
            tracing::info!(request = %request.id, kind = request.kind.as_str(), "a request was submitted");
            self.count(&request);
        }
        Ok((request, is_new))
    }

    /// Waits for the turn of a person.
    pub(crate) async fn turn(
        &self,
        caller: crate::rate::Caller,
    ) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let all = &self.inner.submissions;
        Some(all.get(caller.place(all.len()))?.lock().await)
    }

    /// Tells whoever follows a request that a call has moved it.
    fn has_moved(&self, request: &Request) {
        self.count(request);
        let _ = self.inner.moved.send(request.id);
    }

    /// Counts a request that has come to a status.
    pub(crate) fn count(&self, request: &Request) {
        metrics::counter!(
            "adieu_requests_total",
            "kind" => request.kind.as_str(), "status" => request.status.as_str()
        )
        .increment(1);
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("prefix", &self.inner.prefix)
            .field("engine", &self.inner.engine)
            .finish_non_exhaustive()
    }
}
