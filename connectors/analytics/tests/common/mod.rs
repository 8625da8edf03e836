//! Google Analytics on loopback, as its reference says: it forgets whom it is told to forget, and tells nothing.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; a test fails by it"
)]

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adieu_analytics::{AnalyticsConfig, AnalyticsConnector};
use adieu_core::{ConnectorName, Identity, Secret, Setting, Subject};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Whose events they are. Google does not know it; the tests do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Ada,
    Eve,
}

/// What Google has gathered under one identifier.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    pub(crate) whose: Whose,
    pub(crate) name: &'static str,
    pub(crate) value: &'static str,
    pub(crate) what: &'static str,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Refuse,
    Hang,
    DropMidBody,
    FailAfterActing,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) events: Vec<Events>,
    /// A value of which Google says that it is none.
    pub(crate) refused: Option<&'static str>,
    /// The bodies of all submissions.
    pub(crate) submitted: Vec<Value>,
    /// What is answered to a submission instead.
    pub(crate) instead: Option<Value>,
    pub(crate) tokens: usize,
    /// What goes wrong, call after call, again and again.
    pub(crate) faults: Vec<Option<Fault>>,
    calls: usize,
    /// Where the issuer's keys are, when tokens are a real issuer's.
    pub(crate) keys: Option<Value>,
    public: String,
}

/// A property that has seen Ada in many ways, and Eve.
pub(crate) struct Google {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    private: String,
    server: JoinHandle<()>,
}

pub(crate) const PROPERTY: &str = "123456789";

const SEEN: [(Whose, &str, &str, &str); 8] = [
    (
        Whose::Ada,
        "userId",
        "user1",
        "Ada Lovelace looked at prices",
    ),
    (
        Whose::Ada,
        "clientId",
        "1234567890.1600000000",
        "Ada's laptop",
    ),
    (
        Whose::Ada,
        "clientId",
        "1234567890.1700000000",
        "Ada's old laptop",
    ),
    (Whose::Ada, "appInstanceId", "0123abcd", "Ada's phone"),
    (
        Whose::Ada,
        "userProvidedData",
        "ada@gmail.com",
        "Ada bought a ticket",
    ),
    (Whose::Ada, "userProvidedData", "+4930901820", "Ada called"),
    (
        Whose::Eve,
        "userId",
        "user10",
        "Eve Moneypenny looked at prices",
    ),
    (
        Whose::Eve,
        "userProvidedData",
        "ada@gmail.com.au",
        "Eve bought a ticket",
    ),
];

impl Google {
    pub(crate) async fn start() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = SEEN.into_iter().map(|(whose, name, value, what)| Events {
            whose,
            name,
            value,
            what,
        });
        let world = Arc::new(Mutex::new(World {
            events: seen.collect(),
            public: pem("PUBLIC KEY", public.as_ref()),
            ..World::default()
        }));
        let (shared, home) = (Arc::clone(&world), url.clone());
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (world, home) = (Arc::clone(&shared), home.clone());
                let service =
                    service_fn(move |request| answer(Arc::clone(&world), home.clone(), request));
                tokio::spawn(async move {
                    // A caller may go away at any time.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            url,
            world,
            private: pem("PRIVATE KEY", private.as_ref()),
            server,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn private_key(&self) -> &str {
        &self.private
    }

    pub(crate) fn public_key(&self) -> String {
        self.world().public.clone()
    }

    /// The key file of the service account, whose tokens are had there.
    pub(crate) fn key_file(&self, token_uri: &str) -> Setting {
        let file = json!({
            "type": "service_account", "client_email": "adieu@project.example",
            "private_key": self.private, "token_uri": token_uri,
        });
        Setting::Literal(Secret::new(file.to_string()))
    }

    pub(crate) fn config(&self) -> AnalyticsConfig {
        let key = self.key_file(&format!("{}/token", self.url));
        let mut config = AnalyticsConfig::new(PROPERTY, key);
        config.url = Some(Setting::Literal(Secret::new(&*self.url)));
        config.email = "email".to_owned();
        config.phone = "phone".to_owned();
        config.http.requests_per_second = 5_000.try_into().ok();
        config
    }

    /// What is left, as texts.
    pub(crate) fn left(&self, whose: Whose) -> Vec<String> {
        let world = self.world();
        let left = world.events.iter().filter(|events| events.whose == whose);
        left.map(|events| format!("{}={} {}", events.name, events.value, events.what))
            .collect()
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn connector(config: &AnalyticsConfig) -> AnalyticsConnector {
    let name = ConnectorName::new("analytics").unwrap();
    AnalyticsConnector::new(name, config, Path::new(".")).unwrap()
}

pub(crate) fn person(identities: &[(&str, &str)]) -> Subject {
    let identities = identities.iter();
    Subject::new(identities.map(|(kind, value)| Identity::new(*kind, *value).unwrap()))
}

pub(crate) fn ada() -> Subject {
    person(&[
        ("user_id", "user1"),
        ("ga_client_id", "1234567890.1600000000"),
        ("ga_client_id", "1234567890.1700000000"),
        ("ga_app_instance_id", "0123abcd"),
        ("email", "A.D.A@Gmail.com"),
        ("phone", "+49 (30) 901820"),
    ])
}

pub(crate) fn eve() -> Subject {
    person(&[("user_id", "user10"), ("email", "ada@gmail.com.au")])
}

type Body = BoxBody<Bytes, std::io::Error>;

fn whole(text: String) -> Body {
    Full::from(text).map_err(|never| match never {}).boxed()
}

fn reply(status: u16, body: Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(whole(body.to_string()))
        .unwrap()
}

/// An error as Google writes it.
fn error(status: u16, word: &str) -> Response<Body> {
    let message = "not of this one: ada@gmail.com";
    reply(
        status,
        json!({"error": {"code": status, "message": message, "status": word}}),
    )
}

async fn answer(
    world: Arc<Mutex<World>>,
    home: String,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.unwrap_or_default();
    let locked = || world.lock().unwrap_or_else(PoisonError::into_inner);
    let fault = {
        let mut world = locked();
        let number = world.calls;
        world.calls += 1;
        let of = world.faults.len().max(1);
        world.faults.get(number % of).copied().flatten()
    };
    if fault == Some(Fault::Refuse) {
        let mut refused = error(429, "RESOURCE_EXHAUSTED");
        refused
            .headers_mut()
            .insert("retry-after", "0".parse().unwrap());
        return Ok(refused);
    }
    if fault == Some(Fault::Hang) {
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let acted = act(&mut locked(), &home, &parts, &body);
    Ok(match fault {
        Some(Fault::FailAfterActing) => error(500, "INTERNAL"),
        Some(Fault::DropMidBody) => {
            let broken = [
                Ok(Frame::data(Bytes::from_static(b"{\"deletion"))),
                Err(std::io::Error::other("dropped")),
            ];
            let stream = futures_util::stream::iter(broken);
            acted.map(|_| StreamBody::new(stream).boxed())
        }
        _ => acted,
    })
}

fn act(
    world: &mut World,
    home: &str,
    parts: &hyper::http::request::Parts,
    body: &Bytes,
) -> Response<Body> {
    let path = parts.uri.path();
    if path == "/token" {
        return token(world, home, body);
    }
    let authorization = parts.headers.get("authorization");
    let bearer = authorization.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !bearer.is_some_and(|token| is_good(world, token)) {
        return error(401, "UNAUTHENTICATED");
    }
    let Some(rest) = path.strip_prefix("/v1alpha/properties/") else {
        return error(404, "NOT_FOUND");
    };
    let (property, verb) = rest.split_once(':').unwrap_or((rest, ""));
    if property != PROPERTY {
        return error(403, "PERMISSION_DENIED");
    }
    match (parts.method.as_str(), verb) {
        ("GET", "") => reply(
            200,
            json!({"name": format!("properties/{PROPERTY}"), "displayName": "The shop"}),
        ),
        ("POST", "submitUserDeletion") => submit(world, body),
        _ => error(404, "NOT_FOUND"),
    }
}

fn submit(world: &mut World, body: &Bytes) -> Response<Body> {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    world.submitted.push(asked.clone());
    let names = ["userId", "clientId", "appInstanceId", "userProvidedData"];
    let given: Vec<(&str, &str)> = names
        .into_iter()
        .filter_map(|name| Some((name, asked.get(name)?.as_str()?)))
        .collect();
    let &[(name, value)] = given.as_slice() else {
        return error(400, "INVALID_ARGUMENT");
    };
    if world.refused == Some(value) {
        return error(400, "INVALID_ARGUMENT");
    }
    world
        .events
        .retain(|events| (events.name, events.value) != (name, value));
    if let Some(instead) = &world.instead {
        return reply(200, instead.clone());
    }
    let now = jiff::Timestamp::now();
    reply(200, json!({"deletionRequestTime": now.to_string()}))
}

/// Grants a token for a statement that is signed and says what it must.
fn token(world: &mut World, home: &str, body: &Bytes) -> Response<Body> {
    let form: std::collections::BTreeMap<String, String> =
        form_urlencoded::parse(body).into_owned().collect();
    let key = DecodingKey::from_rsa_pem(world.public.as_bytes()).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[format!("{home}/token")]);
    validation.set_issuer(&["adieu@project.example"]);
    let assertion = form
        .get("assertion")
        .map(String::as_str)
        .unwrap_or_default();
    let claims = jsonwebtoken::decode::<Value>(assertion, &key, &validation);
    let is_right = form.get("grant_type").map(String::as_str)
        == Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
        && claims.is_ok_and(|statement| {
            statement.claims["scope"] == "https://www.googleapis.com/auth/analytics.edit"
        });
    if !is_right {
        return reply(400, json!({"error": "invalid_grant"}));
    }
    world.tokens += 1;
    reply(
        200,
        json!({"access_token": "ya29.granted", "expires_in": 3599, "token_type": "Bearer"}),
    )
}

fn is_good(world: &World, token: &str) -> bool {
    let Some(keys) = &world.keys else {
        return token == "ya29.granted";
    };
    let key = &keys["keys"][0];
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let key = DecodingKey::from_rsa_components(&text("n"), &text("e")).unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_aud = false;
    jsonwebtoken::decode::<Value>(token, &key, &validation).is_ok()
}

fn pem(label: &str, der: &[u8]) -> String {
    let der = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{der}\n-----END {label}-----\n")
}
