//! What a reader costs who takes nothing: a thousand of an archive, and a thousand of an event stream, in KiB each.
//!
//! The server is a process of its own, so that the readers' own memory does not count. What the system keeps for a socket is
//! no part of a process and does not count either.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends when it cannot run"
)]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use adieu_archive::Format;
use adieu_auth::sign::{Signer, TokenDraft};
use adieu_auth::{AuthConfig, Authenticator, KeySource, Scope};
use adieu_core::{Attachment, Connector, Identity, Secret, Subject};
use adieu_engine::{Engine, MasterKey, Options, Store};
use adieu_gateway::{Gateway, Limits};
use adieu_testkit::memory::{MemorySystem, Table};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tower_layer::Layer as _;

const READERS: usize = 1000;
const SERVING: &str = "ADIEU_BENCH_SERVES";
const SECRET: &str = "a-secret-of-32-random-bytes-01234";
const ISSUER: &str = "https://id.example.com";
/// So that what a reader does not take stays in the server.
const SOCKET_BYTES: u32 = 16 << 10;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if std::env::var_os(SERVING).is_some() {
        runtime.block_on(serve());
    } else {
        for what in ["archive", "events"] {
            runtime.block_on(measure(what));
        }
    }
}

/// Opens readers, lets them wait, and compares what the server's process holds with what it held before.
async fn measure(what: &str) {
    let mut server = Server::start();
    let (address, token) = (server.address, server.token.clone());
    let path = if what == "archive" {
        server.archive.clone()
    } else {
        server.events.clone()
    };
    // What the first ones cost is there once: threads, tables, what is kept warm.
    let mut first = Vec::new();
    for _ in 0..50 {
        first.push(reader(address, &path, &token).await);
    }
    settle().await;
    let before = server.resident_kib();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(reader(address, &path, &token).await);
    }
    settle().await;
    let after = server.resident_kib();
    println!(
        "{READERS} slow readers of {what}: {:.1} KiB each ({before} KiB before, {after} KiB after; at most 64 wanted)",
        (after - before) as f64 / READERS as f64
    );
    drop((first, readers));
    server.child.kill().unwrap();
    server.child.wait().unwrap();
}

/// Idle threads have ended by then.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(13)).await;
}

/// Asks, reads the beginning, and takes nothing more.
async fn reader(address: SocketAddr, path: &str, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(SOCKET_BYTES).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let ask =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut head = [0; 256];
    let read = stream.read(&mut head).await.unwrap();
    assert!(head[..read].starts_with(b"HTTP/1.1 200"));
    stream
}

struct Server {
    child: Child,
    address: SocketAddr,
    token: String,
    archive: String,
    events: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(SERVING, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        Self {
            address: line().parse().unwrap(),
            token: line(),
            archive: line(),
            events: line(),
            child,
        }
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// A shop with a person who has a film of 8 MB, an export of it, and an erasure that waits.
async fn serve() {
    let folder = tempfile::tempdir().unwrap();
    let shop = MemorySystem::new();
    shop.create(Table::new("customers").found_by("user_id", "id"))
        .unwrap();
    shop.put("customers", "ada", serde_json::json!({ "id": "ada" }))
        .unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let film: Vec<u8> = (0..8 << 20)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .collect();
    shop.attach("customers", "ada", Attachment::new("film.mp4"), film)
        .unwrap();
    let connector: Arc<dyn Connector> = Arc::new(shop.connector("shop").unwrap());
    let store = Store::open(
        &folder.path().join("adieu.db"),
        &MasterKey::generate().unwrap(),
    )
    .await
    .unwrap();
    let engine = Engine::new(store, vec![connector], Options::default()).unwrap();
    let secret = Secret::new(SECRET);
    let config = AuthConfig::new(ISSUER, "api", KeySource::given(secret.clone()));
    let authenticator = Authenticator::new(config, Path::new("."), None).unwrap();
    let gateway = Gateway::builder(engine, authenticator)
        .grace_days(7)
        .limits(Limits {
            calls_per_minute: 1_000_000,
            ..Limits::default()
        })
        .build()
        .unwrap();
    let ada = Identity::new("user_id", "ada").unwrap();
    let subject = Subject::new([ada.clone()]);
    let export = gateway
        .export(subject.clone(), ada.clone(), Format::Zip)
        .await
        .unwrap();
    let export = gateway
        .engine()
        .run(export.id, Duration::from_secs(60))
        .await
        .unwrap();
    let erasure = gateway.erase(subject, ada).await.unwrap();
    let draft = TokenDraft::new(ISSUER, "api", "ada").scopes([Scope::EXPORT]);
    let token = Signer::from_secret(&secret)
        .unwrap()
        .sign(&draft, jiff::Timestamp::now())
        .unwrap();

    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(SOCKET_BYTES).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1024).unwrap();
    println!("{}", listener.local_addr().unwrap());
    println!("{}", token.expose());
    println!("/privacy/v1/requests/{}/archive", export.id);
    println!("/privacy/v1/requests/{}/events", erasure.id);
    let router = axum::Router::<()>::new();
    let layered = gateway.layer().layer(router);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper_util::service::TowerToHyperService::new(layered.clone());
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}
