//! What came back.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use adieu_core::{Body, ConnectorError, ErrorKind, Retry, provider_json};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::effect;
use crate::quota;

/// What the stack brings back.
pub(crate) enum Reply {
    Whole(Response),
    Streamed(Streamed),
}

impl Reply {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Whole(response) => response.status,
            Self::Streamed(streamed) => streamed.status,
        }
    }
}

/// To which call an answer belongs.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) provider: Cow<'static, str>,
    pub(crate) method: Method,
    pub(crate) route: Cow<'static, str>,
}

/// An answer, read whole.
pub struct Response {
    context: Context,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Response {
    pub(crate) fn new(context: Context, parts: response::Parts, body: Bytes) -> Self {
        Self {
            context,
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header, when it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers, for one that may be there several times, such as `Link`.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The answer itself when its status says success; otherwise its [`Response::error`].
    ///
    /// # Errors
    /// When it is no success.
    pub fn success(self) -> Result<Self, ConnectorError> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(self.error())
        }
    }

    /// The body as JSON, every value kept as [`provider_json`] keeps it.
    ///
    /// # Errors
    /// `Protocol` when it is not JSON.
    pub fn json(&self) -> Result<Value, ConnectorError> {
        provider_json::parse(&self.body).map_err(|_| self.unreadable())
    }

    /// The body as JSON of a known form. For what a connector itself reads; a person's records go through
    /// [`Response::json`], which rounds nothing.
    ///
    /// # Errors
    /// `Protocol` when it is not JSON of that form.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConnectorError> {
        serde_json::from_slice(&self.body).map_err(|_| self.unreadable())
    }

    /// What this answer means when it is no success, by its status alone.
    pub fn error(&self) -> ConnectorError {
        self.error_with("")
    }

    /// The same, with a code that the provider gave, such as `resource_missing`. What does not look like a code is left out:
    /// it may quote somebody.
    pub fn error_with(&self, code: &str) -> ConnectorError {
        let status = self.status.as_u16();
        let kind = match status {
            401 => ErrorKind::Unauthorized,
            402 | 403 => ErrorKind::Forbidden,
            300..=399 | 404 | 407 | 410 | 421 => ErrorKind::Config,
            405 | 501 => ErrorKind::Unsupported,
            408 | 504 => ErrorKind::TimedOut,
            429 => ErrorKind::RateLimited,
            409 | 423 | 425 | 500..=599 => ErrorKind::Unavailable,
            _ => ErrorKind::Protocol,
        };
        let Context {
            provider,
            method,
            route,
        } = &self.context;
        let mut what = format!("{provider}: {method} {route}: HTTP {status}");
        if is_code(code) {
            what.push(' ');
            what.push_str(code);
        }
        if (300..400).contains(&status) {
            what.push_str(", a redirect that is not followed");
        }
        let unknown = self.status.is_server_error() || status == 408;
        let error = ConnectorError::new(kind, what)
            .effect(effect(self.context.method.is_safe() || !unknown));
        match self.wait() {
            Some(wait) => error.retry(Retry::After(wait)),
            None => error,
        }
    }

    /// What this answer means when it makes no sense: words of the connector, without anything personal.
    pub fn makes_no_sense(&self, why: &str) -> ConnectorError {
        let Context {
            provider,
            method,
            route,
        } = &self.context;
        let what = format!("{provider}: {method} {route}: {why}");
        ConnectorError::new(ErrorKind::Protocol, what).effect(effect(self.context.method.is_safe()))
    }

    /// How long the provider asks to wait.
    pub(crate) fn wait(&self) -> Option<std::time::Duration> {
        quota::wait(self.status, &self.headers, SystemTime::now())
    }

    fn unreadable(&self) -> ConnectorError {
        self.makes_no_sense("the answer is not the JSON that was expected")
    }
}

/// Shows the status and the length.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A success whose body is still to be read.
pub struct Streamed {
    context: Context,
    status: StatusCode,
    headers: HeaderMap,
    body: Body<'static>,
}

impl Streamed {
    pub(crate) fn new(context: Context, parts: response::Parts, body: Body<'static>) -> Self {
        Self {
            context,
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header, when it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, for [`PageWriter::attachment`](adieu_core::PageWriter::attachment).
    pub fn into_body(self) -> Body<'static> {
        self.body
    }
}

/// Shows the status.
impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed")
            .field("route", &self.context.route)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Whether a provider's word is a code and no sentence, name or address.
fn is_code(word: &str) -> bool {
    (1..=64).contains(&word.len())
        && word
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && word.bytes().any(|b| b.is_ascii_lowercase())
}
