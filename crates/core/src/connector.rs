//! The contract between a connector and the gateway.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::cursor::Cursor;
use crate::descriptor::Descriptor;
use crate::error::ConnectorError;
use crate::page::PageWriter;
use crate::step::Step;
use crate::survey::Survey;
use crate::tally::Tally;

/// The clauses of the contract, as one text: the documentation of [`Connector`], and what the conformance kit tests
/// clause by clause.
pub const CONTRACT: &str = include_str!("contract.md");

#[doc = include_str!("contract.md")]
#[async_trait]
pub trait Connector: Debug + Send + Sync + 'static {
    /// What this system is and holds. No I/O.
    fn descriptor(&self) -> &Descriptor;

    /// Proves that credentials and configuration work, without reading personal data.
    ///
    /// # Errors
    /// When a request would fail now, with what to change.
    async fn check(&self) -> Result<(), ConnectorError>;

    /// Counts what is held for the subject and what an erasure would do to it, in every collection that the subject's
    /// identities reach.
    ///
    /// # Errors
    /// When nothing could be counted. Where single collections fail, their
    /// [`Holding`](crate::Holding) says so and the others are counted.
    async fn survey(&self, subject: &crate::Subject) -> Result<Survey, ConnectorError>;

    /// Writes one page of a collection; the answer says where the next page goes on, or that this was the last one.
    ///
    /// # Errors
    /// When the page is not whole. It is then taken back and the step is sent again.
    ///
    /// # Cancel safety
    /// The future may be dropped at any point; the step is then sent again.
    async fn export(
        &self,
        step: &Step,
        page: &mut PageWriter<'_>,
    ) -> Result<Option<Cursor>, ConnectorError>;

    /// Erases, pseudonymizes or retains one batch of a collection.
    ///
    /// # Errors
    /// When it is not known that the batch was handled whole; the error says whether there may have been an effect.
    ///
    /// # Cancel safety
    /// The future may be dropped at any point; the step is then sent again.
    async fn erase(&self, step: &Step) -> Result<Erased, ConnectorError>;
}

/// What one erasure step did, and where the next one goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// What happened to how many records, counted by the system itself.
    pub tally: Tally,
    /// Where the next step goes on; `None` when the collection is done.
    pub next: Option<Cursor>,
}

impl Erased {
    /// The collection is done with this batch.
    pub fn done(tally: Tally) -> Self {
        Self { tally, next: None }
    }

    /// There is more, from here on.
    pub fn more(tally: Tally, next: Cursor) -> Self {
        Self {
            tally,
            next: Some(next),
        }
    }
}
