//! Requests that go well.

use std::io::Read as _;
use std::time::Duration;

use adieu_core::Identity;
use adieu_engine::receipt::{self, ReceiptError};
use adieu_engine::{Advance, EngineError, Kind, Status};

use crate::world::{PATIENCE, PERSONAL, World, erasure, export, person};

#[tokio::test]
async fn an_export_holds_what_every_system_has_and_nobody_elses() {
    let world = World::new();
    let engine = world.engine().await;
    let (request, created) = engine.submit(export("ada")).await.unwrap();
    assert!(created);
    let request = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(
        request.status,
        Status::Completed,
        "{:?}",
        request.exceptions
    );
    let records: Vec<_> = request.connectors.iter().map(|one| one.records).collect();
    assert_eq!(records, [7, 1]);

    let mut archive = Vec::new();
    engine
        .open_archive(request.id)
        .await
        .unwrap()
        .read_to_end(&mut archive)
        .unwrap();
    assert_eq!(request.archive_bytes, Some(archive.len() as u64));
    assert!(archive.starts_with(b"PK\x03\x04"));
    assert!(!contains(&archive, b"eve"));
    assert_eq!(
        world.held_of("ada"),
        [3, 3, 1, 1],
        "an export changes nothing"
    );
}

#[tokio::test]
async fn an_erasure_removes_keeps_and_proves() {
    let world = World::new();
    let engine = world.engine().await;
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    let request = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(
        request.status,
        Status::Completed,
        "{:?}",
        request.exceptions
    );
    assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
    assert_eq!(world.held_of("eve"), [3, 3, 1, 1]);
    for (key, invoice) in world.shop.records("invoices") {
        assert_eq!(
            invoice["street"].is_null(),
            key.contains("ada"),
            "{invoice}"
        );
    }

    let jws = engine.receipt(request.id).await.unwrap();
    let verified = receipt::verify(&jws, &engine.jwks().to_string()).unwrap();
    let claims = serde_json::to_value(verified.claims()).unwrap();
    let collections = &claims["connectors"][0]["collections"];
    assert_eq!(collections[0]["outcomes"][0]["outcome"], "erased");
    assert_eq!(collections[0]["outcomes"][0]["records"], 3);
    assert_eq!(collections[1]["outcomes"][0]["outcome"], "retained");
    assert_eq!(collections[1]["outcomes"][0]["pseudonymized"], 3);
    assert_eq!(collections[1]["outcomes"][0]["until"]["last"], "2036-12-31");
    assert_eq!(collections[2]["found"], 1);
    assert_eq!(collections[2]["pending"], 0);
    assert_eq!(claims["status"], "completed");

    let opening = engine.opening(request.id).await.unwrap().unwrap();
    let ada = Identity::new("email", "ada@example.com").unwrap();
    let eve = Identity::new("email", "eve@example.com").unwrap();
    assert!(verified.is_about(&opening, None, &ada));
    assert!(!verified.is_about(&opening, None, &eve));
    assert!(engine.is_suppressed(None, &ada).await.unwrap());
    let found = Identity::new("user_id", "u-ada").unwrap();
    assert!(engine.is_suppressed(None, &found).await.unwrap());
    assert!(!engine.is_suppressed(None, &eve).await.unwrap());
}

#[tokio::test]
async fn a_receipt_with_one_byte_changed_does_not_hold() {
    let world = World::new();
    let engine = world.engine().await;
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    engine.run(request.id, PATIENCE).await.unwrap();
    let jws = engine.receipt(request.id).await.unwrap();
    let jwks = engine.jwks().to_string();
    let payload_at = jws.find('.').unwrap() + 1;
    for at in (payload_at..jws.len()).step_by(97) {
        let mut forged = jws.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert!(
            receipt::verify(&forged, &jwks).is_err(),
            "byte {at} was changed"
        );
    }
    let other = World::new().engine().await.jwks().to_string();
    assert_eq!(receipt::verify(&jws, &other), Err(ReceiptError::UnknownKey));
    assert_eq!(
        receipt::verify("a.b.c", &jwks),
        Err(ReceiptError::NotAReceipt)
    );
}

#[tokio::test]
async fn what_a_system_deletes_later_is_checked_again_when_it_is_due() {
    for kept_its_word in [true, false] {
        let world = World::new();
        let by = adieu_engine::Clock::now(&*world.clock)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date()
            .tomorrow()
            .unwrap();
        let rule = adieu_testkit::memory::Rule::Schedule { by: Some(by) };
        world.mail.rule("contacts", "cus_ada", rule).unwrap();
        let engine = world.engine().await;
        let (request, _) = engine.submit(erasure("ada")).await.unwrap();
        let first = engine.run(request.id, PATIENCE).await.unwrap();
        assert_eq!(first.status, Status::Completed, "{:?}", first.exceptions);
        assert!(first.next_at.is_some());
        assert!(
            engine.forget(request.id).await.is_err(),
            "it must still be found"
        );
        assert_eq!(left(&engine, request.id).await, 1);
        assert!(engine.due(10).await.unwrap().is_empty());

        if kept_its_word {
            assert_eq!(world.mail.carry_out_schedule(), 1);
        }
        world.clock.forward(Duration::from_secs(3 * 86_400));
        assert_eq!(engine.due(10).await.unwrap(), [request.id]);
        let second = engine.run(request.id, PATIENCE).await.unwrap();
        if kept_its_word {
            assert_eq!(second.status, Status::Completed, "{:?}", second.exceptions);
            assert_eq!(left(&engine, request.id).await, 0);
            assert!(second.next_at.is_none());
        } else {
            assert_eq!(second.status, Status::CompletedWithExceptions);
            assert!(second.exceptions[0].reason.contains(&by.to_string()));
            world.mail.carry_out_schedule();
            engine.resume(request.id).await.unwrap();
            let third = engine.run(request.id, PATIENCE).await.unwrap();
            assert_eq!(third.status, Status::Completed, "{:?}", third.exceptions);
        }
    }
}

/// How many records the receipt says the mail provider still has to delete.
async fn left(engine: &adieu_engine::Engine, id: adieu_engine::RequestId) -> u64 {
    let jws = engine.receipt(id).await.unwrap();
    let verified = receipt::verify(&jws, &engine.jwks().to_string()).unwrap();
    let claims = serde_json::to_value(verified.claims()).unwrap();
    let contacts = &claims["connectors"][1]["collections"][0];
    assert_eq!(
        contacts["outcomes"][0]["outcome"], "scheduled",
        "{contacts}"
    );
    contacts["scheduled_left"].as_u64().unwrap()
}

#[tokio::test]
async fn erasing_a_second_time_finds_nothing_to_do() {
    let world = World::new();
    let engine = world.engine().await;
    let (first, _) = engine.submit(erasure("ada")).await.unwrap();
    engine.run(first.id, PATIENCE).await.unwrap();
    let (second, _) = engine.submit(erasure("ada")).await.unwrap();
    let second = engine.run(second.id, PATIENCE).await.unwrap();
    assert_eq!(second.status, Status::Completed);
    assert!(second.connectors.iter().all(|one| one.records == 0));
    let claims = receipt::verify(
        &engine.receipt(second.id).await.unwrap(),
        &engine.jwks().to_string(),
    )
    .unwrap();
    assert!(
        !serde_json::to_string(claims.claims())
            .unwrap()
            .contains("\"erased\"")
    );
}

#[tokio::test]
async fn somebody_unknown_is_no_error_and_gets_an_empty_archive() {
    let world = World::new();
    let engine = world.engine().await;
    for new in [export("nobody"), erasure("nobody")] {
        let (request, _) = engine.submit(new).await.unwrap();
        let request = engine.run(request.id, PATIENCE).await.unwrap();
        assert_eq!(
            request.status,
            Status::Completed,
            "{:?}",
            request.exceptions
        );
    }
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);
}

#[tokio::test]
async fn a_preview_counts_what_an_erasure_then_does_and_changes_nothing() {
    let world = World::new();
    let engine = world.engine().await;
    let preview = engine.preview(&person("ada")).await.unwrap();
    assert!(preview.complete);
    let counts: Vec<_> = preview
        .connectors
        .iter()
        .flat_map(|connector| &connector.collections)
        .map(|collection| collection.tally.as_ref().unwrap().held())
        .collect();
    assert_eq!(counts, [3, 3, 1, 1]);
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);
    assert!(engine.requests(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_request_can_be_cancelled_in_its_grace_period_and_not_after() {
    let world = World::new();
    let engine = world.engine().await;
    let (request, _) = engine.submit(erasure("ada").after_days(14)).await.unwrap();
    assert_eq!(request.status, Status::Scheduled);
    assert_eq!(
        engine.advance(request.id, PATIENCE).await.unwrap(),
        Advance::Idle
    );
    assert!(engine.due(10).await.unwrap().is_empty());
    let cancelled = engine.cancel(request.id).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    world.clock.forward(Duration::from_secs(15 * 86_400));
    assert_eq!(
        engine.advance(request.id, PATIENCE).await.unwrap(),
        Advance::Idle
    );
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);

    let (request, _) = engine.submit(erasure("ada").after_days(14)).await.unwrap();
    world.clock.forward(Duration::from_secs(14 * 86_400));
    assert_eq!(engine.due(10).await.unwrap(), [request.id]);
    let done = engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed);
    assert!(matches!(
        engine.cancel(request.id).await,
        Err(EngineError::Conflict(_))
    ));
}

#[tokio::test]
async fn the_same_idempotency_key_finds_the_same_request() {
    let world = World::new();
    let engine = world.engine().await;
    let keyed = |who: &str| {
        let mut new = export(who);
        new.idempotency_key = Some("k-1".to_owned());
        new
    };
    let (first, created) = engine.submit(keyed("ada")).await.unwrap();
    assert!(created);
    let (again, created) = engine.submit(keyed("ada")).await.unwrap();
    assert!(!created);
    assert_eq!(again.id, first.id);
    assert!(matches!(
        engine.submit(keyed("eve")).await,
        Err(EngineError::Conflict(_))
    ));
    assert_eq!(engine.requests(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn owners_see_their_own_requests_alone() {
    let world = World::new();
    let engine = world.engine().await;
    let ada = Identity::new("user_id", "u-ada").unwrap();
    let eve = Identity::new("user_id", "u-eve").unwrap();
    let (request, _) = engine
        .submit(export("ada").owned_by(ada.clone()))
        .await
        .unwrap();
    assert!(engine.is_owned_by(request.id, None, &ada).await.unwrap());
    assert!(!engine.is_owned_by(request.id, None, &eve).await.unwrap());
    assert!(
        !engine
            .is_owned_by(request.id, Some("acme"), &ada)
            .await
            .unwrap()
    );
    assert_eq!(engine.requests_of(None, &ada, 10).await.unwrap().len(), 1);
    assert!(engine.requests_of(None, &eve, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_archive_goes_with_its_time_and_its_key() {
    let world = World::new();
    let engine = world.engine().await;
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    engine.run(request.id, PATIENCE).await.unwrap();
    assert_eq!(engine.expire().await.unwrap(), 0);
    world.clock.forward(Duration::from_secs(8 * 86_400));
    assert_eq!(engine.expire().await.unwrap(), 1);
    assert_eq!(
        engine.request(request.id).await.unwrap().status,
        Status::Expired
    );
    assert!(matches!(
        engine.open_archive(request.id).await,
        Err(EngineError::Conflict(_))
    ));
    let archives = world.folder.path().join("adieu.db.files/archives");
    assert_eq!(std::fs::read_dir(archives).unwrap().count(), 0);
}

#[tokio::test]
async fn nothing_personal_lies_open_in_the_store_or_beside_it() {
    let world = World::new();
    let engine = world.engine().await;
    for new in [export("ada"), erasure("ada").after_days(3), erasure("eve")] {
        let (request, _) = engine.submit(new).await.unwrap();
        engine.run(request.id, PATIENCE).await.unwrap();
    }
    assert_eq!(
        engine.verify_audit().await.unwrap(),
        engine.audit(0, 1000).await.unwrap().len() as u64
    );
    drop(engine);
    let mut files = vec![world.folder.path().to_owned()];
    let mut seen = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        seen += bytes.len();
        for value in PERSONAL {
            assert!(
                !contains(&bytes, value.as_bytes()),
                "{value} lies open in {path:?}"
            );
        }
    }
    assert!(seen > 10_000, "the store was looked at");
}

#[tokio::test]
async fn the_audit_log_shows_when_it_was_changed() {
    let world = World::new();
    let engine = world.engine().await;
    let (request, _) = engine.submit(erasure("ada")).await.unwrap();
    engine.run(request.id, PATIENCE).await.unwrap();
    let events: Vec<_> = engine
        .audit(0, 100)
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.event)
        .collect();
    assert_eq!(
        events,
        [
            "submitted",
            "discovered",
            "erasure_began",
            "verified",
            "completed"
        ]
    );
    engine.verify_audit().await.unwrap();
    let path = world.folder.path().join("adieu.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let refused = sqlx::query("UPDATE adieu_audit SET event = 'cancelled' WHERE sequence = 3")
        .execute(&pool)
        .await;
    assert!(refused.is_err(), "the table refuses");
    sqlx::raw_sql("DROP TRIGGER adieu_audit_is_append_only; UPDATE adieu_audit SET event = 'cancelled' WHERE sequence = 3")
        .execute(&pool)
        .await
        .unwrap();
    let error = engine.verify_audit().await.unwrap_err();
    assert!(error.to_string().contains("entry 3"), "{error}");
}

#[tokio::test]
async fn a_store_made_with_another_key_is_refused_at_the_start() {
    let world = World::new();
    let engine = world.engine().await;
    engine.submit(export("ada")).await.unwrap();
    drop(engine);
    let other = adieu_engine::MasterKey::generate().unwrap();
    let error = adieu_engine::Store::open(&world.folder.path().join("adieu.db"), &other)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("another key"), "{error}");
}

#[tokio::test]
async fn an_unfinished_request_is_found_by_its_subject() {
    let world = World::new();
    let engine = world.engine().await;
    assert!(
        engine
            .unfinished(Kind::Export, &person("ada"))
            .await
            .unwrap()
            .is_none()
    );
    let (request, _) = engine.submit(export("ada")).await.unwrap();
    let found = engine
        .unfinished(Kind::Export, &person("ada"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.id, request.id);
    assert!(
        engine
            .unfinished(Kind::Erasure, &person("ada"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        engine
            .unfinished(Kind::Export, &person("eve"))
            .await
            .unwrap()
            .is_none()
    );
    engine.run(request.id, PATIENCE).await.unwrap();
    assert!(
        engine
            .unfinished(Kind::Export, &person("ada"))
            .await
            .unwrap()
            .is_none()
    );
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
