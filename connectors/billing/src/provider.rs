//! What every billing provider has in common: the next one is a module beside [`stripe`](crate::stripe).

use std::fmt::Debug;

use adieu_core::{ConnectorError, ErrorKind, Subject};
use async_trait::async_trait;
use jiff::civil::Date;
use serde_json::Value;

/// A billing provider, in the words that this connector thinks in.
///
/// Everything may be called again after any failure: what is gone already is success.
#[async_trait]
pub(crate) trait Provider: Debug + Send + Sync {
    /// Proves that the key may do all that is needed, without reading anybody's data.
    async fn check(&self) -> Result<(), ConnectorError>;

    /// The customers that belong to the subject, ordered by id, each once.
    async fn find(&self, subject: &Subject) -> Result<Vec<Found>, ConnectorError>;

    /// A customer; `None` when there is none of this id, or none any more.
    async fn customer(&self, id: &str) -> Result<Option<Value>, ConnectorError>;

    /// Whether there is, or ever was, a customer of this id.
    async fn has_heard_of(&self, id: &str) -> Result<bool, ConnectorError>;

    /// Deletes a customer.
    async fn delete_customer(&self, id: &str) -> Result<Outcome, ConnectorError>;

    /// The records of a kind that a customer has, from the newest to the oldest, after one of them. Those of a deleted customer
    /// too, as far as the provider keeps them.
    async fn list(
        &self,
        kind: Kind,
        customer: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed, ConnectorError>;

    /// Ends what can be ended and deletes what can be deleted: a subscription is cancelled, a payment method detached, a draft
    /// deleted, an open invoice voided, a tax id deleted.
    async fn end(&self, customer: &str, record: &Record) -> Result<Outcome, ConnectorError>;

    /// The redaction of a customer that was asked for before, the last one when there are several.
    async fn redaction(&self, customer: &str) -> Result<Option<Redaction>, ConnectorError>;

    /// Asks for the redaction of a customer and of all that belongs to it; nothing is redacted yet. When somebody has
    /// asked already, that is the answer.
    async fn ask_for_redaction(&self, customer: &str) -> Result<Redaction, ConnectorError>;

    /// Takes a redaction as far as it goes now.
    async fn advance(&self, redaction: &str) -> Result<Progress, ConnectorError>;
}

/// A customer that belongs to the subject.
pub(crate) struct Found {
    pub(crate) id: String,
    /// What is known of it, when finding it told.
    pub(crate) value: Option<Value>,
}

/// What a provider keeps for a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Subscriptions,
    PaymentMethods,
    Invoices,
    Charges,
    TaxIds,
}

/// A part of a list.
pub(crate) enum Listed {
    /// Some records, and whether there are more after them.
    Page(Vec<Record>, bool),
    /// The record after which to go on is not there any more.
    Lost,
}

/// One record of a customer.
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) standing: Standing,
    /// The day from which its retention counts.
    pub(crate) day: Option<Date>,
    pub(crate) value: Value,
}

/// How a record stands: all that its fate depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A subscription that goes on charging.
    Running,
    /// A subscription that has ended.
    Ended,
    /// A payment method that can be charged.
    Attached,
    /// An invoice that nobody has got yet.
    Draft,
    /// An invoice that is still to be paid.
    Open,
    /// An invoice that is paid, void or written off.
    Final,
    /// A payment.
    Charged,
    /// A tax id.
    TaxId,
}

/// What became of something that was to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ended now.
    Done,
    /// It had ended before.
    Gone,
    /// The provider refused, for a reason that lies in this record.
    Refused(ErrorKind),
}

/// A redaction at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redaction {
    pub(crate) id: String,
    pub(crate) progress: Progress,
}

/// How far a redaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It was asked for, and nothing is redacted yet.
    Prepared,
    /// It runs and cannot be stopped.
    Running,
    /// It is done.
    Done,
    /// It was given up; another one is needed.
    Cancelled,
}
