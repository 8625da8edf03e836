//! Processes that die: killed at any instant, or by a request itself.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adieu_core::{
    Connector, ConnectorError, Cursor, Descriptor, Erased, PageWriter, Step, Subject, Survey,
    async_trait,
};
use adieu_engine::{Engine, MasterKey, Options, Status, Store};
use adieu_testkit::memory::{MemorySystem, Table};
use serde_json::json;

use crate::world::{erasure, export};

/// Set for a process that a test starts from its own program: the folder it works in.
const CHILD: &str = "ADIEU_ENGINE_TEST_CHILD";

fn key() -> MasterKey {
    MasterKey::parse(&"11".repeat(32)).unwrap()
}

/// The same shop in every process: one person with fifty orders.
fn shop() -> MemorySystem {
    let shop = MemorySystem::new();
    shop.create(Table::new("orders").found_by("email", "email"))
        .unwrap();
    for n in 0..50 {
        let record = json!({"email": "ada@example.com", "n": n});
        shop.put("orders", format!("o-{n}"), record).unwrap();
    }
    shop
}

async fn engine(folder: &Path, connector: Arc<dyn Connector>, takeups_at_most: u32) -> Engine {
    let store = Store::open(&folder.join("adieu.db"), &key()).await.unwrap();
    let options = Options {
        takeups_at_most,
        ..Options::default()
    };
    Engine::new(store, vec![connector], options).unwrap()
}

/// Runs this very test in a process of its own, which finds itself to be the child.
fn child(test: &str, folder: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Carries on whatever there is, in the way of a worker, until everything is over.
async fn work_until_all_is_over(engine: Engine) {
    let turns = engine.clone();
    let watched = engine.clone();
    let all_over = async move {
        loop {
            let open = watched.requests(200).await.unwrap();
            if open.iter().all(|request| request.status.is_final()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let carry_on = move |id| {
        let engine = turns.clone();
        async move {
            engine.advance(id, Duration::from_secs(5)).await.unwrap();
        }
    };
    engine.work(4, carry_on, all_over).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_process_again_and_again_loses_no_request() {
    if let Some(folder) = std::env::var_os(CHILD) {
        let shop = shop();
        shop.set_latency(Duration::ZERO, Duration::from_millis(10), 7);
        let connector = Arc::new(shop.connector("shop").unwrap());
        return work_until_all_is_over(engine(Path::new(&folder), connector, 1000).await).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let asked = {
        let connector = Arc::new(shop().connector("shop").unwrap());
        let engine = engine(folder.path(), connector, 1000).await;
        let mut asked = Vec::new();
        for _ in 0..30 {
            asked.push(engine.submit(export("ada")).await.unwrap().0.id);
        }
        asked
    };
    let mut kills = 0;
    let test = "deaths::killing_the_process_again_and_again_loses_no_request";
    loop {
        let mut child = child(test, folder.path());
        // Later and later, so that it ends whatever a start takes on this machine.
        let killed_at = Instant::now() + Duration::from_millis(60 + 10 * kills);
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() >= killed_at {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        match ended {
            Some(status) => {
                assert!(status.success(), "{status}");
                break;
            }
            None => kills += 1,
        }
    }
    assert!(kills >= 3, "it was killed {kills} times");
    let connector = Arc::new(shop().connector("shop").unwrap());
    let engine = engine(folder.path(), connector, 1000).await;
    for id in asked {
        let request = engine.request(id).await.unwrap();
        assert_eq!(
            request.status,
            Status::Completed,
            "{:?}",
            request.exceptions
        );
        assert_eq!(request.connectors[0].records, 50);
        engine.open_archive(id).await.unwrap();
    }
    engine.verify_audit().await.unwrap();
}

/// A system whose answer ends the process.
#[derive(Debug)]
struct Deadly {
    inner: Arc<dyn Connector>,
    in_erasures: bool,
}

#[async_trait]
impl Connector for Deadly {
    fn descriptor(&self) -> &Descriptor {
        self.inner.descriptor()
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.inner.check().await
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        self.inner.survey(subject).await
    }

    async fn export(
        &self,
        step: &Step,
        page: &mut PageWriter<'_>,
    ) -> Result<Option<Cursor>, ConnectorError> {
        if self.in_erasures {
            return self.inner.export(step, page).await;
        }
        std::process::abort()
    }

    async fn erase(&self, _: &Step) -> Result<Erased, ConnectorError> {
        std::process::abort()
    }
}

async fn give_up(test: &str, in_erasures: bool) {
    let deadly = || {
        Arc::new(Deadly {
            inner: Arc::new(shop().connector("shop").unwrap()),
            in_erasures,
        })
    };
    if let Some(folder) = std::env::var_os(CHILD) {
        return work_until_all_is_over(engine(Path::new(&folder), deadly(), 4).await).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let new = match in_erasures {
        true => erasure("ada"),
        false => export("ada"),
    };
    let id = {
        let engine = engine(folder.path(), deadly(), 4).await;
        engine.submit(new).await.unwrap().0.id
    };
    let mut deaths = 0;
    loop {
        let status: ExitStatus = child(test, folder.path()).wait().unwrap();
        if status.success() {
            break;
        }
        deaths += 1;
        assert!(deaths < 20, "it is taken up without end");
    }
    // Once it is written down that an erasure began, that is progress, and the count begins anew.
    let most = if in_erasures { 5 } else { 4 };
    assert!((4..=most).contains(&deaths), "{deaths}");
    let engine = engine(folder.path(), deadly(), 4).await;
    let request = engine.request(id).await.unwrap();
    let expected = match in_erasures {
        true => Status::CompletedWithExceptions,
        false => Status::Failed,
    };
    assert_eq!(request.status, expected);
    let reasons: Vec<&str> = request
        .exceptions
        .iter()
        .map(|exception| exception.reason.as_str())
        .collect();
    assert!(
        reasons[0].starts_with("it was given up: the process ended 4 times in a row"),
        "{reasons:?}"
    );
    if in_erasures {
        let receipt = engine.receipt(id).await.unwrap();
        let verified = adieu_engine::receipt::verify(&receipt, &engine.jwks().to_string()).unwrap();
        let claims = serde_json::to_value(verified.claims()).unwrap();
        let orders = &claims["connectors"][0]["collections"][0];
        assert_eq!(orders["at_least"], true, "{orders}");
        assert!(
            !orders["outcomes"].to_string().contains("\"erased\""),
            "{orders}"
        );
    }
    // Somebody has mended the system, and takes the request up again.
    engine.resume(id).await.unwrap();
    drop(engine);
    let mended = Arc::new(shop().connector("shop").unwrap());
    let engine = self::engine(folder.path(), mended, 4).await;
    assert_eq!(
        engine
            .run(id, Duration::from_secs(10))
            .await
            .unwrap()
            .status,
        Status::Completed
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_ends_its_process_is_given_up_as_an_exception() {
    let test = "deaths::an_export_that_ends_its_process_is_given_up_as_an_exception";
    give_up(test, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_ends_its_process_is_given_up_with_a_receipt_that_claims_nothing() {
    let test =
        "deaths::an_erasure_that_ends_its_process_is_given_up_with_a_receipt_that_claims_nothing";
    give_up(test, true).await;
}
