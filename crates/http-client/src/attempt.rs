//! One attempt: a request goes out, and its answer comes back whole, or it is known why not.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use adieu_core::{Body, ConnectorError};
use bytes::Bytes;
use futures_util::stream;
use http::header::LOCATION;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use reqwest::Url;
use tokio::time::{Instant, timeout};
use tower::BoxError;
use tower::ServiceExt;

use crate::account::Account;
use crate::call::Request;
use crate::failure::Failure;
use crate::quota;
use crate::response::{Context, Reply, Response, Streamed};
use crate::transport::{Answer, Incoming, Outgoing, Transport};

/// How many redirects of a read within the same host are followed.
const REDIRECTS: usize = 3;

/// What every attempt of a client has in common.
pub(crate) struct Attempts {
    /// Fails when no head of an answer comes in time.
    pub(crate) transport: Transport,
    pub(crate) account: Account,
    pub(crate) provider: Cow<'static, str>,
    pub(crate) max_wait: Duration,
    pub(crate) body_timeout: Duration,
}

impl Attempts {
    /// Sends a request once.
    pub(crate) async fn one(&self, request: Request) -> Result<Reply, Failure> {
        let result = self.follow(&request).await;
        match &result {
            Ok(reply) if is_down(reply.status()) => self.account.breaker().has_failed(),
            Ok(_) => self.account.breaker().is_up(),
            Err(failure) if failure.down => self.account.breaker().has_failed(),
            Err(_) => {}
        }
        result
    }

    /// Sends a request, and again where a read is answered with a place on the same host.
    async fn follow(&self, request: &Request) -> Result<Reply, Failure> {
        let mut url = request.url.clone();
        for _ in 0..REDIRECTS {
            let answer = self.send(request, &url).await?;
            match elsewhere(request, &url, &answer) {
                Some(next) => url = next,
                None => return self.take(request, answer).await,
            }
        }
        let answer = self.send(request, &url).await?;
        self.take(request, answer).await
    }

    async fn send(&self, request: &Request, url: &Url) -> Result<Answer, Failure> {
        self.account.admit(self.max_wait).await?;
        let begun = Instant::now();
        let safe = request.is_safe();
        let outgoing =
            outgoing(request, url).map_err(|error| Failure::before_the_head(&error, true))?;
        let answer = self.transport.clone().oneshot(outgoing).await;
        let answer = answer.map_err(|error| Failure::before_the_head(&error, safe));
        let elapsed_ms = begun.elapsed().as_millis();
        match &answer {
            Ok(answer) => {
                tracing::debug!(status = answer.status().as_u16(), elapsed_ms, "answered");
                let (status, headers) = (answer.status(), answer.headers());
                if let Some(wait) = quota::wait(status, headers, SystemTime::now()) {
                    tracing::debug!(wait_ms = wait.as_millis(), "the provider asks for a pause");
                    self.account.pause(wait);
                }
            }
            Err(failure) => tracing::debug!(error = %failure.error, elapsed_ms, "not answered"),
        }
        answer
    }

    async fn take(&self, request: &Request, answer: Answer) -> Result<Reply, Failure> {
        let safe = request.is_safe();
        let (parts, body) = answer.into_parts();
        let context = Context {
            provider: self.provider.clone(),
            method: request.method.clone(),
            route: request.route.clone(),
        };
        let declared = http_body::Body::size_hint(&body).lower();
        let max_bytes = request.max_body_bytes;
        if request.streams && parts.status.is_success() {
            if declared > max_bytes {
                return Err(Failure::too_long(safe));
            }
            let body = self.pieces(body, max_bytes, safe);
            return Ok(Reply::Streamed(Streamed::new(context, parts, body)));
        }
        if declared > max_bytes {
            return Err(Failure::too_long(safe));
        }
        let whole = timeout(self.body_timeout, limited(body, max_bytes).collect()).await;
        let whole = whole
            .map_err(|_| Failure::slow_body(safe))?
            .map_err(|error| Failure::within_the_body(&error, safe))?;
        let response = Response::new(context, parts, whole.to_bytes());
        Ok(Reply::Whole(response))
    }

    /// The body in pieces, none of which may take longer than the time for a body.
    fn pieces(&self, body: Incoming, max_bytes: u64, safe: bool) -> Body<'static> {
        let each = self.body_timeout;
        let body = Some(limited(body, max_bytes));
        Box::pin(stream::unfold(body, move |body| async move {
            let mut body = body?;
            let piece = next_piece(&mut body, each, safe).await?;
            let rest = piece.is_ok().then_some(body);
            Some((piece, rest))
        }))
    }
}

async fn next_piece(
    body: &mut Incoming,
    each: Duration,
    safe: bool,
) -> Option<Result<Bytes, ConnectorError>> {
    loop {
        return match timeout(each, body.frame()).await {
            Err(_) => Some(Err(Failure::slow_body(safe).error)),
            Ok(None) => None,
            Ok(Some(Err(error))) => Some(Err(Failure::within_the_body(&error, safe).error)),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(bytes) => Some(Ok(bytes)),
                // Trailers.
                Err(_) => continue,
            },
        };
    }
}

/// A body that fails when it is longer.
fn limited(body: Incoming, max_bytes: u64) -> Incoming {
    let limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    Limited::new(body, limit).boxed_unsync()
}

fn outgoing(request: &Request, url: &Url) -> Result<Outgoing, BoxError> {
    let mut outgoing = http::Request::builder()
        .method(request.method.clone())
        .uri(url.as_str())
        .body(Full::new(request.body.clone()))?;
    *outgoing.headers_mut() = request.headers.clone();
    Ok(outgoing)
}

/// Where a read is sent to, when that is on the same host. A redirect of anything else is an answer: following one could turn a
/// deletion into a read, whose success proves nothing.
fn elsewhere(request: &Request, url: &Url, answer: &Answer) -> Option<Url> {
    let is_read = matches!(request.method, Method::GET | Method::HEAD);
    let is_redirect = matches!(
        answer.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    if !is_read || !is_redirect {
        return None;
    }
    let next = url
        .join(answer.headers().get(LOCATION)?.to_str().ok()?)
        .ok()?;
    (next.origin() == url.origin()).then_some(next)
}

/// Whether an answer says that the provider cannot serve.
fn is_down(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502..=504 | 520..=599)
}
