//! A host whose own `DELETE /account` has the person erased, and whose routes refuse their token afterwards.

#![allow(clippy::print_stdout, reason = "it prints where it listens")]

use adieu::gateway::Gateway;
use adieu_examples::setup;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The host makes sure who asks, in its own way; here by the same token.
async fn delete_account(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    let now = jiff::Timestamp::now();
    let authenticator = gateway.authenticator();
    let grant = authenticator
        .authenticate(&Method::DELETE, &headers, now)
        .await
        .map_err(|denied| denied.status())?;
    grant.require_fresh(authenticator.erasure_max_age(), now).map_err(|denied| denied.status())?;

    let request = gateway
        .erase(grant.subject().clone(), grant.identity().clone())
        .await
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let link = format!("{}/v1/requests/{}", gateway.prefix(), request.id);
    Ok((StatusCode::ACCEPTED, Json(json!({ "follow": link }))))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let secret = setup::secret()?;
    let engine = setup::engine(folder.path()).await?;

    let gateway = Gateway::builder(engine, setup::authenticator(&secret)?).build()?;
    let _worker = gateway.spawn_worker();
    let app = Router::new()
        .route("/account", delete(delete_account))
        .route("/orders", get(|| async { "orders" }))
        .with_state(gateway.clone())
        .layer(gateway.erased_guard())
        .layer(gateway.layer());

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}\n{}", listener.local_addr()?, setup::token(&secret)?);
    axum::serve(listener, app).await?;
    Ok(())
}
