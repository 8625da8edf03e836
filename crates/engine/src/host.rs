//! What a server in front of the engine needs besides the life of a request.

use adieu_core::Tenant;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::audit::AuditEntry;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::request::{NewRequest, Request, RequestId, Status};

/// Which requests an operator looks for; without a condition, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Within this tenant.
    pub tenant: Option<Tenant>,
    /// With this status.
    pub status: Option<Status>,
    /// To be answered by then.
    pub due_by: Option<Timestamp>,
    /// Asked for before this one: where the next page goes on.
    pub before: Option<RequestId>,
}

impl Engine {
    /// 32 bytes for one purpose of the host, derived from the operator's key. The same on every node; no key of the engine's own.
    ///
    /// # Errors
    /// When no key can be derived.
    pub fn derived_key(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>, EngineError> {
        self.inner.store.key.derive(&format!("host/{purpose}"))
    }

    /// The request that was submitted under the same idempotency key by the same owner, whatever it asked for.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn submitted(&self, new: &NewRequest) -> Result<Option<Request>, EngineError> {
        match self.inner.store.submitted(new).await? {
            Some(id) => Ok(Some(self.request(id).await?)),
            None => Ok(None),
        }
    }

    /// The newest requests that are looked for, the newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn search(&self, search: Search, limit: u32) -> Result<Vec<Request>, EngineError> {
        let found = self.inner.store.matching(&search, limit).await?;
        let mut requests = Vec::with_capacity(found.len());
        for id in found {
            requests.push(self.request(id).await?);
        }
        Ok(requests)
    }

    /// Whether a request is one of this tenant. One that is not there is of none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_within(&self, id: RequestId, tenant: &Tenant) -> Result<bool, EngineError> {
        self.inner.store.is_within(id, tenant).await
    }

    /// What the audit log says of one tenant after an entry; from the beginning with 0.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit_within(
        &self,
        tenant: &Tenant,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, EngineError> {
        self.inner.store.audit(Some(tenant), after, limit).await
    }

    /// Uses up a token that may be used once, on whatever node; `false` when it was used before. It is remembered until
    /// it expires.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn spend(&self, token: &str, expires_at: Timestamp) -> Result<bool, EngineError> {
        let now = self.inner.clock.now();
        self.inner.store.spend(token, now, expires_at).await
    }
}
