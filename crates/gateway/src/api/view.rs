//! Requests as the API shows them.

use adieu_engine::{Kind, Request, Status};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::body::OwnBody;
use crate::problem::Problem;

use super::Answer;

/// A request, how far it has come in sum, and where to go on from here.
#[derive(Serialize)]
pub(super) struct RequestView {
    #[serde(flatten)]
    request: Request,
    progress: Progress,
    links: Links,
}

#[derive(Serialize)]
struct Progress {
    collections_done: usize,
    collections: usize,
    records: u64,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "self")]
    itself: String,
    events: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

impl RequestView {
    pub(super) fn new(request: Request, prefix: &str) -> Self {
        let mut progress = Progress {
            collections_done: 0,
            collections: 0,
            records: 0,
        };
        for connector in &request.connectors {
            progress.collections_done += connector.collections_done;
            progress.collections += connector.collections;
            progress.records += connector.records;
        }
        let itself = link(&request, prefix);
        let links = Links {
            events: format!("{itself}/events"),
            archive: has_archive(&request).then(|| format!("{itself}/archive")),
            receipt: has_receipt(&request).then(|| format!("{itself}/receipt")),
            itself,
        };
        Self {
            request,
            progress,
            links,
        }
    }

    pub(super) fn into_answer(self, status: StatusCode) -> Answer {
        json(status, &self)
    }
}

/// Where a request is to be found.
pub(super) fn link(request: &Request, prefix: &str) -> String {
    format!("{prefix}/v1/requests/{}", request.id)
}

pub(super) fn has_archive(request: &Request) -> bool {
    let ended_well = matches!(
        request.status,
        Status::Completed | Status::CompletedWithExceptions
    );
    request.kind == Kind::Export && ended_well && request.archive_bytes.is_some()
}

fn has_receipt(request: &Request) -> bool {
    match request.status {
        Status::Completed | Status::CompletedWithExceptions => true,
        Status::Expired => request.kind == Kind::Export,
        _ => false,
    }
}

/// A value as an answer.
pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    let bytes = serde_json::to_vec(value).map_err(|_| {
        Problem::from(adieu_engine::EngineError::Internal(
            "an answer could not be written".into(),
        ))
    })?;
    Ok(with_type(status, "application/json", Bytes::from(bytes)))
}

/// An answer that says all by its status.
pub(super) fn nothing() -> Response<OwnBody> {
    let mut response = Response::new(OwnBody::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Bytes of a type as an answer.
pub(super) fn with_type(
    status: StatusCode,
    media_type: &'static str,
    bytes: Bytes,
) -> Response<OwnBody> {
    let mut response = Response::new(OwnBody::Whole(bytes));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
