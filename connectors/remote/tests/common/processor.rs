//! A processor on loopback that speaks OpenDSR as its specification says, with a certificate of an authority of its own.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adieu_core::{ConnectorName, Secret, Setting, Subject};
use adieu_remote::{OpendsrConfig, OpendsrConnector};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::person;
use super::signing::{Body, whole};

pub(crate) const DOMAIN: &str = "opendsr.processor.example";
pub(crate) const TOKEN: &str = "hunter2-token";
pub(crate) const CALLBACK: &str = "https://shop.example/opendsr_callbacks";

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Refuse,
    Hang,
    DropMidBody,
    FailAfterActing,
}

/// What somebody is known by, whose that is, and what is held under it.
pub(crate) type Held = (bool, &'static str, &'static str, &'static str);

const HELD: [Held; 5] = [
    (true, "email", "ada@example.com", "Ada Lovelace reads mail"),
    (true, "email", "ada@work.example", "Ada works"),
    (
        true,
        "controller_customer_id",
        "user1",
        "Ada bought a ticket",
    ),
    (
        false,
        "controller_customer_id",
        "user10",
        "Eve Moneypenny bought two",
    ),
    (false, "email", "ada@example.com.au", "Eve reads mail"),
];

pub(crate) struct World {
    pub(crate) version: u8,
    pub(crate) held: Vec<Held>,
    /// The requests by their numbers: how they stand, and what was asked.
    pub(crate) requests: BTreeMap<String, (&'static str, Value)>,
    /// How a new request stands.
    pub(crate) begins: &'static str,
    /// Which certificate is shown, which key signs, and for which domain.
    pub(crate) certificate: &'static str,
    pub(crate) signs_with: &'static str,
    pub(crate) domain: &'static str,
    /// What is changed in a body after it was signed.
    pub(crate) tampers: Option<(&'static str, &'static str)>,
    /// What is changed before.
    pub(crate) lies: Option<(&'static str, &'static str)>,
    pub(crate) calls: Vec<String>,
    /// What goes wrong, call after call, again and again.
    pub(crate) faults: Vec<Option<Fault>>,
}

pub(crate) struct Processor {
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    papers: Arc<TempDir>,
    server: JoinHandle<()>,
}

/// Whether certificates can be made.
pub(crate) fn openssl_is_there() -> Result<(), String> {
    let version = Command::new("openssl").arg("version").output();
    version
        .map(|_| ())
        .map_err(|_| "openssl is not installed; run `cargo xtask tools`".to_owned())
}

impl Processor {
    pub(crate) async fn start() -> Self {
        let papers = Arc::new(papers());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::new(Mutex::new(World {
            version: 2,
            held: HELD.to_vec(),
            requests: BTreeMap::new(),
            begins: "pending",
            certificate: "good.pem",
            signs_with: "good.key",
            domain: DOMAIN,
            tampers: None,
            lies: None,
            calls: Vec::new(),
            faults: Vec::new(),
        }));
        let (shared, home, keys) = (Arc::clone(&world), url.clone(), Arc::clone(&papers));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (world, home, keys) = (Arc::clone(&shared), home.clone(), Arc::clone(&keys));
                let service = service_fn(move |request| {
                    answer(Arc::clone(&world), home.clone(), Arc::clone(&keys), request)
                });
                // A caller may go away at any time.
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self {
            url,
            world,
            papers,
            server,
        }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn config(&self) -> OpendsrConfig {
        let roots = self.papers.path().join("ca.pem").display().to_string();
        let toml = format!(
            "url = \"{}\"\nversion = {}\ndomain = \"{DOMAIN}\"\ntoken = \"{TOKEN}\"\n\
             key = \"a secret of ours, 32 characters long\"\nroots = \"file:{roots}\"\ncallback = \"{CALLBACK}\"\n\
             identities = {{ email = {{ type = \"email\" }}, user_id = {{ type = \"controller_customer_id\" }} }}\n\
             http = {{ requests_per_second = 5000 }}\n",
            self.url,
            self.world().version,
        );
        toml::from_str(&toml).unwrap()
    }

    /// Headers of a callback that is signed like this.
    pub(crate) fn signed(&self, domain: &str, key: &str, body: &[u8]) -> hyper::HeaderMap {
        let mut headers = hyper::HeaderMap::new();
        headers.insert("x-opendsr-processor-domain", domain.parse().unwrap());
        let signature = sign(self.papers.path(), key, body);
        headers.insert("x-opendsr-signature", signature.parse().unwrap());
        headers
    }

    /// What is held for Ada, or for others.
    pub(crate) fn left(&self, of_ada: bool) -> Vec<String> {
        let world = self.world();
        let left = world.held.iter().filter(|held| held.0 == of_ada);
        left.map(|(_, name, value, what)| format!("{name}={value} {what}"))
            .collect()
    }
}

impl Drop for Processor {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn connector(config: &OpendsrConfig) -> OpendsrConnector {
    let name = ConnectorName::new("processor").unwrap();
    OpendsrConnector::new(name, config, Path::new(".")).unwrap()
}

pub(crate) fn ada() -> Subject {
    person(&[
        ("email", "ada@example.com"),
        ("email", "ada@work.example"),
        ("user_id", "user1"),
    ])
}

pub(crate) fn literal(text: &str) -> Setting {
    Setting::Literal(Secret::new(text))
}

/// An authority, and certificates: a good one, one of another name, one out of its time, and one that issued itself.
fn papers() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("index.txt", "");
    write("serial", "01\n");
    write(
        "ca.cnf",
        "[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\ndefault_md = sha256\n\
         policy = p\nunique_subject = no\ncertificate = ca.pem\nprivate_key = ca.key\n[p]\ncommonName = supplied\n\
         [req]\ndistinguished_name = n\n[n]\n",
    );
    let openssl = |arguments: &str| {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments}: {output:?}");
    };
    let new = "req -config ca.cnf -newkey rsa:2048 -nodes";
    openssl(&format!(
        "{new} -x509 -days 30 -subj /CN=root -keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE \
         -addext keyUsage=critical,keyCertSign"
    ));
    openssl(&format!(
        "{new} -subj /CN=processor -keyout good.key -out leaf.csr"
    ));
    let year = Timestamp::now().to_zoned(TimeZone::UTC).year();
    let (next, last) = (year + 1, year - 1);
    for (name, domain, from, to) in [
        ("good", DOMAIN, last, next),
        ("other", "other.example", last, next),
        ("late", DOMAIN, last - 1, last),
    ] {
        write("san.cnf", &format!("subjectAltName = DNS:{domain}\n"));
        openssl(&format!(
            "ca -batch -notext -config ca.cnf -in leaf.csr -out {name}.pem -extfile san.cnf \
             -startdate {from}0101000000Z -enddate {to}0102000000Z"
        ));
    }
    openssl(&format!(
        "{new} -x509 -days 30 -subj /CN=own -keyout own.key -out own.pem -addext subjectAltName=DNS:{DOMAIN}"
    ));
    folder
}

fn sign(papers: &Path, key: &str, body: &[u8]) -> String {
    let pem = std::fs::read_to_string(papers.join(key)).unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(der).unwrap()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        body,
        &mut signature,
    )
    .unwrap();
    STANDARD.encode(signature)
}

async fn answer(
    world: Arc<Mutex<World>>,
    home: String,
    papers: Arc<TempDir>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.unwrap_or_default();
    let locked = || world.lock().unwrap_or_else(PoisonError::into_inner);
    let fault = {
        let mut world = locked();
        let number = world.calls.len();
        world
            .calls
            .push(format!("{} {}", parts.method, parts.uri.path()));
        let of = world.faults.len().max(1);
        world.faults.get(number % of).copied().flatten()
    };
    let empty = |status: u16| {
        let answer = Response::builder()
            .status(status)
            .header("retry-after", "0");
        answer.body(whole("")).unwrap()
    };
    match fault {
        Some(Fault::Refuse) => return Ok(empty(429)),
        Some(Fault::Hang) => tokio::time::sleep(Duration::from_secs(3)).await,
        _ => {}
    }
    let authorization = parts.headers.get("authorization");
    if authorization.and_then(|value| value.to_str().ok()) != Some(&format!("Bearer {TOKEN}")) {
        return Ok(Response::builder().status(401).body(whole("")).unwrap());
    }
    let acted = act(&mut locked(), &home, papers.path(), &parts, &body);
    Ok(match fault {
        Some(Fault::FailAfterActing) => empty(500),
        Some(Fault::DropMidBody) => {
            let broken = [
                Ok(Frame::data(Bytes::from_static(b"{\"controller"))),
                Err(std::io::Error::other("dropped")),
            ];
            acted.map(|_| StreamBody::new(stream::iter(broken)).boxed())
        }
        _ => acted,
    })
}

fn act(
    world: &mut World,
    home: &str,
    papers: &Path,
    parts: &hyper::http::request::Parts,
    body: &Bytes,
) -> Response<Body> {
    let (version, requests) = match world.version {
        1 => ("1.0", "/opengdpr_requests"),
        _ => ("2.0", "/requests"),
    };
    let path = parts.uri.path();
    let not_found = || Response::builder().status(404).body(whole("")).unwrap();
    match (parts.method.as_str(), path) {
        ("GET", "/discovery") => Response::new(whole(
            json!({
                "api_version": version, "processor_certificate": format!("{home}/cert.pem"),
                "supported_subject_request_types": ["access", "erasure"],
                "supported_identities": [
                    {"identity_type": "email", "identity_format": "raw"},
                    {"identity_type": "controller_customer_id", "identity_format": "raw"},
                ],
            })
            .to_string(),
        )),
        ("GET", "/cert.pem") => Response::new(whole(
            std::fs::read(papers.join(world.certificate)).unwrap(),
        )),
        ("POST", path) if path == requests => {
            let asked: Value = serde_json::from_slice(body).unwrap();
            let number = asked["subject_request_id"].as_str().unwrap().to_owned();
            let begins = world.begins;
            let identity = &asked["subject_identities"][0];
            world.held.retain(|(_, name, value, _)| {
                identity["identity_type"] != *name || identity["identity_value"] != *value
            });
            let told = json!({
                "controller_id": "shop", "expected_completion_time": due(), "received_time": Timestamp::now().to_string(),
                "encoded_request": STANDARD.encode(body), "subject_request_id": number,
            });
            world.requests.entry(number).or_insert((begins, asked));
            signed(world, papers, 201, &told)
        }
        ("GET", path) => {
            let number = path
                .strip_prefix(requests)
                .and_then(|rest| rest.strip_prefix('/'));
            let Some((status, _)) = number.and_then(|number| world.requests.get(number)) else {
                return not_found();
            };
            let told = json!({
                "controller_id": "shop", "expected_completion_time": due(), "subject_request_id": number,
                "request_status": status, "api_version": version,
            });
            signed(world, papers, 200, &told)
        }
        _ => not_found(),
    }
}

/// In a month, as the configuration expects as well.
fn due() -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let day = today.checked_add(Span::new().days(30)).unwrap();
    format!("{day}T12:00:00Z")
}

fn signed(world: &World, papers: &Path, status: u16, told: &Value) -> Response<Body> {
    let changed = |text: String, change: Option<(&str, &str)>| match change {
        Some((from, to)) => text.replace(from, to),
        None => text,
    };
    let told = changed(told.to_string(), world.lies);
    let name = if world.version == 1 {
        "opengdpr"
    } else {
        "opendsr"
    };
    Response::builder()
        .status(status)
        .header(format!("x-{name}-processor-domain"), world.domain)
        .header(
            format!("x-{name}-signature"),
            sign(papers, world.signs_with, told.as_bytes()),
        )
        .body(whole(changed(told, world.tampers)))
        .unwrap()
}
