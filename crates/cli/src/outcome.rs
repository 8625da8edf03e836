//! What came of a request: the files that are handed over, and what is told of it.

use std::io::{self, Read, Seek, SeekFrom};

use adieu::archive::sealed::SealedReader;
use adieu::engine::{Kind, receipt};
use adieu::{Engine, EngineError, Request, Status};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::file::NewFile;
use crate::report::{listed, receipt_table, receipt_unreachable};
use crate::table::number;
use crate::terminal::Terminal;

/// The files that a command is to write.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) archive: Option<NewFile>,
    pub(crate) receipt: Option<NewFile>,
    /// Whether the request was there before and was taken up.
    pub(crate) taken_up: bool,
}

/// The same as one document.
#[derive(Debug, Serialize)]
struct Document {
    request: Request,
    taken_up: bool,
    receipt: Option<Map<String, Value>>,
    archive_file: Option<String>,
    receipt_file: Option<String>,
    /// What opens the commitments of the receipt.
    opening: Option<String>,
}

/// Hands over the files of a request, and tells what came of it.
pub(crate) async fn conclude(
    engine: &Engine,
    terminal: &Terminal,
    request: Request,
    delivery: Delivery,
) -> Result<Exit, Failure> {
    let archive_file = match delivery.archive {
        Some(file) if has_archive(&request) => Some(write_archive(engine, &request, file).await?),
        _ => None,
    };
    let jws = match engine.receipt(request.id).await {
        Ok(jws) => Some(jws),
        Err(EngineError::Conflict(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let claims = jws.as_ref().map(|jws| claims(engine, jws)).transpose()?;
    let receipt_file = match (delivery.receipt, &jws) {
        (Some(file), Some(jws)) => {
            let path = file.path().display().to_string();
            file.fill(&mut format!("{jws}\n").as_bytes())?;
            Some(path)
        }
        _ => None,
    };
    let wants_opening = request.kind == Kind::Erasure || receipt_file.is_some();
    let opening = match claims.is_some() && wants_opening {
        true => engine
            .opening(request.id)
            .await?
            .map(|opening| opening.to_string()),
        false => None,
    };
    let document = Document {
        request,
        taken_up: delivery.taken_up,
        receipt: claims,
        archive_file,
        receipt_file,
        opening,
    };
    terminal.json(&document);
    terminal.say(tell(&document).trim_end());
    let request = &document.request;
    if request.kind == Kind::Erasure && request.status == Status::Completed && !waits(&document) {
        // The opening was handed over; nothing else of the person has to be kept.
        engine.forget(request.id).await?;
    }
    Ok(Exit::of(request.status))
}

/// What a receipt of this engine says.
pub(crate) fn claims(engine: &Engine, jws: &str) -> Result<Map<String, Value>, Failure> {
    receipt::verify(jws, &engine.jwks().to_string())
        .map(|verified| verified.claims().clone())
        .map_err(|error| Failure::Fault(error.to_string()))
}

/// An archive of so many bytes is read by two at once: decrypting it takes longer than writing it.
const LARGE_BYTES: u64 = 16 << 20;

/// Writes the archive of a request to a file.
pub(crate) async fn write_archive(
    engine: &Engine,
    request: &Request,
    file: NewFile,
) -> Result<String, Failure> {
    let mut readers = vec![engine.open_archive(request.id).await?];
    let bytes = readers.iter().map(SealedReader::total_bytes).sum::<u64>();
    if bytes >= LARGE_BYTES {
        readers.push(engine.open_archive(request.id).await?);
    }
    let path = file.path().display().to_string();
    tokio::task::spawn_blocking(move || fill(file, readers, bytes))
        .await
        .map_err(|_| Failure::Fault("the archive could not be written".to_owned()))??;
    Ok(path)
}

/// Fills the file with an archive of which each reader reads a part.
fn fill(file: NewFile, readers: Vec<SealedReader>, bytes: u64) -> Result<(), Failure> {
    let unreadable = |error: io::Error| {
        Failure::Fault(format!("the archive could not be read ({})", error.kind()))
    };
    let each = bytes.div_ceil(readers.len() as u64);
    let mut parts = Vec::new();
    for (part, mut reader) in (0..).zip(readers) {
        let offset = part * each;
        reader.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
        parts.push((offset, reader.take(each)));
    }
    file.fill_side_by_side(parts)
}

fn has_archive(request: &Request) -> bool {
    let ended = matches!(
        request.status,
        Status::Completed | Status::CompletedWithExceptions
    );
    request.kind == Kind::Export && ended
}

/// Whether a system has accepted a deletion that it does later.
fn waits(document: &Document) -> bool {
    let receipt = serde_json::to_string(&document.receipt).unwrap_or_default();
    receipt.contains("\"outcome\":\"scheduled\"")
}

fn tell(document: &Document) -> String {
    let request = &document.request;
    let (noun, id) = (noun(request.kind), request.id);
    let exceptions: Vec<String> = request.exceptions.iter().map(ToString::to_string).collect();
    let mut text = match request.status {
        Status::Completed => format!("{noun} {id} is complete.\n"),
        Status::CompletedWithExceptions => {
            format!("{noun} {id} is done, but not whole: see what is missing below.\n")
        }
        Status::Failed => format!("{noun} {id} has failed. {}\n", nothing(request.kind)),
        Status::Blocked => format!("{noun} {id} is blocked. Nothing was erased.\n"),
        Status::Cancelled => format!("{noun} {id} was cancelled. Nothing was done.\n"),
        Status::Expired => {
            format!("{noun} {id}: its archive has passed its time and was deleted.\n")
        }
        Status::Scheduled => format!(
            "{noun} {id} is written down. It begins at {}, and can be cancelled until then:\n  adieu cancel {id}\n\
             `adieu resume` carries it out when it is due.\n",
            request.execute_at
        ),
        _ => match request.next_at {
            Some(at) => format!(
                "{noun} {id} is not finished. It can go on from {at}:\n  adieu resume {id}\n"
            ),
            None => format!("{noun} {id} is being carried out by another process.\n"),
        },
    };
    if let Some(claims) = &document.receipt {
        let table = receipt_table(claims);
        if !table.is_empty() {
            text.push_str(&format!("\n{table}"));
        }
    }
    let blockers = request
        .blockers
        .iter()
        .map(|one| format!("{}: {}", one.code, one.advice));
    text.push_str(&listed("In the way:", &blockers.collect::<Vec<_>>()));
    text.push_str(&listed("Missing:", &exceptions));
    if let Some(claims) = &document.receipt {
        text.push_str(&listed(
            "Out of reach, as the systems themselves say:",
            &receipt_unreachable(claims),
        ));
    }
    if request.status.is_resumable() {
        text.push_str(&format!(
            "\nWhen the cause is mended, go on with:\n  adieu resume {id}\n"
        ));
    }
    text.push_str(&tell_files(document));
    text
}

fn tell_files(document: &Document) -> String {
    let request = &document.request;
    let mut text = String::new();
    if let Some(file) = &document.archive_file {
        let bytes = request.archive_bytes.map(number).unwrap_or_default();
        text.push_str(&format!("\nArchive: {file} ({bytes} bytes)\n"));
    } else if has_archive(request) {
        text.push_str(&format!(
            "\nThe archive can be written to a file:\n  adieu archive {} --out FILE\n",
            request.id
        ));
    }
    if let Some(file) = &document.receipt_file {
        text.push_str(&format!("\nReceipt: {file}\n"));
    }
    if let Some(opening) = &document.opening {
        text.push_str(&format!(
            "\nOpening: {opening}\n  Hand it to the person together with the receipt. The receipt names nobody; only with the opening\n  \
             can it be proved whom it is about. It is kept nowhere else once it was shown.\n"
        ));
    }
    text
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Export => "Export",
        Kind::Erasure => "Erasure",
    }
}

fn nothing(kind: Kind) -> &'static str {
    match kind {
        Kind::Export => "There is no archive.",
        Kind::Erasure => "Nothing was erased.",
    }
}
