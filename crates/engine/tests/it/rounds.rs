//! Going through a collection once more, when a survey still found something.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adieu_core::{
    Connector, ConnectorError, Cursor, Descriptor, Erased, PageWriter, Step, Subject, Survey,
    async_trait,
};
use adieu_engine::{Engine, Options, Status, receipt};
use adieu_testkit::memory::{MemoryConnector, MemorySystem, Table};
use serde_json::json;
use tokio::sync::Notify;

use crate::world::{PATIENCE, World, erasure};

/// A shop in which somebody still writes: one more order comes before the first survey after the erasure.
#[derive(Debug)]
struct Busy {
    inner: MemoryConnector,
    surveys: AtomicUsize,
    erasures: AtomicUsize,
    /// The answer to the second erasure never comes; this says when it was to be given.
    silent: Option<Arc<Notify>>,
}

#[async_trait]
impl Connector for Busy {
    fn descriptor(&self) -> &Descriptor {
        self.inner.descriptor()
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.inner.check().await
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        if self.surveys.fetch_add(1, Ordering::SeqCst) == 1 {
            put(self.inner.system(), "late");
        }
        self.inner.survey(subject).await
    }

    async fn export(
        &self,
        step: &Step,
        page: &mut PageWriter<'_>,
    ) -> Result<Option<Cursor>, ConnectorError> {
        self.inner.export(step, page).await
    }

    async fn erase(&self, step: &Step) -> Result<Erased, ConnectorError> {
        let erased = self.inner.erase(step).await?;
        if self.erasures.fetch_add(1, Ordering::SeqCst) == 1
            && let Some(silent) = &self.silent
        {
            silent.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(erased)
    }
}

fn put(shop: &MemorySystem, key: &str) {
    let order = json!({"email": "ada@example.com"});
    shop.put("orders", key, order).unwrap();
}

async fn engine(world: &World, shop: &MemorySystem, silent: Option<Arc<Notify>>) -> Engine {
    let busy = Busy {
        inner: shop.connector("shop").unwrap(),
        surveys: AtomicUsize::new(0),
        erasures: AtomicUsize::new(0),
        silent,
    };
    let options = Options {
        checkpoint_every: Duration::ZERO,
        ..Options::default()
    };
    Engine::with_clock(
        world.store().await,
        vec![Arc::new(busy)],
        options,
        world.clock.clone(),
    )
    .unwrap()
}

fn shop() -> MemorySystem {
    let shop = MemorySystem::new();
    shop.create(Table::new("orders").found_by("email", "email"))
        .unwrap();
    for key in ["a", "b", "c"] {
        put(&shop, key);
    }
    shop
}

async fn orders_in_the_receipt(engine: &Engine, id: adieu_engine::RequestId) -> serde_json::Value {
    let jws = engine.receipt(id).await.unwrap();
    let verified = receipt::verify(&jws, &engine.jwks().to_string()).unwrap();
    let claims = serde_json::to_value(verified.claims()).unwrap();
    claims["connectors"][0]["collections"][0].clone()
}

#[tokio::test]
async fn what_came_while_it_was_erased_is_erased_in_a_second_round() {
    let (world, shop) = (World::new(), shop());
    let engine = engine(&world, &shop, None).await;
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    let done = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed);
    assert_eq!(shop.count("orders"), 0);
    let orders = orders_in_the_receipt(&engine, request.id).await;
    assert_eq!(orders["outcomes"][0]["outcome"], "erased");
    assert_eq!(orders["outcomes"][0]["records"], 4);
    assert_ne!(orders["at_least"], true, "no answer was lost");
    assert_eq!(orders["pending"], 0);
}

#[tokio::test]
async fn a_second_round_is_written_down_before_it_begins_so_that_a_crash_in_it_shows_in_the_receipt()
 {
    let (world, shop) = (World::new(), shop());
    let silent = Arc::new(Notify::new());
    let dying = engine(&world, &shop, Some(silent.clone())).await;
    let (request, _) = dying.submit(erasure("ada")).await.unwrap();
    tokio::select! {
        _ = dying.run(request.id, PATIENCE) => panic!("its answer never comes"),
        () = silent.notified() => {}
    }
    assert_eq!(shop.count("orders"), 0, "the second round did its work");
    drop(dying);
    let engine = engine(&world, &shop, None).await;
    let done = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed);
    let orders = orders_in_the_receipt(&engine, request.id).await;
    assert_eq!(
        orders["at_least"], true,
        "the fourth record's answer was lost: {orders}"
    );
    assert_eq!(orders["outcomes"][0]["records"], 3);
    assert_eq!(orders["pending"], 0);
}
