//! The archive as a ZIP.
//!
//! Everything is deflated before it gets here, so each entry says its length and its sum first, and nothing has to be deflated, sought or
//! patched while the ZIP is written.

use std::io::{self, Read, Write};

use flate2::read::DeflateDecoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use zip::read::read_zipfile_from_stream_with_options;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipReadOptions, ZipWriter};

use super::contents::Contents;
use super::json::copy;
use super::outlet::{Outlet, WRITING};
use super::part::{Form, Parts};
use super::text::Text;
use super::{Assembled, Stop, datapackage, index};
use crate::error::ArchiveError;
use crate::format::Format;
use crate::spool::Spool;

pub(super) fn write<W: Write>(
    spool: &Spool,
    contents: &Contents,
    parts: &Parts<'_>,
    outlet: Outlet<W>,
    stop: &Stop,
) -> Result<Assembled<W>, ArchiveError> {
    let format = spool.format();
    // Nothing seeks: every entry is copied whole, with its length before its bytes.
    let mut zip = Zip {
        writer: ZipWriter::new(StreamWriter::new(outlet)),
    };
    match write_entries(spool, contents, parts, &mut zip, format, stop) {
        Ok(()) => zip.close(stop)?.finish(),
        Err(error) => {
            // The writer closes the archive when it is dropped; by then nothing may reach the outside.
            stop.now();
            Err(error)
        }
    }
}

fn write_entries<W: Write>(
    spool: &Spool,
    contents: &Contents,
    parts: &Parts<'_>,
    zip: &mut Zip<W>,
    format: Format,
    stop: &Stop,
) -> Result<(), ArchiveError> {
    let created = dos_time(contents.created_at);
    let mut page_sum = None;
    if format == Format::Zip {
        let mut text = Text::new(spool, "index.html")?;
        index::write(contents, parts, &mut text, stop)?;
        let mut made = text.finish(stop)?;
        page_sum = Some((made.form.bytes, made.form.sha256.clone()));
        zip.form("index.html", created, &mut made.form)?;
    }
    let mut text = Text::new(spool, "datapackage.json")?;
    datapackage::write(spool, contents, parts, page_sum, &mut text, stop)?;
    let mut made = text.finish(stop)?;
    zip.form("datapackage.json", created, &mut made.form)?;
    let mut names = parts.names();
    for system in &parts.systems {
        for part in &system.parts {
            if part.has_tables() {
                zip.form(&format!("{}.csv", part.stem), created, &mut part.csv(stop)?)?;
                if format.has_json() {
                    zip.form(
                        &format!("{}.json", part.stem),
                        created,
                        &mut part.json(stop)?,
                    )?;
                }
            }
            part.each_file(system, &mut names, |file| {
                let sealed = &file.note.sealed;
                let time = file.note.attachment.modified_at.map_or(created, dos_time);
                let head = Head {
                    name: &file.path,
                    time,
                    deflated: sealed.deflated,
                    crc32: sealed.crc32,
                    bytes: sealed.bytes,
                    packed_bytes: sealed.packed_bytes,
                };
                zip.entry(&head, part.body(&file.note, stop)?)
            })?;
        }
    }
    Ok(())
}

/// How hard a table is deflated that is deflated anew.
const FORM_LEVEL: i64 = 3;

/// A ZIP that is being written.
pub(super) struct Zip<W: Write> {
    writer: ZipWriter<StreamWriter<Outlet<W>>>,
}

struct Head<'a> {
    name: &'a str,
    time: DateTime,
    deflated: bool,
    crc32: u32,
    bytes: u64,
    packed_bytes: u64,
}

impl<W: Write> Zip<W> {
    /// A ZIP in which the length of an entry may be known only behind it.
    pub(super) fn streaming(outlet: Outlet<W>) -> Self {
        Self {
            writer: ZipWriter::new_stream(outlet),
        }
    }

    /// Begins a file of which nothing is known before; what is written next belongs to it.
    pub(super) fn begin_file(
        &mut self,
        path: &str,
        time: DateTime,
        level: i64,
    ) -> Result<(), ArchiveError> {
        let options = streamed(time)
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(level));
        self.writer.start_file(path, options).map_err(from_zip)
    }

    /// The same for what is compressed already: it is stored.
    pub(super) fn begin_stored_file(
        &mut self,
        path: &str,
        time: DateTime,
    ) -> Result<(), ArchiveError> {
        let options = streamed(time).compression_method(CompressionMethod::Stored);
        self.writer.start_file(path, options).map_err(from_zip)
    }

    /// The same as [`Zip::form`] where the writer cannot know that nothing has to be patched: copied entries would lack the
    /// descriptor behind them that they announce, so it is deflated anew.
    pub(super) fn form_anew(
        &mut self,
        path: &str,
        time: DateTime,
        form: &mut Form,
    ) -> Result<(), ArchiveError> {
        self.begin_file(path, time, FORM_LEVEL)?;
        let text = DeflateDecoder::new(&mut form.pieces);
        copy(text, form.bytes, form.crc32, &mut self.writer)
    }

    pub(super) fn write_file(&mut self, piece: &[u8]) -> Result<(), ArchiveError> {
        self.writer
            .write_all(piece)
            .map_err(|error| ArchiveError::from_io(WRITING, &error))
    }

    /// Closes the archive, whose last bytes may still lie in the outlet.
    pub(super) fn close(self, stop: &Stop) -> Result<Outlet<W>, ArchiveError> {
        let outlet = self.writer.finish().map_err(|error| {
            stop.now();
            from_zip(error)
        })?;
        Ok(outlet.into_inner())
    }

    pub(super) fn form(
        &mut self,
        name: &str,
        time: DateTime,
        form: &mut Form,
    ) -> Result<(), ArchiveError> {
        let Form {
            bytes,
            packed_bytes,
            crc32,
            pieces,
            ..
        } = form;
        let head = Head {
            name,
            time,
            deflated: true,
            crc32: *crc32,
            bytes: *bytes,
            packed_bytes: *packed_bytes,
        };
        self.entry(&head, pieces)
    }

    /// Copies bytes that are deflated already, by presenting them as an entry of another ZIP.
    fn entry(&mut self, head: &Head<'_>, packed: impl Read) -> Result<(), ArchiveError> {
        let options = ZipReadOptions::new()
            .override_compressed_size(head.packed_bytes)
            .override_uncompressed_size(head.bytes)
            .override_crc(head.crc32);
        let header = local_header(head)?;
        let mut stream = Watched {
            inner: header.chain(packed),
            failure: None,
        };
        let copied =
            match read_zipfile_from_stream_with_options(&mut stream, options).map_err(from_zip)? {
                Some(file) => self
                    .writer
                    .raw_copy_file_touch(file, head.time, Some(0o644)),
                None => return Err(ArchiveError::Misused("an entry has no header")),
            };
        // The reading side knows better than the writing side what went wrong.
        match stream.failure {
            Some(failure) => Err(failure),
            None => copied.map_err(from_zip),
        }
    }
}

/// An entry whose length is told behind it, and may be beyond 4 GiB.
fn streamed(time: DateTime) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .last_modified_time(time)
        .unix_permissions(0o644)
        .large_file(true)
}

/// A local file header (APPNOTE 4.3.7) that leaves length and sum to be told otherwise.
fn local_header(head: &Head<'_>) -> Result<io::Cursor<Vec<u8>>, ArchiveError> {
    const MADE_ON_UNIX_FOR_2_0: u16 = 0x0314;
    const SUMS_FOLLOW_AND_NAME_IS_UTF8: u16 = 0x0808;
    let name_bytes = u16::try_from(head.name.len())
        .map_err(|_| ArchiveError::Misused("an entry's name is too long"))?;
    let mut header = Vec::with_capacity(30 + head.name.len());
    header.extend_from_slice(b"PK\x03\x04");
    for field in [
        MADE_ON_UNIX_FOR_2_0,
        SUMS_FOLLOW_AND_NAME_IS_UTF8,
        if head.deflated { 8 } else { 0 },
        head.time.timepart(),
        head.time.datepart(),
    ] {
        header.extend_from_slice(&field.to_le_bytes());
    }
    header.extend_from_slice(&[0; 12]);
    header.extend_from_slice(&name_bytes.to_le_bytes());
    header.extend_from_slice(&[0; 2]);
    header.extend_from_slice(head.name.as_bytes());
    Ok(io::Cursor::new(header))
}

/// Keeps the first error of a reader, which the library between would wrap in its own.
struct Watched<R> {
    inner: R,
    failure: Option<ArchiveError>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::Interrupted
            && self.failure.is_none()
        {
            self.failure = Some(ArchiveError::from_io("reading the spool", error));
        }
        read
    }
}

fn from_zip(error: ZipError) -> ArchiveError {
    match error {
        ZipError::Io(error) => ArchiveError::from_io(WRITING, &error),
        _ => ArchiveError::Misused("the archive cannot be written as a ZIP"),
    }
}

/// The time as ZIP knows it: UTC, two seconds exact, from 1980 on.
pub(super) fn dos_time(time: Timestamp) -> DateTime {
    let time = time.to_zoned(TimeZone::UTC).datetime();
    let part = |value: i8| u8::try_from(value).unwrap_or(0);
    let year = u16::try_from(time.year()).unwrap_or(0);
    DateTime::from_date_and_time(
        year,
        part(time.month()),
        part(time.day()),
        part(time.hour()),
        part(time.minute()),
        part(time.second()),
    )
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Seek, SeekFrom};

    use super::*;

    /// A file in which zeros take no space.
    struct Sparse(File);

    impl Write for Sparse {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.iter().all(|byte| *byte == 0) {
                self.0.seek(SeekFrom::Current(bytes.len() as i64))?;
                Ok(bytes.len())
            } else {
                self.0.write(bytes)
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    #[test]
    fn a_stored_entry_and_what_comes_after_it_lie_beyond_4_gib() {
        const BYTES: u64 = (4 << 30) + 1;
        let file = tempfile::tempfile().unwrap();
        let stop = Stop::default();
        let outlet = Outlet::new(Sparse(file.try_clone().unwrap()), stop);
        let mut zip = Zip {
            writer: ZipWriter::new(StreamWriter::new(outlet)),
        };
        let time = dos_time(Timestamp::UNIX_EPOCH);
        let head = |name, crc32, bytes| Head {
            name,
            time,
            deflated: false,
            crc32,
            bytes,
            packed_bytes: bytes,
        };
        let mut sum = crc32fast::Hasher::new();
        let mut piece = crc32fast::Hasher::new();
        piece.update(&vec![0; 1 << 20]);
        (0..BYTES >> 20).for_each(|_| sum.combine(&piece));
        sum.update(&[0]);
        zip.entry(
            &head("zeros", sum.finalize(), BYTES),
            io::repeat(0).take(BYTES),
        )
        .unwrap();
        zip.entry(
            &head("after", crc32fast::hash(b"after it"), 8),
            &b"after it"[..],
        )
        .unwrap();
        let archive = zip.writer.finish().unwrap().into_inner().finish().unwrap();
        assert_eq!(archive.bytes, file.metadata().unwrap().len());
        let mut zip = zip::ZipArchive::new(file).unwrap();
        assert_eq!(zip.by_name("zeros").unwrap().size(), BYTES);
        let mut after = zip.by_name("after").unwrap();
        assert!(after.header_start() > BYTES);
        let mut text = String::new();
        after.read_to_string(&mut text).unwrap();
        assert_eq!(text, "after it");
    }
}
