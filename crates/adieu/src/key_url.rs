//! Keys of an issuer that lie at a URL.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use adieu_auth::{FetchFailed, KeyFetcher};
use adieu_core::{ConnectorError, ErrorKind, async_trait};
use adieu_http_client::{Client, Response};
use bytes::Bytes;
use http::Uri;

/// Fetches key sets over HTTPS (or HTTP on loopback): what `keys = "https://…/jwks.json"` needs.
///
/// It follows no redirect to another host and sends nothing but the request. How often is up to the
/// [`Authenticator`](adieu_auth::Authenticator); a failed attempt is not repeated here.
#[derive(Debug, Default)]
pub struct HttpKeyFetcher {
    /// One for each issuer's host.
    clients: Mutex<BTreeMap<String, Client>>,
}

impl HttpKeyFetcher {
    /// A fetcher that has connected to nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn client(&self, url: &Uri) -> Result<Client, FetchFailed> {
        let host = format!(
            "{}://{}",
            url.scheme_str().unwrap_or_default(),
            url.authority().map_or("", |authority| authority.as_str())
        );
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&host) {
            return Ok(client.clone());
        }
        let client = Client::builder("issuer", &*host)
            .attempts(NonZeroU32::MIN)
            .build()
            .map_err(|_| FetchFailed {
                kind: ErrorKind::Config,
            })?;
        clients.insert(host, client.clone());
        Ok(client)
    }
}

#[async_trait]
impl KeyFetcher for HttpKeyFetcher {
    async fn fetch(&self, url: &Uri, max_bytes: usize) -> Result<Bytes, FetchFailed> {
        let client = self.client(url)?;
        let max_bytes = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        let call = client.get("the key set").at(&url.to_string());
        let answer = call.max_body_bytes(max_bytes).send().await;
        let answer = answer.and_then(Response::success);
        answer
            .map(|answer| answer.body().clone())
            .map_err(|error: ConnectorError| FetchFailed { kind: error.kind() })
    }
}
