//! Signed calls to a store: sent again when that may help, their failures classified.

use std::time::Duration;

use adieu_core::{ConnectorError, Effect, ErrorKind, Retry};
use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode, Uri};
use reqsign_core::{Context, OsEnv, Signer, SigningCredential};
use reqsign_file_read_tokio::TokioFileRead;

use super::failure::{self, Refusal};

/// How often a call is sent at most.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// How much of an answer is read that is no object.
const MOST_ANSWER_BYTES: usize = 16 << 20;

/// Headers of an object that are kept with it.
const KEPT: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
];

/// One call, which can be sent several times.
pub(super) struct Call {
    /// What it is for, in words for an error.
    pub(super) doing: &'static str,
    /// The permission that it needs, by the provider's name.
    pub(super) permission: &'static str,
    pub(super) method: Method,
    /// The path and query, already encoded, from the endpoint on.
    pub(super) path: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    /// Answers that the caller understands besides success.
    pub(super) expected: &'static [u16],
}

/// An answer whose body is not read yet.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    response: reqwest::Response,
}

/// Sends calls to one server with one sort of credential.
pub(super) struct Client<C: SigningCredential> {
    http: reqwest::Client,
    endpoint: String,
    signer: Signer<C>,
    explain: failure::Explain,
}

impl Call {
    pub(super) fn new(
        method: Method,
        path: String,
        doing: &'static str,
        permission: &'static str,
    ) -> Self {
        Self {
            doing,
            permission,
            method,
            path,
            headers: Vec::new(),
            body: Bytes::new(),
            expected: &[],
        }
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        // A value that cannot stand in a header would be a key or a version of a store gone mad: the call fails for it.
        let value = HeaderValue::from_str(value);
        self.headers
            .push((name, value.unwrap_or_else(|_| HeaderValue::from_static(""))));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn expecting(mut self, statuses: &'static [u16]) -> Self {
        self.expected = statuses;
        self
    }

    fn changes_something(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }
}

/// The HTTP client: it never follows a redirect, because a signed call is for one host.
///
/// # Errors
/// When the platform's certificates cannot be read.
pub(super) fn http_client() -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE)
        .user_agent(concat!("adieu/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| {
            "an HTTP client cannot be made: the system's certificates cannot be read".to_owned()
        })
}

/// Where credentials are looked for: the environment, files, servers of the machine and of the provider.
pub(super) fn context(http: &reqwest::Client) -> Context {
    Context::new()
        .with_env(OsEnv)
        .with_file_read(TokioFileRead)
        .with_http_send(Sender(http.clone()))
}

impl<C: SigningCredential> Client<C> {
    pub(super) fn new(
        http: reqwest::Client,
        endpoint: String,
        signer: Signer<C>,
        explain: failure::Explain,
    ) -> Self {
        Self {
            http,
            endpoint,
            signer,
            explain,
        }
    }

    /// Sends a call until it is answered or it is of no use to go on.
    ///
    /// # Errors
    /// When there is no answer, or one that is neither success nor expected.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, ConnectorError> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = match error.retry_advice() {
                Retry::Never => return Err(error),
                Retry::After(pause) if pause > LONGEST_PAUSE => return Err(error),
                Retry::After(pause) => pause,
                Retry::WithBackoff => pause_before(attempt),
            };
            if attempt == ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends a call and reads its answer whole.
    ///
    /// # Errors
    /// As [`Client::send`]; when the answer is too long or breaks off.
    pub(super) async fn ask(
        &self,
        call: &Call,
    ) -> Result<(StatusCode, HeaderMap, Bytes), ConnectorError> {
        let mut attempt = 1;
        loop {
            let answer = self.send(call).await?;
            let (status, headers) = (answer.status, answer.headers.clone());
            match answer.whole(call.doing).await {
                Ok(body) => return Ok((status, headers, body)),
                Err(error) if attempt == ATTEMPTS || error.retry_advice() == Retry::Never => {
                    return Err(if call.changes_something() {
                        error.effect(Effect::Unknown)
                    } else {
                        error
                    });
                }
                Err(_) => {
                    tokio::time::sleep(pause_before(attempt)).await;
                    attempt += 1;
                }
            }
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Answer, ConnectorError> {
        let effect = if call.changes_something() {
            Effect::Unknown
        } else {
            Effect::None
        };
        let request = self.signed(call).await?;
        let response = self.http.execute(request).await.map_err(|error| {
            failure::of_transport(call.doing, &error).effect(if error.is_connect() {
                Effect::None
            } else {
                effect
            })
        })?;
        let status = response.status();
        let headers = response.headers().clone();
        let answer = Answer {
            status,
            headers,
            response,
        };
        if status.is_success() || call.expected.contains(&status.as_u16()) {
            return Ok(answer);
        }
        let headers = answer.headers.clone();
        // The status alone says enough when the body breaks off.
        let body = answer.whole(call.doing).await.unwrap_or_default();
        let error = (self.explain)(&Refusal {
            doing: call.doing,
            permission: call.permission,
            status,
            headers: &headers,
            body: &body,
        });
        let error = match retry_after(&headers) {
            Some(pause) if error.retry_advice() != Retry::Never => error.retry(Retry::After(pause)),
            _ => error,
        };
        Err(if status.is_server_error() {
            error.effect(effect)
        } else {
            error
        })
    }

    async fn signed(&self, call: &Call) -> Result<reqwest::Request, ConnectorError> {
        let malformed = || {
            ConnectorError::new(
                ErrorKind::Unsupported,
                "a key cannot be written as an address over HTTP",
            )
        };
        let uri: Uri = format!("{}{}", self.endpoint, call.path)
            .parse()
            .map_err(|_| malformed())?;
        let mut request = http::Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri;
        for (name, value) in &call.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        let (mut parts, body) = request.into_parts();
        let signed = self.signer.sign(&mut parts, None).await;
        signed.map_err(|error| failure::of_credentials(&error))?;
        let wanted = parts.uri.path_and_query().map(ToString::to_string);
        let request = http::Request::from_parts(parts, body);
        let request = reqwest::Request::try_from(request).map_err(|_| malformed())?;
        // An address with a `..` in it would be tidied up on the way, and be somebody else's.
        let url = request.url();
        let sent = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        if wanted.as_deref() != Some(sent.as_str()) {
            return Err(malformed());
        }
        Ok(request)
    }
}

impl Answer {
    /// The next piece of the body.
    pub(super) async fn piece(
        &mut self,
        doing: &'static str,
    ) -> Result<Option<Bytes>, ConnectorError> {
        let piece = self.response.chunk().await;
        piece.map_err(|error| failure::of_transport(doing, &error))
    }

    /// A header as text; what is not ASCII in it is kept as well as can be.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        text_of(&self.headers, name)
    }

    /// What an application has given to an object: under this prefix, and in the usual headers that are worth keeping.
    pub(super) fn metadata(&self, prefix: &str) -> Vec<(String, String)> {
        let mut metadata = Vec::new();
        for name in self.headers.keys() {
            let word = match name.as_str().strip_prefix(prefix) {
                Some(word) => word,
                None if KEPT.contains(&name.as_str()) => name.as_str(),
                None => continue,
            };
            metadata.extend(
                self.text(name.as_str())
                    .map(|value| (word.to_owned(), value)),
            );
        }
        metadata
    }

    async fn whole(mut self, doing: &'static str) -> Result<Bytes, ConnectorError> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.piece(doing).await? {
            if body.len() + piece.len() > MOST_ANSWER_BYTES {
                return Err(ConnectorError::new(
                    ErrorKind::Protocol,
                    format!("{doing} was answered with more than 16 MiB"),
                ));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }
}

/// A header as text.
pub(super) fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A pause at random up to a bound that doubles, so that many callers do not come back together.
pub(super) fn pause_before(attempt: u32) -> Duration {
    let bound = FIRST_PAUSE
        .saturating_mul(1 << attempt.min(10))
        .min(LONGEST_PAUSE);
    bound.mul_f64(fastrand::f64())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// How the signing library asks servers for credentials.
#[derive(Clone, Debug)]
struct Sender(reqwest::Client);

impl reqsign_core::HttpSend for Sender {
    async fn http_send(
        &self,
        request: http::Request<Bytes>,
    ) -> reqsign_core::Result<http::Response<Bytes>> {
        let failed = |_| {
            reqsign_core::Error::unexpected("a server of credentials did not answer")
                .set_retryable(true)
        };
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let response = self.0.execute(request).await.map_err(failed)?;
        let mut answer = http::Response::new(Bytes::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        *answer.body_mut() = response.bytes().await.map_err(failed)?;
        Ok(answer)
    }
}
