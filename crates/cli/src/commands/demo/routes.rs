//! The shop's own routes: what a host has beside the layer.

use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use adieu::auth::Grant;
use adieu::gateway::Gateway;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tower_service::Service;

type Answer = Response<Full<Bytes>>;

/// Three routes over the shop's database.
#[derive(Clone)]
pub(super) struct Routes {
    database: PathBuf,
    gateway: Gateway,
}

impl Routes {
    pub(super) fn new(database: PathBuf, gateway: Gateway) -> Self {
        Self { database, gateway }
    }

    async fn answer(self, method: Method, path: String, headers: HeaderMap) -> Answer {
        let answer = match (&method, path.as_str()) {
            (&Method::GET, "/") => Ok(home(self.gateway.prefix())),
            (&Method::GET, "/orders") => self.orders(&method, &headers).await,
            (&Method::DELETE, "/account") => self.delete_account(&method, &headers).await,
            _ => Err(StatusCode::NOT_FOUND),
        };
        answer.unwrap_or_else(|status| text(status, "text/plain", status.to_string()))
    }

    /// The orders of whoever asks.
    async fn orders(&self, method: &Method, headers: &HeaderMap) -> Result<Answer, StatusCode> {
        let grant = self.customer(method, headers).await?;
        let customer = grant.identity().value().expose().to_owned();
        let database = self.database.clone();
        let orders = tokio::task::spawn_blocking(move || orders_of(&database, &customer))
            .await
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?
            .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok(json_text(StatusCode::OK, &json!({ "orders": orders })))
    }

    /// The host's own way to be forgotten: it asks for a recent login, and hands over to the gateway.
    async fn delete_account(
        &self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Answer, StatusCode> {
        let grant = self.customer(method, headers).await?;
        let max_age = self.gateway.authenticator().erasure_max_age();
        grant
            .require_fresh(max_age, Timestamp::now())
            .map_err(|denied| denied.status())?;
        let request = self
            .gateway
            .erase(grant.subject().clone(), grant.identity().clone())
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        let follow = format!("{}/v1/requests/{}", self.gateway.prefix(), request.id);
        Ok(json_text(
            StatusCode::ACCEPTED,
            &json!({ "follow": follow }),
        ))
    }

    async fn customer(&self, method: &Method, headers: &HeaderMap) -> Result<Grant, StatusCode> {
        self.gateway
            .authenticator()
            .authenticate(method, headers, Timestamp::now())
            .await
            .map_err(|denied| denied.status())
    }
}

fn orders_of(database: &std::path::Path, customer: &str) -> rusqlite::Result<Vec<Value>> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut select =
        database.prepare("SELECT id, placed_on, ship_to FROM orders WHERE customer_id = ?1")?;
    let orders = select.query_map([customer], |row| {
        let (id, placed_on): (i64, String) = (row.get(0)?, row.get(1)?);
        let ship_to: String = row.get(2)?;
        Ok(json!({ "id": id, "placed_on": placed_on, "ship_to": ship_to }))
    })?;
    orders.collect()
}

fn home(prefix: &str) -> Answer {
    let page =
        format!("Corner Shop. GET /orders and DELETE /account are ours; {prefix} is adieu's.\n");
    text(StatusCode::OK, "text/plain", page)
}

fn json_text(status: StatusCode, value: &Value) -> Answer {
    text(status, "application/json", value.to_string())
}

fn text(status: StatusCode, media_type: &'static str, text: String) -> Answer {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

impl<B> Service<Request<B>> for Routes {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let routes = self.clone();
        let (parts, _) = request.into_parts();
        let path = parts.uri.path().to_owned();
        Box::pin(async move { Ok(routes.answer(parts.method, path, parts.headers).await) })
    }
}
