//! What a request does, told while it does it.

use adieu_core::{CollectionName, ConnectorName};
use serde::Serialize;

use crate::request::{RequestId, Status};

/// Something that happened to a request. Nothing in it is personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// To which request.
    pub request: RequestId,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Happening {
    /// It began, or went on.
    Started,
    /// Identities were looked for.
    Discovered {
        /// How many are known now.
        identities: usize,
    },
    /// Some records of a collection were exported or handled by the erasure.
    Records {
        /// Of which connector.
        connector: ConnectorName,
        /// Of which collection.
        collection: CollectionName,
        /// How many so far.
        records: u64,
        /// Whether the collection is done.
        done: bool,
    },
    /// A step failed; it may be tried again.
    StepFailed {
        /// Of which connector.
        connector: ConnectorName,
        /// Of which collection.
        collection: CollectionName,
        /// Why, in words without personal data.
        reason: String,
    },
    /// What is left was counted again.
    Verified,
    /// It has a new status.
    Status {
        /// Which.
        status: Status,
    },
}
