//! What a server in front of the engine asks of it.

use std::time::Duration;

use adieu_core::{Identity, Subject};
use adieu_engine::{EngineError, NewRequest, RequestId, Search, Status};
use jiff::SignedDuration;

use crate::world::{PATIENCE, World, erasure, export, person};

fn email(who: &str) -> Identity {
    Identity::new("email", format!("{who}@example.com")).unwrap()
}

fn ids(requests: &[adieu_engine::Request]) -> Vec<RequestId> {
    requests.iter().map(|request| request.id).collect()
}

#[tokio::test]
async fn a_key_for_a_purpose_is_the_same_on_every_node_and_another_for_another_purpose() {
    let world = World::new();
    let one = world.engine().await.derived_key("plan-token").unwrap();
    let two = world.engine().await.derived_key("plan-token").unwrap();
    let other = world.engine().await.derived_key("download").unwrap();
    assert_eq!(*one, *two);
    assert_ne!(*one, *other);
    let elsewhere = World::new().engine().await;
    assert_ne!(*elsewhere.derived_key("plan-token").unwrap(), *one);
}

#[tokio::test]
async fn what_was_submitted_under_a_key_is_found_by_its_owner_alone() {
    let world = World::new();
    let engine = world.engine().await;
    let under = |key: &str, who: &str| NewRequest {
        idempotency_key: Some(key.to_owned()),
        ..export(who).owned_by(email(who))
    };
    assert!(
        engine
            .submitted(&under("k", "ada"))
            .await
            .unwrap()
            .is_none()
    );
    let (request, is_new) = engine.submit(under("k", "ada")).await.unwrap();
    assert!(is_new);
    let found = engine.submitted(&under("k", "ada")).await.unwrap();
    assert_eq!(found.unwrap().id, request.id);
    // Whatever else it now asks for: that it is another thing is for `submit` to say.
    let other = NewRequest {
        idempotency_key: Some("k".to_owned()),
        ..erasure("ada").owned_by(email("ada"))
    };
    assert_eq!(
        engine.submitted(&other).await.unwrap().unwrap().id,
        request.id
    );
    assert!(matches!(
        engine.submit(other).await,
        Err(EngineError::Conflict(_))
    ));
    for not_it in [
        under("k2", "ada"),
        under("k", "eve"),
        export("ada").owned_by(email("ada")),
    ] {
        assert!(engine.submitted(&not_it).await.unwrap().is_none());
    }
    // Within a tenant it is somebody else's, even under the same name.
    let tenant = adieu_core::Tenant::new("north").unwrap();
    let within = NewRequest {
        idempotency_key: Some("k".to_owned()),
        ..NewRequest::export(person("ada").within(tenant), adieu_archive::Format::Zip)
            .owned_by(email("ada"))
    };
    assert!(engine.submitted(&within).await.unwrap().is_none());
}

#[tokio::test]
async fn requests_are_searched_by_status_and_time_page_by_page() {
    let world = World::new();
    let engine = world.engine().await;
    let mut asked = Vec::new();
    for who in ["ada", "eve", "ada", "eve"] {
        asked.push(engine.submit(export(who)).await.unwrap().0);
        world.clock.forward(Duration::from_secs(24 * 3600));
    }
    let newest_first: Vec<RequestId> = asked.iter().rev().map(|request| request.id).collect();
    let all = engine.search(Search::default(), 10).await.unwrap();
    assert_eq!(ids(&all), newest_first);

    let first = engine.search(Search::default(), 3).await.unwrap();
    assert_eq!(ids(&first), newest_first[..3]);
    let rest = Search {
        before: Some(newest_first[2]),
        ..Search::default()
    };
    assert_eq!(
        ids(&engine.search(rest, 3).await.unwrap()),
        newest_first[3..]
    );

    engine.run(asked[1].id, PATIENCE).await.unwrap();
    let of = |status| Search {
        status: Some(status),
        ..Search::default()
    };
    let completed = engine.search(of(Status::Completed), 10).await.unwrap();
    assert_eq!(ids(&completed), [asked[1].id]);
    assert_eq!(
        engine.search(of(Status::Running), 10).await.unwrap().len(),
        3
    );
    assert!(
        engine
            .search(of(Status::Blocked), 10)
            .await
            .unwrap()
            .is_empty()
    );

    let by = |request: &adieu_engine::Request, earlier| Search {
        due_by: Some(
            request
                .due_at
                .checked_sub(SignedDuration::from_millis(earlier))
                .unwrap(),
        ),
        ..Search::default()
    };
    let due = engine.search(by(&asked[1], 0), 10).await.unwrap();
    assert_eq!(ids(&due), [asked[1].id, asked[0].id]);
    let due = engine.search(by(&asked[1], 1), 10).await.unwrap();
    assert_eq!(ids(&due), [asked[0].id]);
}

#[tokio::test]
async fn a_token_is_used_once_on_whatever_node_until_it_expires() {
    let world = World::new();
    let (one, two) = (world.engine().await, world.engine().await);
    let expires_at = world
        .now()
        .checked_add(SignedDuration::from_mins(15))
        .unwrap();
    assert!(one.spend("token-1", expires_at).await.unwrap());
    assert!(!one.spend("token-1", expires_at).await.unwrap());
    assert!(!two.spend("token-1", expires_at).await.unwrap());
    assert!(two.spend("token-2", expires_at).await.unwrap());
    world.clock.forward(Duration::from_secs(14 * 60));
    assert!(!two.spend("token-1", expires_at).await.unwrap());
    // Whoever checks tokens refuses it by now, and it need not be remembered for ever.
    world.clock.forward(Duration::from_secs(2 * 60));
    assert!(one.spend("token-1", expires_at).await.unwrap());
    let bytes = std::fs::read(world.folder.path().join("adieu.db")).unwrap();
    let wal = std::fs::read(world.folder.path().join("adieu.db-wal")).unwrap_or_default();
    for place in [bytes, wal] {
        assert!(
            !place.windows(7).any(|window| window == b"token-1"),
            "tokens are kept as hashes"
        );
    }
}

#[tokio::test]
async fn somebody_elses_identity_is_not_the_subject() {
    let world = World::new();
    let engine = world.engine().await;
    let (request, _) = engine
        .submit(export("ada").owned_by(email("ada")))
        .await
        .unwrap();
    assert!(
        engine
            .is_owned_by(request.id, None, &email("ada"))
            .await
            .unwrap()
    );
    assert!(
        !engine
            .is_owned_by(request.id, None, &email("eve"))
            .await
            .unwrap()
    );
    assert!(
        !engine
            .is_owned_by(request.id, Some("north"), &email("ada"))
            .await
            .unwrap()
    );
    let nobody = NewRequest::export(Subject::default(), adieu_archive::Format::Zip);
    assert!(matches!(
        engine.submit(nobody).await,
        Err(EngineError::Config(_))
    ));
}
