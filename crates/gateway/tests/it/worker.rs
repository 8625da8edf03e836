use std::time::Duration;

use adieu_engine::Status;
use serde_json::{Value, json};

use crate::world::{ALL, Ahead, World, engine, fill, quick};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_was_woken_for_is_found_by_the_sweep() {
    let mut world = World::new().await;
    world.pause().await;
    let ada = world.token("ada", &ALL);
    let asked = world
        .post("/privacy/v1/requests", &ada, json!({"kind": "export"}))
        .await
        .expect(202);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let standing = world
        .get(asked.header("location"), &ada)
        .await
        .expect(200)
        .json();
    assert_eq!(standing["status"], "running", "nobody works");
    assert_eq!(standing["progress"]["records"], 0);
    world.go_on();
    assert_eq!(
        world.ended(asked.header("location"), &ada).await["status"],
        "completed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_are_carried_on_and_none_is_forgotten() {
    let world = World::new().await;
    let mut asked = Vec::new();
    for at in 0..40 {
        let who = format!("person-{at}");
        world
            .shop
            .put("orders", who.clone(), json!({"customer": who}))
            .unwrap();
        let token = world.token(&who, &ALL);
        let answer = world
            .post("/privacy/v1/requests", &token, json!({"kind": "export"}))
            .await
            .expect(202);
        asked.push((answer.header("location").to_owned(), token));
    }
    for (link, token) in asked {
        let request = world.ended(&link, &token).await;
        assert_eq!(request["status"], "completed");
        assert_eq!(request["progress"]["records"], 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_worker_leaves_a_request_that_the_next_one_ends() {
    let mut world = World::new().await;
    world
        .shop
        .set_latency(Duration::from_millis(20), Duration::from_millis(60), 7);
    let ada = world.token("ada", &ALL);
    let plan_token = world.plan_token(&ada).await;
    let asked = world.erase(&ada, &plan_token).await.expect(202);
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.pause().await;
    world.go_on();
    assert_eq!(
        world.ended(asked.header("location"), &ada).await["status"],
        "completed"
    );
    assert_eq!(world.shop.count("orders"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_outlives_the_process_that_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let shop = adieu_testkit::memory::MemorySystem::new();
    fill(&shop);
    let clock = Ahead::default();
    let identity = adieu_core::Identity::new("user_id", "ada").unwrap();
    let subject = adieu_core::Subject::new([identity.clone()]);
    let id = {
        let engine = engine(folder.path(), &shop, &clock).await;
        let gateway = adieu_gateway::Gateway::builder(engine, crate::world::authenticator())
            .build()
            .unwrap();
        gateway.erase(subject, identity).await.unwrap().id
    };
    let engine = engine(folder.path(), &shop, &clock).await;
    let gateway = adieu_gateway::Gateway::builder(engine, crate::world::authenticator())
        .build()
        .unwrap();
    let worker = gateway.spawn_worker_with(quick());
    let mut status = Status::Running;
    for _ in 0..400 {
        status = gateway.engine().request(id).await.unwrap().status;
        if status.is_final() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    worker.stop(Duration::from_secs(5)).await;
    assert_eq!(status, Status::Completed);
    assert_eq!(shop.count("orders"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_is_down_is_asked_again_until_it_is_back() {
    let world = World::new().await;
    world.shop.set_unavailable(true);
    let ada = world.token("ada", &ALL);
    let asked = world
        .post("/privacy/v1/requests", &ada, json!({"kind": "export"}))
        .await
        .expect(202);
    let mut waits = Value::Null;
    for _ in 0..400 {
        let request = world
            .get(asked.header("location"), &ada)
            .await
            .expect(200)
            .json();
        let calls = world.shop.calls();
        if request["next_at"].as_str() > request["created_at"].as_str()
            && calls.export + calls.survey > 1
        {
            waits = request["next_at"].clone();
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(waits.is_string(), "it waits for the system");
    world.shop.set_unavailable(false);
    world.clock.by(jiff::SignedDuration::from_mins(10));
    let ada = world.token("ada", &ALL);
    assert_eq!(
        world.ended(asked.header("location"), &ada).await["status"],
        "completed"
    );
}
