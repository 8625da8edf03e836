//! Legal holds: what is not erased, whoever asks for it.

use std::fmt;
use std::str::FromStr;

use adieu_core::{Blocker, IdentityKind, Subject, Tenant};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::{Engine, Inner};
use crate::error::EngineError;

/// Names a legal hold. Holds nothing personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HoldId(Uuid);

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for HoldId {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| EngineError::config("a legal hold's id is a UUID"))
    }
}

/// A legal hold as operators see it. Whom it holds lies in the tables as keyed hashes alone, so that nobody can read it there.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// Its name.
    pub id: HoldId,
    /// When it was set.
    pub created_at: Timestamp,
    /// Within which tenant; `None` holds persons without one.
    pub tenant: Option<Tenant>,
    /// The kinds of the identities that it holds, without their values.
    pub kinds: Vec<IdentityKind>,
    /// Why, in the operator's words.
    pub reason: String,
}

/// The reason is the operator's own text and may name somebody.
impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .field("kinds", &self.kinds)
            .finish_non_exhaustive()
    }
}

/// What is sealed of a hold.
#[derive(Serialize, Deserialize)]
pub(crate) struct HoldSecrets {
    pub(crate) tenant: Option<Tenant>,
    pub(crate) kinds: Vec<IdentityKind>,
    pub(crate) reason: String,
}

impl Engine {
    /// Holds whoever has one of these identities in this tenant: no erasure of them begins while it stands, and one that has begun
    /// erases nothing more from its next turn on. Exports go on.
    ///
    /// # Errors
    /// When the subject is nobody, or the store cannot be written.
    pub async fn hold(&self, subject: &Subject, reason: String) -> Result<Hold, EngineError> {
        if subject.is_empty() {
            return Err(EngineError::config(
                "a legal hold needs at least one identity of the person",
            ));
        }
        let mut kinds: Vec<IdentityKind> = subject
            .identities()
            .map(|identity| identity.kind().clone())
            .collect();
        kinds.dedup();
        let now = self.inner.clock.now();
        let hold = Hold {
            id: HoldId(Uuid::now_v7()),
            // As exact as the tables keep it.
            created_at: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            tenant: subject.tenant().cloned(),
            kinds,
            reason,
        };
        self.inner.store.set_hold(&hold, subject).await?;
        Ok(hold)
    }

    /// The holds that stand, the oldest first; those of one tenant when one is named.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn holds(&self, tenant: Option<&Tenant>) -> Result<Vec<Hold>, EngineError> {
        self.inner.store.holds(tenant).await
    }

    /// Releases a hold. A request that it blocked is resumed by whoever released it, not by itself.
    ///
    /// # Errors
    /// `NotFound` when it does not stand, or is not of the tenant that is named.
    pub async fn release(&self, id: HoldId, tenant: Option<&Tenant>) -> Result<(), EngineError> {
        let now = self.inner.clock.now();
        self.inner.store.release_hold(id, tenant, now).await
    }
}

impl Inner {
    /// What stands in the way of erasing this subject, if a hold does.
    pub(crate) async fn held(&self, subject: &Subject) -> Result<Option<Blocker>, EngineError> {
        let held = self.store.is_held(subject).await?;
        Ok(held.then(|| Blocker {
            code: "legal_hold".to_owned(),
            advice: "the law wants this data kept for now; ask whoever answers for it".to_owned(),
        }))
    }
}
