//! Downloading an archive.

use std::io::{Read as _, Seek as _, SeekFrom};

use adieu_archive::sealed::SealedReader;
use adieu_engine::{EngineError, Kind, Request, RequestId, Status};
use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
};
use http::{HeaderValue, Method, Response, StatusCode};

use crate::body::{BrokenOff, OwnBody};
use crate::problem::Problem;

use super::Answer;
use super::call::Call;
use super::download;
use super::range::{Wanted, wanted};

/// How much is decrypted at once: what the archive is sealed in.
const PIECE_BYTES: usize = 64 << 10;

/// `GET /v1/requests/{id}/archive`
pub(super) async fn download(call: Call, id: RequestId) -> Answer {
    download::may_have(&call, id).await?;
    let engine = &call.inner().engine;
    let request = engine.request(id).await?;
    allowed(&call, &request)?;
    let reader = match engine.open_archive(id).await {
        Ok(reader) => reader,
        // It passed its time between these two lines.
        Err(EngineError::Conflict(_)) => return Err(Problem::archive_gone()),
        Err(error) => return Err(error.into()),
    };
    let all = reader.total_bytes();
    let etag = etag(&request);
    let wanted = match *call.method() {
        Method::GET => wanted(call.headers(), &etag, all),
        _ => Wanted::Whole,
    };
    let (status, from, bytes) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0, all),
        Wanted::Part { from, bytes } => (StatusCode::PARTIAL_CONTENT, from, bytes),
        Wanted::Nothing => return Err(Problem::range_not_satisfiable(all)),
    };
    let mut response = Response::new(OwnBody::pieces(pieces(reader, from, bytes), Some(bytes)));
    *response.status_mut() = status;
    let name = format!("adieu-export-{id}.{}", request.format.extension());
    let part = (status == StatusCode::PARTIAL_CONTENT)
        .then(|| format!("bytes {from}-{}/{all}", from + bytes - 1));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(request.format.media_type()),
    );
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let texts = [
        (ETAG, Some(etag)),
        (
            CONTENT_DISPOSITION,
            Some(format!("attachment; filename=\"{name}\"")),
        ),
        (CONTENT_RANGE, part),
    ];
    for (header, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(header, value);
        }
    }
    Ok(response)
}

/// Whether there is an archive to be had now.
pub(super) fn allowed(call: &Call, request: &Request) -> Result<(), Problem> {
    if request.kind != Kind::Export {
        return Err(Problem::not_found());
    }
    let is_late = request
        .archive_expires_at
        .is_some_and(|at| at <= call.now());
    match request.status {
        Status::Expired => Err(Problem::archive_gone()),
        Status::Completed | Status::CompletedWithExceptions if is_late => {
            Err(Problem::archive_gone())
        }
        Status::Completed | Status::CompletedWithExceptions => Ok(()),
        Status::Failed | Status::Cancelled => {
            Err(Problem::not_ready("nothing came of this export"))
        }
        _ => Err(Problem::not_ready("the archive is not ready yet")),
    }
}

/// Names one archive: an export that is resumed makes another.
fn etag(request: &Request) -> String {
    let made = request.finished_at.map_or(0, |at| at.as_microsecond());
    format!("\"{}-{made:x}\"", request.id)
}

/// Reads a part of an archive, a piece each time the receiver has taken the one before.
///
/// No thread waits for a slow receiver: each piece is decrypted on a thread of its own for as long as that takes.
fn pieces(
    reader: SealedReader,
    from: u64,
    bytes: u64,
) -> impl Stream<Item = Result<Bytes, BrokenOff>> {
    stream::unfold(Some((reader, Some(from), bytes)), |state| async move {
        let (mut reader, seek, left) = state.filter(|(_, _, left)| *left > 0)?;
        let size = usize::try_from(left)
            .unwrap_or(PIECE_BYTES)
            .min(PIECE_BYTES);
        let read = tokio::task::spawn_blocking(move || {
            if let Some(from) = seek {
                reader.seek(SeekFrom::Start(from))?;
            }
            let mut piece = vec![0; size];
            reader.read_exact(&mut piece)?;
            Ok::<_, std::io::Error>((reader, piece))
        });
        match read.await {
            Ok(Ok((reader, piece))) => {
                metrics::counter!("adieu_archive_bytes_total").increment(piece.len() as u64);
                let left = left - piece.len() as u64;
                Some((Ok(Bytes::from(piece)), Some((reader, None, left))))
            }
            Ok(Err(error)) => {
                tracing::error!("an archive could not be read to its end ({})", error.kind());
                Some((Err(BrokenOff), None))
            }
            Err(_) => Some((Err(BrokenOff), None)),
        }
    })
}
