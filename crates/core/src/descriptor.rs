//! What a system is and holds: the part of the data map that a connector knows.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::identity::IdentityKind;
use crate::name::{CollectionName, ConnectorName};
use crate::step::Step;
use crate::subject::Subject;

/// What one system is and holds. Made from configuration alone, without I/O.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    /// The connector's name; unique in a gateway.
    pub name: ConnectorName,
    /// The kind of connector: `sql`, `object-storage`, `billing`, …
    pub kind: String,
    /// The company that runs the system.
    pub processor: Processor,
    /// Its collections **in the order in which they are to be erased**: what refers to others before what it refers to.
    pub collections: Vec<Collection>,
    /// What the connector cannot reach: told to the person in the data map, the archive and the receipt.
    pub unreachable: Vec<Unreachable>,
    /// Whether this system must be erased before the others.
    pub precedence: Precedence,
    /// Whether a survey of this system may answer with blockers. Where it may, an erasure waits for its survey.
    pub may_block: bool,
    /// What the system bears at a time.
    #[serde(skip)]
    pub limits: Limits,
}

impl Descriptor {
    /// A system with this name, kind and processor that holds nothing yet.
    pub fn new(name: ConnectorName, kind: impl Into<String>, processor: Processor) -> Self {
        Self {
            name,
            kind: kind.into(),
            processor,
            collections: Vec::new(),
            unreachable: Vec::new(),
            precedence: Precedence::Any,
            may_block: false,
            limits: Limits::default(),
        }
    }

    /// The collection of this name.
    pub fn collection(&self, name: &CollectionName) -> Option<&Collection> {
        self.collections
            .iter()
            .find(|collection| collection.name == *name)
    }
}

/// Who runs a system: the controller itself, or a company that processes for it (GDPR Art. 28).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processor {
    /// The company's name; `None` when the controller runs the system itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the data lies, in the operator's words: "EU (Frankfurt)".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

impl Processor {
    /// The controller runs the system itself.
    pub fn controller() -> Self {
        Self {
            name: None,
            location: None,
        }
    }

    /// A company runs it for the controller.
    pub fn company(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            location: None,
        }
    }
}

/// A named set of records in a system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Collection {
    /// The name as the system spells it.
    pub name: CollectionName,
    /// What it is to the person it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the data is for, GDPR Art. 15(1)(a).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Which categories of personal data it holds, GDPR Art. 15(1)(b).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// On what ground it is processed, GDPR Art. 6(1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<LegalBasis>,
    /// How long it is stored, in words, GDPR Art. 15(1)(d).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_period: Option<String>,
    /// By which identities its records are found: any one of these needs is enough.
    pub needs: Vec<Need>,
    /// Which kinds of identity its records may yield for the other collections.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub yields: BTreeSet<IdentityKind>,
    /// Whether its records can be read.
    pub export: Support,
    /// Whether its records can be erased, or what stands in for it.
    pub erasure: Support,
    /// What the system tells of its records. Where it does not tell whose it holds, a survey and an erasure count the deletions that
    /// are asked for, whether or not they find anything.
    #[serde(skip_serializing_if = "Tells::is_of_holdings")]
    pub tells: Tells,
}

impl Collection {
    /// A collection found by any one of these needs, which can be read and erased.
    pub fn new(name: CollectionName, needs: impl IntoIterator<Item = Need>) -> Self {
        Self {
            name,
            title: None,
            purpose: None,
            categories: Vec::new(),
            legal_basis: None,
            storage_period: None,
            needs: needs.into_iter().collect(),
            yields: BTreeSet::new(),
            export: Support::Offered,
            erasure: Support::Offered,
            tells: Tells::Holdings,
        }
    }

    /// Whether what is known of the subject is enough to find its records.
    pub fn is_reached_by(&self, subject: &Subject) -> bool {
        self.needs.iter().any(|need| need.is_met_by(subject))
    }
}

/// Identities that are needed together to find a record, such as the parts of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Need {
    /// All of these kinds.
    pub all_of: BTreeSet<IdentityKind>,
    /// And the tenant.
    #[serde(default)]
    pub tenant: bool,
}

impl Need {
    /// One kind alone.
    pub fn one(kind: IdentityKind) -> Self {
        Self::all([kind])
    }

    /// All of these kinds together.
    pub fn all(kinds: impl IntoIterator<Item = IdentityKind>) -> Self {
        Self {
            all_of: kinds.into_iter().collect(),
            tenant: false,
        }
    }

    /// The same, within a tenant.
    #[must_use]
    pub fn within_tenant(mut self) -> Self {
        self.tenant = true;
        self
    }

    /// Whether the subject has all that is needed. A need of nothing is never met: it would reach everybody.
    pub fn is_met_by(&self, subject: &Subject) -> bool {
        !self.all_of.is_empty()
            && self.all_of.iter().all(|kind| subject.knows(kind))
            && (!self.tenant || subject.tenant().is_some())
    }
}

/// Whether a system offers something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It does.
    Offered,
    /// It does not, for this reason.
    Refused(String),
}

impl Support {
    /// Whether the system offers it.
    pub fn is_offered(&self) -> bool {
        *self == Self::Offered
    }
}

/// What a system tells of the records of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tells {
    /// What it holds for a person.
    Holdings,
    /// Not what it holds, for this reason, but how far a deletion is that it was asked for.
    Progress(String),
    /// Neither, for this reason: that a deletion was done cannot be verified.
    Nothing(String),
}

impl Tells {
    /// Whether it tells what it holds.
    pub fn is_of_holdings(&self) -> bool {
        *self == Self::Holdings
    }

    /// Whether an erasure can be verified.
    pub fn is_verifiable(&self) -> bool {
        !matches!(self, Self::Nothing(_))
    }
}

/// The grounds of processing of GDPR Art. 6(1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegalBasis {
    /// Art. 6(1)(a).
    Consent,
    /// Art. 6(1)(b).
    Contract,
    /// Art. 6(1)(c).
    LegalObligation,
    /// Art. 6(1)(d).
    VitalInterests,
    /// Art. 6(1)(e).
    PublicTask,
    /// Art. 6(1)(f).
    LegitimateInterests,
}

/// Something about the person that the connector cannot reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unreachable {
    /// What: "backups", "sent e-mails".
    pub what: String,
    /// Why it cannot be reached.
    pub why: String,
    /// How long it lives, in words: "30 days".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lives_for: Option<String>,
}

/// When a system is erased, relative to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precedence {
    /// Before all others: billing and sessions, which go on acting while they exist.
    First,
    /// In any order. Systems that yield identities to others still come after those.
    #[default]
    Any,
}

/// What a system bears at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many steps of all requests may run in it at once.
    pub concurrent_steps: usize,
    /// How many records a step of an erasure may touch.
    pub records_per_step: NonZeroU32,
    /// How long a call may take before it counts as timed out.
    pub call_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_steps: 4,
            records_per_step: Step::DEFAULT_MAX_RECORDS,
            call_timeout: Duration::from_secs(600),
        }
    }
}
