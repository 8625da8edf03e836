//! One page of a collection on its way into an archive that is sent while it is gathered.

use std::fmt;

use adieu_core::{
    Attachment, Body, ConnectorError, ErrorKind, Field, FieldValue, Identity, PageSink, Retry,
    Schema, async_trait,
};

use super::{Direct, OUT_OF_ORDER, Outflow, PART_BYTES};
use crate::error::ArchiveError;
use crate::format::Format;
use crate::page::Page;

/// One page of a collection of a [`Direct`] archive.
///
/// Records of a page that is dropped have never been; a file that was sent cannot be taken back.
pub struct DirectPage<'a, O: Outflow> {
    pub(super) direct: &'a mut Direct<O>,
    pub(super) page: Page,
    pub(super) sent: bool,
}

impl<O: Outflow> DirectPage<'_, O> {
    /// Whether something was sent that cannot be taken back, so that the same step must not be sent again.
    pub fn has_sent(&self) -> bool {
        self.sent
    }

    fn check_fill(&self) -> Result<(), ConnectorError> {
        if self.page.text_bytes() > 4 * PART_BYTES {
            let what = "the connector does not stop when its page is full";
            return Err(ConnectorError::new(ErrorKind::Internal, what).retry(Retry::Never));
        }
        Ok(())
    }

    /// Makes the page count, and sends what it completes.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn commit(self) -> Result<(), ArchiveError> {
        let Self { direct, page, .. } = self;
        let mark = page.commit().await?.mark;
        let text = mark.csv.text_bytes + mark.json.text_bytes;
        direct.collection.as_mut().ok_or(OUT_OF_ORDER)?.mark = mark;
        if text >= PART_BYTES / 2 {
            direct.end_part().await?;
        }
        Ok(())
    }
}

impl<O: Outflow> fmt::Debug for DirectPage<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectPage")
            .field("page", &self.page)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<O: Outflow> PageSink for DirectPage<'_, O> {
    fn wants_records(&self) -> bool {
        true
    }

    fn schema(&mut self, schema: &Schema) -> Result<(), ConnectorError> {
        self.page.schema(schema)
    }

    fn record(&mut self, record: &dyn erased_serde::Serialize) -> Result<(), ConnectorError> {
        self.check_fill()?;
        self.page.record(record)
    }

    fn values(
        &mut self,
        fields: &[Field],
        values: &[FieldValue<'_>],
    ) -> Result<(), ConnectorError> {
        self.check_fill()?;
        self.page.values(fields, values)
    }

    fn must_drain(&self) -> bool {
        self.page.must_drain()
    }

    async fn drain(&mut self) -> Result<(), ConnectorError> {
        self.page.drain().await
    }

    fn identity(&mut self, identity: Identity) -> Result<(), ConnectorError> {
        self.page.identity(identity)
    }

    async fn attachment(
        &mut self,
        attachment: Attachment,
        body: Body<'_>,
    ) -> Result<(), ConnectorError> {
        if self.direct.format != Format::Zip {
            if let Some(open) = &mut self.direct.collection {
                open.left_out += 1;
            }
            return Ok(());
        }
        self.sent = true;
        self.direct.send_file(attachment, body).await
    }

    fn missing(&mut self, what: String, error: ConnectorError) -> Result<(), ConnectorError> {
        self.page.missing(what, error)
    }

    fn is_full(&self) -> bool {
        self.page.is_full()
    }
}
