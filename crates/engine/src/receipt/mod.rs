//! The receipt: a signed statement of what each connector did, which anybody can verify offline.

mod commitment;
mod outcome;
mod sign;
mod verify;

pub use commitment::{Commitment, Opening};
pub use outcome::{Counted, Outcome};
pub use verify::{ReceiptError, VerifiedReceipt, verify};

pub(crate) use outcome::{erasure_outcomes, export_outcomes};
pub(crate) use sign::Signer;

use adieu_core::{Processor, Unreachable};
use jiff::Timestamp;
use serde::Serialize;

use crate::request::{Exception, Kind, RequestId, Status};

/// What a receipt says. It holds nothing personal: the subject is in it as commitments that only the subject can open.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    /// Who says so: the controller, as configured.
    pub iss: String,
    /// When, in seconds since 1970 (RFC 7519).
    pub iat: i64,
    /// The request's id.
    pub jti: RequestId,
    /// Which form this statement has.
    pub receipt: &'static str,
    /// What was asked for.
    pub kind: Kind,
    /// How it ended.
    pub status: Status,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// About whom, for those who can open it.
    pub subject: Vec<Commitment>,
    /// What each connector did.
    pub connectors: Vec<ConnectorStatement>,
    /// The archive, when there was an export.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveStatement>,
    /// What could not be done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
}

/// The form of statement that this version writes.
pub const RECEIPT_FORM: &str = "adieu-receipt/1";

/// What one connector did.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorStatement {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Who runs the system.
    pub processor: Processor,
    /// What was done to each collection.
    pub collections: Vec<CollectionStatement>,
    /// What the connector declares that it cannot reach.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreachable: Vec<Unreachable>,
}

/// What was done to one collection.
#[derive(Clone, Debug, Serialize)]
pub struct CollectionStatement {
    /// Its name.
    pub name: String,
    /// What was done, by how the records were treated.
    pub outcomes: Vec<Outcome>,
    /// How many records were held before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<u64>,
    /// How many records an erasure would still change after it; zero is the proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
    /// Of what the system promised to delete later, how many records it still has; zero says that it kept its promise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_left: Option<u64>,
    /// Whether an answer was lost on the way, so that the counts are the least that was done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

/// The archive that an export made.
#[derive(Clone, Debug, Serialize)]
pub struct ArchiveStatement {
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// How many bytes.
    pub bytes: u64,
}
