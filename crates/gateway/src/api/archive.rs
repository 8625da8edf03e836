//! Downloading an archive.

use adieu_engine::{EngineError, Kind, Request, RequestId, Status};
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
};
use http::{HeaderValue, Method, Response, StatusCode};

use crate::body::OwnBody;
use crate::problem::Problem;
use crate::readers::Archive;

use super::Answer;
use super::call::Call;
use super::download;
use super::range::{Wanted, wanted};

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
    let archive = Archive {
        engine: engine.clone(),
        id,
        made_at: request.finished_at,
    };
    let mut response = Response::new(OwnBody::pieces(
        call.inner().readers.read(archive, reader, from, bytes),
        Some(bytes),
    ));
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
