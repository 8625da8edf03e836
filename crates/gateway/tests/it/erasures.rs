use adieu_auth::Scope;
use adieu_auth::sign::TokenDraft;
use adieu_core::{Blocker, Identity};
use adieu_engine::receipt::{Opening, verify};
use adieu_testkit::memory::MemorySystem;
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::client::{self, until};
use crate::world::{ALL, ISSUER, World, fill};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_goes_the_whole_way_with_preview_and_receipt() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    let preview = world
        .post("/privacy/v1/preview", &ada, Value::Null)
        .await
        .expect(200)
        .json();
    assert_eq!(
        preview["connectors"][0]["collections"][0]["tally"]["erase"], 3,
        "{preview}"
    );
    assert_eq!(preview["complete"], true);
    assert_eq!(world.shop.count("orders"), 6, "a preview changes nothing");

    let plan_token = preview["plan_token"].as_str().unwrap();
    let asked = world.erase(&ada, plan_token).await.expect(202);
    let request = world.ended(asked.header("location"), &ada).await;
    assert_eq!(request["status"], "completed", "{request}");
    let left: Vec<String> = world
        .shop
        .records("orders")
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(left, ["eve-0", "eve-1", "eve-2"]);
    assert_eq!(world.shop.records("customers").len(), 1);

    let receipt = world
        .get(request["links"]["receipt"].as_str().unwrap(), &ada)
        .await
        .expect(200);
    assert_eq!(receipt.header("content-type"), "application/jose");
    let opening: Opening = receipt.header("adieu-receipt-opening").parse().unwrap();
    let keys = world
        .get("/privacy/.well-known/jwks.json", "")
        .await
        .expect(200);
    let keys = std::str::from_utf8(&keys.body).unwrap();
    let jws = std::str::from_utf8(&receipt.body).unwrap();
    let verified = verify(jws, keys).unwrap();
    assert!(verified.is_about(&opening, None, &Identity::new("user_id", "ada").unwrap()));
    assert!(!verified.is_about(&opening, None, &Identity::new("user_id", "eve").unwrap()));
    let mut changed = jws.to_owned().into_bytes();
    let at = changed.len() / 2;
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    assert!(verify(&String::from_utf8(changed).unwrap(), keys).is_err());

    let archive = format!("{}/archive", asked.header("location"));
    assert_eq!(
        world.get(&archive, &ada).await.expect(404).problem(),
        "not_found"
    );
    assert!(
        world
            .gateway
            .is_suppressed(None, &Identity::new("user_id", "ada").unwrap())
            .await
            .unwrap()
    );
    assert!(
        !world
            .gateway
            .is_suppressed(None, &Identity::new("user_id", "eve").unwrap())
            .await
            .unwrap()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_is_cancelled_within_its_grace_period_and_not_after_it() {
    let world = World::with(|builder| builder.grace_days(14)).await;
    let ada = world.token("ada", &ALL);
    let asked = world
        .erase(&ada, &world.plan_token(&ada).await)
        .await
        .expect(202);
    assert_eq!(asked.json()["status"], "scheduled");
    let link = asked.header("location").to_owned();

    let events = client::request(Method::GET, &format!("{link}/events"), &ada, &Value::Null);
    let mut events = client::open(world.address, events).await.into_body();
    until(&mut events, "scheduled").await;
    assert_eq!(
        world.delete(&link, &ada).await.expect(200).json()["status"],
        "cancelled"
    );
    until(&mut events, "\"status\":\"cancelled\"").await;
    assert_eq!(
        world.delete(&link, &ada).await.expect(409).problem(),
        "state_conflict"
    );
    assert_eq!(
        world
            .get(&format!("{link}/receipt"), &ada)
            .await
            .expect(409)
            .problem(),
        "not_ready"
    );

    world.clock.by(SignedDuration::from_hours(15 * 24));
    let ada = world.token("ada", &ALL);
    assert_eq!(
        world.shop.count("orders"),
        6,
        "a cancelled erasure erases nothing"
    );
    let asked = world
        .erase(&ada, &world.plan_token(&ada).await)
        .await
        .expect(202);
    world.clock.by(SignedDuration::from_hours(14 * 24 + 1));
    let ada = world.token("ada", &ALL);
    let request = world.ended(asked.header("location"), &ada).await;
    assert_eq!(request["status"], "completed");
    assert_eq!(world.shop.count("orders"), 3);
    assert_eq!(
        world
            .delete(asked.header("location"), &ada)
            .await
            .expect(409)
            .problem(),
        "state_conflict"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_token_is_good_once_for_one_person_for_fifteen_minutes() {
    let world = World::with(|builder| builder.grace_days(14)).await;
    let (ada, eve) = (world.token("ada", &ALL), world.token("eve", &ALL));
    let plan_token = world.plan_token(&ada).await;

    let of_another = world.erase(&eve, &plan_token).await.expect(403);
    assert_eq!(of_another.problem(), "plan_token_invalid");
    let mut tampered = plan_token.clone().into_bytes();
    tampered[10] = if tampered[10] == b'A' { b'B' } else { b'A' };
    let tampered = world
        .erase(&ada, &String::from_utf8(tampered).unwrap())
        .await
        .expect(403);
    assert_eq!(tampered.problem(), "plan_token_invalid");
    let none = world
        .post("/privacy/v1/requests", &ada, json!({"kind": "erasure"}))
        .await
        .expect(422);
    assert_eq!(none.problem(), "plan_token_missing");

    let asked = world.erase(&ada, &plan_token).await.expect(202);
    let twice = world
        .erase(&ada, &world.plan_token(&ada).await)
        .await
        .expect(409);
    assert_eq!(twice.problem(), "erasure_unfinished");
    assert_eq!(twice.json()["request"], asked.header("location"));
    world
        .delete(asked.header("location"), &ada)
        .await
        .expect(200);
    assert_eq!(
        world.erase(&ada, &plan_token).await.expect(409).problem(),
        "plan_token_used"
    );

    let plan_token = world.plan_token(&ada).await;
    world.clock.by(SignedDuration::from_mins(15));
    let ada = world.token("ada", &ALL);
    assert_eq!(
        world.erase(&ada, &plan_token).await.expect(403).problem(),
        "plan_token_expired"
    );
    assert_eq!(world.shop.count("orders"), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_token_sent_twice_at_once_makes_one_request() {
    let world = World::with(|builder| builder.grace_days(14)).await;
    let ada = world.token("ada", &ALL);
    let plan_token = world.plan_token(&ada).await;
    let (one, other) = tokio::join!(
        world.erase(&ada, &plan_token),
        world.erase(&ada, &plan_token)
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409]);
    let list = world
        .get("/privacy/v1/requests", &ada)
        .await
        .expect(200)
        .json();
    assert_eq!(list["requests"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_erasure_with_the_same_key_is_the_same_request() {
    let world = World::with(|builder| builder.grace_days(14)).await;
    let ada = world.token("ada", &ALL);
    let ask = json!({"kind": "erasure", "plan_token": world.plan_token(&ada).await});
    let repeated = ask.clone();
    let key = ("idempotency-key", "once");
    let first = world
        .call_with(Method::POST, "/privacy/v1/requests", &ada, key, ask.clone())
        .await
        .expect(202);
    let again = world
        .call_with(Method::POST, "/privacy/v1/requests", &ada, key, ask)
        .await
        .expect(202);
    assert_eq!(first.json()["id"], again.json()["id"]);
    // Also when its plan token is not good any more.
    world.clock.by(SignedDuration::from_mins(20));
    let ada = world.token("ada", &ALL);
    let late = world
        .call_with(Method::POST, "/privacy/v1/requests", &ada, key, repeated)
        .await
        .expect(202);
    assert_eq!(first.json()["id"], late.json()["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_needs_a_recent_login() {
    let world = World::new().await;
    let fresh = world.token("ada", &ALL);
    let plan_token = world.plan_token(&fresh).await;
    let login = jiff::Timestamp::now() - SignedDuration::from_mins(11);
    let stale = world.sign(
        TokenDraft::new(ISSUER, "api", "ada")
            .scopes(ALL)
            .login_at(login),
    );
    let refused = world.erase(&stale, &plan_token).await.expect(401);
    assert_eq!(refused.problem(), "insufficient_user_authentication");
    let challenge = refused.header("www-authenticate");
    assert!(
        challenge.contains("error=\"insufficient_user_authentication\""),
        "{challenge}"
    );
    assert!(challenge.contains("max_age=\"600\""), "{challenge}");
    assert_eq!(world.shop.count("orders"), 6);
    // The token is still good: it was the login that was not.
    world.erase(&fresh, &plan_token).await.expect(202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocker_is_shown_and_there_is_no_plan_token() {
    let shop = MemorySystem::new();
    fill(&shop);
    let blocker = Blocker {
        code: "open_invoice".to_owned(),
        advice: "pay it first".to_owned(),
    };
    shop.block(Identity::new("user_id", "ada").unwrap(), blocker);
    let world = World::over(shop, |builder| builder).await;
    let ada = world.token("ada", &[Scope::ERASE]);
    let preview = world
        .post("/privacy/v1/preview", &ada, json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(preview["blockers"][0]["code"], "open_invoice");
    assert_eq!(preview["plan_token"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_erases_from_its_own_code() {
    let world = World::new().await;
    let identity = Identity::new("user_id", "ada").unwrap();
    let subject = adieu_core::Subject::new([identity.clone()]);
    let request = world.gateway.erase(subject, identity).await.unwrap();
    let ada = world.token("ada", &ALL);
    let request = world
        .ended(&format!("/privacy/v1/requests/{}", request.id), &ada)
        .await;
    assert_eq!(request["status"], "completed");
    assert_eq!(world.shop.count("orders"), 3);
}
