//! Requests that meet trouble.

use std::time::Duration;

use adieu_core::{Blocker, ErrorKind, Identity};
use adieu_engine::receipt;
use adieu_engine::{Advance, EngineError, Options, RetryPolicy, Status};
use serde_json::Value;

use crate::world::{PATIENCE, World, erasure, export, person};

async fn claims(engine: &adieu_engine::Engine, id: adieu_engine::RequestId) -> Value {
    let jws = engine.receipt(id).await.unwrap();
    let verified = receipt::verify(&jws, &engine.jwks().to_string()).unwrap();
    serde_json::to_value(verified.claims()).unwrap()
}

#[tokio::test]
async fn a_failing_collection_does_not_cost_the_archive_of_the_rest() {
    let world = World::new();
    world
        .shop
        .fail_collection("invoices", ErrorKind::Config)
        .unwrap();
    let engine = world.engine().await;
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    let request = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(request.status, Status::CompletedWithExceptions);
    assert_eq!(request.exceptions.len(), 1);
    assert_eq!(
        request.exceptions[0].collection.as_deref(),
        Some("invoices")
    );
    assert!(request.archive_bytes.is_some());

    world.shop.heal();
    let resumed = engine.resume(request.id).await.unwrap();
    assert_eq!(resumed.status, Status::Running);
    let done = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);
    assert_eq!(done.connectors[0].records, 7);
}

#[tokio::test]
async fn a_system_that_cannot_be_reached_never_ends_in_completed() {
    let world = World::new();
    world.mail.set_unavailable(true);
    let engine = world.engine().await;
    for new in [export("ada"), erasure("ada")] {
        let (request, _) = engine.submit(new).await.unwrap();
        let request = engine.run(request.id, PATIENCE).await.unwrap();
        assert_eq!(request.status, Status::CompletedWithExceptions);
        assert_eq!(request.exceptions[0].connector, "mail");
    }
    assert_eq!(world.held_of("ada"), [0, 3, 0, 1], "the others went on");

    let id = engine.requests(1).await.unwrap()[0].id;
    let before = claims(&engine, id).await;
    assert_eq!(
        before["connectors"][1]["collections"][0]["outcomes"][0]["outcome"],
        "unreachable"
    );
    world.mail.set_unavailable(false);
    engine.resume(id).await.unwrap();
    let done = engine.run(id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);
    assert_eq!(
        world.held_of("ada"),
        [0, 3, 0, 0],
        "the identity was kept although its row is gone"
    );
    let after = claims(&engine, id).await;
    assert_eq!(
        after["connectors"][1]["collections"][0]["outcomes"][0]["outcome"],
        "erased"
    );
    assert_eq!(
        after["connectors"][0]["collections"][1]["outcomes"][0]["records"],
        3
    );
}

#[tokio::test]
async fn an_export_of_nothing_fails_and_leaves_no_archive_behind() {
    let world = World::new();
    world.shop.set_unavailable(true);
    world.mail.set_unavailable(true);
    let engine = world.engine().await;
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    let failed = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(failed.status, Status::Failed, "{:?}", failed.exceptions);
    assert!(engine.open_archive(request.id).await.is_err());
    // What could not be looked for is not absent.
    let claims = claims(&engine, request.id).await.to_string();
    assert!(!claims.contains("absent"), "{claims}");
    let archives = world.folder.path().join("adieu.db.files/archives");
    assert_eq!(std::fs::read_dir(archives).unwrap().count(), 0);

    world.shop.set_unavailable(false);
    world.mail.set_unavailable(false);
    engine.resume(request.id).await.unwrap();
    let done = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);
    assert!(engine.open_archive(request.id).await.is_ok());
}

#[tokio::test]
async fn nothing_is_erased_when_identities_could_not_be_looked_for() {
    let world = World::new();
    world
        .shop
        .fail_collection("customers", ErrorKind::Unavailable)
        .unwrap();
    let engine = world.engine().await;
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    let request = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(request.status, Status::Failed);
    assert_eq!(world.shop.calls().erase + world.mail.calls().erase, 0);
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);
    world.shop.heal();
    engine.resume(request.id).await.unwrap();
    let done = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);
    assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
}

#[tokio::test]
async fn a_blocker_stops_the_erasure_before_anything_is_erased() {
    let world = World::new();
    let ada = Identity::new("email", "ada@example.com").unwrap();
    world.shop.block(
        ada,
        Blocker {
            code: "open_invoice".to_owned(),
            advice: "pay the open invoice first".to_owned(),
        },
    );
    let engine = world.engine().await;
    assert_eq!(
        engine.preview(&person("ada")).await.unwrap().blockers[0].code,
        "open_invoice"
    );
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    let request = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(request.status, Status::Blocked);
    assert_eq!(request.blockers[0].code, "open_invoice");
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);
    world.shop.unblock();
    engine.resume(request.id).await.unwrap();
    let done = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed);
    assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
}

#[tokio::test]
async fn a_survey_that_may_block_and_does_not_answer_keeps_everything() {
    let world = World::new();
    let eve = Identity::new("email", "eve@example.com").unwrap();
    let blocker = Blocker {
        code: "legal_hold".to_owned(),
        advice: "wait".to_owned(),
    };
    world.mail.block(eve, blocker);
    let engine = world.engine().await;
    world.mail.set_unavailable(true);
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    let request = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(request.status, Status::Failed);
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);
}

#[tokio::test]
async fn a_lost_answer_makes_the_receipt_say_at_least_and_claim_no_more() {
    let world = World::new();
    let engine = world.engine().await;
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    world.mail.lose_answers(1);
    let request = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(
        request.status,
        Status::Completed,
        "{:?}",
        request.exceptions
    );
    assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
    let claims = claims(&engine, request.id).await;
    let contacts = &claims["connectors"][1]["collections"][0];
    assert_eq!(contacts["at_least"], true);
    assert_eq!(
        (&contacts["found"], &contacts["pending"]),
        (&1.into(), &0.into())
    );
    assert_eq!(contacts["outcomes"][0]["outcome"], "absent");
    let sessions = &claims["connectors"][0]["collections"][0];
    assert!(
        sessions.get("at_least").is_none(),
        "no answer of this one was lost"
    );
}

#[tokio::test]
async fn a_poisoned_record_is_named_and_keeps_what_it_hangs_on() {
    let world = World::new();
    world
        .shop
        .rule(
            "sessions",
            "ada-1",
            adieu_testkit::memory::Rule::Refuse(ErrorKind::Internal),
        )
        .unwrap();
    let engine = world.engine().await;
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    let request = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(request.status, Status::CompletedWithExceptions);
    assert_eq!(
        world.held_of("ada"),
        [1, 3, 1, 0],
        "the rest of the batch went on"
    );
    let claims = claims(&engine, request.id).await;
    let sessions = &claims["connectors"][0]["collections"][0];
    assert_eq!(sessions["outcomes"][0]["records"], 2);
    assert_eq!(sessions["outcomes"][1]["outcome"], "failed");
    assert_eq!(sessions["pending"], 1);
}

#[tokio::test]
async fn a_collection_that_no_identity_reaches_is_an_exception_and_not_skipped() {
    let world = World::new();
    world
        .mail
        .create(adieu_testkit::memory::Table::new("calls").found_by("phone", "phone"))
        .unwrap();
    let engine = world.engine().await;
    assert_eq!(engine.plan(&person("ada")).unreached.len(), 1);
    for new in [export("ada"), erasure("ada")] {
        let (request, _) = engine.submit(new).await.unwrap();
        let request = engine.run(request.id, PATIENCE).await.unwrap();
        assert_eq!(request.status, Status::CompletedWithExceptions);
        assert!(
            request.exceptions[0].reason.contains("phone"),
            "{:?}",
            request.exceptions
        );
    }
}

#[tokio::test]
async fn a_failed_step_is_tried_again_over_hours_and_then_given_up() {
    let world = World::new();
    let engine = world
        .engine_with(Options {
            retry: RetryPolicy {
                quick_attempts: 1,
                give_up_after: Duration::from_secs(3600),
                ..RetryPolicy::default()
            },
            ..Options::default()
        })
        .await;
    world.mail.set_unavailable(true);
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    let mut waits = Vec::new();
    loop {
        match engine.advance(request.id, PATIENCE).await.unwrap() {
            Advance::Again(at) => {
                let wait = at
                    .duration_since(adieu_engine::Clock::now(&*world.clock))
                    .unsigned_abs();
                waits.push(wait.as_secs());
                assert_eq!(
                    engine.advance(request.id, PATIENCE).await.unwrap(),
                    Advance::Idle
                );
                world.clock.forward(wait);
            }
            Advance::Ended(status) => {
                assert_eq!(status, Status::CompletedWithExceptions);
                break;
            }
            Advance::Idle => panic!("a waiting request was lost"),
        }
    }
    assert_eq!(waits, [60, 120, 240, 480, 960], "it backs off");
    assert_eq!(world.held_of("ada"), [0, 3, 0, 1]);
}

#[tokio::test]
async fn a_second_executor_gets_nothing_and_a_late_one_writes_nothing() {
    let world = World::new();
    let one = world.engine().await;
    let two = world.engine().await;
    let (request, _) = one.submit(erasure("ada")).await.unwrap();
    world.shop.hold();
    let late = tokio::spawn({
        let one = one.clone();
        let id = request.id;
        async move { one.advance(id, PATIENCE).await }
    });
    while world.shop.calls().running == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(
        two.advance(request.id, PATIENCE).await.unwrap(),
        Advance::Idle
    );
    // Its lease passes while it hangs in a call.
    world.clock.forward(Duration::from_secs(60));
    let second = tokio::spawn({
        let two = two.clone();
        let id = request.id;
        async move { two.advance(id, PATIENCE).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.shop.release();
    assert_eq!(
        second.await.unwrap().unwrap(),
        Advance::Ended(Status::Completed)
    );
    assert!(matches!(late.await.unwrap(), Err(EngineError::Superseded)));
    assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
    assert_eq!(world.held_of("eve"), [3, 3, 1, 1]);
}

#[tokio::test]
async fn an_executor_that_was_dropped_anywhere_leaves_a_request_that_can_be_finished() {
    for drop_after in 0..40_u64 {
        let world = World::new();
        let options = Options {
            checkpoint_every: Duration::ZERO,
            ..Options::default()
        };
        let engine = world.engine_with(options.clone()).await;
        world
            .shop
            .set_latency(Duration::ZERO, Duration::from_millis(2), drop_after);
        let (export, _) = engine.submit(export("ada")).await.unwrap();
        let (erasure, _) = engine.submit(erasure("ada")).await.unwrap();
        for id in [export.id, erasure.id] {
            let cut =
                tokio::time::timeout(Duration::from_millis(drop_after), engine.run(id, PATIENCE))
                    .await;
            drop(cut);
        }
        drop(engine);
        let engine = world.engine_with(options).await;
        for id in [export.id, erasure.id] {
            let done = engine.run(id, PATIENCE).await.unwrap();
            assert_eq!(
                done.status,
                Status::Completed,
                "dropped after {drop_after} ms: {:?}",
                done.exceptions
            );
        }
        assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
        assert_eq!(world.held_of("eve"), [3, 3, 1, 1]);
        assert_eq!(engine.requests(10).await.unwrap().len(), 2);
        let erased: u64 = claims(&engine, erasure.id).await["connectors"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|connector| connector["collections"].as_array().unwrap().clone())
            .flat_map(|collection| collection["outcomes"].as_array().unwrap().clone())
            .filter(|outcome| outcome["outcome"] == "erased")
            .map(|outcome| outcome["records"].as_u64().unwrap())
            .sum();
        assert!(erased <= 5, "no more than there was: {erased}");
        engine.verify_audit().await.unwrap();
    }
}
