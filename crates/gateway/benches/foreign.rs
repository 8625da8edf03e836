//! What the layer costs a foreign request: the same service without and with it, in turns, the best of each.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends when it cannot run"
)]

use std::convert::Infallible;
use std::future::Ready;
use std::hint::black_box;
use std::path::Path;
use std::task::{Context, Poll};
use std::time::Instant;

use adieu_auth::{AuthConfig, Authenticator, KeySource};
use adieu_core::Secret;
use adieu_engine::{Engine, MasterKey, Options, Store};
use adieu_gateway::Gateway;
use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use futures_util::future::MapOk;
use futures_util::{FutureExt as _, TryFutureExt as _};
use http::{Request, Response};
use http_body_util::{Either, Empty};
use tower_layer::Layer as _;
use tower_service::Service;

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

/// A layer's service that does nothing but give a body of its own.
#[derive(Clone)]
struct OwnBody<S>(S);

impl<S, B, A> Service<Request<A>> for OwnBody<S>
where
    S: Service<Request<A>, Response = Response<B>>,
{
    type Response = Response<Either<B, Empty<Bytes>>>;
    type Error = S::Error;
    type Future = MapOk<S::Future, fn(Response<B>) -> Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        self.0
            .call(request)
            .map_ok(|answer| answer.map(Either::Left))
    }
}

const CALLS: u32 = 1_000_000;

fn nanoseconds_a_call<S>(service: &mut S, calls: u32) -> f64
where
    S: Service<Request<Empty<Bytes>>, Error = Infallible>,
{
    let begin = Instant::now();
    for _ in 0..calls {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = http::Uri::from_static("/orders/17");
        let answer = service.call(black_box(request)).now_or_never();
        black_box(answer.map(|answer| answer.is_ok()));
    }
    begin.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn main() {
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
    compare("a service", Host, gateway.layer().layer(Host), CALLS);
    let router = || Router::<()>::new().route("/orders/17", get(|| async { "an order" }));
    let layered = gateway.layer().layer(router());
    compare("axum, the layer around it", router(), layered, CALLS / 4);
    // axum boxes the body of every layer that gives another one than its own, so that is what the router has without the layer.
    let bare = router().layer(tower_layer::layer_fn(OwnBody));
    let layered = router().layer(gateway.layer());
    compare(
        "axum, Router::layer, against a layer that does nothing",
        bare,
        layered,
        CALLS / 4,
    );
}

fn compare<A, B>(what: &str, mut bare: A, mut layered: B, calls: u32)
where
    A: Service<Request<Empty<Bytes>>, Error = Infallible>,
    B: Service<Request<Empty<Bytes>>, Error = Infallible>,
{
    let (mut without, mut with) = (f64::MAX, f64::MAX);
    for _ in 0..10 {
        without = without.min(nanoseconds_a_call(&mut bare, calls));
        with = with.min(nanoseconds_a_call(&mut layered, calls));
    }
    println!(
        "{what}: a foreign request takes {without:.0} ns without the layer, {with:.0} ns with it, {:.0} ns more",
        with - without
    );
}
