//! The other end of an export that keeps everything in memory and checks it.

use std::fmt;

use adieu_core::{
    Attachment, Body, Collection, Connector, ConnectorError, Cursor, ErrorKind, Identity, PageSink,
    PageWriter, Schema, Step, StepKey, async_trait, provider_json,
};
use futures_util::StreamExt;
use serde_json::Value;

use crate::fit::misfit;

/// What one export step wrote.
#[derive(Clone, Default, PartialEq)]
pub struct Page {
    /// The schema, when one was given.
    pub schema: Option<Schema>,
    /// The records, each a JSON object.
    pub records: Vec<Value>,
    /// The identities that were yielded.
    pub identities: Vec<Identity>,
    /// The attachments with their bytes.
    pub attachments: Vec<(Attachment, Vec<u8>)>,
    /// What was listed but could not be read.
    pub missing: Vec<(String, ConnectorError)>,
}

impl Page {
    /// How many records there are; where there are none, how many attachments.
    pub(crate) fn units(&self) -> usize {
        match self.records.len() {
            0 => self.attachments.len(),
            records => records,
        }
    }
}

/// Collects pages of one collection: commits a page when its step succeeds, takes it back when it fails or is dropped.
///
/// It checks what is written against the contract and the collection's declaration. What breaks it is refused with an
/// error, and noted in [`Collector::breaches`] for the case that the connector swallows the error.
pub struct Collector {
    collection: Collection,
    wants_records: bool,
    full_after: Option<usize>,
    slow: bool,
    refuses_at: Option<usize>,
    refused: bool,
    undrained: usize,
    schema: Option<Schema>,
    open: Page,
    pages: Vec<Page>,
    breaches: Vec<String>,
}

impl Collector {
    /// A collector that is never full.
    pub fn new(collection: &Collection) -> Self {
        Self {
            collection: collection.clone(),
            wants_records: true,
            full_after: None,
            slow: false,
            refuses_at: None,
            refused: false,
            undrained: 0,
            schema: None,
            open: Page::default(),
            pages: Vec::new(),
            breaches: Vec::new(),
        }
    }

    /// Asks for identities and not for records.
    #[must_use]
    pub fn identities_alone(mut self) -> Self {
        self.wants_records = false;
        self
    }

    /// Says that a page is full after this many records (attachments, where there are no records).
    #[must_use]
    pub fn full_after(mut self, records: usize) -> Self {
        self.full_after = Some(records);
        self
    }

    /// Sends one step, and keeps the page when it succeeds.
    ///
    /// # Errors
    /// What the connector answers.
    ///
    /// # Cancel safety
    /// The page is taken back.
    pub async fn export(
        &mut self,
        connector: &dyn Connector,
        step: &Step,
    ) -> Result<Option<Cursor>, ConnectorError> {
        let next = self.attempt(connector, step).await?;
        self.commit();
        Ok(next)
    }

    /// Sends steps from this first one on until the collection is done.
    ///
    /// # Errors
    /// What the connector answers; `Protocol` when it answers with a cursor that it was just asked to go on at.
    pub async fn export_all(
        &mut self,
        connector: &dyn Connector,
        first: Step,
    ) -> Result<(), ConnectorError> {
        let mut step = first.clone();
        for n in 1_u64.. {
            let next = self.export(connector, &step).await?;
            if next.is_none() {
                break;
            }
            if next.as_ref() == step.cursor() {
                return Err(ConnectorError::new(
                    ErrorKind::Protocol,
                    "the connector goes on where it was asked to go on",
                ));
            }
            let key = StepKey::new(format!("{}-{n}", first.key()));
            step = Step::new(first.subject().clone(), first.collection().clone(), key)
                .at(next)
                .at_most(first.max_records());
        }
        Ok(())
    }

    /// The pages whose steps succeeded.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// The records of all pages.
    pub fn records(&self) -> impl Iterator<Item = &Value> {
        self.pages.iter().flat_map(|page| &page.records)
    }

    /// The identities of all pages.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.pages.iter().flat_map(|page| &page.identities)
    }

    /// The attachments of all pages.
    pub fn attachments(&self) -> impl Iterator<Item = (&Attachment, &[u8])> {
        let all = self.pages.iter().flat_map(|page| &page.attachments);
        all.map(|(attachment, bytes)| (attachment, bytes.as_slice()))
    }

    /// What was written against the contract, also on pages that were taken back.
    pub fn breaches(&self) -> &[String] {
        &self.breaches
    }

    pub(crate) fn set_full_after(&mut self, records: Option<usize>) {
        self.full_after = records;
    }

    pub(crate) fn set_slow(&mut self, slow: bool) {
        self.slow = slow;
    }

    /// Refuses the record of this number on a page, counted from 0.
    pub(crate) fn set_refuses_at(&mut self, record: Option<usize>) {
        self.refuses_at = record;
    }

    /// Whether a record of the open page was refused.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused
    }

    /// Sends one step and leaves its page open, to be committed or forgotten.
    pub(crate) async fn attempt(
        &mut self,
        connector: &dyn Connector,
        step: &Step,
    ) -> Result<Option<Cursor>, ConnectorError> {
        self.open = Page::default();
        self.refused = false;
        self.undrained = 0;
        connector.export(step, &mut PageWriter::new(self)).await
    }

    pub(crate) fn commit(&mut self) {
        self.pages.push(std::mem::take(&mut self.open));
    }

    pub(crate) fn into_pages(self) -> Vec<Page> {
        self.pages
    }

    /// The error of a page that refuses a record; a connector passes it on.
    pub(crate) fn refusal() -> ConnectorError {
        ConnectorError::new(
            ErrorKind::Unavailable,
            "the page takes no more, says the test",
        )
    }

    fn breach(&mut self, what: String) -> ConnectorError {
        self.breaches.push(what);
        ConnectorError::new(ErrorKind::Internal, "what was written breaks the contract")
    }

    fn refuse(&mut self) -> Result<(), ConnectorError> {
        if self.refused || self.refuses_at == Some(self.units()) {
            self.refused = true;
            return Err(Self::refusal());
        }
        Ok(())
    }

    fn units(&self) -> usize {
        self.open.units()
    }

    async fn dawdle(&self) {
        if self.slow {
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
}

#[async_trait]
impl PageSink for Collector {
    fn wants_records(&self) -> bool {
        self.wants_records
    }

    fn schema(&mut self, schema: &Schema) -> Result<(), ConnectorError> {
        if !self.open.records.is_empty() {
            return Err(self.breach("a page's schema came after its first record".to_owned()));
        }
        let mut names: Vec<&str> = schema
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(self.breach("the schema declares a field twice".to_owned()));
        }
        // A page that was taken back may have widened it before.
        let earlier = self.schema.get_or_insert_with(|| schema.clone());
        if !earlier.widens_to(schema) && !schema.widens_to(earlier) {
            return Err(self.breach("the schema is not the same on every page".to_owned()));
        }
        self.open.schema = Some(schema.clone());
        Ok(())
    }

    fn record(&mut self, record: &dyn erased_serde::Serialize) -> Result<(), ConnectorError> {
        self.refuse()?;
        let json = serde_json::to_vec(record).and_then(|json| provider_json::parse(&json));
        let Ok(record) = json else {
            return Err(self.breach("a record cannot be written as JSON".to_owned()));
        };
        let Some(schema) = &self.open.schema else {
            return Err(self.breach("a record came before the page's schema".to_owned()));
        };
        if let Some(misfit) = misfit(&record, schema) {
            return Err(self.breach(format!("a record does not fit the schema: {misfit}")));
        }
        if self.wants_records {
            self.open.records.push(record);
        }
        self.undrained += 1;
        Ok(())
    }

    fn must_drain(&self) -> bool {
        self.slow && self.undrained > 0
    }

    async fn drain(&mut self) -> Result<(), ConnectorError> {
        self.undrained = 0;
        self.dawdle().await;
        Ok(())
    }

    fn identity(&mut self, identity: Identity) -> Result<(), ConnectorError> {
        if !self.collection.yields.contains(identity.kind()) {
            let kind = identity.kind().to_string();
            return Err(self.breach(format!(
                "it yields an identity of the kind `{kind}`, which it does not declare"
            )));
        }
        self.open.identities.push(identity);
        Ok(())
    }

    async fn attachment(
        &mut self,
        attachment: Attachment,
        mut body: Body<'_>,
    ) -> Result<(), ConnectorError> {
        self.refuse()?;
        if !self.wants_records {
            return Ok(());
        }
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece?);
            self.dawdle().await;
        }
        if attachment
            .size_bytes
            .is_some_and(|size| size != bytes.len() as u64)
        {
            return Err(self.breach("an attachment is not as long as it says".to_owned()));
        }
        self.open.attachments.push((attachment, bytes));
        Ok(())
    }

    fn missing(&mut self, what: String, error: ConnectorError) -> Result<(), ConnectorError> {
        self.open.missing.push((what, error));
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.full_after
            .is_some_and(|records| self.units() >= records)
    }
}

/// How much, never what: it is somebody's data.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("records", &self.records.len())
            .field("identities", &self.identities.len())
            .field("attachments", &self.attachments.len())
            .field("missing", &self.missing.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("collection", &self.collection.name)
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}
