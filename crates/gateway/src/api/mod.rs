//! The HTTP API: from a request under the prefix to an answer.

mod archive;
mod call;
mod direct;
mod documents;
mod download;
mod events;
mod holds;
mod operator;
mod person;
mod preview;
mod query;
mod range;
mod view;

use bytes::Buf as _;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use tracing::Instrument as _;

use crate::body::OwnBody;
use crate::gateway::Gateway;
use crate::problem::Problem;
use crate::route::Route;

use call::{Call, Unreadable};

#[cfg(test)]
pub(crate) use documents::DOCUMENT;

/// An answer, or a problem that becomes one.
type Answer = Result<Response<OwnBody>, Problem>;

/// Answers a request under the prefix.
pub(crate) async fn answer<B>(gateway: Gateway, request: Request<B>) -> Response<OwnBody>
where
    B: Body + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let body = body
        .map_err(|_| Unreadable)
        .map_frame(|frame| frame.map_data(|mut bytes| bytes.copy_to_bytes(bytes.remaining())));
    let path = parts
        .uri
        .path()
        .get(gateway.prefix().len()..)
        .unwrap_or_default();
    let route = Route::parse(path);
    let call = Call::new(gateway, parts, body.boxed_unsync());
    let span = tracing::info_span!(
        "privacy",
        route = route.map_or("unknown", Route::template),
        request = route.and_then(Route::request).map(tracing::field::display),
        status = tracing::field::Empty,
    );
    async move {
        let is_head = call.method() == Method::HEAD;
        let response = match place(route, call).await {
            Ok(response) => response,
            Err(problem) => {
                tracing::debug!(problem = problem.code(), "refused");
                problem.into_response()
            }
        };
        let status = response.status().as_u16();
        tracing::Span::current().record("status", status);
        metrics::counter!(
            "adieu_http_responses_total",
            "route" => route.map_or("unknown", Route::template), "status" => status.to_string()
        )
        .increment(1);
        secured(if is_head {
            without_body(response)
        } else {
            response
        })
    }
    .instrument(span)
    .await
}

async fn place(route: Option<Route>, call: Call) -> Answer {
    let Some(route) = route else {
        return Err(Problem::not_found());
    };
    if !route.allows(call.method()) {
        return Err(Problem::method_not_allowed(route.allow()));
    }
    let method = call.method().clone();
    match (route, method) {
        (Route::Page, _) => Ok(call.inner().page.answer(call.headers())),
        (Route::Document, _) => Ok(documents::openapi()),
        (Route::Keys, _) => Ok(documents::keys(&call)),
        (Route::DataMap, _) => documents::data_map(call).await,
        (Route::Export, _) => direct::export(call).await,
        (Route::Preview, _) => preview::preview(call).await,
        (Route::Requests, Method::POST) => person::ask(call).await,
        (Route::Requests, _) => person::list(call).await,
        (Route::Request(id), Method::DELETE) => person::cancel(call, id).await,
        (Route::Request(id), _) => person::one(call, id).await,
        (Route::Events(id), _) => events::follow(call, id).await,
        (Route::Archive(id), _) => archive::download(call, id).await,
        (Route::Download(id), _) => download::grant(call, id).await,
        (Route::Receipt(id), _) => person::receipt(call, id).await,
        (Route::OperatorRequests, Method::POST) => operator::ask(call).await,
        (Route::OperatorRequests, _) => operator::search(call).await,
        (Route::OperatorRequest(id), Method::DELETE) => operator::cancel(call, id).await,
        (Route::OperatorRequest(id), _) => operator::one(call, id).await,
        (Route::OperatorResume(id), _) => operator::resume(call, id).await,
        (Route::OperatorApprove(id), _) => operator::approve(call, id).await,
        (Route::OperatorRefuse(id), _) => operator::refuse(call, id).await,
        (Route::OperatorExtend(id), _) => operator::extend(call, id).await,
        (Route::OperatorHolds, Method::POST) => holds::set(call).await,
        (Route::OperatorHolds, _) => holds::list(call).await,
        (Route::OperatorHold(id), _) => holds::release(call, id).await,
        (Route::OperatorAudit, _) => operator::audit(call).await,
    }
}

/// The headers that every answer of ours has; those that it brings along are its own.
pub(crate) fn secured(mut response: Response<OwnBody>) -> Response<OwnBody> {
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The same answer to a `HEAD`: how long the body would be, and none.
fn without_body(response: Response<OwnBody>) -> Response<OwnBody> {
    let (mut parts, body) = response.into_parts();
    let bytes = match &body {
        OwnBody::Whole(bytes) => Some(bytes.len() as u64),
        OwnBody::Pieces { left, .. } => *left,
    };
    if let Some(bytes) = bytes {
        parts
            .headers
            .entry(CONTENT_LENGTH)
            .or_insert(HeaderValue::from(bytes));
    }
    Response::from_parts(parts, OwnBody::empty())
}
