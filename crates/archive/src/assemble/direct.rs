//! An archive that is sent while it is gathered: nothing of it is kept.
//!
//! Records are gathered in memory until they make a part, and a part is a table of its own in the archive. Files go through as
//! they come. So nothing has to be read twice, and no more than a part is ever held.

use std::fmt;
use std::io::{Read as _, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use adieu_core::{
    Attachment, Body, Collection, ConnectorError, Descriptor, ErrorKind, Identity, PageSink, Retry,
    Schema, async_trait,
};
use aws_lc_rs::digest;
use bytes::Bytes;
use flate2::read::DeflateDecoder;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::task::{JoinHandle, spawn_blocking};

use super::contents::{CollectionContents, ConnectorContents, Contents, Missing, MissingReason};
use super::datapackage::{self, MissingEntry};
use super::document::Document;
use super::outlet::Outlet;
use super::part::{self, Parts};
use super::text::Text;
use super::zip::{Zip, dos_time};
use super::{Assembled, Stop, json};
use crate::attachment::{AttachmentNote, SealedBody, hex, is_compressed};
use crate::error::ArchiveError;
use crate::format::Format;
use crate::key::ArchiveKey;
use crate::log::LogMark;
use crate::mark::Mark;
use crate::names::Names;
use crate::page::Page;
use crate::spool::{Spool, SpoolOptions, run};

/// How much text makes a part of a table.
const PART_BYTES: u64 = 8 << 20;
/// How much of a file is deflated at a time.
const FILE_PIECE_BYTES: usize = 256 << 10;
/// How much is handed on at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Takes the pieces of an archive that is sent while it is gathered, no faster than its reader does.
#[async_trait]
pub trait Outflow: Send {
    /// Takes the next piece, and waits as long as that takes.
    ///
    /// # Errors
    /// [`ArchiveError::Stopped`] when nobody takes it any more.
    ///
    /// # Cancel safety
    /// When the future is dropped, the piece was not taken.
    async fn take(&mut self, piece: Bytes) -> Result<(), ArchiveError>;
}

/// An archive that is sent while it is gathered, system by system and collection by collection.
///
/// Tables that are large come in several parts; a ZIP has no page to look at, and a JSON document no files. Dropped before
/// [`Direct::finish`], or failed, it is never a complete archive.
pub struct Direct<O> {
    format: Format,
    request: String,
    created_at: Timestamp,
    controller: Option<String>,
    key: ArchiveKey,
    out: O,
    tray: Tray,
    /// What was taken from the tray, and is not sent yet.
    pending: Bytes,
    writer: Option<Writer>,
    job: Option<JoinHandle<(Writer, Result<(), ArchiveError>)>>,
    stop: Stop,
    names: Names,
    /// The description, as far as it is written.
    package: Option<Text>,
    resources: u64,
    files: u64,
    system: Option<OpenSystem>,
    collection: Option<OpenCollection>,
    /// The file that is being written.
    file: Option<OpenFile>,
    /// What was gone through, and what is missing; as the description says it.
    systems: Vec<serde_json::Value>,
    lacks: Vec<serde_json::Value>,
}

enum Writer {
    Zip(Zip<Tray>),
    Json(Outlet<Tray>),
}

struct OpenSystem {
    descriptor: Descriptor,
    collections: Vec<CollectionContents>,
}

struct OpenCollection {
    /// The system's descriptor with this collection alone.
    descriptor: Descriptor,
    collection: Collection,
    /// Where the records lie that make the next part.
    spool: Spool,
    mark: Mark,
    parts: u64,
    records: u64,
    files: u64,
    /// Files that this format has no place for.
    left_out: u64,
    missing: u64,
}

struct OpenFile {
    path: String,
    attachment: Attachment,
    bytes: u64,
    sha256: digest::Context,
}

impl<O: Outflow> Direct<O> {
    /// Begins an archive of what was gathered at this time for this request.
    ///
    /// # Errors
    /// When it cannot be begun.
    pub fn begin(
        format: Format,
        request: impl Into<String>,
        created_at: Timestamp,
        controller: Option<String>,
        out: O,
    ) -> Result<Self, ArchiveError> {
        let (tray, stop) = (Tray::default(), Stop::default());
        let outlet = Outlet::new(tray.clone(), stop.clone());
        let key = ArchiveKey::generate();
        let mut direct = Self {
            format,
            request: request.into(),
            created_at,
            controller,
            out,
            tray,
            pending: Bytes::new(),
            writer: Some(match format {
                Format::Json => Writer::Json(outlet),
                Format::Zip | Format::Csv => Writer::Zip(Zip::streaming(outlet)),
            }),
            job: None,
            stop,
            names: Names::default(),
            package: None,
            resources: 0,
            files: 0,
            system: None,
            collection: None,
            file: None,
            systems: Vec::new(),
            lacks: Vec::new(),
            key,
        };
        direct.names.take("datapackage.json");
        let contents = direct.contents(Vec::new());
        if let Some(Writer::Json(outlet)) = &mut direct.writer {
            json::begin(&contents, outlet)?;
        } else {
            let spool = direct.spool()?;
            let mut text = Text::new(&spool, "datapackage.json")?;
            datapackage::begin(&contents, false, &mut text)?;
            direct.package = Some(text);
        }
        Ok(direct)
    }

    /// Begins a system; the one before has ended.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn begin_system(&mut self, descriptor: &Descriptor) -> Result<(), ArchiveError> {
        self.names
            .take(&format!("{}/files", descriptor.name.as_str()));
        let first = self.systems.is_empty();
        if let Writer::Json(outlet) = self.writer().await? {
            json::begin_system(descriptor, first, outlet)?;
        }
        self.system = Some(OpenSystem {
            descriptor: descriptor.clone(),
            collections: Vec::new(),
        });
        Ok(())
    }

    /// Begins a collection of the system.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn begin_collection(&mut self, collection: &Collection) -> Result<(), ArchiveError> {
        let spool = self.spool()?;
        let system = self.system.as_ref().ok_or(OUT_OF_ORDER)?;
        let (mut descriptor, first) = (system.descriptor.clone(), system.collections.is_empty());
        descriptor.collections = vec![collection.clone()];
        if let Writer::Json(outlet) = self.writer().await? {
            json::begin_collection(collection, first, outlet)?;
        }
        self.collection = Some(OpenCollection {
            descriptor,
            collection: collection.clone(),
            spool,
            mark: Mark::default(),
            parts: 0,
            records: 0,
            files: 0,
            left_out: 0,
            missing: 0,
        });
        Ok(())
    }

    /// The next page of the collection.
    ///
    /// # Errors
    /// When no collection was begun.
    pub fn page(&mut self) -> Result<DirectPage<'_, O>, ArchiveError> {
        let open = self.collection.as_ref().ok_or(OUT_OF_ORDER)?;
        let name = &open.descriptor.name;
        let page = open.spool.page(name, &open.collection, &open.mark)?;
        Ok(DirectPage {
            page,
            sent: false,
            direct: self,
        })
    }

    /// Ends the collection; says why it, or the rest of it, is missing.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn end_collection(&mut self, missing: Option<Missing>) -> Result<(), ArchiveError> {
        self.end_part().await?;
        let open = self.collection.take().ok_or(OUT_OF_ORDER)?;
        let name = open.collection.name.as_str();
        let connector = open.descriptor.name.as_str();
        if let Some(missing) = &missing {
            let what = match open.records + open.files {
                0 => "The whole collection",
                _ => "The rest of this collection",
            };
            self.lacks
                .push(lack(connector, Some(name), what.to_owned(), missing)?);
        }
        if open.left_out > 0 {
            let missing = Missing {
                reason: MissingReason::LeftOut,
                why: format!(
                    "an archive of the format {} that is sent while it is gathered holds no files; ask for zip to have them",
                    self.format
                ),
            };
            let what = match open.left_out {
                1 => "1 file".to_owned(),
                more => format!("{more} files"),
            };
            self.lacks
                .push(lack(connector, Some(name), what, &missing)?);
        }
        let complete = missing.is_none() && open.missing == 0;
        if let Writer::Json(outlet) = self.writer().await? {
            json::end_collection(complete, open.parts > 0, outlet)?;
        }
        if let Some(system) = &mut self.system {
            system.collections.push(CollectionContents {
                name: open.collection.name,
                mark: Mark {
                    records: open.records,
                    attachments: open.files,
                    missing: open.missing,
                    ..Mark::default()
                },
                missing,
            });
        }
        self.flow().await
    }

    /// Ends the system.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn end_system(&mut self) -> Result<(), ArchiveError> {
        let OpenSystem {
            descriptor,
            collections,
        } = self.system.take().ok_or(OUT_OF_ORDER)?;
        for unreachable in &descriptor.unreachable {
            let entry = MissingEntry {
                connector: descriptor.name.as_str(),
                collection: None,
                what: unreachable.what.clone(),
                reason: MissingReason::Unreachable.as_str(),
                code: None,
                why: unreachable.why.clone(),
                lives_for: unreachable.lives_for.as_deref(),
            };
            self.lacks.push(datapackage::to_value(&entry)?);
        }
        let spool = self.spool()?;
        let contents = self.contents(vec![ConnectorContents {
            descriptor,
            collections,
        }]);
        for system in &part::parts(&spool, &contents)?.systems {
            self.systems.push(datapackage::system_entry(system));
        }
        if let Writer::Json(outlet) = self.writer().await? {
            json::end_system(outlet)?;
        }
        self.flow().await
    }

    /// Says that something is missing that belongs to no collection alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn lacks(
        &mut self,
        connector: &str,
        collection: Option<&str>,
        what: impl Into<String>,
        missing: &Missing,
    ) -> Result<(), ArchiveError> {
        self.lacks
            .push(lack(connector, collection, what.into(), missing)?);
        Ok(())
    }

    /// Ends the archive: only now it is complete.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn finish(mut self) -> Result<Assembled<()>, ArchiveError> {
        self.settle_file()?;
        self.writer().await?;
        let (systems, lacks) = (mem::take(&mut self.systems), mem::take(&mut self.lacks));
        let ended = match self.writer.take().ok_or(ArchiveError::Stopped)? {
            Writer::Json(mut outlet) => {
                json::end(&lacks, &mut outlet)?;
                outlet.finish()?
            }
            Writer::Zip(mut zip) => {
                let mut text = self.package.take().ok_or(OUT_OF_ORDER)?;
                datapackage::end(&systems, &lacks, &mut text)?;
                let (stop, created) = (self.stop.clone(), dos_time(self.created_at));
                run(move || {
                    let mut made = text.finish(&stop)?;
                    zip.form_anew("datapackage.json", created, &mut made.form)?;
                    zip.finish(&stop)
                })
                .await?
            }
        };
        self.flow().await?;
        Ok(Assembled {
            bytes: ended.bytes,
            sha256: ended.sha256,
            out: (),
        })
    }

    /// Writes the gathered records as a part of their table.
    async fn end_part(&mut self) -> Result<(), ArchiveError> {
        let spool = self.spool()?;
        let (system, number, gathered) = {
            let open = self.collection.as_mut().ok_or(OUT_OF_ORDER)?;
            let mark = mem::take(&mut open.mark);
            let gathered = mem::replace(&mut open.spool, spool);
            open.records += mark.records;
            open.missing += mark.missing;
            open.left_out += mark.attachments;
            let contents = CollectionContents {
                name: open.collection.name.clone(),
                mark,
                missing: None,
            };
            let system = ConnectorContents {
                descriptor: open.descriptor.clone(),
                collections: vec![contents],
            };
            (system, open.parts + 1, gathered)
        };
        let contents = self.contents(vec![system]);
        let mut parts = part::parts(&gathered, &contents)?;
        self.note_missing(&parts)?;
        let Some((system, index)) = with_tables(&mut parts) else {
            return Ok(());
        };
        let folder = system.descriptor.name.as_str();
        let name = system.parts[index]
            .collection
            .name
            .as_str()
            .replace('/', "_");
        let name = match number {
            1 => name,
            more => format!("{name}.{more}"),
        };
        let stem = self.names.give(folder, &name, "");
        self.names.take(&format!("{stem}.csv"));
        self.names.take(&format!("{stem}.json"));
        system.parts[index].stem = stem;
        if let Some(open) = &mut self.collection {
            open.parts = number;
        }
        let (created, format, stop) = (dos_time(self.created_at), self.format, self.stop.clone());
        let part = &system.parts[index];
        let mut forms = Vec::new();
        if format.has_csv() {
            forms.push((format!("{}.csv", part.stem), part.csv(&stop)?));
            let resource = datapackage::csv_resource(system, part, &stop)?;
            self.describe(&resource)?;
        }
        if format.has_json() {
            forms.push((format!("{}.json", part.stem), part.json(&stop)?));
            if format.has_csv() {
                let resource = datapackage::json_resource(system, part, &stop)?;
                self.describe(&resource)?;
            }
        }
        self.work(move |writer| {
            for (path, form) in &mut forms {
                match writer {
                    Writer::Zip(zip) => zip.form_anew(path, created, form)?,
                    Writer::Json(outlet) => {
                        let mut text = String::new();
                        DeflateDecoder::new(&mut form.pieces)
                            .read_to_string(&mut text)
                            .map_err(|error| ArchiveError::from_io("reading the spool", &error))?;
                        json::records(&text, number == 1, outlet)?;
                    }
                }
            }
            Ok(())
        })
        .await?;
        self.flow().await
    }

    fn note_missing(&mut self, parts: &Parts<'_>) -> Result<(), ArchiveError> {
        let lacks = &mut self.lacks;
        for system in &parts.systems {
            for part in &system.parts {
                let collection = Some(part.collection.name.as_str());
                part.each_missing(|what, missing| {
                    let connector = system.descriptor.name.as_str();
                    lacks.push(lack(connector, collection, what, &missing)?);
                    Ok::<(), ArchiveError>(())
                })?;
            }
        }
        Ok(())
    }

    async fn send_file(
        &mut self,
        attachment: Attachment,
        mut body: Body<'_>,
    ) -> Result<(), ConnectorError> {
        let open = self.collection.as_ref().ok_or(OUT_OF_ORDER)?;
        let folder = format!("{}/files", open.descriptor.name);
        let path = self.names.give(&folder, &attachment.name, "");
        let created = attachment.modified_at.unwrap_or(self.created_at);
        let (level, declared) = (
            if is_compressed(&attachment) { 1 } else { 6 },
            attachment.size_bytes,
        );
        self.settle_file()?;
        if let Writer::Zip(zip) = self.writer().await? {
            zip.begin_file(&path, dos_time(created), level)?;
        }
        // From here on it is in the archive, whatever becomes of it.
        self.file = Some(OpenFile {
            path,
            attachment,
            bytes: 0,
            sha256: digest::Context::new(&digest::SHA256),
        });
        let mut piece = Vec::new();
        while let Some(part) = body.next().await {
            piece.extend_from_slice(&part?);
            if piece.len() >= FILE_PIECE_BYTES {
                self.file_piece(mem::take(&mut piece)).await?;
            }
        }
        self.file_piece(piece).await?;
        let file = self.file.as_ref().ok_or(OUT_OF_ORDER)?;
        if declared.is_some_and(|declared| declared != file.bytes) {
            return Err(ConnectorError::new(
                ErrorKind::Protocol,
                "a body has not the length that was declared for it",
            ));
        }
        self.end_file()?;
        Ok(())
    }

    async fn file_piece(&mut self, piece: Vec<u8>) -> Result<(), ArchiveError> {
        let file = self.file.as_mut().ok_or(OUT_OF_ORDER)?;
        file.bytes += piece.len() as u64;
        file.sha256.update(&piece);
        self.work(move |writer| match writer {
            Writer::Zip(zip) => zip.write_file(&piece),
            Writer::Json(_) => Err(OUT_OF_ORDER),
        })
        .await?;
        self.flow().await
    }

    /// Describes a file that is whole.
    fn end_file(&mut self) -> Result<(), ArchiveError> {
        let (Some(file), Some(open)) = (self.file.take(), &mut self.collection) else {
            return Err(OUT_OF_ORDER);
        };
        open.files += 1;
        self.files += 1;
        let note = AttachmentNote {
            attachment: file.attachment,
            sealed: SealedBody {
                begin: LogMark::default(),
                bytes: file.bytes,
                packed_bytes: 0,
                deflated: true,
                crc32: 0,
                sha256: hex(file.sha256.finish().as_ref()),
            },
        };
        let (connector, collection) =
            (open.descriptor.name.as_str(), open.collection.name.as_str());
        let resource =
            datapackage::file_resource(connector, collection, &file.path, &note, self.files);
        self.describe(&resource)
    }

    /// Names a file whose body broke off, or whose step was given up.
    fn settle_file(&mut self) -> Result<(), ArchiveError> {
        let (Some(file), Some(open)) = (self.file.take(), &mut self.collection) else {
            return Ok(());
        };
        open.missing += 1;
        let missing = Missing {
            reason: MissingReason::Failed(ErrorKind::Unavailable),
            why: format!(
                "it broke off; what lies under {} is not all of it",
                file.path
            ),
        };
        let name = open.collection.name.as_str();
        let connector = open.descriptor.name.as_str();
        self.lacks
            .push(lack(connector, Some(name), file.attachment.name, &missing)?);
        Ok(())
    }

    fn describe(&mut self, resource: &serde_json::Value) -> Result<(), ArchiveError> {
        if let Some(text) = &mut self.package {
            Document::going_on(text, self.resources == 0).item(resource)?;
            self.resources += 1;
        }
        Ok(())
    }

    fn contents(&self, connectors: Vec<ConnectorContents>) -> Contents {
        Contents {
            request: self.request.clone(),
            created_at: self.created_at,
            controller: self.controller.clone(),
            connectors,
        }
    }

    /// A spool that lies in memory alone.
    fn spool(&self) -> Result<Spool, ArchiveError> {
        let options = SpoolOptions {
            page_bytes: PART_BYTES / 2,
            memory_bytes: usize::MAX,
            ..SpoolOptions::default()
        };
        Spool::open("", &self.key, self.format, options)
    }

    /// The writer, once the work that has it is done.
    async fn writer(&mut self) -> Result<&mut Writer, ArchiveError> {
        if let Some(job) = &mut self.job {
            let done = job.await;
            self.job = None;
            let (writer, result) = done.map_err(|_| ArchiveError::Stopped)?;
            self.writer = Some(writer);
            result?;
        }
        self.writer.as_mut().ok_or(ArchiveError::Stopped)
    }

    /// Has a thread that may take its time do something with the writer.
    async fn work(
        &mut self,
        work: impl FnOnce(&mut Writer) -> Result<(), ArchiveError> + Send + 'static,
    ) -> Result<(), ArchiveError> {
        self.writer().await?;
        let mut writer = self.writer.take().ok_or(ArchiveError::Stopped)?;
        self.job = Some(spawn_blocking(move || {
            let result = work(&mut writer);
            (writer, result)
        }));
        self.writer().await.map(drop)
    }

    /// Sends what is ready.
    async fn flow(&mut self) -> Result<(), ArchiveError> {
        loop {
            if self.pending.is_empty() {
                self.pending = self.tray.clear();
            }
            let bytes = self.pending.len().min(PIECE_BYTES);
            if bytes == 0 {
                return Ok(());
            }
            self.out.take(self.pending.slice(..bytes)).await?;
            let _ = self.pending.split_to(bytes);
        }
    }
}

/// The writers close an archive when they are dropped; that must not reach anybody.
impl<O> Drop for Direct<O> {
    fn drop(&mut self) {
        self.stop.now();
    }
}

impl<O> fmt::Debug for Direct<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// One page of a collection of a [`Direct`] archive.
///
/// Records of a page that is dropped have never been; a file that was sent cannot be taken back.
pub struct DirectPage<'a, O: Outflow> {
    direct: &'a mut Direct<O>,
    page: Page,
    sent: bool,
}

impl<O: Outflow> DirectPage<'_, O> {
    /// Whether something was sent that cannot be taken back, so that the same step must not be sent again.
    pub fn has_sent(&self) -> bool {
        self.sent
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
        if self.page.text_bytes() > 4 * PART_BYTES {
            let what = "the connector does not stop when its page is full";
            return Err(ConnectorError::new(ErrorKind::Internal, what).retry(Retry::Never));
        }
        self.page.record(record)
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

/// What a writer writes to: it is taken away piece by piece.
#[derive(Clone, Default)]
struct Tray(Arc<Mutex<Vec<u8>>>);

impl Tray {
    fn clear(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Tray {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The part that has a table, if there is one.
fn with_tables<'a, 'b>(parts: &'a mut Parts<'b>) -> Option<(&'a mut part::System<'b>, usize)> {
    let system = parts.systems.first_mut()?;
    let index = system.parts.iter().position(part::Part::has_tables)?;
    Some((system, index))
}

fn lack(
    connector: &str,
    collection: Option<&str>,
    what: String,
    missing: &Missing,
) -> Result<serde_json::Value, ArchiveError> {
    datapackage::to_value(&MissingEntry {
        connector,
        collection,
        what,
        reason: missing.reason.as_str(),
        code: match missing.reason {
            MissingReason::Failed(kind) => Some(kind.as_str()),
            _ => None,
        },
        why: missing.why.clone(),
        lives_for: None,
    })
}

const OUT_OF_ORDER: ArchiveError =
    ArchiveError::Misused("the parts of an archive came out of order");
