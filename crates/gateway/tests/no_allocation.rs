//! The layer allocates nothing for a foreign request.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::convert::Infallible;
use std::future::Ready;
use std::path::Path;
use std::task::{Context, Poll};

use adieu_auth::{AuthConfig, Authenticator, KeySource};
use adieu_core::Secret;
use adieu_engine::{Engine, MasterKey, Options, Store};
use adieu_gateway::Gateway;
use axum::Router;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::Empty;
use tower_layer::Layer as _;
use tower_service::Service;

/// A host that allocates nothing itself.
#[derive(Clone)]
struct Host;

impl Service<Request<Empty<Bytes>>> for Host {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Empty<Bytes>>) -> Self::Future {
        std::future::ready(Ok(Response::new(Empty::new())))
    }
}

fn asked() -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = Uri::from_static("/orders");
    request
}

/// How often memory is allocated while a hundred foreign requests are answered and their bodies read.
fn allocations<S, R>(service: &mut S) -> u64
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>, Error = Infallible>,
    R: Body,
{
    let requests: Vec<_> = (0..100).map(|_| asked()).collect();
    let counted = allocation_counter::measure(|| {
        for request in requests {
            let response = service.call(request).now_or_never().unwrap().unwrap();
            assert_eq!(response.status(), 200);
            let mut body = std::pin::pin!(response.into_body());
            let mut context = Context::from_waker(std::task::Waker::noop());
            while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut context) {
                assert!(frame.is_ok());
            }
        }
    });
    counted.count_total
}

#[test]
fn a_foreign_request_costs_no_allocation_in_plain_hyper_and_in_axum() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let gateway = runtime.block_on(async {
        let key = MasterKey::generate().unwrap();
        let store = Store::open(&folder.path().join("adieu.db"), &key)
            .await
            .unwrap();
        let engine = Engine::new(store, Vec::new(), Options::default()).unwrap();
        let secret = Secret::new("a-secret-of-32-random-bytes-01234");
        let config = AuthConfig::new("https://id.example.com", "api", KeySource::given(secret));
        let authenticator = Authenticator::new(config, Path::new("."), None).unwrap();
        Gateway::builder(engine, authenticator).build().unwrap()
    });
    let (mut bare, mut layered) = (Host, gateway.layer().layer(Host));
    assert_eq!(allocations(&mut bare), 0);
    assert_eq!(allocations(&mut layered), 0);

    let router = || Router::<()>::new().route("/orders", axum::routing::get(|| async { "orders" }));
    let (mut bare, mut layered) = (router(), gateway.layer().layer(router()));
    allocations(&mut bare);
    allocations(&mut layered);
    let without = allocations(&mut bare);
    assert!(without > 0, "axum allocates, so the counting works");
    assert_eq!(allocations(&mut layered), without);
}
