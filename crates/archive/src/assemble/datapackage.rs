//! `datapackage.json`: what is in the archive, for programs. A Frictionless Data Package.

use std::io::Write;

use adieu_core::{Collection, LegalBasis, Processor};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::Stop;
use super::contents::{Contents, Missing, MissingReason};
use super::document::Document;
use super::part::{Part, Parts, System};
use super::table_schema::table_schema;
use crate::attachment::AttachmentNote;
use crate::error::ArchiveError;
use crate::spool::Spool;

pub(super) fn write(
    spool: &Spool,
    contents: &Contents,
    parts: &Parts<'_>,
    page: Option<(u64, String)>,
    out: &mut impl Write,
    stop: &Stop,
) -> Result<(), ArchiveError> {
    let format = spool.format();
    begin(contents, spool.options().formula_safe, out)?;
    let mut document = Document::going_on(out, true);
    if let Some((bytes, sha256)) = page {
        document.item(&json!({
            "name": "index", "type": "file", "path": "index.html", "title": "The page to look at", "format": "html",
            "mediatype": "text/html", "encoding": "utf-8", "bytes": bytes, "hash": format!("sha256:{sha256}"),
        }))?;
    }
    for system in &parts.systems {
        for part in system.parts.iter().filter(|part| part.has_tables()) {
            document.item(&csv_resource(system, part, stop)?)?;
            if format.has_json() {
                document.item(&json_resource(system, part, stop)?)?;
            }
        }
    }
    let mut count = 0_u64;
    parts.each_file(|system, part, file| {
        count += 1;
        stop.check()?;
        let (connector, collection) = (&system.descriptor.name, &part.collection.name);
        document.item(&file_resource(
            connector.as_str(),
            collection.as_str(),
            &file.path,
            &file.note,
            count,
        ))
    })?;
    document.end_list()?;
    document.list("systems")?;
    for system in &parts.systems {
        document.item(&system_entry(system))?;
    }
    document.end_list()?;
    document.list("missing")?;
    each_missing(parts, format, |entry| document.item(&entry))?;
    document.end_list()?;
    document.raw("\n}\n")
}

/// Everything before the resources.
pub(super) fn begin(
    contents: &Contents,
    formula_safe: bool,
    out: &mut impl Write,
) -> Result<(), ArchiveError> {
    let mut document = Document::new(out);
    document.raw("{\n")?;
    document.member("name", &package_name(&contents.request))?;
    document.member("title", "Your personal data")?;
    document.member("id", &contents.request)?;
    document.member("created", &contents.created_at)?;
    document.member("version", "1.0.0")?;
    let about = Request {
        id: &contents.request,
        created_at: contents.created_at,
        controller: contents.controller.as_deref(),
    };
    document.member("request", &about)?;
    document.member("csv", &csv_rules(formula_safe))?;
    document.list("resources")
}

/// Everything after the resources.
pub(super) fn end(
    systems: &[Value],
    missing: &[Value],
    out: &mut impl Write,
) -> Result<(), ArchiveError> {
    let mut document = Document::going_on(out, false);
    document.end_list()?;
    document.list("systems")?;
    for system in systems {
        document.item(system)?;
    }
    document.end_list()?;
    document.list("missing")?;
    for entry in missing {
        document.item(entry)?;
    }
    document.end_list()?;
    document.raw("\n}\n")
}

/// Something that is not in the archive, and why.
#[derive(Serialize)]
pub(super) struct MissingEntry<'a> {
    pub(super) connector: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) collection: Option<&'a str>,
    pub(super) what: String,
    pub(super) reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'static str>,
    pub(super) why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lives_for: Option<&'a str>,
}

/// Calls for everything that is missing, in the order of the systems.
pub(super) fn each_missing(
    parts: &Parts<'_>,
    format: crate::Format,
    mut each: impl FnMut(MissingEntry<'_>) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    for system in &parts.systems {
        let connector = system.descriptor.name.as_str();
        for part in &system.parts {
            let collection = part.collection.name.as_str();
            let entry = |what: String, missing: Missing| MissingEntry {
                connector,
                collection: Some(collection),
                what,
                reason: missing.reason.as_str(),
                code: match missing.reason {
                    MissingReason::Failed(kind) => Some(kind.as_str()),
                    _ => None,
                },
                why: missing.why,
                lives_for: None,
            };
            if let Some(missing) = &part.missing {
                let held = part.mark.records() + part.mark.attachments();
                let what = if held > 0 {
                    "The rest of this collection"
                } else {
                    "The whole collection"
                };
                each(entry(what.to_owned(), missing.clone()))?;
            }
            part.each_missing(|what, missing| each(entry(what, missing)))?;
            if let Some((what, missing)) = part.left_out(format) {
                each(entry(what, missing))?;
            }
        }
        for unreachable in &system.descriptor.unreachable {
            each(MissingEntry {
                connector,
                collection: None,
                what: unreachable.what.clone(),
                reason: MissingReason::Unreachable.as_str(),
                code: None,
                why: unreachable.why.clone(),
                lives_for: unreachable.lives_for.as_deref(),
            })?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) id: &'a str,
    pub(super) created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) controller: Option<&'a str>,
}

/// What is known of a collection apart from its records.
#[derive(Serialize)]
pub(super) struct About<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purpose: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) categories: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) legal_basis: Option<LegalBasis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) storage_period: Option<&'a str>,
}

pub(super) fn about(collection: &Collection) -> About<'_> {
    About {
        title: collection.title.as_deref(),
        purpose: collection.purpose.as_deref(),
        categories: &collection.categories,
        legal_basis: collection.legal_basis,
        storage_period: collection.storage_period.as_deref(),
    }
}

/// A resource of the package. The order of the members is that of the standard.
#[derive(Serialize)]
struct Resource<'a> {
    name: String,
    #[serde(rename = "type")]
    resource_type: &'static str,
    path: &'a str,
    #[serde(flatten)]
    about: About<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    mediatype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    bytes: u64,
    hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
    connector: &'a str,
    collection: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a adieu_core::Attachment>,
}

pub(super) fn csv_resource<'a>(
    system: &System<'a>,
    part: &'a Part,
    stop: &Stop,
) -> Result<Value, ArchiveError> {
    let form = part.csv(stop)?;
    let path = format!("{}.csv", part.stem);
    let resource = Resource {
        name: resource_name(&path),
        resource_type: "table",
        path: &path,
        about: about(&part.collection),
        format: Some("csv"),
        mediatype: "text/csv",
        encoding: Some("utf-8"),
        bytes: form.bytes,
        hash: format!("sha256:{}", form.sha256),
        // Nothing in it is guessed from a sample by whoever reads it.
        dialect: Some(json!({
            // A record in which everything is NULL is a blank row, and no mistake.
            "header": true, "skipBlankRows": true, "csv": {
                "delimiter": ",", "lineTerminator": "\r\n", "quoteChar": "\"", "doubleQuote": true, "skipInitialSpace": false,
            },
        })),
        schema: part
            .mark
            .schema
            .as_ref()
            .map(|schema| table_schema(schema, &part.mark.misfits)),
        connector: system.descriptor.name.as_str(),
        collection: part.collection.name.as_str(),
        records: Some(part.mark.records),
        file: None,
    };
    to_value(&resource)
}

pub(super) fn json_resource(
    system: &System<'_>,
    part: &Part,
    stop: &Stop,
) -> Result<Value, ArchiveError> {
    let form = part.json(stop)?;
    let path = format!("{}.json", part.stem);
    let resource = Resource {
        name: resource_name(&path),
        resource_type: "json",
        path: &path,
        about: about(&part.collection),
        format: Some("json"),
        mediatype: "application/json",
        encoding: Some("utf-8"),
        bytes: form.bytes,
        hash: format!("sha256:{}", form.sha256),
        dialect: None,
        schema: None,
        connector: system.descriptor.name.as_str(),
        collection: part.collection.name.as_str(),
        records: Some(part.mark.records),
        file: None,
    };
    to_value(&resource)
}

pub(super) fn file_resource(
    connector: &str,
    collection: &str,
    path: &str,
    note: &AttachmentNote,
    count: u64,
) -> Value {
    let sealed = &note.sealed;
    let attachment = &note.attachment;
    let resource = Resource {
        name: format!("{connector}.files.{count}"),
        resource_type: "file",
        path,
        about: About {
            title: None,
            purpose: None,
            categories: &[],
            legal_basis: None,
            storage_period: None,
        },
        format: None,
        mediatype: attachment
            .media_type
            .as_deref()
            .unwrap_or("application/octet-stream"),
        encoding: None,
        bytes: sealed.bytes,
        hash: format!("sha256:{}", sealed.sha256),
        dialect: None,
        schema: None,
        connector,
        collection,
        records: None,
        file: Some(attachment),
    };
    to_value(&resource).unwrap_or(Value::Null)
}

pub(super) fn system_entry(system: &System<'_>) -> Value {
    let descriptor = system.descriptor;
    let collections = system.parts.iter().map(|part| {
        json!({
            "name": part.collection.name, "about": about(&part.collection), "records": part.mark.records,
            "files": part.mark.attachments, "complete": part.missing.is_none() && part.mark.missing == 0,
        })
    });
    json!({
        "name": descriptor.name, "kind": descriptor.kind, "processor": processor(&descriptor.processor),
        "collections": collections.collect::<Vec<_>>(),
    })
}

pub(super) fn processor(processor: &Processor) -> Value {
    json!({ "name": processor.name.as_deref().unwrap_or("the controller itself"), "location": processor.location })
}

fn csv_rules(formula_safe: bool) -> Value {
    let formulas = if formula_safe {
        "text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) has an apostrophe before it"
    } else {
        "text that begins with = + - @ stands as it is; do not let a spreadsheet run it as a formula"
    };
    json!({
        "null": "a cell with nothing in it; an empty text is \"\" in quotes",
        "nested": "objects and lists are cells with JSON in them",
        "binary": "bytes are base64 (RFC 4648)",
        "formulas": formulas,
        "json": "in the JSON files a number that a double cannot hold exactly is a string of its digits",
    })
}

/// The standard wants lower-case letters, digits, `.`, `-` and `_`; paths are unique, so what is replaced is spelled out.
fn resource_name(path: &str) -> String {
    let mut name = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            'a'..='z' | '0'..='9' | '.' | '-' | '_' => name.push(c),
            'A'..='Z' => name.push(c.to_ascii_lowercase()),
            '/' => name.push('.'),
            other => name.push_str(&format!("-{:x}-", u32::from(other))),
        }
    }
    name
}

fn package_name(request: &str) -> String {
    format!("adieu-export-{}", resource_name(request))
}

pub(super) fn to_value(value: &impl Serialize) -> Result<Value, ArchiveError> {
    serde_json::to_value(value)
        .map_err(|_| ArchiveError::Misused("a description cannot be written as JSON"))
}
