//! An archive that is sent while it is gathered: nothing of it is kept.
//!
//! Records are gathered in memory until they make a part, and a part is a table of its own in the archive. Files go through as
//! they come. So nothing has to be read twice, and no more than a part is ever held.

mod file;
mod page;
mod table;
mod tray;

use std::fmt;
use std::mem;

use adieu_core::{Collection, Descriptor, async_trait};
use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::{JoinHandle, spawn_blocking};

use super::contents::{CollectionContents, ConnectorContents, Contents, Missing, MissingReason};
use super::datapackage::{self, MissingEntry};
use super::document::Document;
use super::outlet::Outlet;
use super::part;
use super::text::Text;
use super::zip::{Zip, dos_time};
use super::{Stop, json};
use crate::error::ArchiveError;
use crate::format::Format;
use crate::key::ArchiveKey;
use crate::mark::Mark;
use crate::names::Names;
use crate::spool::{Spool, SpoolOptions, run};

pub use page::DirectPage;

use file::OpenFile;
use tray::Tray;

/// How much text makes a part of a table.
const PART_BYTES: u64 = 8 << 20;
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
    Zip(Box<Zip<Tray>>),
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
        let outlet = Outlet::without_sum(tray.clone(), stop.clone());
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
                Format::Zip | Format::Csv => Writer::Zip(Box::new(Zip::streaming(outlet))),
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

    /// Ends the archive, and says how long it is: only now it is complete.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn finish(mut self) -> Result<u64, ArchiveError> {
        self.settle_file()?;
        self.writer().await?;
        let (systems, lacks) = (mem::take(&mut self.systems), mem::take(&mut self.lacks));
        let bytes = match self.writer.take().ok_or(ArchiveError::Stopped)? {
            Writer::Json(mut outlet) => {
                json::end(&lacks, &mut outlet)?;
                outlet.end()?
            }
            Writer::Zip(mut zip) => {
                let mut text = self.package.take().ok_or(OUT_OF_ORDER)?;
                datapackage::end(&systems, &lacks, &mut text)?;
                let (stop, created) = (self.stop.clone(), dos_time(self.created_at));
                run(move || {
                    let mut made = text.finish(&stop)?;
                    zip.form_anew("datapackage.json", created, &mut made.form)?;
                    zip.close(&stop)?.end()
                })
                .await?
            }
        };
        self.flow().await?;
        Ok(bytes)
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
        self.begin_work(work).await?;
        self.writer().await.map(drop)
    }

    /// The same without waiting for its end: whoever wants the writer next does.
    async fn begin_work(
        &mut self,
        work: impl FnOnce(&mut Writer) -> Result<(), ArchiveError> + Send + 'static,
    ) -> Result<(), ArchiveError> {
        self.writer().await?;
        let mut writer = self.writer.take().ok_or(ArchiveError::Stopped)?;
        self.job = Some(spawn_blocking(move || {
            let result = work(&mut writer);
            (writer, result)
        }));
        Ok(())
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
