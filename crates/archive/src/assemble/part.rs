//! The collections of an archive, with their names in it.

use adieu_core::{Collection, ConnectorError, Descriptor, Support};
use flate2::{Compress, Compression, FlushCompress};

use super::Stop;
use super::contents::{CollectionContents, Contents, Missing, MissingReason};
use super::pieces::{Ending, Pieces};
use crate::attachment::{AttachmentNote, hex};
use crate::error::ArchiveError;
use crate::log::{Kind, LogReader};
use crate::mark::{FormMark, Mark};
use crate::names::Names;
use crate::page::MissingNote;
use crate::press::DEFLATE_END;
use crate::spool::Spool;

/// One system of the archive.
pub(super) struct System<'a> {
    pub(super) descriptor: &'a Descriptor,
    pub(super) parts: Vec<Part>,
}

/// One collection of the archive.
pub(super) struct Part {
    pub(super) collection: Collection,
    pub(super) mark: Mark,
    pub(super) missing: Option<Missing>,
    /// The path without its ending.
    pub(super) stem: String,
    reader: LogReader,
}

/// The systems, and the names that are given already.
pub(super) struct Parts<'a> {
    pub(super) systems: Vec<System<'a>>,
    names: Names,
}

/// An attachment with its name in the archive.
pub(super) struct NamedFile {
    pub(super) path: String,
    pub(super) note: AttachmentNote,
}

pub(super) fn parts<'a>(spool: &Spool, contents: &'a Contents) -> Result<Parts<'a>, ArchiveError> {
    let mut names = Names::default();
    names.take("index.html");
    names.take("datapackage.json");
    let mut systems = Vec::new();
    for connector in &contents.connectors {
        let descriptor = &connector.descriptor;
        let folder = descriptor.name.as_str();
        // The connector's files have this folder for themselves.
        names.take(&format!("{folder}/files"));
        let mut parts = Vec::new();
        for collection in collections(descriptor, &connector.collections) {
            let given = connector
                .collections
                .iter()
                .find(|given| given.name == collection.name);
            let mark = given.map(|given| given.mark.clone()).unwrap_or_default();
            let missing = match (given, &collection.export) {
                (Some(given), _) if given.missing.is_some() => given.missing.clone(),
                (_, Support::Refused(why)) => Some(Missing::refused(why.clone())),
                (None, _) => Some(Missing::not_reached()),
                (Some(_), _) => None,
            };
            let stem = names.give(folder, &collection.name.as_str().replace('/', "_"), "");
            names.take(&format!("{stem}.csv"));
            names.take(&format!("{stem}.json"));
            let reader = spool.reader(&descriptor.name, collection.name.as_str(), &mark)?;
            parts.push(Part {
                collection,
                mark,
                missing,
                stem,
                reader,
            });
        }
        systems.push(System { descriptor, parts });
    }
    Ok(Parts { systems, names })
}

/// The collections of the descriptor, and those that it had when they were read.
fn collections(descriptor: &Descriptor, given: &[CollectionContents]) -> Vec<Collection> {
    let mut collections = descriptor.collections.clone();
    for other in given {
        if descriptor.collection(&other.name).is_none() {
            collections.push(Collection::new(other.name.clone(), []));
        }
    }
    collections
}

impl Parts<'_> {
    /// Calls for each attachment, always in the same order and with the same names.
    pub(super) fn each_file<E: From<ArchiveError>>(
        &self,
        mut each: impl FnMut(&System<'_>, &Part, NamedFile) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut names = self.names();
        for system in &self.systems {
            for part in &system.parts {
                part.each_file(system, &mut names, |file| each(system, part, file))?;
            }
        }
        Ok(())
    }

    /// The names, ready to be given to the attachments in order.
    pub(super) fn names(&self) -> Names {
        self.names.clone()
    }
}

impl Part {
    /// Whether the collection has tables in the archive.
    pub(super) fn has_tables(&self) -> bool {
        self.mark.records > 0
            || self
                .mark
                .schema
                .as_ref()
                .is_some_and(|schema| !schema.fields.is_empty())
    }

    /// Calls for each attachment of this collection.
    pub(super) fn each_file<E: From<ArchiveError>>(
        &self,
        system: &System<'_>,
        names: &mut Names,
        mut each: impl FnMut(NamedFile) -> Result<(), E>,
    ) -> Result<(), E> {
        let folder = format!("{}/files", system.descriptor.name);
        let mut reader = self.reader.again();
        while let Some((_, json)) = reader.next(&[Kind::Attachment])? {
            let note: AttachmentNote = serde_json::from_slice(&json).map_err(|_| UNREADABLE)?;
            let path = names.give(&folder, &note.attachment.name, "");
            each(NamedFile { path, note })?;
        }
        Ok(())
    }

    /// Calls for each record or attachment of this collection that could not be read.
    pub(super) fn each_missing<E: From<ArchiveError>>(
        &self,
        mut each: impl FnMut(String, Missing) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.mark.missing == 0 {
            return Ok(());
        }
        let mut reader = self.reader.again();
        while let Some((_, json)) = reader.next(&[Kind::Missing])? {
            let note: MissingNote = serde_json::from_slice(&json).map_err(|_| UNREADABLE)?;
            let error = ConnectorError::new(note.kind, note.why);
            each(note.what, Missing::failed(&error))?;
        }
        Ok(())
    }

    /// What the format has no place for.
    pub(super) fn left_out(&self, format: crate::Format) -> Option<(String, Missing)> {
        if format.has_files() || self.mark.attachments == 0 {
            return None;
        }
        let what = match self.mark.attachments {
            1 => "1 file".to_owned(),
            more => format!("{more} files"),
        };
        let why =
            "an archive of the format csv holds no files; ask for zip to have them".to_owned();
        Some((
            what,
            Missing {
                reason: MissingReason::LeftOut,
                why,
            },
        ))
    }

    /// The CSV as it stands in the archive.
    pub(super) fn csv(&self, stop: &Stop) -> Result<Form, ArchiveError> {
        self.form(&self.mark.csv, Kind::Csv, b"", stop)
    }

    /// The JSON as it stands in the archive.
    pub(super) fn json(&self, stop: &Stop) -> Result<Form, ArchiveError> {
        self.form(&self.mark.json, Kind::Json, self.json_end(), stop)
    }

    /// The body of an attachment as it lies in the spool, deflated or not.
    pub(super) fn body(&self, note: &AttachmentNote, stop: &Stop) -> Result<Pieces, ArchiveError> {
        let mut reader = self.reader.again();
        reader.go_to(note.sealed.begin)?;
        Ok(Pieces::new(
            reader,
            Kind::Body,
            note.sealed.packed_bytes,
            Ending::Open,
            stop.clone(),
        ))
    }

    fn json_end(&self) -> &'static [u8] {
        if self.mark.records == 0 {
            b"[]\n"
        } else {
            b"\n]\n"
        }
    }

    fn form(
        &self,
        mark: &FormMark,
        kind: Kind,
        end: &[u8],
        stop: &Stop,
    ) -> Result<Form, ArchiveError> {
        let mut sums = mark.sums()?;
        sums.add(end);
        let ending = deflated_end(end)?;
        let packed_bytes = mark.packed_bytes + ending.len() as u64;
        let (crc32, sha256, bytes) = (sums.crc32(), hex(&sums.sha256()), sums.bytes);
        let pieces = Pieces::new(
            self.reader.again(),
            kind,
            mark.packed_bytes,
            Ending::With(ending),
            stop.clone(),
        );
        Ok(Form {
            bytes,
            packed_bytes,
            crc32,
            sha256,
            pieces,
        })
    }
}

/// A deflated text with all that a ZIP has to know of it.
pub(super) struct Form {
    pub(super) bytes: u64,
    pub(super) packed_bytes: u64,
    pub(super) crc32: u32,
    pub(super) sha256: String,
    pub(super) pieces: Pieces,
}

/// What closes a deflate stream, after this last text.
fn deflated_end(text: &[u8]) -> Result<Vec<u8>, ArchiveError> {
    if text.is_empty() {
        return Ok(DEFLATE_END.to_vec());
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    Compress::new(Compression::new(1), false)
        .compress_vec(text, &mut out, FlushCompress::Finish)
        .map_err(|_| ArchiveError::Misused("deflating failed"))?;
    Ok(out)
}

const UNREADABLE: ArchiveError = ArchiveError::Damaged("a note in the spool cannot be read");
