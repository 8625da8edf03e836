//! What is held for a person, and what an erasure would do to it.

use serde::{Deserialize, Serialize};

use crate::error::ConnectorError;
use crate::name::CollectionName;
use crate::tally::Tally;

/// What a connector holds for a subject: the preview before an erasure, the verification after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// One entry for each collection that the subject's identities reach, also where nothing is held.
    pub holdings: Vec<Holding>,
    /// Why an erasure cannot start; none of them stops an export.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<Blocker>,
}

/// What one collection holds for a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// The collection.
    pub collection: CollectionName,
    /// What an erasure would do to how many records; or why that could not be counted, while the others could.
    pub tally: Result<Tally, ConnectorError>,
}

/// A machine-coded reason why an erasure cannot start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Blocker {
    /// The code: `open_invoice`, `sole_owner`, `legal_hold`, …
    pub code: String,
    /// What the person can do about it, in words without personal data.
    pub advice: String,
}
