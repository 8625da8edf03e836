//! The service behind the layer: whatever is not the gateway's own goes there, and comes back as it is.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING, UPGRADE, VIA};
use http::uri::{PathAndQuery, Scheme};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tower_service::Service;

use super::problem::problem;
use super::{AnswerBody, Peer};
use crate::config::Origin;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Headers for one connection only (RFC 9110, section 7.6.1), beside those that `Connection` names.
const OF_ONE_CONNECTION: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-authenticate"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A small proxy: bodies stream both ways, upgrades pass, and `Host` stays what the caller wrote. It takes no time limit but
/// one for connecting: how long an answer may take is the upstream's own business.
#[derive(Clone, Debug)]
pub struct Upstream {
    client: Client<HttpConnector, Incoming>,
    origin: Origin,
}

impl Upstream {
    /// A proxy to a service.
    pub fn new(origin: Origin) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self { client, origin }
    }

    async fn pass_on(self, mut request: Request<Incoming>) -> Response<AnswerBody> {
        let Some(uri) = self.target(&request) else {
            return problem(
                StatusCode::BAD_REQUEST,
                "target_refused",
                "this target cannot be passed on",
            );
        };
        let asked_for = upgrade(request.headers());
        let caller = hyper::upgrade::on(&mut request);
        let peer = request.extensions().get::<Peer>().copied();
        let (mut parts, body) = request.into_parts();
        only_for_this_connection(&mut parts.headers);
        name_host(&mut parts.headers, &parts.uri);
        forwarded_for(&mut parts.headers, peer);
        ask_to_upgrade(&mut parts.headers, asked_for.as_ref());
        parts
            .headers
            .append(VIA, HeaderValue::from_static("1.1 adieu"));
        parts.uri = uri;
        parts.version = Version::HTTP_11;
        parts.extensions = http::Extensions::new();
        match self.client.request(Request::from_parts(parts, body)).await {
            Ok(answer) => pass_back(answer, asked_for, caller),
            Err(error) => {
                let connecting = error.is_connect();
                tracing::warn!(connecting, "the upstream gave no answer");
                problem(
                    StatusCode::BAD_GATEWAY,
                    "upstream_unavailable",
                    "the service behind this one gives no answer",
                )
            }
        }
    }

    /// Where a request goes. None for what is no request for a resource, such as `CONNECT` or `OPTIONS *`.
    fn target(&self, request: &Request<Incoming>) -> Option<Uri> {
        if *request.method() == Method::CONNECT {
            return None;
        }
        let asked = request.uri().path_and_query();
        let path = asked
            .cloned()
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        if !path.as_str().starts_with('/') {
            return None;
        }
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.origin.authority.clone())
            .path_and_query(path)
            .build()
            .ok()
    }
}

/// The answer, and the connection itself when both sides agree to use it for something else.
fn pass_back(
    mut answer: Response<Incoming>,
    asked_for: Option<HeaderValue>,
    caller: OnUpgrade,
) -> Response<AnswerBody> {
    let upgraded = (answer.status() == StatusCode::SWITCHING_PROTOCOLS)
        .then(|| upgrade(answer.headers()))
        .flatten();
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS
        && (upgraded.is_none() || asked_for.is_none())
    {
        return problem(
            StatusCode::BAD_GATEWAY,
            "upstream_unavailable",
            "the service behind this one gives no answer",
        );
    }
    only_for_this_connection(answer.headers_mut());
    if upgraded.is_some() {
        let upstream = hyper::upgrade::on(&mut answer);
        ask_to_upgrade(answer.headers_mut(), upgraded.as_ref());
        tokio::spawn(join(caller, upstream));
    }
    let (mut parts, body) = answer.into_parts();
    // What the server says of its own connection to the caller is its own.
    parts.version = Version::default();
    parts.extensions = http::Extensions::new();
    Response::from_parts(parts, body.map_err(Into::into).boxed_unsync())
}

/// Carries bytes both ways until both sides are done.
async fn join(caller: OnUpgrade, upstream: OnUpgrade) {
    let (Ok(caller), Ok(upstream)) = tokio::join!(caller, upstream) else {
        return;
    };
    let (mut caller, mut upstream) = (TokioIo::new(caller), TokioIo::new(upstream));
    let _ = tokio::io::copy_bidirectional(&mut caller, &mut upstream).await;
}

/// What a message asks to upgrade to.
fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    named_by_connection(headers)
        .any(|name| name == UPGRADE)
        .then(|| headers.get(UPGRADE).cloned())
        .flatten()
}

fn ask_to_upgrade(headers: &mut HeaderMap, to: Option<&HeaderValue>) {
    if let Some(to) = to {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, to.clone());
    }
}

/// The host that the caller wrote, as HTTP/1.1 names it. In a target it outweighs the header (RFC 9112, section 3.2.2).
fn name_host(headers: &mut HeaderMap, asked: &Uri) {
    let host = asked
        .authority()
        .map(|authority| HeaderValue::try_from(authority.as_str()));
    if let Some(Ok(host)) = host {
        headers.insert(HOST, host);
    }
}

/// Takes out what is for this one connection.
fn only_for_this_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = named_by_connection(headers).collect();
    for name in named.iter().chain(&OF_ONE_CONNECTION) {
        headers.remove(name);
    }
}

fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
}

/// Adds who asks to the way that the request has come so far.
fn forwarded_for(headers: &mut HeaderMap, peer: Option<Peer>) {
    let Some(Peer(peer)) = peer else { return };
    let mut way: Vec<String> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .map(str::to_owned)
        .collect();
    way.push(peer.ip().to_canonical().to_string());
    if let Ok(way) = HeaderValue::try_from(way.join(", ")) {
        headers.insert(FORWARDED_FOR, way);
    }
}

impl Service<Request<Incoming>> for Upstream {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let upstream = self.clone();
        Box::pin(async move { Ok(upstream.pass_on(request).await) })
    }
}
