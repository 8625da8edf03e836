//! A page that bends what passes through it.

use adieu_core::{
    Attachment, Body, ConnectorError, Field, FieldType, Identity, PageSink, PageWriter, Schema,
    async_trait,
};
use serde_json::{Value, json};

use super::connector::Fault;

pub(crate) struct Bent<'a, 'b> {
    pub(crate) fault: Fault,
    pub(crate) call: u64,
    pub(crate) is_first: bool,
    pub(crate) waiting: Vec<Value>,
    pub(crate) page: &'a mut PageWriter<'b>,
}

#[async_trait]
impl PageSink for Bent<'_, '_> {
    fn wants_records(&self) -> bool {
        self.page.wants_records()
    }

    fn schema(&mut self, schema: &Schema) -> Result<(), ConnectorError> {
        let mut schema = schema.clone();
        match self.fault {
            Fault::SchemaChanges if !self.is_first => {
                schema.fields.push(Field::new("later", FieldType::String));
            }
            Fault::RecordMisfits => schema.fields.push(Field::new("n", FieldType::Boolean)),
            _ => {}
        }
        self.page.schema(&schema)
    }

    fn record(&mut self, record: &dyn erased_serde::Serialize) -> Result<(), ConnectorError> {
        let mut record = serde_json::to_value(record).unwrap();
        if self.fault == Fault::CountsItsCalls {
            record["call"] = json!(self.call);
        }
        self.waiting.push(record);
        Ok(())
    }

    fn must_drain(&self) -> bool {
        true
    }

    async fn drain(&mut self) -> Result<(), ConnectorError> {
        for record in std::mem::take(&mut self.waiting) {
            self.page.record(&record).await?;
            if self.fault == Fault::YieldsUndeclared {
                self.page
                    .identity(Identity::new("shoe_size", "42").unwrap())?;
            }
        }
        Ok(())
    }

    fn identity(&mut self, identity: Identity) -> Result<(), ConnectorError> {
        self.page.identity(identity)
    }

    async fn attachment(
        &mut self,
        attachment: Attachment,
        body: Body<'_>,
    ) -> Result<(), ConnectorError> {
        self.page.attachment(attachment, body).await
    }

    fn missing(&mut self, what: String, error: ConnectorError) -> Result<(), ConnectorError> {
        self.page.missing(what, error)
    }

    fn is_full(&self) -> bool {
        self.fault != Fault::UnboundedPage && self.page.is_full()
    }
}
