//! The API mounted in axum: everything under `/privacy` is adieu's, the rest is the host's.

#![allow(clippy::print_stdout, reason = "it prints where it listens")]

use adieu::gateway::Gateway;
use adieu_examples::setup;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let secret = setup::secret()?;
    let engine = setup::engine(folder.path()).await?;

    let gateway = Gateway::builder(engine, setup::authenticator(&secret)?).build()?;
    let _worker = gateway.spawn_worker();
    let app =
        Router::new().route("/", get(|| async { "the host's own page" })).layer(gateway.layer());

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}\n{}", listener.local_addr()?, setup::token(&secret)?);
    axum::serve(listener, app).await?;
    Ok(())
}
