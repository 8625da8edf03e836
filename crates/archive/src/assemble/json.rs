//! The archive as one JSON document.

use std::io::{self, Read, Write};

use adieu_core::{Collection, Descriptor};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use serde_json::Value;

use super::contents::Contents;
use super::datapackage::{Request, about, each_missing, processor};
use super::document::Document;
use super::outlet::{Outlet, WRITING};
use super::part::{NamedFile, Part, Parts, System};
use super::{Assembled, Stop};
use crate::error::ArchiveError;
use crate::format::Format;
use crate::names::Names;

pub(super) fn write<W: Write>(
    contents: &Contents,
    parts: &Parts<'_>,
    mut outlet: Outlet<W>,
    stop: &Stop,
) -> Result<Assembled<W>, ArchiveError> {
    begin(contents, &mut outlet)?;
    let mut document = Document::going_on(&mut outlet, true);
    let mut names = parts.names();
    for system in &parts.systems {
        document.begin()?;
        document.member("name", &system.descriptor.name)?;
        document.member("kind", &system.descriptor.kind)?;
        document.member("processor", &processor(&system.descriptor.processor))?;
        document.list("collections")?;
        for part in &system.parts {
            write_part(&mut document, system, part, &mut names, stop)?;
        }
        document.end_list()?;
        document.end()?;
    }
    document.end_list()?;
    document.list("missing")?;
    each_missing(parts, Format::Json, |entry| document.item(&entry))?;
    document.end_list()?;
    document.raw("\n}\n")?;
    outlet.finish()
}

/// Everything before the first system of a document that is sent while it is gathered.
pub(super) fn begin(contents: &Contents, out: &mut impl Write) -> Result<(), ArchiveError> {
    let mut document = Document::new(out);
    document.raw("{\n")?;
    let request = Request {
        id: &contents.request,
        created_at: contents.created_at,
        controller: contents.controller.as_deref(),
    };
    document.member("request", &request)?;
    document.list("systems")
}

pub(super) fn begin_system(
    descriptor: &Descriptor,
    first: bool,
    out: &mut impl Write,
) -> Result<(), ArchiveError> {
    let mut document = Document::going_on(out, first);
    document.begin()?;
    document.member("name", &descriptor.name)?;
    document.member("kind", &descriptor.kind)?;
    document.member("processor", &processor(&descriptor.processor))?;
    document.list("collections")
}

pub(super) fn begin_collection(
    collection: &Collection,
    first: bool,
    out: &mut impl Write,
) -> Result<(), ArchiveError> {
    let mut document = Document::going_on(out, first);
    document.begin()?;
    document.member("name", &collection.name)?;
    document.member("about", &about(collection))?;
    document.key("records")
}

/// Some records: an array as a collection has it, of which the first opens and no one closes.
pub(super) fn records(text: &str, first: bool, out: &mut impl Write) -> Result<(), ArchiveError> {
    let lines = text
        .strip_prefix("[\n")
        .and_then(|text| text.strip_suffix("\n]\n"))
        .ok_or(DAMAGED)?;
    let mut document = Document::going_on(out, false);
    document.raw(if first { "[\n" } else { ",\n" })?;
    document.raw(lines)
}

pub(super) fn end_collection(
    complete: bool,
    has_records: bool,
    out: &mut impl Write,
) -> Result<(), ArchiveError> {
    let mut document = Document::going_on(out, false);
    document.raw(if has_records { "\n]" } else { "[]" })?;
    document.member("complete", &complete)?;
    document.end()
}

pub(super) fn end_system(out: &mut impl Write) -> Result<(), ArchiveError> {
    let mut document = Document::going_on(out, false);
    document.end_list()?;
    document.end()
}

/// Everything after the last system.
pub(super) fn end(missing: &[Value], out: &mut impl Write) -> Result<(), ArchiveError> {
    let mut document = Document::going_on(out, false);
    document.end_list()?;
    document.list("missing")?;
    for entry in missing {
        document.item(entry)?;
    }
    document.end_list()?;
    document.raw("\n}\n")
}

fn write_part<W: Write>(
    document: &mut Document<'_, Outlet<W>>,
    system: &System<'_>,
    part: &Part,
    names: &mut Names,
    stop: &Stop,
) -> Result<(), ArchiveError> {
    document.begin()?;
    document.member("name", &part.collection.name)?;
    document.member("about", &about(&part.collection))?;
    document.member(
        "complete",
        &(part.missing.is_none() && part.mark.missing == 0),
    )?;
    document.key("records")?;
    let form = part.json(stop)?;
    copy(
        DeflateDecoder::new(form.pieces),
        form.bytes,
        form.crc32,
        document.out(),
    )?;
    document.list("files")?;
    part.each_file(system, names, |file| {
        write_file(document, part, &file, stop)
    })?;
    document.end_list()?;
    document.end()
}

fn write_file<W: Write>(
    document: &mut Document<'_, Outlet<W>>,
    part: &Part,
    file: &NamedFile,
    stop: &Stop,
) -> Result<(), ArchiveError> {
    let (attachment, sealed) = (&file.note.attachment, &file.note.sealed);
    document.begin()?;
    document.member("name", &attachment.name)?;
    document.member("media_type", &attachment.media_type)?;
    document.member("modified_at", &attachment.modified_at)?;
    document.member("metadata", &attachment.metadata)?;
    document.member("bytes", &sealed.bytes)?;
    document.member("hash", &format!("sha256:{}", sealed.sha256))?;
    document.key("content_base64")?;
    document.raw("\"")?;
    let body = part.body(&file.note, stop)?;
    let mut base64 = Base64 {
        out: document.out(),
        carried: Vec::with_capacity(3),
    };
    if sealed.deflated {
        copy(
            DeflateDecoder::new(body),
            sealed.bytes,
            sealed.crc32,
            &mut base64,
        )?;
    } else {
        copy(body, sealed.bytes, sealed.crc32, &mut base64)?;
    }
    base64
        .finish()
        .map_err(|error| ArchiveError::from_io(WRITING, &error))?;
    document.raw("\"")?;
    document.end()
}

/// Copies exactly the text that these sums belong to.
pub(super) fn copy(
    mut from: impl Read,
    bytes: u64,
    crc32: u32,
    to: &mut impl Write,
) -> Result<(), ArchiveError> {
    let mut buffer = vec![0; 32 << 10];
    let mut left = bytes;
    let mut sum = crc32fast::Hasher::new();
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ArchiveError::from_io("reading the spool", &error)),
        };
        left = left.checked_sub(read as u64).ok_or(DAMAGED)?;
        sum.update(&buffer[..read]);
        to.write_all(&buffer[..read])
            .map_err(|error| ArchiveError::from_io(WRITING, &error))?;
    }
    if left == 0 && sum.finalize() == crc32 {
        Ok(())
    } else {
        Err(DAMAGED)
    }
}

const DAMAGED: ArchiveError = ArchiveError::Damaged("the spool does not hold what was committed");

/// Writes bytes as base64.
struct Base64<'a, W> {
    out: &'a mut W,
    carried: Vec<u8>,
}

impl<W: Write> Base64<'_, W> {
    fn finish(self) -> io::Result<()> {
        self.out
            .write_all(STANDARD.encode(&self.carried).as_bytes())
    }
}

impl<W: Write> Write for Base64<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.carried.extend_from_slice(bytes);
        let whole = self.carried.len() / 3 * 3;
        self.out
            .write_all(STANDARD.encode(&self.carried[..whole]).as_bytes())?;
        self.carried.drain(..whole);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
