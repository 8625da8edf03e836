//! What every e-mail provider has in common: the next one is a module beside [`resend`](crate::resend).

use std::fmt::Debug;

use adieu_core::{ConnectorError, ErrorKind};
use async_trait::async_trait;
use serde_json::{Map, Value};

/// An e-mail provider, in the words that this connector thinks in.
///
/// Everything may be called again after any failure: what is gone already is success. A record is answered only when it is about
/// exactly the address that was asked for; what is merely alike is an error.
#[async_trait]
pub(crate) trait Provider: Debug + Send + Sync {
    /// Proves that the key may do all that is needed, without reading anybody's data.
    async fn check(&self) -> Result<(), ConnectorError>;

    /// The contact of an address.
    async fn contact(&self, address: &str) -> Result<Option<Entry>, ConnectorError>;

    /// Deletes a contact, with all that belongs to it.
    async fn delete_contact(&self, id: &str) -> Result<Outcome, ConnectorError>;

    /// What belongs to a contact, after one of it.
    async fn list(
        &self,
        list: List,
        contact: &str,
        after: Option<&str>,
    ) -> Result<Page, ConnectorError>;

    /// The entry that keeps an address from being mailed.
    async fn suppression(&self, address: &str) -> Result<Option<Entry>, ConnectorError>;

    /// Deletes such an entry.
    async fn delete_suppression(&self, id: &str) -> Result<Outcome, ConnectorError>;

    /// The broadcasts that somebody may have received, after one of them.
    async fn broadcasts(&self, after: Option<&str>) -> Result<Page, ConnectorError>;

    /// Whether a broadcast was sent to an address.
    async fn was_sent(&self, broadcast: &str, address: &str) -> Result<bool, ConnectorError>;

    /// What a broadcast said to an address that it was sent to, and what became of it.
    async fn received(
        &self,
        broadcast: Entry,
        address: &str,
    ) -> Result<Map<String, Value>, ConnectorError>;
}

/// What belongs to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Segments,
    Topics,
}

/// A record of the provider's.
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) value: Map<String, Value>,
}

/// A part of a list.
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// After which entry the next part begins.
    pub(crate) next: Option<String>,
}

/// What became of something that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was deleted now.
    Done,
    /// It was gone before.
    Gone,
    /// The provider refused, for a reason that lies in this record.
    Refused(ErrorKind),
}
