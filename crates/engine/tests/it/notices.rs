//! Notices: what is told, how often it is tried, and when it is forgotten.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_core::{ConnectorError, ErrorKind, IdentityValue, async_trait};
use adieu_engine::{Courier, Engine, Kind, NewRequest, Notice, Options, Status};

use crate::world::{PATIENCE, World, erasure, export};

/// Keeps the occasions that it is asked to tell; or fails each time.
#[derive(Clone, Debug, Default)]
struct Letters {
    told: Arc<Mutex<Vec<&'static str>>>,
    fails: bool,
}

impl Letters {
    /// What was told since this was last asked.
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    async fn news(&self, engine: &Engine) -> Vec<&'static str> {
        engine.deliver(self).await.unwrap();
        self.take()
    }
}

#[async_trait]
impl Courier for Letters {
    async fn deliver(&self, notice: &Notice) -> Result<(), ConnectorError> {
        assert_eq!(notice.address.expose(), "ada@example.com");
        assert!(!format!("{notice:?}").contains("ada@"));
        self.told.lock().unwrap().push(notice.occasion.as_str());
        // Somebody else may look for what is due meanwhile.
        tokio::time::sleep(Duration::from_millis(30)).await;
        match self.fails {
            true => Err(ConnectorError::new(ErrorKind::RateLimited, "later")),
            false => Ok(()),
        }
    }
}

fn told(new: NewRequest) -> NewRequest {
    new.notified_at(IdentityValue::new("ada@example.com").unwrap())
}

#[tokio::test]
async fn each_news_of_a_request_is_told_once() {
    let world = World::new();
    let options = Options {
        approval: vec![Kind::Erasure],
        ..Options::default()
    };
    let engine = world.engine_with(options).await;
    let letters = Letters::default();
    let mut new = told(erasure("ada").after_days(3));
    new.idempotency_key = Some("once".to_owned());
    let (request, _) = engine.submit(new.clone()).await.unwrap();
    engine.submit(new).await.unwrap();
    assert_eq!(letters.news(&engine).await, ["confirmation"]);
    engine.approve(request.id).await.unwrap();
    assert_eq!(letters.news(&engine).await, ["erasure_scheduled"]);
    world.clock.forward(Duration::from_secs(4 * 24 * 3600));
    let done = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed);
    assert_eq!(letters.news(&engine).await, ["done"]);
    assert_eq!(letters.news(&engine).await, [""; 0]);
}

#[tokio::test]
async fn two_who_deliver_at_once_deliver_a_notice_once() {
    let world = World::new();
    let (one, other) = (world.engine().await, world.engine().await);
    one.submit(told(export("ada"))).await.unwrap();
    let letters = Letters::default();
    let (first, second) = tokio::join!(one.deliver(&letters), other.deliver(&letters));
    assert_eq!(first.unwrap() + second.unwrap(), 1);
    assert_eq!(letters.take(), ["confirmation"]);
}

#[tokio::test]
async fn a_notice_is_tried_over_hours_and_then_given_up() {
    let world = World::new();
    let engine = world.engine_with(Options::default()).await;
    engine.submit(told(export("ada"))).await.unwrap();
    let failing = Letters {
        fails: true,
        ..Letters::default()
    };
    let mut tried = 0;
    for _ in 0..30 {
        tried += failing.news(&engine).await.len();
        // In between nobody tries.
        assert_eq!(failing.news(&engine).await, [""; 0]);
        world.clock.forward(Duration::from_secs(3600));
    }
    assert!((20..=25).contains(&tried), "{tried}");
    assert_eq!(Letters::default().news(&engine).await, [""; 0]);
}

#[tokio::test]
async fn a_notice_that_nobody_delivers_is_forgotten_in_a_week() {
    let world = World::new();
    let engine = world.engine().await;
    engine.submit(told(export("ada"))).await.unwrap();
    world.clock.forward(Duration::from_secs(8 * 24 * 3600));
    engine.expire().await.unwrap();
    assert_eq!(Letters::default().news(&engine).await, [""; 0]);
}
