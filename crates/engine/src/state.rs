//! The state of a request as it is kept between steps. What is personal in it is sealed before it is stored.

use std::collections::BTreeMap;

use adieu_archive::Mark;
use adieu_core::{
    Blocker, CollectionName, ConnectorError, ConnectorName, Cursor, Effect, Erased, IdentityValue,
    Subject, Tally,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::extend::Extension;
use crate::request::{Exception, Kind, RequestId, Status};

/// Where in its life a running request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Identities are looked for until there are no new ones.
    Discover,
    /// What is held is counted, and blockers are looked for.
    Survey,
    /// Records are exported or erased.
    Act,
    /// What is held is counted again.
    Verify,
    /// The archive is put together and the receipt is signed.
    Finish,
}

impl Phase {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Survey => "survey",
            Self::Act => "act",
            Self::Verify => "verify",
            Self::Finish => "finish",
        }
    }
}

/// A request's row.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: RequestId,
    pub(crate) kind: Kind,
    pub(crate) format: adieu_archive::Format,
    pub(crate) status: Status,
    pub(crate) phase: Phase,
    pub(crate) created_at: Timestamp,
    pub(crate) due_at: Timestamp,
    pub(crate) extension: Option<Extension>,
    /// In which tenant, as the tables know it.
    pub(crate) tenant: Option<Vec<u8>>,
    pub(crate) execute_at: Timestamp,
    pub(crate) next_at: Option<Timestamp>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) attempts: u32,
    pub(crate) blockers: Vec<Blocker>,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) archive_sha256: Option<String>,
    pub(crate) archive_bytes: Option<u64>,
    pub(crate) archive_expires_at: Option<Timestamp>,
    pub(crate) receipt: Option<String>,
}

/// What only this request may know; sealed, and wiped when the request is over.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// The identities that were given, and verified by whoever gave them.
    pub(crate) given: Subject,
    /// These and all that connectors yielded.
    pub(crate) known: Subject,
    /// Opens the spool and the archive.
    pub(crate) archive_key: Vec<u8>,
    /// Opens the commitments of the receipt.
    pub(crate) salt: [u8; 32],
    /// Where notices go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notify: Option<IdentityValue>,
}

/// Names a step's row: connector and collection.
pub(crate) type StepId = (ConnectorName, CollectionName);

/// How the work on one collection stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StepState {
    pub(crate) state: State,
    /// Where the next step goes on.
    pub(crate) cursor: Option<Cursor>,
    /// How often it failed in a row; counted before the step is sent.
    pub(crate) attempts: u32,
    pub(crate) first_failed_at: Option<Timestamp>,
    pub(crate) next_at: Option<Timestamp>,
    pub(crate) error: Option<ConnectorError>,
    /// How many records and files were exported, or records handled by the erasure.
    pub(crate) records: u64,
    /// What of the export is committed.
    pub(crate) mark: Mark,
    /// What an erasure would do, counted before it.
    pub(crate) found: Option<Tally>,
    /// What the connector answered to the steps of the erasure.
    pub(crate) answers: Answers,
    /// What was held after it.
    pub(crate) remaining: Option<Tally>,
    /// Whether an answer may have been lost, so that the counts are a lower bound.
    pub(crate) interrupted: bool,
    /// How often the collection was gone through.
    pub(crate) round: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    #[default]
    Pending,
    Done,
    Failed,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl StepState {
    /// Notes that the answer to a step may be lost.
    pub(crate) fn note_effect(&mut self, error: &ConnectorError) {
        if error.effect_seen() == Effect::Unknown {
            self.interrupted = true;
        }
    }

    /// Forgets what may be personal: keys of records, and the state of hashes over them.
    pub(crate) fn forget(&mut self) {
        self.cursor = None;
        self.mark = Mark::default();
    }
}

/// The sum of what a connector answered. It grows by a connector's [`Erased`] alone, so that what a receipt calls
/// erased was counted by the system itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Answers(Tally);

impl Answers {
    pub(crate) fn hear(&mut self, erased: &Erased) {
        self.0.add(&erased.tally);
    }

    /// The collection is gone through once more.
    pub(crate) fn begin_round(&mut self) {
        self.0.begin_round();
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.0
    }
}

/// All steps of a request.
pub(crate) type Steps = BTreeMap<StepId, StepState>;
