//! Errors as answers: problem documents (RFC 9457).

use std::borrow::Cow;
use std::time::Duration;

use adieu_auth::Denied;
use adieu_engine::EngineError;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::body::OwnBody;

/// An answer that says what went wrong. Its `type` is `urn:adieu:problem:` and a code, and stays the same.
#[derive(Debug)]
pub(crate) struct Problem(Box<Said>);

#[derive(Debug)]
struct Said {
    status: StatusCode,
    code: &'static str,
    title: Cow<'static, str>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Said {
            status,
            code,
            title: title.into(),
            members: Map::new(),
            headers: Vec::new(),
        }))
    }

    fn header(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        self.0.headers.extend(value.map(|value| (name, value)));
        self
    }

    fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// What its `type` ends in.
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this cannot be asked here",
        )
        .header(ALLOW, Some(HeaderValue::from_static(allow)))
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "the body must be application/json",
        )
    }

    pub(crate) fn body_too_large(max_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the body is larger than allowed",
        )
        .member("max_bytes", max_bytes)
    }

    pub(crate) fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "the body did not come in time",
        )
    }

    pub(crate) fn body_unreadable() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "body_unreadable",
            "the body broke off",
        )
    }

    /// The text of `error` may quote the body, so that only its place is told.
    pub(crate) fn body_malformed(error: &serde_json::Error) -> Self {
        let title = match error.classify() {
            serde_json::error::Category::Data => "the body does not say what this call needs",
            _ => "the body is not JSON",
        };
        Self::new(StatusCode::BAD_REQUEST, "body_malformed", title)
            .member("line", error.line())
            .member("column", error.column())
    }

    pub(crate) fn parameter(name: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "parameter_malformed",
            "a parameter is unknown, repeated or malformed",
        )
        .member("parameter", name)
    }

    pub(crate) fn request_refused(title: &'static str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "request_refused", title)
    }

    pub(crate) fn idempotency_key_malformed() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "idempotency_key_malformed",
            "an Idempotency-Key is one header of 1 to 255 visible ASCII characters",
        )
    }

    pub(crate) fn idempotency_key_reused() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "this Idempotency-Key was used for another request",
        )
    }

    pub(crate) fn too_many_calls(wait: Duration) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_calls",
            "this person calls too often",
        )
        .retry_after(wait)
    }

    pub(crate) fn unfinished(kind: &'static str, link: String) -> Self {
        let (code, title) = match kind {
            "export" => ("export_unfinished", "an earlier export is not finished yet"),
            _ => (
                "erasure_unfinished",
                "an erasure was asked for before and is not finished yet",
            ),
        };
        Self::new(StatusCode::CONFLICT, code, title).member("request", link)
    }

    pub(crate) fn being_sent() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "export_unfinished",
            "an export of this person is being sent at the moment",
        )
    }

    pub(crate) fn approval_needed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "approval_needed",
            "an export needs an operator's approval here; ask for one with POST /v1/requests",
        )
    }

    pub(crate) fn plan_token_missing() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "plan_token_missing",
            "an erasure needs the plan_token of a preview",
        )
    }

    pub(crate) fn plan_token_invalid() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "plan_token_invalid",
            "this plan_token is not good here",
        )
    }

    pub(crate) fn plan_token_expired() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "plan_token_expired",
            "this plan_token has expired; ask for a new preview",
        )
    }

    pub(crate) fn plan_token_used() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "plan_token_used",
            "this plan_token was used before; ask for a new preview",
        )
    }

    pub(crate) fn state(what: Cow<'static, str>) -> Self {
        Self::new(StatusCode::CONFLICT, "state_conflict", what)
    }

    pub(crate) fn not_ready(title: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, "not_ready", title)
    }

    pub(crate) fn archive_gone() -> Self {
        Self::new(
            StatusCode::GONE,
            "archive_gone",
            "the archive has passed its time and was deleted",
        )
    }

    pub(crate) fn range_not_satisfiable(bytes: u64) -> Self {
        Self::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range_not_satisfiable",
            "the archive has no such range",
        )
        .header(
            CONTENT_RANGE,
            HeaderValue::try_from(format!("bytes */{bytes}")).ok(),
        )
    }

    pub(crate) fn subject_erased() -> Self {
        let challenge = "Bearer realm=\"privacy\", error=\"invalid_token\", \
                         error_description=\"the person of this token was erased\"";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "subject_erased",
            "the person of this token was erased",
        )
        .header(WWW_AUTHENTICATE, Some(HeaderValue::from_static(challenge)))
    }

    fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            "the gateway cannot read or write its state at the moment",
        )
        .retry_after(Duration::from_secs(5))
    }

    fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong in the gateway",
        )
    }

    fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        self.header(RETRY_AFTER, HeaderValue::try_from(seconds.to_string()).ok())
    }

    pub(crate) fn into_response(self) -> Response<OwnBody> {
        let mut document = json!({
            "type": format!("urn:adieu:problem:{}", self.0.code),
            "title": self.0.title,
            "status": self.0.status.as_u16(),
        });
        if let Some(object) = document.as_object_mut() {
            object.extend(self.0.members);
        }
        let mut response = Response::new(OwnBody::Whole(Bytes::from(document.to_string())));
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.extend(self.0.headers);
        response
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let challenge = denied.www_authenticate();
        let problem = Self::new(denied.status(), denied.code(), denied.to_string())
            .header(WWW_AUTHENTICATE, challenge);
        let problem = match &denied {
            Denied::LoginTooOld { max_age } => problem.member("max_age", max_age.as_secs()),
            Denied::MissingScope(scope) => problem.member("scope", scope.as_str()),
            _ => problem,
        };
        match denied.retry_after() {
            Some(wait) => problem.retry_after(wait),
            None => problem,
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotFound => Self::not_found(),
            EngineError::Conflict(what) => Self::state(what),
            EngineError::Superseded => Self::state("the request is being worked on".into()),
            EngineError::Store(_) => {
                tracing::error!("the gateway's state: {error}");
                Self::unavailable()
            }
            error => {
                tracing::error!("the gateway failed: {error}");
                Self::internal()
            }
        }
    }
}
