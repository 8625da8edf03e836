//! A small server on loopback that behaves as a provider's documentation says: it keeps records and forgets them when told to.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Whose a record is. The provider does not know it; the tests do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Ada,
    Eve,
    /// Nobody's any more.
    Nobody,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) whose: Whose,
    pub(crate) value: Value,
}

/// What the provider holds.
#[derive(Default)]
pub(crate) struct World {
    /// Where the server is, for URLs in its answers.
    pub(crate) url: String,
    /// Tables of records by their keys.
    pub(crate) tables: BTreeMap<&'static str, BTreeMap<String, Row>>,
    /// Records that it refuses to delete.
    pub(crate) locked: BTreeSet<String>,
    /// Jobs, and how often their state was asked for.
    pub(crate) jobs: Vec<Value>,
    /// Every call, as method and path with its query.
    pub(crate) calls: Vec<String>,
    /// Answers that are given instead of the usual ones, the first one first.
    pub(crate) instead: Vec<Reply>,
    /// What goes wrong, call after call, again and again.
    pub(crate) faults: Vec<Option<Fault>>,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the tests of faults alone make them")]
pub(crate) enum Fault {
    Refuse,
    Hang,
    DropMidBody,
    FailAfterActing,
}

impl World {
    pub(crate) fn put(
        &mut self,
        table: &'static str,
        key: impl ToString,
        whose: Whose,
        value: Value,
    ) {
        self.tables
            .entry(table)
            .or_default()
            .insert(key.to_string(), Row { whose, value });
    }

    /// The records of a table that are so, in the order of their keys.
    pub(crate) fn all(&self, table: &str, is_so: impl Fn(&Value) -> bool) -> Vec<Value> {
        let rows = self
            .tables
            .get(table)
            .into_iter()
            .flat_map(BTreeMap::values);
        rows.map(|row| row.value.clone())
            .filter(|value| is_so(value))
            .collect()
    }

    pub(crate) fn one(&self, table: &str, key: &str) -> Option<Value> {
        self.tables
            .get(table)?
            .get(key)
            .map(|row| row.value.clone())
    }

    pub(crate) fn take(&mut self, table: &str, key: &str) -> Option<Row> {
        self.tables.get_mut(table)?.remove(key)
    }

    /// Removes all records of a table that are so.
    pub(crate) fn drop_all(&mut self, table: &str, is_so: impl Fn(&Value) -> bool) {
        if let Some(table) = self.tables.get_mut(table) {
            table.retain(|_, row| !is_so(&row.value));
        }
    }
}

/// A call, taken apart. Each segment of the path was decoded for itself.
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) authorization: String,
    pub(crate) body: Bytes,
}

impl Ask {
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.query(name)?.parse().ok()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(&self.body);
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The method and the segments of the path, to be matched.
    pub(crate) fn line(&self) -> (&str, Vec<&str>) {
        (&self.method, self.path.iter().map(String::as_str).collect())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self {
            status,
            headers,
            body: body.to_string().into(),
        }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::json(200, &body)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn with(mut self, header: &'static str, value: String) -> Self {
        self.headers.push((header, value));
        self
    }
}

/// What a provider answers.
pub(crate) type Handler = fn(&mut World, &Ask) -> Reply;

pub(crate) struct Fake {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    server: JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start(handler: Handler, fill: fn(&mut World)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut world = World {
            url: url.clone(),
            ..World::default()
        };
        fill(&mut world);
        let world = Arc::new(Mutex::new(world));
        let shared = Arc::clone(&world);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let world = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service =
                        service_fn(move |request| answer(handler, Arc::clone(&world), request));
                    // A caller may go away at any time.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, world, server }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    handler: Handler,
    world: Arc<Mutex<World>>,
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, std::io::Error>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let authorization = parts
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let ask = Ask {
        method: parts.method.to_string(),
        path: parts.uri.path().split('/').skip(1).map(decoded).collect(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        authorization: authorization.unwrap_or_default().to_owned(),
        body,
    };
    let locked = || world.lock().unwrap_or_else(PoisonError::into_inner);
    let fault = {
        let mut world = locked();
        let number = world.calls.len();
        world.calls.push(format!("{} {}", parts.method, parts.uri));
        let of = world.faults.len().max(1);
        world.faults.get(number % of).copied().flatten()
    };
    if fault == Some(Fault::Hang) {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let reply = match fault {
        Some(Fault::Refuse) => Reply::empty(429).with("retry-after", "0".to_owned()),
        _ => {
            let mut world = locked();
            match world.instead.is_empty() {
                true => handler(&mut world, &ask),
                false => world.instead.remove(0),
            }
        }
    };
    let reply = match fault {
        Some(Fault::FailAfterActing) => Reply::empty(500),
        _ => reply,
    };
    let mut response = Response::builder().status(StatusCode::from_u16(reply.status).unwrap());
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let whole = Full::new(reply.body).map_err(|never| match never {});
    let body = match fault {
        // The connection breaks off within the answer.
        Some(Fault::DropMidBody) => {
            let begun = Ok(Frame::data(Bytes::from_static(b"{")));
            let broken = Err(std::io::Error::other("dropped"));
            StreamBody::new(stream::iter([begun, broken])).boxed()
        }
        _ => whole.boxed(),
    };
    Ok(response.body(body).unwrap())
}

fn decoded(segment: &str) -> String {
    // `+` and `&` are themselves in a path.
    let pair = format!("x={}", segment.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// A list cut into pages of two, whatever the caller would like, by how many came before.
pub(crate) fn page(all: &[Value], offset: usize) -> (Vec<Value>, Option<usize>) {
    let page: Vec<Value> = all.iter().skip(offset).take(2).cloned().collect();
    let next = offset + page.len();
    (page, (next < all.len()).then_some(next))
}

/// `Authorization` of a name and a password.
pub(crate) fn basic(user: &str, password: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("Basic ");
    for chunk in format!("{user}:{password}").as_bytes().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            match place <= chunk.len() {
                true => text.push(char::from(
                    LETTERS[(bits >> (18 - 6 * place)) as usize & 63],
                )),
                false => text.push('='),
            }
        }
    }
    text
}

/// What Ruby, PHP and their kin make of a text where a number is wanted: `0101`, `+101` and `101abc` are 101.
pub(crate) fn lenient_number(text: &str) -> String {
    let text = text.trim().trim_start_matches('+');
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse::<u64>()
        .map(|number| number.to_string())
        .unwrap_or_default()
}

pub(crate) fn not_found() -> Reply {
    Reply::json(404, &json!({"error": "not found"}))
}

pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// Whether a value is this number.
pub(crate) fn is_number(value: &Value, text: &str) -> bool {
    value
        .as_u64()
        .is_some_and(|number| number.to_string() == text)
}
