//! What operators decide: approvals, refusals, more time, legal holds.

use std::time::Duration;

use adieu_core::{ErrorKind, Identity, Subject, Tenant};
use adieu_engine::{
    Advance, Deadline, EngineError, ExtensionReason, Kind, Options, Refusal, RetryPolicy, Search,
    Status,
};
use jiff::Timestamp;

use crate::world::{PATIENCE, World, erasure, export, person};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn approving(kinds: &[Kind]) -> Options {
    Options {
        approval: kinds.to_vec(),
        ..Options::default()
    }
}

#[tokio::test]
async fn a_request_that_needs_an_approval_waits_for_it() {
    let world = World::new();
    let engine = world.engine_with(approving(&[Kind::Erasure])).await;
    let (asked, _) = engine.submit(erasure("ada")).await.unwrap();
    assert_eq!(asked.status, Status::AwaitingConfirmation);
    assert_eq!(
        engine.advance(asked.id, PATIENCE).await.unwrap(),
        Advance::Idle
    );
    world.clock.forward(3 * DAY);
    assert_eq!(engine.due(10).await.unwrap(), []);
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);
    assert_eq!(
        engine.approve(asked.id).await.unwrap().status,
        Status::Running
    );
    let done = engine.run(asked.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);
    assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
    assert!(matches!(
        engine.approve(asked.id).await,
        Err(EngineError::Conflict(_))
    ));

    let (free, _) = engine.submit(export("eve")).await.unwrap();
    assert_eq!(free.status, Status::Running, "exports need none here");
    let (own, _) = engine.submit(erasure("eve").approved()).await.unwrap();
    assert_eq!(own.status, Status::Running, "an operator asked");
}

#[tokio::test]
async fn an_approved_erasure_still_has_the_rest_of_its_grace_period() {
    let world = World::new();
    let engine = world.engine_with(approving(&[Kind::Erasure])).await;
    let (asked, _) = engine.submit(erasure("ada").after_days(7)).await.unwrap();
    world.clock.forward(2 * DAY);
    let approved = engine.approve(asked.id).await.unwrap();
    assert_eq!(approved.status, Status::Scheduled);
    assert_eq!(approved.next_at, Some(asked.execute_at));
    let cancelled = engine.cancel(asked.id).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
}

#[tokio::test]
async fn a_refused_request_says_why_and_nothing_was_done() {
    let world = World::new();
    let engine = world
        .engine_with(approving(&[Kind::Export, Kind::Erasure]))
        .await;
    let (asked, _) = engine.submit(export("ada")).await.unwrap();
    let refused = engine
        .refuse(asked.id, Refusal::IdentityNotVerified)
        .await
        .unwrap();
    assert_eq!(refused.status, Status::Blocked);
    assert_eq!(refused.blockers[0].code, "refused_identity_not_verified");
    assert_eq!(engine.due(10).await.unwrap(), []);
    let events = events(&engine.audit(0, 10).await.unwrap());
    assert_eq!(events, ["submitted", "refused identity_not_verified"]);
    // The operator may come to think otherwise.
    engine.resume(asked.id).await.unwrap();
    let done = engine.run(asked.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed);
    assert!(done.blockers.is_empty());
}

#[tokio::test]
async fn a_request_is_extended_once_with_a_reason_before_its_time_is_over() {
    let world = World::new();
    let engine = world.engine().await;
    let (asked, _) = engine.submit(erasure("ada").after_days(14)).await.unwrap();
    let extended = engine
        .extend(asked.id, ExtensionReason::Complexity)
        .await
        .unwrap();
    assert_eq!(
        extended.due_at,
        Deadline::Gdpr.extended(asked.created_at).unwrap()
    );
    let extension = extended.extension.unwrap();
    assert_eq!(extension.due_before, asked.due_at);
    assert_eq!(extension.reason, ExtensionReason::Complexity);
    assert!(matches!(
        engine.extend(asked.id, ExtensionReason::Complexity).await,
        Err(EngineError::Conflict(_))
    ));
    assert_eq!(
        events(&engine.audit(0, 10).await.unwrap()),
        ["submitted", "extended complexity"]
    );
    // Carrying it on does not take the time away again.
    world.clock.forward(15 * DAY);
    let done = engine.run(asked.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed);
    assert_eq!(done.due_at, extended.due_at);

    let (late, _) = engine.submit(erasure("eve").after_days(60)).await.unwrap();
    world.clock.forward(40 * DAY);
    assert!(matches!(
        engine
            .extend(late.id, ExtensionReason::NumberOfRequests)
            .await,
        Err(EngineError::Conflict(_))
    ));
}

#[tokio::test]
async fn nobody_who_is_held_is_erased_before_the_hold_is_released() {
    let world = World::new();
    let engine = world.engine().await;
    let hold = engine
        .hold(&person("ada"), "court case 17".to_owned())
        .await
        .unwrap();
    let preview = engine.preview(&person("ada")).await.unwrap();
    assert_eq!(preview.blockers[0].code, "legal_hold");
    assert!(
        engine
            .preview(&person("eve"))
            .await
            .unwrap()
            .blockers
            .is_empty()
    );
    let (asked, _) = engine.submit(erasure("ada")).await.unwrap();
    let blocked = engine.run(asked.id, PATIENCE).await.unwrap();
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(blocked.blockers[0].code, "legal_hold");
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);
    // An export is no harm to what is held.
    let (copy, _) = engine.submit(export("ada")).await.unwrap();
    assert_eq!(
        engine.run(copy.id, PATIENCE).await.unwrap().status,
        Status::Completed
    );

    engine.resume(asked.id).await.unwrap();
    let again = engine.run(asked.id, PATIENCE).await.unwrap();
    assert_eq!(again.status, Status::Blocked, "it still stands");
    assert_eq!(
        engine.holds(None).await.unwrap(),
        std::slice::from_ref(&hold)
    );
    engine.release(hold.id, None).await.unwrap();
    assert!(matches!(
        engine.release(hold.id, None).await,
        Err(EngineError::NotFound)
    ));
    engine.resume(asked.id).await.unwrap();
    let done = engine.run(asked.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);
    assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
    let events = events(&engine.audit(0, 100).await.unwrap());
    assert!(events.contains(&"hold_set".to_owned()));
    assert!(events.contains(&"hold_released".to_owned()));
}

#[tokio::test]
async fn a_hold_set_in_the_grace_period_or_on_a_discovered_identity_holds() {
    let world = World::new();
    let engine = world.engine().await;
    let (asked, _) = engine.submit(erasure("ada").after_days(7)).await.unwrap();
    world.clock.forward(3 * DAY);
    // The request only knows an e-mail address; the shop yields this.
    let discovered = Subject::new([Identity::new("mail_contact", "cus_ada").unwrap()]);
    engine.hold(&discovered, "audit".to_owned()).await.unwrap();
    world.clock.forward(5 * DAY);
    let blocked = engine.run(asked.id, PATIENCE).await.unwrap();
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(world.held_of("ada"), [3, 3, 1, 1]);
}

#[tokio::test]
async fn a_hold_stops_an_erasure_that_has_begun_and_the_receipt_does_not_hide_it() {
    let world = World::new();
    let engine = world
        .engine_with(Options {
            retry: RetryPolicy {
                quick_attempts: 1,
                ..RetryPolicy::default()
            },
            ..Options::default()
        })
        .await;
    let (asked, _) = engine.submit(erasure("ada")).await.unwrap();
    world
        .shop
        .fail_collection("invoices", ErrorKind::Unavailable)
        .unwrap();
    // Discovery goes through customers; the erasure comes to invoices and has to wait.
    let begun = std::time::Instant::now();
    let waits = engine.advance(asked.id, PATIENCE).await.unwrap();
    assert!(matches!(waits, Advance::Again(_)), "{waits:?}");
    assert!(begun.elapsed() < PATIENCE / 2, "it waits and does not spin");
    assert_eq!(world.held_of("ada")[0], 0, "sessions are gone");
    let hold = engine
        .hold(&person("ada"), "too late for some".to_owned())
        .await
        .unwrap();
    world.shop.heal();
    world.clock.forward(DAY / 12);
    let stopped = engine.run(asked.id, PATIENCE).await.unwrap();
    assert_eq!(stopped.status, Status::CompletedWithExceptions);
    assert!(
        stopped
            .exceptions
            .iter()
            .all(|one| one.reason.contains("legal_hold")),
        "{:?}",
        stopped.exceptions
    );
    assert_eq!(world.held_of("ada")[2], 1, "the customer is still there");
    engine.release(hold.id, None).await.unwrap();
    engine.resume(asked.id).await.unwrap();
    let done = engine.run(asked.id, PATIENCE).await.unwrap();
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);
    assert_eq!(world.held_of("ada"), [0, 3, 0, 0]);
}

#[tokio::test]
async fn a_tenant_has_its_own_requests_holds_and_log() {
    let world = World::new();
    let engine = world.engine().await;
    let (acme, other) = (Tenant::new("acme").unwrap(), Tenant::new("other").unwrap());
    let mut here = export("ada");
    here.subject = here.subject.within(acme.clone());
    let (here, _) = engine.submit(here).await.unwrap();
    let (nowhere, _) = engine.submit(export("ada")).await.unwrap();
    assert!(engine.is_within(here.id, &acme).await.unwrap());
    assert!(!engine.is_within(here.id, &other).await.unwrap());
    assert!(!engine.is_within(nowhere.id, &acme).await.unwrap());
    let found = engine
        .search(
            Search {
                tenant: Some(acme.clone()),
                ..Search::default()
            },
            10,
        )
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|one| one.id).collect::<Vec<_>>(),
        [here.id]
    );

    let held = person("ada").within(acme.clone());
    let hold = engine.hold(&held, "court".to_owned()).await.unwrap();
    assert_eq!(
        engine.holds(Some(&acme)).await.unwrap(),
        std::slice::from_ref(&hold)
    );
    assert_eq!(engine.holds(Some(&other)).await.unwrap(), []);
    assert!(matches!(
        engine.release(hold.id, Some(&other)).await,
        Err(EngineError::NotFound)
    ));
    assert!(
        engine
            .preview(&person("ada"))
            .await
            .unwrap()
            .blockers
            .is_empty(),
        "the same name in no tenant is another person"
    );
    let log = engine.audit_within(&acme, 0, 10).await.unwrap();
    assert_eq!(events(&log), ["submitted", "hold_set"]);
    engine.verify_audit().await.unwrap();

    let open: Vec<u8> = std::fs::read_dir(world.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .flat_map(|path| std::fs::read(path).unwrap())
        .collect();
    for canary in ["court", "acme", "ada@example.com"] {
        let canary = canary.as_bytes();
        assert!(!open.windows(canary.len()).any(|window| window == canary));
    }
}

fn events(log: &[adieu_engine::AuditEntry]) -> Vec<String> {
    assert!(log.iter().all(|entry| entry.at > Timestamp::UNIX_EPOCH));
    log.iter().map(|entry| entry.event.clone()).collect()
}
