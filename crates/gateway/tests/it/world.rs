//! A host with the layer around it, and a small shop behind the gateway.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_auth::sign::{Signer, TokenDraft};
use adieu_auth::{AuthConfig, Authenticator, KeySource, Scope};
use adieu_core::{Attachment, Connector, Secret};
use adieu_engine::{Clock, Engine, Kind, MasterKey, Options, Store};
use adieu_gateway::{Gateway, GatewayBuilder, Worker, WorkerOptions};
use adieu_testkit::memory::{MemorySystem, Table};
use axum::Router;
use axum::routing::get;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::client::{self, Answer};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const SECRET: &str = "a-secret-of-32-random-bytes-01234";
pub(crate) const ALL: [Scope; 2] = [Scope::EXPORT, Scope::ERASE];

/// A clock that can be set ahead.
#[derive(Clone, Default)]
pub(crate) struct Ahead(Arc<Mutex<SignedDuration>>);

impl Ahead {
    pub(crate) fn by(&self, more: SignedDuration) {
        *self.0.lock().unwrap() += more;
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp::now() + *self.0.lock().unwrap()
    }
}

pub(crate) struct World {
    pub(crate) shop: MemorySystem,
    pub(crate) gateway: Gateway,
    pub(crate) clock: Ahead,
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    worker: Option<Worker>,
}

/// A person of the shop, with values that must show up nowhere but in their own archive.
pub(crate) fn fill(shop: &MemorySystem) {
    shop.create(Table::new("orders").found_by("user_id", "customer"))
        .unwrap();
    shop.create(
        Table::new("customers")
            .found_by("user_id", "id")
            .found_by("email", "email"),
    )
    .unwrap();
    for (id, name) in [
        ("ada", "Ada Canary-Lovelace"),
        ("eve", "Eve Canary-Moneypenny"),
    ] {
        let email = format!("{id}@canary.example");
        shop.put(
            "customers",
            id,
            json!({"id": id, "email": email, "name": name}),
        )
        .unwrap();
        for order in 0..3 {
            let key = format!("{id}-{order}");
            shop.put(
                "orders",
                key,
                json!({"customer": id, "note": format!("canary note {order}")}),
            )
            .unwrap();
        }
    }
}

pub(crate) fn attach(shop: &MemorySystem, who: &str, name: &str, bytes: usize) {
    // Not compressible, so that the archive is as large.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let body: Vec<u8> = (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .collect();
    shop.attach("customers", who, Attachment::new(name), body)
        .unwrap();
}

pub(crate) fn authenticator() -> Authenticator {
    let mut config = AuthConfig::new(ISSUER, "api", KeySource::given(Secret::new(SECRET)));
    config.tenant_claim = None;
    Authenticator::new(config, Path::new("."), None).unwrap()
}

pub(crate) async fn engine(folder: &Path, shop: &MemorySystem, clock: &Ahead) -> Engine {
    engine_with(folder, shop, clock, Options::default()).await
}

async fn engine_with(
    folder: &Path,
    shop: &MemorySystem,
    clock: &Ahead,
    options: Options,
) -> Engine {
    let key = MasterKey::parse(&"5a".repeat(32)).unwrap();
    let store = Store::open(&folder.join("adieu.db"), &key).await.unwrap();
    let connector: Arc<dyn Connector> = Arc::new(shop.connector("shop").unwrap());
    Engine::with_clock(store, vec![connector], options, Arc::new(clock.clone())).unwrap()
}

/// The host's own routes.
pub(crate) fn host() -> Router {
    Router::new()
        .route("/", get(|| async { "the host" }))
        .route("/privacyx", get(|| async { "foreign" }))
        .route("/orders", get(|| async { "orders" }))
}

pub(crate) fn quick() -> WorkerOptions {
    WorkerOptions {
        sweep_every: Duration::from_millis(50),
        expire_every: Duration::from_millis(50),
        ..WorkerOptions::default()
    }
}

pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    /// A world whose gateway is made otherwise.
    pub(crate) async fn with(change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Self {
        let shop = MemorySystem::new();
        fill(&shop);
        Self::over(shop, change).await
    }

    /// A world where operators have to approve these.
    pub(crate) async fn approving(kinds: &[Kind]) -> Self {
        let shop = MemorySystem::new();
        fill(&shop);
        let options = Options {
            approval: kinds.to_vec(),
            ..Options::default()
        };
        Self::made(shop, options, |builder| builder).await
    }

    pub(crate) async fn over(
        shop: MemorySystem,
        change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> Self {
        Self::made(shop, Options::default(), change).await
    }

    async fn made(
        shop: MemorySystem,
        options: Options,
        change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Ahead::default();
        let engine = engine_with(folder.path(), &shop, &clock, options).await;
        let builder = Gateway::builder(engine, authenticator()).clock(Arc::new(clock.clone()));
        let gateway = change(builder).build().unwrap();
        let address = serve(host().layer(gateway.layer())).await;
        let worker = Some(gateway.spawn_worker_with(quick()));
        Self {
            shop,
            gateway,
            clock,
            address,
            folder,
            worker,
        }
    }

    /// Stops carrying requests on.
    pub(crate) async fn pause(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.stop(Duration::from_secs(10)).await;
        }
    }

    pub(crate) fn go_on(&mut self) {
        self.worker = Some(self.gateway.spawn_worker_with(quick()));
    }

    pub(crate) fn token(&self, who: &str, scopes: &[Scope]) -> String {
        self.sign(TokenDraft::new(ISSUER, "api", who).scopes(scopes.iter().cloned()))
    }

    pub(crate) fn sign(&self, draft: TokenDraft) -> String {
        let signer = Signer::from_secret(&Secret::new(SECRET)).unwrap();
        signer
            .sign(&draft, self.clock.now())
            .unwrap()
            .expose()
            .to_owned()
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Value,
    ) -> Answer {
        let request = client::request(method, path, token, &body);
        Answer::read(client::open(self.address, request).await).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, token, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.call(Method::POST, path, token, body).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.call(Method::DELETE, path, token, Value::Null).await
    }

    /// The same call with one more header.
    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        token: &str,
        header: (&'static str, &str),
        body: Value,
    ) -> Answer {
        let mut request = client::request(method, path, token, &body);
        request
            .headers_mut()
            .append(header.0, header.1.parse().unwrap());
        Answer::read(client::open(self.address, request).await).await
    }

    /// Waits until a request is over, and answers with it.
    pub(crate) async fn ended(&self, link: &str, token: &str) -> Value {
        for _ in 0..400 {
            let request = self.get(link, token).await.expect(200).json();
            if !matches!(request["status"].as_str(), Some("running" | "scheduled")) {
                return request;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the request did not end");
    }

    /// Asks for an export and waits for it.
    pub(crate) async fn exported(&self, token: &str) -> Value {
        let asked = self
            .post("/privacy/v1/requests", token, json!({"kind": "export"}))
            .await
            .expect(202);
        let request = self.ended(asked.header("location"), token).await;
        assert_eq!(request["status"], "completed", "{request}");
        request
    }

    pub(crate) async fn plan_token(&self, token: &str) -> String {
        let preview = self
            .post("/privacy/v1/preview", token, Value::Null)
            .await
            .expect(200)
            .json();
        preview["plan_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn erase(&self, token: &str, plan_token: &str) -> Answer {
        let ask = json!({"kind": "erasure", "plan_token": plan_token});
        self.post("/privacy/v1/requests", token, ask).await
    }
}
