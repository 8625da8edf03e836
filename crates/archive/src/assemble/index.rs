//! `index.html`: what is in the archive, for the person.

use std::collections::HashMap;
use std::io::{Read, Write};

use adieu_core::Collection;
use askama::Template;
use flate2::read::DeflateDecoder;

use super::Stop;
use super::contents::Contents;
use super::datapackage::each_missing;
use super::part::{Part, Parts, System};
use super::words::{
    counted, grouped, href, in_words, legal_basis, plain_title, sentence, shortened, size,
};
use crate::error::ArchiveError;
use crate::format::Format;

/// How many records of a collection are shown.
const ROWS: usize = 50;
/// How many files of a collection are linked, and how many missing things are listed.
const LINES: usize = 200;
/// How much of a cell is shown.
const CELL_CHARS: usize = 160;
/// How much text a collection's table and all tables together may have on the page.
const TABLE_BYTES: usize = 96 << 10;
const TABLES_BYTES: usize = 3 << 20;
/// How much of a collection is read for its table.
const READ_BYTES: u64 = 1 << 20;

#[derive(Template)]
#[template(path = "index.html")]
struct Page<'a> {
    request: &'a str,
    created: String,
    controller: Option<&'a str>,
    records: String,
    files: String,
    filled: usize,
    systems: Vec<SystemView>,
    missing: Vec<MissingView>,
    more_missing: usize,
}

struct SystemView {
    title: String,
    name: String,
    processor: String,
    filled: Vec<CollectionView>,
    /// The titles of the collections that hold nothing.
    empty: Vec<String>,
}

struct CollectionView {
    id: String,
    title: String,
    count: String,
    facts: Vec<(&'static str, String)>,
    csv: Option<String>,
    json: Option<String>,
    table: Option<Table>,
    files: Vec<FileView>,
    more_files: u64,
    incomplete: bool,
}

#[derive(Default)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<CellView>>,
    more: Option<String>,
}

struct CellView {
    text: String,
    /// Whether it is so short that it stays on one line.
    short: bool,
}

struct FileView {
    href: String,
    name: String,
    size: String,
}

struct MissingView {
    place: String,
    what: String,
    why: String,
}

pub(super) fn write(
    contents: &Contents,
    parts: &Parts<'_>,
    out: &mut impl Write,
    stop: &Stop,
) -> Result<(), ArchiveError> {
    let mut files = first_files(parts)?;
    let mut budget = TABLES_BYTES;
    let mut systems = Vec::new();
    for system in &parts.systems {
        systems.push(system_view(system, &mut files, &mut budget, stop)?);
    }
    let (missing, more_missing) = missing(parts)?;
    let all = || parts.systems.iter().flat_map(|system| &system.parts);
    let page = Page {
        request: &contents.request,
        created: in_words(contents.created_at),
        controller: contents.controller.as_deref(),
        records: counted(all().map(|part| part.mark.records).sum(), "record"),
        files: counted(all().map(|part| part.mark.attachments).sum(), "file"),
        filled: systems
            .iter()
            .filter(|system: &&SystemView| !system.filled.is_empty())
            .count(),
        systems,
        missing,
        more_missing,
    };
    page.write_into(out)
        .map_err(|error| ArchiveError::from_io(super::outlet::WRITING, &error))
}

/// The first files of each collection, by where they lie in the archive.
fn first_files(parts: &Parts<'_>) -> Result<HashMap<String, Vec<FileView>>, ArchiveError> {
    let mut files: HashMap<String, Vec<FileView>> = HashMap::new();
    parts.each_file(|_, part, file| {
        let views = files.entry(part.stem.clone()).or_default();
        if views.len() < LINES {
            let name = shortened(&file.note.attachment.name, CELL_CHARS);
            views.push(FileView {
                href: href(&file.path),
                name,
                size: size(file.note.sealed.bytes),
            });
        }
        Ok::<(), ArchiveError>(())
    })?;
    Ok(files)
}

fn system_view(
    system: &System<'_>,
    files: &mut HashMap<String, Vec<FileView>>,
    budget: &mut usize,
    stop: &Stop,
) -> Result<SystemView, ArchiveError> {
    let descriptor = system.descriptor;
    let mut view = SystemView {
        title: plain_title(descriptor.name.as_str()),
        name: descriptor.name.to_string(),
        processor: match (&descriptor.processor.name, &descriptor.processor.location) {
            (Some(name), Some(place)) => format!("Run by {name}, {place}"),
            (Some(name), None) => format!("Run by {name}"),
            (None, Some(place)) => format!("Run by the controller itself, {place}"),
            (None, None) => String::new(),
        },
        filled: Vec::new(),
        empty: Vec::new(),
    };
    for part in &system.parts {
        let title = title(&part.collection);
        if part.mark.records == 0 && part.mark.attachments == 0 {
            if part.missing.is_none() && part.mark.missing == 0 {
                view.empty.push(title);
            }
            continue;
        }
        let table = if part.mark.records > 0 {
            Some(table(part, budget, stop)?)
        } else {
            None
        };
        let files = files.remove(&part.stem).unwrap_or_default();
        let link = |ending: &str| {
            part.has_tables()
                .then(|| href(&format!("{}.{ending}", part.stem)))
        };
        view.filled.push(CollectionView {
            id: part.stem.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            title,
            count: counts(part),
            facts: facts(&part.collection),
            csv: link("csv").filter(|_| part.mark.records > 0),
            json: link("json").filter(|_| part.mark.records > 0),
            table,
            more_files: part.mark.attachments.saturating_sub(files.len() as u64),
            files,
            incomplete: part.missing.is_some() || part.mark.missing > 0,
        });
    }
    Ok(view)
}

/// The first records, read back from the CSV.
fn table(part: &Part, budget: &mut usize, stop: &Stop) -> Result<Table, ArchiveError> {
    let form = part.csv(stop)?;
    let whole = form.bytes <= READ_BYTES;
    let text = DeflateDecoder::new(form.pieces).take(READ_BYTES);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let damaged = || ArchiveError::Damaged("the spool does not hold what was committed");
    let headers = reader.byte_headers().map_err(|_| damaged())?.clone();
    let mut table = Table {
        columns: cells(&headers),
        ..Table::default()
    };
    let mut left = TABLE_BYTES.min(*budget);
    let mut record = csv::ByteRecord::new();
    while table.rows.len() < ROWS {
        stop.check()?;
        if !reader
            .read_byte_record(&mut record)
            .map_err(|_| damaged())?
        {
            break;
        }
        // What was cut off in the middle of a record is not shown as one.
        if !whole && reader.position().byte() >= READ_BYTES {
            break;
        }
        let row: Vec<CellView> = cells(&record)
            .into_iter()
            .map(|text| CellView {
                short: text.chars().count() <= 26 && !text.contains('\n'),
                text,
            })
            .collect();
        let bytes: usize = row.iter().map(|cell| cell.text.len() + 24).sum();
        let Some(after) = left.checked_sub(bytes) else {
            break;
        };
        left = after;
        *budget = budget.saturating_sub(bytes);
        table.rows.push(row);
    }
    let shown = table.rows.len() as u64;
    if shown < part.mark.records {
        table.more = Some(format!(
            "The first {} of {} are shown here; the files have all of them.",
            grouped(shown),
            counted(part.mark.records, "record")
        ));
    }
    Ok(table)
}

fn cells(record: &csv::ByteRecord) -> Vec<String> {
    record
        .iter()
        .map(|cell| shortened(&String::from_utf8_lossy(cell), CELL_CHARS))
        .collect()
}

fn missing(parts: &Parts<'_>) -> Result<(Vec<MissingView>, usize), ArchiveError> {
    let titles: HashMap<(&str, &str), String> = parts
        .systems
        .iter()
        .flat_map(|system| {
            system
                .parts
                .iter()
                .map(move |part| (system.descriptor.name.as_str(), part))
        })
        .map(|(system, part)| {
            (
                (system, part.collection.name.as_str()),
                title(&part.collection),
            )
        })
        .collect();
    let mut views = Vec::new();
    let mut more = 0;
    each_missing(parts, Format::Zip, |entry| {
        if views.len() >= LINES {
            more += 1;
            return Ok(());
        }
        let system = plain_title(entry.connector);
        let place = match entry
            .collection
            .and_then(|name| titles.get(&(entry.connector, name)))
        {
            Some(collection) => format!("{system}, {collection}"),
            None => system,
        };
        let why = match entry.lives_for {
            Some(lives_for) => format!(
                "{}. Kept for {lives_for}.",
                sentence(entry.why.trim_end_matches('.'))
            ),
            None => format!("{}.", sentence(entry.why.trim_end_matches('.'))),
        };
        // The name of a file is not a sentence.
        let what = if entry.collection.is_some() {
            entry.what
        } else {
            sentence(&entry.what)
        };
        views.push(MissingView {
            place,
            what: shortened(&what, CELL_CHARS),
            why,
        });
        Ok(())
    })?;
    Ok((views, more))
}

fn facts(collection: &Collection) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(purpose) = &collection.purpose {
        facts.push(("What it is for", purpose.clone()));
    }
    if !collection.categories.is_empty() {
        facts.push(("Kind of data", collection.categories.join(", ")));
    }
    if let Some(basis) = collection.legal_basis {
        facts.push(("Legal ground", legal_basis(basis).to_owned()));
    }
    if let Some(period) = &collection.storage_period {
        facts.push(("Kept for", period.clone()));
    }
    facts
}

fn counts(part: &Part) -> String {
    match (part.mark.records, part.mark.attachments) {
        (records, 0) => counted(records, "record"),
        (0, files) => counted(files, "file"),
        (records, files) => format!(
            "{} and {}",
            counted(records, "record"),
            counted(files, "file")
        ),
    }
}

fn title(collection: &Collection) -> String {
    collection
        .title
        .clone()
        .unwrap_or_else(|| plain_title(collection.name.as_str()))
}
