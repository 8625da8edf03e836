//! A person who asks over HTTP, as any client would.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Customer;
use super::open::OpenShop;
use crate::exit::Failure;

/// A customer with a token.
pub(super) struct Person {
    client: Client<HttpConnector, Full<Bytes>>,
    home: String,
    token: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Person {
    pub(super) async fn of(open: &OpenShop, customer: Customer) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            home: open.home(),
            token: open.token(customer).await?,
        })
    }

    /// Asks, and takes the whole answer.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let (parts, body) = self.send(method, path, body).await?.into_parts();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.map_err(broken_off)?.to_bytes(),
        })
    }

    /// Asks for something that must be had.
    pub(super) async fn must(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let answer = self.ask(method.clone(), path, body).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let problem: Value = answer.json().unwrap_or_default();
        Err(Failure::Fault(format!(
            "{method} was answered with {} ({})",
            answer.status, problem["type"]
        )))
    }

    /// Listens to a request until it ends, and says how it stands then.
    pub(super) async fn follow(&self, events: &str) -> Result<Value, Failure> {
        let mut stream = self.send(Method::GET, events, None).await?.into_body();
        let mut text = String::new();
        let mut request = Value::Null;
        while let Some(frame) = stream.frame().await {
            let piece = frame.map_err(broken_off)?.into_data().unwrap_or_default();
            text.push_str(&String::from_utf8_lossy(&piece));
            while let Some((event, rest)) = text.split_once("\n\n") {
                if let Some(data) = event.strip_prefix("event: request\ndata: ") {
                    request = serde_json::from_str(data).unwrap_or_default();
                }
                text = rest.to_owned();
            }
        }
        Ok(request)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, Failure> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.home))
            .header(HOST, self.home.trim_start_matches("http://"))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(|_| Failure::Fault("a request could not be written".to_owned()))?;
        self.client.request(request).await.map_err(broken_off)
    }
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Failure::Fault("an answer is not what was expected".to_owned()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text; empty when it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

fn broken_off<E: std::error::Error>(_: E) -> Failure {
    Failure::Fault("the shop gives no answer".to_owned())
}
