//! One page of a collection on its way into the spool.

use std::collections::BTreeSet;
use std::fmt;
use std::mem;

use adieu_core::{
    Attachment, Body, ConnectorError, ErrorKind, Field, FieldValue, Identity, IdentityKind,
    PageSink, Retry, Schema, async_trait,
};
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::attachment::{AttachmentNote, BodyPress};
use crate::error::ArchiveError;
use crate::format::Format;
use crate::log::{Kind, MAX_PAYLOAD};
use crate::mark::{FormMark, Mark};
use crate::press::{Pen, Press};
use crate::record::Rows;
use crate::spool::{SpoolOptions, run};

/// How much text lies in memory before it is deflated.
const DRAIN_BYTES: usize = 768 << 10;
/// CSV is what people keep; JSON repeats it, so it is deflated at a cheaper level.
const CSV_LEVEL: u32 = 2;
const JSON_LEVEL: u32 = 1;

/// One page of a collection: a [`PageSink`] that ends in the spool.
///
/// Nothing of it counts before [`Page::commit`]; a page that is dropped has never been.
pub struct Page {
    format: Format,
    options: SpoolOptions,
    yields: BTreeSet<IdentityKind>,
    start: Mark,
    mark: Mark,
    pen: Pen,
    rows: Option<Rows>,
    csv: Form,
    json: Form,
    body_press: Option<BodyPress>,
    identities: BTreeSet<Identity>,
    text_bytes: u64,
    committed: bool,
}

/// What a page brought.
#[derive(Clone)]
#[non_exhaustive]
pub struct Committed {
    /// What is committed of the collection now; store it with the cursor, after [`Spool::sync`](crate::Spool::sync).
    pub mark: Mark,
    /// The identities that the page's records gave away.
    pub identities: Vec<Identity>,
    /// How many records the page had.
    pub records: u64,
    /// How many attachments the page had.
    pub attachments: u64,
    /// How many bytes of text and of attachments it was.
    pub bytes: u64,
}

impl fmt::Debug for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committed")
            .field("records", &self.records)
            .field("attachments", &self.attachments)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Something that was listed but could not be read, as it lies in the spool.
#[derive(Serialize, Deserialize)]
pub(crate) struct MissingNote {
    pub(crate) what: String,
    pub(crate) kind: ErrorKind,
    pub(crate) why: String,
}

impl Page {
    pub(crate) fn new(
        format: Format,
        options: SpoolOptions,
        yields: &BTreeSet<IdentityKind>,
        mark: Mark,
        pen: Pen,
    ) -> Self {
        Self {
            format,
            options,
            yields: yields.clone(),
            start: mark.clone(),
            mark,
            pen,
            rows: None,
            csv: Form::default(),
            json: Form::default(),
            body_press: None,
            identities: BTreeSet::new(),
            text_bytes: 0,
            committed: false,
        }
    }

    /// Makes the page count.
    ///
    /// It does not survive a crash yet: that is what [`Spool::sync`](crate::Spool::sync) is for.
    ///
    /// # Errors
    /// When it cannot be written; the page has then never been.
    ///
    /// # Cancel safety
    /// When the future is dropped, the page has never been.
    pub async fn commit(mut self) -> Result<Committed, ArchiveError> {
        let (csv, json) = (self.csv.take().await?, self.json.take().await?);
        let (csv_mark, json_mark, pen) = (
            self.mark.csv.clone(),
            self.mark.json.clone(),
            self.pen.clone(),
        );
        let small = csv.text.len() + json.text.len() < DRAIN_BYTES / 4;
        let end = move |form: Taken, mark, kind, level| form.end(&mark, kind, level, &pen);
        let (csv, json) = if small {
            run(move || {
                Ok((
                    end(csv, csv_mark, Kind::Csv, CSV_LEVEL)?,
                    end(json, json_mark, Kind::Json, JSON_LEVEL)?,
                ))
            })
            .await?
        } else {
            let end_json = end.clone();
            let csv = spawn_blocking(move || end(csv, csv_mark, Kind::Csv, CSV_LEVEL));
            let json = run(move || end_json(json, json_mark, Kind::Json, JSON_LEVEL)).await;
            (csv.await.map_err(|_| ArchiveError::Stopped)??, json?)
        };
        let mut mark = mem::take(&mut self.mark);
        (mark.csv, mark.json) = (csv, json);
        if let Some(rows) = &self.rows {
            mark.misfits = rows.misfits();
        }
        mark.log = self.pen.finish()?;
        self.committed = true;
        Ok(Committed {
            records: mark.records - self.start.records,
            attachments: mark.attachments - self.start.attachments,
            bytes: self.text_bytes + mark.attachment_bytes - self.start.attachment_bytes,
            identities: mem::take(&mut self.identities).into_iter().collect(),
            mark,
        })
    }

    /// Writes one record in the forms that are wanted; of one that cannot be written nothing stays.
    fn write(
        &mut self,
        write: impl FnOnce(
            &mut Rows,
            Option<&mut Vec<u8>>,
            &mut Vec<u8>,
            bool,
        ) -> Result<(), &'static str>,
    ) -> Result<(), ConnectorError> {
        let rows = self
            .rows
            .as_mut()
            .ok_or_else(|| fault("a record came before its schema"))?;
        let (csv_before, json_before) = (self.csv.text.len(), self.json.text.len());
        let has_json = self.format.has_json();
        if has_json {
            let between: &[u8] = match self.mark.records {
                0 => b"[\n",
                _ => b",\n",
            };
            self.json.text.extend_from_slice(between);
        }
        let csv = self.format.has_csv().then_some(&mut self.csv.text);
        if let Err(reason) = write(rows, csv, &mut self.json.text, has_json) {
            self.csv.text.truncate(csv_before);
            self.json.text.truncate(json_before);
            return Err(fault(reason));
        }
        if !has_json {
            self.json.text.clear();
        }
        self.text_bytes += (self.csv.text.len() - csv_before) as u64;
        self.text_bytes += self.json.text.len().saturating_sub(json_before) as u64;
        self.mark.records += 1;
        Ok(())
    }

    /// How much text the page has.
    pub(crate) fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    fn note(&self, kind: Kind, note: &impl Serialize) -> Result<(), ConnectorError> {
        let json = serde_json::to_vec(note)
            .map_err(|_| fault("a note for the archive cannot be written"))?;
        if json.len() > MAX_PAYLOAD {
            return Err(fault(
                "the name or the metadata of an attachment is larger than 1 MiB",
            ));
        }
        self.pen.append(kind, json).map_err(Into::into)
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("mark", &self.mark)
            .finish_non_exhaustive()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if !self.committed {
            self.pen.roll_back(self.start.log);
        }
    }
}

#[async_trait]
impl PageSink for Page {
    fn wants_records(&self) -> bool {
        true
    }

    fn schema(&mut self, schema: &Schema) -> Result<(), ConnectorError> {
        match &self.mark.schema {
            Some(earlier) if !earlier.widens_to(schema) => {
                return Err(fault("the schema is not the one of the pages before"));
            }
            Some(earlier) if self.rows.is_some() && earlier == schema => return Ok(()),
            _ => {}
        }
        let rows =
            Rows::new(schema, &self.mark.misfits, self.options.formula_safe).map_err(fault)?;
        let is_first = self.mark.schema.replace(schema.clone()).is_none();
        if is_first && self.format.has_csv() {
            rows.write_header(&mut self.csv.text);
        }
        self.rows = Some(rows);
        Ok(())
    }

    fn record(&mut self, record: &dyn erased_serde::Serialize) -> Result<(), ConnectorError> {
        self.write(|rows, csv, json, with_json| rows.write(record, csv, json, with_json))
    }

    fn values(&mut self, _: &[Field], values: &[FieldValue<'_>]) -> Result<(), ConnectorError> {
        self.write(|rows, csv, json, with_json| rows.write_values(values, csv, json, with_json))
    }

    fn must_drain(&self) -> bool {
        self.csv.text.len() + self.json.text.len() >= DRAIN_BYTES
    }

    async fn drain(&mut self) -> Result<(), ConnectorError> {
        // Deflating goes on behind the next records; only the piece after that waits for it.
        self.csv
            .drain(&self.mark.csv, Kind::Csv, CSV_LEVEL, &self.pen)
            .await?;
        self.json
            .drain(&self.mark.json, Kind::Json, JSON_LEVEL, &self.pen)
            .await?;
        Ok(())
    }

    fn identity(&mut self, identity: Identity) -> Result<(), ConnectorError> {
        if !self.yields.contains(identity.kind()) {
            return Err(fault(
                "an identity was yielded of a kind that the collection does not declare",
            ));
        }
        self.identities.insert(identity);
        Ok(())
    }

    async fn attachment(
        &mut self,
        attachment: Attachment,
        body: Body<'_>,
    ) -> Result<(), ConnectorError> {
        if !self.format.has_files() {
            // The body is not read; the archive says that its format leaves files out.
            self.mark.attachments += 1;
            return Ok(());
        }
        let press = self.body_press.take().unwrap_or_default();
        let (press, sealed) = press.seal(&attachment, body, &self.pen).await?;
        self.body_press = Some(press);
        let bytes = sealed.bytes;
        self.note(Kind::Attachment, &AttachmentNote { attachment, sealed })?;
        self.mark.attachments += 1;
        self.mark.attachment_bytes += bytes;
        Ok(())
    }

    fn missing(&mut self, what: String, error: ConnectorError) -> Result<(), ConnectorError> {
        let note = MissingNote {
            what,
            kind: error.kind(),
            why: error.what().to_owned(),
        };
        self.note(Kind::Missing, &note)?;
        self.mark.missing += 1;
        Ok(())
    }

    fn is_full(&self) -> bool {
        let attached = self.mark.attachment_bytes - self.start.attachment_bytes;
        let noted = (self.mark.attachments - self.start.attachments) * 512;
        self.text_bytes + attached + noted >= self.options.page_bytes
    }
}

/// One form of the records: the text that is not deflated yet, and the deflating.
#[derive(Default)]
struct Form {
    text: Vec<u8>,
    press: Option<Press>,
    job: Option<Squeezing>,
    /// A text that was deflated, for the next one to use its memory.
    spare: Vec<u8>,
}

/// A text that is being deflated on another thread, which gives back its memory.
type Squeezing = JoinHandle<Result<(Press, Vec<u8>), ArchiveError>>;

struct Taken {
    text: Vec<u8>,
    press: Option<Press>,
}

impl Form {
    async fn drain(
        &mut self,
        mark: &FormMark,
        kind: Kind,
        level: u32,
        pen: &Pen,
    ) -> Result<(), ArchiveError> {
        self.join().await?;
        if self.text.is_empty() {
            return Ok(());
        }
        let mut press = match self.press.take() {
            Some(press) => press,
            None => Press::after(mark, kind, level, pen.clone())?,
        };
        let mut text = mem::replace(&mut self.text, mem::take(&mut self.spare));
        self.job = Some(spawn_blocking(move || {
            press.squeeze(&text)?;
            text.clear();
            Ok((press, text))
        }));
        Ok(())
    }

    async fn take(&mut self) -> Result<Taken, ArchiveError> {
        self.join().await?;
        Ok(Taken {
            text: mem::take(&mut self.text),
            press: self.press.take(),
        })
    }

    /// Waits for the text before. The job stays where it is when this future is dropped.
    async fn join(&mut self) -> Result<(), ArchiveError> {
        if let Some(job) = &mut self.job {
            let done = job.await;
            self.job = None;
            let (press, spare) = done.map_err(|_| ArchiveError::Stopped)??;
            (self.press, self.spare) = (Some(press), spare);
        }
        Ok(())
    }
}

impl Taken {
    fn end(
        self,
        mark: &FormMark,
        kind: Kind,
        level: u32,
        pen: &Pen,
    ) -> Result<FormMark, ArchiveError> {
        let mut press = match self.press {
            Some(press) => press,
            None if self.text.is_empty() => return Ok(mark.clone()),
            None => Press::after(mark, kind, level, pen.clone())?,
        };
        press.squeeze(&self.text)?;
        press.end_fragment()
    }
}

/// A fault of the connector: sending the same step again would meet it again.
fn fault(what: &'static str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Internal, what).retry(Retry::Never)
}
