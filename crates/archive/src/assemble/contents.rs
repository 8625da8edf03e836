//! What belongs into an archive, as the engine knows it.

use adieu_core::{CollectionName, ConnectorError, Descriptor, ErrorKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mark::Mark;

/// What belongs into an archive.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The request's id, as it is shown to the person.
    pub request: String,
    /// When the data was gathered.
    pub created_at: Timestamp,
    /// The controller's name, as it is shown to the person.
    pub controller: Option<String>,
    /// The systems, in the order in which they are shown.
    pub connectors: Vec<ConnectorContents>,
}

/// What belongs into an archive from one system.
#[derive(Clone, Debug)]
pub struct ConnectorContents {
    /// What the system is and holds. What it declares unreachable, and collections that refuse export, are listed as missing.
    pub descriptor: Descriptor,
    /// Its collections. One that the descriptor has and this list has not is listed as not reached.
    pub collections: Vec<CollectionContents>,
}

/// What belongs into an archive from one collection.
#[derive(Clone, Debug)]
pub struct CollectionContents {
    /// The collection.
    pub name: CollectionName,
    /// What is committed of it.
    pub mark: Mark,
    /// Why it, or the rest of it, is missing.
    pub missing: Option<Missing>,
}

/// Why something is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The machine-readable reason.
    pub reason: MissingReason,
    /// The same in words for the person.
    pub why: String,
}

/// For what kind of reason something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MissingReason {
    /// Reading it failed.
    Failed(ErrorKind),
    /// The system does not offer it.
    Refused,
    /// Nothing that is known of the person leads to it.
    NotReached,
    /// The system cannot reach it.
    Unreachable,
    /// The archive's format has no place for it.
    LeftOut,
}

impl MissingReason {
    /// The reason as one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Refused => "refused",
            Self::NotReached => "not_reached",
            Self::Unreachable => "unreachable",
            Self::LeftOut => "left_out",
        }
    }
}

impl Missing {
    /// Reading it failed with this error.
    pub fn failed(error: &ConnectorError) -> Self {
        Self {
            reason: MissingReason::Failed(error.kind()),
            why: error.what().to_owned(),
        }
    }

    /// The system does not offer it.
    pub fn refused(why: impl Into<String>) -> Self {
        Self {
            reason: MissingReason::Refused,
            why: why.into(),
        }
    }

    /// Nothing that is known of the person leads to it.
    pub fn not_reached() -> Self {
        Self {
            reason: MissingReason::NotReached,
            why: "nothing that is known of you leads to records there".to_owned(),
        }
    }
}
