//! A small server on loopback that behaves as Resend's documentation says. It keeps records, and forgets them when told to.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The account's key.
pub(crate) const KEY: &str = "re_test_hunter2";

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is refused before anything is done, because it is one too many.
    Refuse,
    /// It is done, and no answer comes.
    Hang,
    /// It is done, and the answer breaks off.
    Drop,
    /// It is done, and the answer says that it failed.
    FailAfterActing,
}

/// What the account holds.
#[derive(Default)]
pub(crate) struct World {
    /// By their ids.
    pub(crate) contacts: BTreeMap<String, Value>,
    /// By the ids of their contacts.
    pub(crate) segments: BTreeMap<String, Vec<Value>>,
    pub(crate) topics: BTreeMap<String, Vec<Value>>,
    pub(crate) suppressions: BTreeMap<String, Value>,
    pub(crate) broadcasts: Vec<Value>,
    /// By the broadcast's id and the type of event.
    pub(crate) recipients: BTreeMap<(String, &'static str), Vec<Value>>,
    /// Ids of what it refuses to delete.
    pub(crate) locked: BTreeSet<String>,
    /// Whether an address also finds what is alike.
    pub(crate) is_loose: bool,
    /// How many records a list gives at most, whatever is asked for.
    pub(crate) most: usize,
    /// Answers of this name to all calls: a quota is used up.
    pub(crate) quota: Option<&'static str>,
    /// What goes wrong with each call, over and over.
    pub(crate) faults: Vec<Option<Fault>>,
    /// Every call that came, and when.
    pub(crate) calls: Vec<(String, Instant)>,
    /// Everything that was deleted, in order.
    pub(crate) deleted: Vec<String>,
    made: u32,
}

impl World {
    fn new_id(&mut self) -> String {
        self.made += 1;
        format!("{:08x}-0000-4000-8000-000000000000", self.made)
    }

    /// Adds a contact with so many segments and topics; its id.
    pub(crate) fn contact(&mut self, email: &str, name: &str, belongings: usize) -> String {
        let id = self.new_id();
        let contact = json!({
            "object": "contact", "id": id, "email": email, "first_name": name, "last_name": "Lovelace",
            "created_at": "2025-10-06T23:47:56.678Z", "unsubscribed": false, "properties": {"shoe": "41"},
        });
        self.contacts.insert(id.clone(), contact);
        let (mut segments, mut topics) = (Vec::new(), Vec::new());
        for number in 0..belongings {
            let segment = self.new_id();
            segments.push(json!({"id": segment, "name": format!("Segment {number}"), "created_at": "2025-10-06T23:47:56Z"}));
            let topic = self.new_id();
            topics.push(
                json!({"id": topic, "name": format!("Topic {number}"), "subscription": "opt_in"}),
            );
        }
        self.segments.insert(id.clone(), segments);
        self.topics.insert(id.clone(), topics);
        id
    }

    pub(crate) fn suppression(&mut self, email: &str, origin: &str) -> String {
        let id = self.new_id();
        let entry = json!({
            "object": "suppression", "id": id, "email": email, "origin": origin, "source_id": null,
            "created_at": "2026-10-06T23:47:56.678Z",
        });
        self.suppressions.insert(id.clone(), entry);
        id
    }

    /// Adds a broadcast that was sent to these.
    pub(crate) fn broadcast(&mut self, subject: &str, status: &str, recipients: &[&str]) -> String {
        let id = self.new_id();
        self.broadcasts.push(json!({
            "object": "broadcast", "id": id, "name": "Announcements", "status": status, "subject": subject,
            "from": "Acme <news@acme.example>", "preview_text": "Read on", "html": "<p>Hello</p>", "text": "Hello",
            "created_at": "2026-10-01T10:00:00Z", "scheduled_at": "2026-10-01T10:00:00Z",
            "sent_at": "2026-10-01T10:00:00Z",
        }));
        for email in recipients {
            for event in ["sent", "delivered", "clicked"] {
                let row = self.new_id();
                let mut noted = json!({"id": row, "contact_id": null, "email": email, "count": 1});
                if event == "clicked" {
                    noted["clicked_links"] =
                        json!([{"url": "https://acme.example/shoes", "clicks": 2}]);
                }
                self.recipients
                    .entry((id.clone(), event))
                    .or_default()
                    .push(noted);
            }
        }
        id
    }

    /// The methods and paths that were called.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.calls.iter().map(|(call, _)| call.clone()).collect()
    }

    fn find(&self, all: &BTreeMap<String, Value>, key: &str) -> Option<Value> {
        if let Some(by_id) = all.get(key) {
            return Some(by_id.clone());
        }
        let name = key.split(['@', '+']).next().unwrap_or_default();
        let found = all.values().find(|one| {
            let email = one["email"].as_str().unwrap_or_default();
            // It keeps addresses in lower case.
            email == key
                || email == key.to_ascii_lowercase()
                || self.is_loose
                    && email
                        .to_ascii_lowercase()
                        .starts_with(&name.to_ascii_lowercase())
        });
        found.cloned()
    }

    fn answer(&mut self, ask: &Ask) -> (u16, Value) {
        if let Some(refused) = ask.refused() {
            return refused;
        }
        if let Some(name) = self.quota {
            return (
                429,
                json!({"statusCode": 429, "name": name, "message": "Too much"}),
            );
        }
        let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
        match (ask.method.as_str(), path.as_slice()) {
            ("GET", ["contacts", key]) => found(self.find(&self.contacts, key)),
            ("DELETE", ["contacts", key]) => self.delete("contact", key),
            ("GET", ["contacts", id, list @ ("segments" | "topics")]) => {
                let all = match *list {
                    "segments" => self.segments.get(*id),
                    _ => self.topics.get(*id),
                };
                match all.filter(|_| self.contacts.contains_key(*id)) {
                    Some(all) => ask.page(all, self.most),
                    None => not_found(),
                }
            }
            ("GET", ["suppressions", key]) => found(self.find(&self.suppressions, key)),
            ("DELETE", ["suppressions", key]) => self.delete("suppression", key),
            ("GET", ["broadcasts"]) => {
                let shown = [
                    "id",
                    "name",
                    "status",
                    "created_at",
                    "scheduled_at",
                    "sent_at",
                ];
                let all: Vec<Value> = self
                    .broadcasts
                    .iter()
                    .map(|one| shown.map(|key| (key.to_owned(), one[key].clone())))
                    .map(|fields| Value::Object(fields.into_iter().collect()))
                    .collect();
                ask.page(&all, self.most)
            }
            ("GET", ["broadcasts", id]) => {
                let mut all = self.broadcasts.iter();
                found(all.find(|one| one["id"] == **id).cloned())
            }
            ("GET", ["broadcasts", id, "recipients"]) => {
                let event = ask.query("type").unwrap_or_default();
                let email = ask.query("email").unwrap_or_default();
                let mut all = self.recipients.iter();
                let of_this = all.find(|((broadcast, one), _)| broadcast == id && *one == event);
                let listed: Vec<Value> = of_this
                    .into_iter()
                    .flat_map(|(_, rows)| rows.iter())
                    // The filter finds what begins alike.
                    .filter(|row| {
                        let known = row["email"].as_str().unwrap_or_default();
                        known.starts_with(email)
                    })
                    .cloned()
                    .collect();
                ask.page(&listed, self.most)
            }
            _ => not_found(),
        }
    }

    fn delete(&mut self, object: &'static str, key: &str) -> (u16, Value) {
        let all = match object {
            "contact" => &self.contacts,
            _ => &self.suppressions,
        };
        let Some(id) = self
            .find(all, key)
            .and_then(|one| one["id"].as_str().map(str::to_owned))
        else {
            return not_found();
        };
        if self.locked.contains(&id) {
            return (
                422,
                json!({"statusCode": 422, "name": "validation_error", "message": "No"}),
            );
        }
        self.contacts.remove(&id);
        self.segments.remove(&id);
        self.topics.remove(&id);
        self.suppressions.remove(&id);
        self.deleted.push(id.clone());
        (200, json!({"object": object, "id": id, "deleted": true}))
    }
}

fn found(one: Option<Value>) -> (u16, Value) {
    one.map_or_else(not_found, |one| (200, one))
}

fn not_found() -> (u16, Value) {
    let body = json!({"statusCode": 404, "name": "not_found", "message": "Not found"});
    (404, body)
}

/// A call, taken apart.
struct Ask {
    method: String,
    path: Vec<String>,
    query: Vec<(String, String)>,
    authorization: String,
    has_agent: bool,
}

impl Ask {
    fn query(&self, name: &str) -> Option<&str> {
        let mut all = self.query.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn refused(&self) -> Option<(u16, Value)> {
        let (status, name) = match self.authorization.strip_prefix("Bearer ") {
            _ if !self.has_agent => (403, "missing_user_agent"),
            None => (401, "missing_api_key"),
            Some("re_sends_only") => (401, "restricted_api_key"),
            Some(key) if key != KEY => (403, "invalid_api_key"),
            Some(_) => return None,
        };
        Some((
            status,
            json!({"statusCode": status, "name": name, "message": "No"}),
        ))
    }

    /// The part of a list that is asked for.
    fn page(&self, all: &[Value], most: usize) -> (u16, Value) {
        let begin = match self.query("after") {
            None => 0,
            Some(after) => match all.iter().position(|one| one["id"] == *after) {
                Some(place) => place + 1,
                None => {
                    let body =
                        json!({"statusCode": 422, "name": "validation_error", "message": "No"});
                    return (422, body);
                }
            },
        };
        let asked: usize = self
            .query("limit")
            .and_then(|text| text.parse().ok())
            .unwrap_or(20);
        assert!((1..=100).contains(&asked), "limit={asked}");
        let page: Vec<Value> = all
            .iter()
            .skip(begin)
            .take(asked.min(most))
            .cloned()
            .collect();
        let more = begin + page.len() < all.len();
        (
            200,
            json!({"object": "list", "has_more": more, "data": page}),
        )
    }
}

/// The server, ended when dropped.
pub(crate) struct Fake {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    server: JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::new(Mutex::new(World {
            most: 3,
            ..World::default()
        }));
        let shared = Arc::clone(&world);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let world = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&world), request));
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

type Body = BoxBody<Bytes, std::io::Error>;

async fn answer(
    world: Arc<Mutex<World>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let uri = request.uri();
    let text = |name: &str| {
        let value = request.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let ask = Ask {
        method: request.method().to_string(),
        path: uri.path().split('/').skip(1).map(decoded).collect(),
        query: form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        authorization: text("authorization").unwrap_or_default(),
        has_agent: text("user-agent").is_some(),
    };
    let (fault, (status, body)) = {
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        let call = format!("{} {}", request.method(), uri);
        world.calls.push((call, Instant::now()));
        let place = world.calls.len() - 1;
        let fault = match world.faults.len() {
            0 => None,
            many => world.faults[place % many],
        };
        let answer = match fault {
            Some(Fault::Refuse) => {
                let name = "rate_limit_exceeded";
                (
                    429,
                    json!({"statusCode": 429, "name": name, "message": "Too many"}),
                )
            }
            _ => world.answer(&ask),
        };
        (fault, answer)
    };
    let whole = Bytes::from(body.to_string());
    let half = whole.slice(..whole.len() / 2);
    let response = Response::builder().header("content-type", "application/json");
    let entire = |bytes: Bytes| Full::new(bytes).map_err(|never| match never {}).boxed();
    let response = match fault {
        None => response.status(status).body(entire(whole)),
        Some(Fault::Refuse) => response
            .status(status)
            .header("retry-after", "0")
            .body(entire(whole)),
        Some(Fault::FailAfterActing) => response.status(500).body(entire("{}".into())),
        Some(Fault::Hang) => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            response.status(500).body(entire(Bytes::new()))
        }
        Some(Fault::Drop) => {
            let pieces = [
                Ok(Frame::data(half)),
                Err(std::io::ErrorKind::ConnectionReset.into()),
            ];
            let body = StreamBody::new(stream::iter(pieces));
            response
                .status(status)
                .header("content-length", whole.len())
                .body(BoxBody::new(body))
        }
    };
    Ok(response.unwrap())
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
