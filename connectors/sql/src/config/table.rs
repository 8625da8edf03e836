//! What the mapping says of one table.

use std::collections::BTreeMap;

use adieu_core::{LegalBasis, RetentionBasis};
use serde::Deserialize;

/// How one table hangs on a person, what of it is exported, and what an erasure does to its rows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMapping {
    /// What the table is to the person it is about.
    #[serde(default)]
    pub title: Option<String>,
    /// What the data is for.
    #[serde(default)]
    pub purpose: Option<String>,
    /// Which categories of personal data it holds.
    #[serde(default)]
    pub categories: Vec<String>,
    /// On what ground it is processed.
    #[serde(default)]
    pub legal_basis: Option<LegalBasis>,
    /// How long it is stored, in words.
    #[serde(default)]
    pub storage_period: Option<String>,
    /// Which columns name the person, by kind of identity. Any of them finds a row.
    #[serde(default)]
    pub subject: BTreeMap<String, Columns>,
    /// Which columns give away further identities of the person.
    #[serde(default)]
    pub yields: BTreeMap<String, Columns>,
    /// The column that must equal the subject's tenant. Without a tenant nothing matches.
    #[serde(default)]
    pub tenant: Option<String>,
    /// By which columns a row refers to a row of the person in another mapped table.
    #[serde(default)]
    pub references: References,
    /// Columns that are left out of the export, masked in it, or kept in an erasure, each with its reason.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnMapping>,
    /// What happens to a row in an erasure.
    #[serde(default)]
    pub erase: Option<EraseMapping>,
    /// Why rows stay that lead to other people too. Required where a reference goes by the elements of an array, or to columns that are
    /// not unique.
    #[serde(default)]
    pub shared: Option<SharedMapping>,
    /// Tables that must be erased before this one although no reference of the mapping says so.
    #[serde(default)]
    pub erase_after: Vec<String>,
    /// Conditions on the person's rows under which an erasure cannot start.
    #[serde(default)]
    pub blockers: Vec<BlockerMapping>,
}

impl TableMapping {
    /// A table whose rows meet this in an erasure.
    pub fn new(erase: EraseMapping) -> Self {
        Self {
            erase: Some(erase),
            ..Self::default()
        }
    }

    /// A column that names the person.
    #[must_use]
    pub fn subject(mut self, kind: impl Into<String>, column: impl Into<String>) -> Self {
        self.subject
            .entry(kind.into())
            .or_default()
            .0
            .push(column.into());
        self
    }

    /// A column that gives away a further identity.
    #[must_use]
    pub fn yields(mut self, kind: impl Into<String>, column: impl Into<String>) -> Self {
        self.yields
            .entry(kind.into())
            .or_default()
            .0
            .push(column.into());
        self
    }

    /// The column that must equal the subject's tenant.
    #[must_use]
    pub fn tenant(mut self, column: impl Into<String>) -> Self {
        self.tenant = Some(column.into());
        self
    }

    /// One reference: pairs of a column here, or a [`Local`](super::Local) inside of one, and `table.column` there, all of
    /// which must be equal. Called again, it adds an alternative.
    #[must_use]
    pub fn references<L, T>(mut self, pairs: impl IntoIterator<Item = (L, T)>) -> Self
    where
        L: Into<String>,
        T: Into<String>,
    {
        let pairs = pairs
            .into_iter()
            .map(|(local, target)| (local.into(), target.into()));
        self.references.0.push(Reference(pairs.collect()));
        self
    }

    /// Why rows stay that lead to other people too.
    #[must_use]
    pub fn shared(mut self, shared: SharedMapping) -> Self {
        self.shared = Some(shared);
        self
    }

    /// Leaves a column out of the export, masks it, or keeps it in an erasure.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>, mapping: ColumnMapping) -> Self {
        self.columns.insert(column.into(), mapping);
        self
    }

    /// A condition under which an erasure cannot start.
    #[must_use]
    pub fn blocker(mut self, blocker: BlockerMapping) -> Self {
        self.blockers.push(blocker);
        self
    }
}

/// One column or several: `"email"` or `["email", "recovery_email"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(pub Vec<String>);

/// The ways in which a row may refer to the person: one map, or a list of maps that are alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References(pub Vec<Reference>);

/// One reference: column here = `table.column` there. Instead of a column here, `column -> $.path` is a value inside its JSON,
/// and `column[]` each element of its array. All pairs together are one composite reference. A text in single quotes
/// instead of a `table.column` is a constant that the column here must hold: `owner_type = "'User'"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Reference(pub BTreeMap<String, String>);

/// A column that is not exported as it is, or that stays where others are replaced.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnMapping {
    /// The column is left out, for this reason.
    Omit(String),
    /// The column's values are replaced by `[masked]`, for this reason: they are about somebody else.
    Mask(String),
    /// The column looks personal, and stays as it is in a row that outlives an erasure, for this reason.
    Keep(String),
}

/// What happens to a row in an erasure.
#[derive(Clone, Debug, PartialEq)]
pub enum EraseMapping {
    /// The row is deleted.
    Delete,
    /// The row stays, and these columns are replaced.
    Pseudonymize(BTreeMap<String, Pseudonymizer>),
    /// The row stays until its time is over and is then deleted; meanwhile these columns are replaced.
    Retain(RetainMapping, BTreeMap<String, Pseudonymizer>),
}

/// Why and how long a row is kept.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetainMapping {
    /// The ground in law.
    pub basis: RetentionBasis,
    /// The reason in words for the person it is about.
    pub reason: String,
    /// How many years from `from` on.
    #[serde(default)]
    pub years: u16,
    /// How many months more.
    #[serde(default)]
    pub months: u16,
    /// How many days more.
    #[serde(default)]
    pub days: u32,
    /// The column that the time runs from: one of this table, or `table.column` of a table that it refers to.
    #[serde(default)]
    pub from: Option<String>,
}

/// Why a row stays that is somebody else's too.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedMapping {
    /// The ground in law.
    pub basis: RetentionBasis,
    /// The reason in words for the person it is about.
    pub reason: String,
}

/// What replaces a value. Each is idempotent: replacing what was replaced changes nothing, so that what is done is
/// recognised.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pseudonymizer {
    /// NULL.
    Null,
    /// This value, in every row.
    Value(Constant),
    /// A random value that no other row has; an address under `erased.invalid` in a column of e-mail addresses.
    Unique,
    /// A keyed hash: equal values stay equal, and nobody without the key can test a guess.
    Hash,
    /// The network of an IP address: /24 of IPv4, /48 of IPv6. What is no address becomes `0.0.0.0`.
    Truncate,
    /// The year or the month of a date. What is no date becomes `0001-01-01`.
    Date(DatePrecision),
}

/// A constant of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Constant {
    /// True or false, stored as 1 or 0.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A decimal number.
    Real(f64),
    /// Text.
    Text(String),
}

/// How much of a date is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePrecision {
    /// The year: the first of January.
    Year,
    /// The month: its first day.
    Month,
}

/// A condition on the person's rows under which an erasure cannot start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockerMapping {
    /// The code that programs read: `open_invoice`.
    pub code: String,
    /// What the person can do about it.
    pub advice: String,
    /// An SQL condition on the columns of this table: `status = 'open'`.
    #[serde(rename = "where")]
    pub condition: String,
}
