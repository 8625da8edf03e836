//! Where a connector writes what it exports.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{ConnectorError, ErrorKind, Retry};
use crate::identity::Identity;
use crate::schema::{Field, Schema};
use crate::value::{FieldValue, Named};

/// The page that an export step writes: records, identities and attachments, pushed one after the other.
///
/// Each call waits while the reader is busy, so a connector that awaits them holds one record at a time however many
/// there are. What was written counts only when the step returns `Ok`: on an error, or when the step's future is
/// dropped, the whole page is taken back, and the step is sent again.
pub struct PageWriter<'a> {
    sink: &'a mut dyn PageSink,
    /// The declared fields, once the schema was said.
    fields: Vec<Field>,
}

impl<'a> PageWriter<'a> {
    /// A page that ends in this sink.
    pub fn new(sink: &'a mut dyn PageSink) -> Self {
        Self {
            sink,
            fields: Vec::new(),
        }
    }

    /// Whether records and attachments are wanted. When they are not, only identities are being looked for, and a
    /// connector may leave the rest unread.
    pub fn wants_records(&self) -> bool {
        self.sink.wants_records()
    }

    /// Says what the fields of the collection are: once, before its first record. The same on every page, but that a type may widen to
    /// [`FieldType::Any`](crate::FieldType::Any).
    ///
    /// # Errors
    /// When the page cannot be written; pass it on.
    pub fn schema(&mut self, schema: &Schema) -> Result<(), ConnectorError> {
        self.fields.clone_from(&schema.fields);
        self.sink.schema(schema)
    }

    /// Writes one record: anything that serializes as a map or a struct. Where there may be millions of them,
    /// [`PageWriter::values`] takes less time.
    ///
    /// # Errors
    /// When the record does not fit the schema or the page cannot be written; pass it on.
    pub async fn record<T>(&mut self, record: &T) -> Result<(), ConnectorError>
    where
        T: Serialize + Sync + ?Sized,
    {
        self.sink.record(&record)?;
        if self.sink.must_drain() {
            self.sink.drain().await?;
        }
        Ok(())
    }

    /// Writes one record as the values of the schema's fields, one for each and in their order: what [`PageWriter::record`] writes
    /// of a map with those names, in less time. For what has very many records.
    ///
    /// # Errors
    /// When there are more or fewer values than fields, a value does not fit, or the page cannot be written; pass it on.
    pub async fn values(&mut self, values: &[FieldValue<'_>]) -> Result<(), ConnectorError> {
        if values.len() != self.fields.len() {
            let what = "a record has not one value for each field of its schema";
            return Err(ConnectorError::new(ErrorKind::Internal, what).retry(Retry::Never));
        }
        self.sink.values(&self.fields, values)?;
        if self.sink.must_drain() {
            self.sink.drain().await?;
        }
        Ok(())
    }

    /// Yields an identity of the subject that a record gave away, for the other collections.
    ///
    /// # Errors
    /// When its kind is not among the collection's `yields`; pass it on.
    pub fn identity(&mut self, identity: Identity) -> Result<(), ConnectorError> {
        self.sink.identity(identity)
    }

    /// Writes one large body. It is read only as fast as the archive takes it, and not at all when it is not wanted.
    ///
    /// # Errors
    /// When the body breaks off or the page cannot be written; pass it on.
    pub async fn attachment(
        &mut self,
        attachment: Attachment,
        body: Body<'_>,
    ) -> Result<(), ConnectorError> {
        self.sink.attachment(attachment, body).await
    }

    /// Says that a record or an attachment was listed but could not be read any more, so that the archive can name it
    /// as missing. `what` is shown to the data subject alone.
    ///
    /// # Errors
    /// When the page cannot be written; pass it on.
    pub fn missing(&mut self, what: String, error: ConnectorError) -> Result<(), ConnectorError> {
        self.sink.missing(what, error)
    }

    /// Whether the step should return now, with a cursor to go on.
    pub fn is_full(&self) -> bool {
        self.sink.is_full()
    }
}

impl fmt::Debug for PageWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageWriter")
            .field("is_full", &self.is_full())
            .finish_non_exhaustive()
    }
}

/// The other end of a [`PageWriter`]: an archive, a search for identities, a test. Connectors never see it.
#[async_trait]
pub trait PageSink: Send {
    /// See [`PageWriter::wants_records`].
    fn wants_records(&self) -> bool;

    /// See [`PageWriter::schema`].
    ///
    /// # Errors
    /// When the schema cannot be taken.
    fn schema(&mut self, schema: &Schema) -> Result<(), ConnectorError>;

    /// Takes one record into memory.
    ///
    /// # Errors
    /// When the record does not fit the schema.
    fn record(&mut self, record: &dyn erased_serde::Serialize) -> Result<(), ConnectorError>;

    /// Takes one record into memory: a value for each of the fields that [`PageSink::schema`] declared. By default it is taken as a
    /// map.
    ///
    /// # Errors
    /// When the record does not fit the schema.
    fn values(
        &mut self,
        fields: &[Field],
        values: &[FieldValue<'_>],
    ) -> Result<(), ConnectorError> {
        self.record(&Named { fields, values })
    }

    /// Whether so much lies in memory that [`PageSink::drain`] must come before the next record.
    fn must_drain(&self) -> bool;

    /// Moves what lies in memory to where it is kept, waiting as long as that takes.
    ///
    /// # Errors
    /// When it cannot be kept.
    async fn drain(&mut self) -> Result<(), ConnectorError>;

    /// See [`PageWriter::identity`].
    ///
    /// # Errors
    /// When the collection did not declare to yield its kind.
    fn identity(&mut self, identity: Identity) -> Result<(), ConnectorError>;

    /// See [`PageWriter::attachment`].
    ///
    /// # Errors
    /// When the body breaks off or cannot be kept.
    async fn attachment(
        &mut self,
        attachment: Attachment,
        body: Body<'_>,
    ) -> Result<(), ConnectorError>;

    /// See [`PageWriter::missing`].
    ///
    /// # Errors
    /// When it cannot be noted.
    fn missing(&mut self, what: String, error: ConnectorError) -> Result<(), ConnectorError>;

    /// See [`PageWriter::is_full`].
    fn is_full(&self) -> bool;
}

/// What is known of a large body apart from its bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The name in its own system, such as an object's key. It may be anything; the archive finds a safe one.
    pub name: String,
    /// The media type, where the system knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The length in bytes, where the system knows it; a body of another length is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<Timestamp>,
    /// What else the system keeps with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl Attachment {
    /// An attachment of which only the name is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            media_type: None,
            size_bytes: None,
            modified_at: None,
            metadata: BTreeMap::new(),
        }
    }
}

/// Names of files are often personal, so only what is not shows.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("media_type", &self.media_type)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

/// The bytes of an attachment, read lazily and in pieces.
pub type Body<'a> = Pin<Box<dyn Stream<Item = Result<Bytes, ConnectorError>> + Send + 'a>>;
