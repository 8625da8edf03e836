//! Answers of the server itself, in the same form as those of the layer (RFC 9457).

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};

use super::AnswerBody;

/// A problem document: a stable code, and a title.
pub(super) fn problem(status: StatusCode, code: &str, title: &str) -> Response<AnswerBody> {
    let text = format!(
        r#"{{"type":"urn:adieu:problem:{code}","title":"{title}","status":{}}}"#,
        status.as_u16()
    );
    answer(status, "application/problem+json", text)
}

/// A text of a type, that nobody on the way keeps.
pub(super) fn answer(
    status: StatusCode,
    media_type: &'static str,
    text: String,
) -> Response<AnswerBody> {
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
