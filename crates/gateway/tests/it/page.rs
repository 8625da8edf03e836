//! The self-service page in a real browser: the scripts of `tests/page`, each against a host of its own. With `ADIEU_TEST_SHOTS`, a folder,
//! pictures of every state are left there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use adieu_auth::sign::{Signer, TokenDraft};
use adieu_auth::{AuthConfig, Authenticator, Cookie, KeySource, Scope};
use adieu_core::{
    Blocker, Connector, Identity, LegalBasis, Processor, Retention, RetentionBasis, Secret,
    Unreachable,
};
use adieu_engine::{Engine, Kind, MasterKey, Options, Store};
use adieu_gateway::{Gateway, GatewayBuilder, Limits, PageConfig, Worker};
use adieu_testkit::memory::{MemorySystem, Rule, Table};
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::world::{ALL, Ahead, ISSUER, SECRET, attach, quick};

/// A shop with a payment provider and a newsletter, on a host that has its own routes.
struct Stage {
    shop: MemorySystem,
    gateway: Gateway,
    address: SocketAddr,
    folder: TempDir,
    tokens: BTreeMap<&'static str, String>,
    _worker: Worker,
}

static TURN: Mutex<()> = Mutex::const_new(());

/// What is asked of the stage while a script runs.
#[derive(Clone)]
struct Levers {
    shop: MemorySystem,
    clock: Ahead,
}

impl Stage {
    async fn new(change: impl FnOnce(GatewayBuilder) -> GatewayBuilder) -> Self {
        Self::over(shop(), change).await
    }

    async fn over(
        shop: MemorySystem,
        change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> Self {
        Self::made(shop, &[], change).await
    }

    /// A stage where operators have to approve these.
    async fn made(
        shop: MemorySystem,
        approval: &[Kind],
        change: impl FnOnce(GatewayBuilder) -> GatewayBuilder,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let clock = Ahead::default();
        let key = MasterKey::parse(&"5a".repeat(32)).unwrap();
        let store = Store::open(&folder.path().join("adieu.db"), &key)
            .await
            .unwrap();
        let options = Options {
            controller: Some("Corner Shop Ltd".to_owned()),
            approval: approval.to_vec(),
            ..Options::default()
        };
        let connectors = connectors(&shop);
        let engine =
            Engine::with_clock(store, connectors, options, Arc::new(clock.clone())).unwrap();
        let mut page = PageConfig::default();
        page.login_url = Some("/login?next={return}".to_owned());
        page.contact = Some("privacy@corner-shop.example".to_owned());
        let builder = Gateway::builder(engine, authenticator(address))
            .clock(Arc::new(clock.clone()))
            .page(page);
        let gateway = change(builder).build().unwrap();
        let levers = Levers {
            shop: shop.clone(),
            clock: clock.clone(),
        };
        let app = host(levers)
            .layer(gateway.erased_guard())
            .layer(gateway.layer());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let worker = gateway.spawn_worker_with(quick());
        let draft = || TokenDraft::new(ISSUER, "api", "ada").scopes(ALL);
        let long_ago = Timestamp::now() - SignedDuration::from_mins(30);
        let tokens = [
            ("ada", draft()),
            ("eve", TokenDraft::new(ISSUER, "api", "eve").scopes(ALL)),
            ("stale", draft().login_at(long_ago)),
            ("steady", draft().lifetime(Duration::from_secs(80_000))),
            (
                "olga",
                TokenDraft::new(ISSUER, "api", "olga").scopes([Scope::OPERATOR]),
            ),
            ("idle", TokenDraft::new(ISSUER, "api", "ada")),
        ];
        let signer = Signer::from_secret(&Secret::new(SECRET)).unwrap();
        let tokens = tokens
            .into_iter()
            .map(|(name, draft)| {
                let token = signer.sign(&draft, Timestamp::now()).unwrap();
                (name, token.expose().to_owned())
            })
            .collect();
        Self {
            shop,
            gateway,
            address,
            folder,
            tokens,
            _worker: worker,
        }
    }

    /// Runs a script of `tests/page` and answers with what it printed.
    async fn plays(&self, script: &str) -> Option<String> {
        let node = node()?;
        // Several browsers at once only wait for each other.
        let _turn = TURN.lock().await;
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page");
        let shots = std::env::var_os("ADIEU_TEST_SHOTS").map(PathBuf::from);
        let stage = json!({
            "base": format!("http://{}", self.address),
            "tokens": self.tokens,
            "downloads": self.folder.path(),
            "shots": shots,
        });
        let run = Command::new("node")
            .arg(scripts.join(script))
            .env("ADIEU_TEST_STAGE", stage.to_string())
            .env("ADIEU_TEST_NODE", node)
            .env("ADIEU_TEST_CHROMIUM", chromium())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let run = tokio::time::timeout(Duration::from_secs(300), run)
            .await
            .unwrap_or_else(|_| panic!("{script} did not end"))
            .unwrap();
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        let wrong = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{script}\n{said}{wrong}");
        Some(said)
    }
}

/// One connector for each of three companies, all over the tables of one shop in memory.
fn connectors(shop: &MemorySystem) -> Vec<Arc<dyn Connector>> {
    let own = |tables: &'static [&'static str], name: &str| {
        shop.connector(name).unwrap().describe(move |descriptor| {
            descriptor
                .collections
                .retain(|collection| tables.contains(&collection.name.as_str()));
            for collection in &mut descriptor.collections {
                let (title, purpose, categories, period) = words(collection.name.as_str());
                collection.title = Some(title.to_owned());
                collection.purpose = Some(purpose.to_owned());
                collection.categories = categories.iter().map(|&one| one.to_owned()).collect();
                collection.storage_period = Some(period.to_owned());
                collection.legal_basis = Some(LegalBasis::Contract);
            }
        })
    };
    let at_home =
        own(&["notes", "customers", "orders", "invoices"], "shop").describe(|descriptor| {
            descriptor.processor.location = Some("EU (Frankfurt)".to_owned());
            descriptor.unreachable = vec![Unreachable {
                what: "nightly backups".to_owned(),
                why: "they are written once and never changed".to_owned(),
                lives_for: Some("30 days".to_owned()),
            }];
        });
    let payments = own(&["payment_methods"], "payments").describe(|descriptor| {
        descriptor.processor = Processor::company("PayWell Inc.");
    });
    let newsletter = own(&["subscriptions"], "newsletter").describe(|descriptor| {
        descriptor.processor = Processor::company("Letterbox GmbH");
        descriptor.unreachable = vec![Unreachable {
            what: "e-mails that were sent".to_owned(),
            why: "they lie in your own mailbox".to_owned(),
            lives_for: None,
        }];
    });
    vec![Arc::new(at_home), Arc::new(payments), Arc::new(newsletter)]
}

fn words(table: &str) -> (&str, &str, &[&str], &str) {
    match table {
        "customers" => (
            "Your account",
            "To know who you are",
            &["Name", "E-mail address", "Address"],
            "As long as you have an account",
        ),
        "orders" => (
            "Your orders",
            "To send you what you bought",
            &["What you bought"],
            "3 years",
        ),
        "invoices" => (
            "Your invoices",
            "Bookkeeping",
            &["Amounts", "Address"],
            "10 years",
        ),
        "notes" => (
            "<img src=x onerror=alert(2)>",
            "<b>To know</b>",
            &["<i>Notes</i>"],
            "</li>",
        ),
        "payment_methods" => (
            "How you pay",
            "To take payments",
            &["Card numbers"],
            "Until you remove it",
        ),
        _ => (
            "Your newsletter",
            "To write to you",
            &["E-mail address"],
            "Until you unsubscribe",
        ),
    }
}

fn shop() -> MemorySystem {
    let shop = MemorySystem::new();
    let tax_law = |until| Rule::Retain {
        retention: Retention {
            basis: RetentionBasis::LegalObligation,
            reason: "tax law".to_owned(),
            until: Some(until),
        },
        pseudonymize: vec!["address".to_owned()],
    };
    let kept = Rule::Pseudonymize(vec!["name".to_owned(), "email".to_owned()]);
    for table in [
        Table::new("orders").found_by("user_id", "customer"),
        Table::new("invoices").found_by("user_id", "customer"),
        Table::new("payment_methods").found_by("user_id", "customer"),
        Table::new("subscriptions").found_by("user_id", "customer"),
        Table::new("customers")
            .found_by("user_id", "id")
            .on_erasure(kept),
    ] {
        shop.create(table).unwrap();
    }
    for id in ["ada", "eve"] {
        let account = json!({"id": id, "name": format!("{id} Fairweather"), "email": format!("{id}@example.com")});
        shop.put("customers", id, account).unwrap();
        for n in 0..3 {
            shop.put(
                "orders",
                format!("{id}-{n}"),
                json!({"customer": id, "item": n}),
            )
            .unwrap();
        }
        for (n, until) in [(0, date(2032, 11, 22)), (1, date(2036, 11, 2))] {
            let key = format!("{id}-{n}");
            let invoice = json!({"customer": id, "total": 12, "address": "1 Quiet Lane"});
            shop.put("invoices", &key, invoice).unwrap();
            shop.rule("invoices", &key, tax_law(until)).unwrap();
        }
        shop.put(
            "payment_methods",
            id,
            json!({"customer": id, "card": "4242"}),
        )
        .unwrap();
        shop.put("subscriptions", id, json!({"customer": id, "list": "news"}))
            .unwrap();
    }
    shop
}

/// How much is left of a person.
fn left(shop: &MemorySystem, who: &str) -> usize {
    ["orders", "invoices", "payment_methods", "subscriptions"]
        .iter()
        .flat_map(|table| shop.records(table))
        .filter(|(_, record)| record["customer"] == who)
        .count()
}

fn authenticator(address: SocketAddr) -> Authenticator {
    let mut config = AuthConfig::new(ISSUER, "api", KeySource::given(Secret::new(SECRET)));
    config.cookie = Some(Cookie {
        name: "session".to_owned(),
        origins: vec![format!("http://{address}")],
    });
    Authenticator::new(config, Path::new("."), None).unwrap()
}

/// The host's own routes, and those by which a script moves the stage.
fn host(levers: Levers) -> Router {
    let levered = Router::new()
        .route(
            "/test/hold",
            post(|State(it): State<Levers>| async move { it.shop.hold() }),
        )
        .route(
            "/test/release",
            post(|State(it): State<Levers>| async move { it.shop.release() }),
        )
        .route(
            "/test/unblock",
            post(|State(it): State<Levers>| async move { it.shop.unblock() }),
        )
        .route(
            "/test/ahead/{seconds}",
            post(
                |State(it): State<Levers>,
                 axum::extract::Path(seconds): axum::extract::Path<i64>| async move {
                    it.clock.by(SignedDuration::from_secs(seconds));
                },
            ),
        )
        .with_state(levers);
    Router::new()
        .route("/orders", get(|| async { "orders" }))
        .route("/login", get(|| async { "log in" }))
        .merge(levered)
}

/// Where `playwright-core` and `axe-core` are; without them a test is skipped, or fails in CI.
fn node() -> Option<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/node");
    let node = std::env::var_os("ADIEU_TEST_NODE").map_or(ours, PathBuf::from);
    let is_there = ["playwright-core", "axe-core"]
        .iter()
        .all(|package| node.join("node_modules").join(package).is_dir());
    if is_there {
        return Some(node);
    }
    let missing = "playwright-core and axe-core are not installed; run `cargo xtask tools`";
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    println!("skipped: {missing}");
    None
}

fn chromium() -> std::ffi::OsString {
    std::env::var_os("ADIEU_TEST_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_follows_an_export_and_downloads_it() {
    let stage = Stage::new(|builder| builder).await;
    if stage.plays("export.mjs").await.is_none() {
        return;
    }
    let file = std::fs::File::open(stage.folder.path().join("archive.zip")).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    let mut orders = String::new();
    let mut entry = zip.by_name("shop/orders.json").unwrap();
    std::io::Read::read_to_string(&mut entry, &mut orders).unwrap();
    assert!(
        orders.contains("\"ada\"") && !orders.contains("eve"),
        "{orders}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_confirms_and_cancels_an_erasure() {
    let stage = Stage::new(|builder| builder.grace_days(14)).await;
    if stage.plays("erasure.mjs").await.is_some() {
        assert_eq!(left(&stage.shop, "ada"), 7, "nothing was deleted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_forgotten_and_keeps_the_receipt() {
    let stage = Stage::new(|builder| builder).await;
    let Some(said) = stage.plays("forgotten.mjs").await else {
        return;
    };
    assert_eq!(left(&stage.shop, "ada"), 2, "two invoices stay");
    assert_eq!(left(&stage.shop, "eve"), 7);
    let receipt = std::fs::read_to_string(stage.folder.path().join("receipt.jws")).unwrap();
    let keys = stage.gateway.engine().jwks().to_string();
    let receipt = adieu_engine::receipt::verify(&receipt, &keys).unwrap();
    let opening = said
        .lines()
        .find_map(|line| line.strip_prefix("opening "))
        .unwrap();
    let ada = Identity::new("user_id", "ada").unwrap();
    let opening: adieu_engine::receipt::Opening = opening.parse().unwrap();
    assert!(receipt.is_about(&opening, None, &ada));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_archive_goes_to_disk_and_not_through_the_page() {
    let shop = shop();
    attach(&shop, "ada", "film.mp4", 160 << 20);
    let stage = Stage::over(shop, |builder| builder).await;
    if stage.plays("large.mjs").await.is_some() {
        let file = stage.folder.path().join("large.zip");
        let bytes = std::fs::metadata(file).unwrap().len();
        assert!(bytes > 160 << 20, "{bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_logged_in_is_told_how() {
    let stage = Stage::new(|builder| builder).await;
    stage.plays("signed_out.mjs").await;
    assert_eq!(left(&stage.shop, "ada"), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_work_is_told_in_peoples_words() {
    let limits = Limits {
        asks_per_minute: 2,
        ..Limits::default()
    };
    let stage = Stage::new(|builder| builder.limits(limits)).await;
    stage.plays("trouble.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_is_used_with_a_keyboard_alone() {
    let stage = Stage::new(|builder| builder.grace_days(1)).await;
    stage.plays("keyboard.mjs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocker_is_told_in_peoples_words_and_hostile_names_stay_text() {
    let shop = shop();
    let blocker = Blocker {
        code: "open_invoice".to_owned(),
        advice: "an invoice is not paid yet; <img src=x onerror=alert(1)> pay it first".to_owned(),
    };
    let notes = Table::new("notes").found_by("user_id", "customer");
    shop.create(notes).unwrap();
    shop.put("notes", "1", json!({"customer": "ada"})).unwrap();
    shop.block(Identity::new("user_id", "ada").unwrap(), blocker);
    let stage = Stage::over(shop, |builder| builder).await;
    stage.plays("blocked.mjs").await;
    assert_eq!(left(&stage.shop, "ada"), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_what_an_operator_decides() {
    let stage = Stage::made(shop(), &[Kind::Export, Kind::Erasure], |builder| builder).await;
    if stage.plays("operator.mjs").await.is_some() {
        assert_eq!(left(&stage.shop, "ada"), 2, "two invoices stay");
        assert_eq!(left(&stage.shop, "eve"), 7);
    }
}
