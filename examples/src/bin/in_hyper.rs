//! The API mounted in plain hyper, around a service of the host's own.

#![allow(clippy::print_stdout, reason = "it prints where it listens")]

use std::convert::Infallible;

use adieu::gateway::Gateway;
use adieu_examples::setup;
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower_layer::Layer as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let secret = setup::secret()?;
    let engine = setup::engine(folder.path()).await?;

    let gateway = Gateway::builder(engine, setup::authenticator(&secret)?).build()?;
    let _worker = gateway.spawn_worker();
    let service = gateway.layer().layer(Host);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}\n{}", listener.local_addr()?, setup::token(&secret)?);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::spawn(connection);
    }
}

/// The host's own service.
#[derive(Clone)]
struct Host;

impl tower_service::Service<Request<Incoming>> for Host {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Incoming>) -> Self::Future {
        std::future::ready(Ok(Response::new("the host's own page".to_owned())))
    }
}
