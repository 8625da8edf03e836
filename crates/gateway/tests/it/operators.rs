use adieu_auth::Scope;
use adieu_core::ErrorKind;
use adieu_engine::{Deadline, Kind};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{ALL, World};

const REQUESTS: &str = "/privacy/v1/operator/requests";
const HOLDS: &str = "/privacy/v1/operator/holds";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_asks_on_behalf_of_a_person_who_fetches_the_archive() {
    let world = World::new().await;
    let (operator, ada) = (
        world.token("olga", &[Scope::OPERATOR]),
        world.token("ada", &ALL),
    );
    let ask = json!({
        "kind": "export",
        "subject": {"identities": [{"kind": "user_id", "value": "ada"}]},
        "owner": {"kind": "user_id", "value": "ada"},
    });
    let key = ("idempotency-key", "letter-17");
    let asked = world
        .call_with(Method::POST, REQUESTS, &operator, key, ask.clone())
        .await
        .expect(202)
        .json();
    let again = world
        .call_with(Method::POST, REQUESTS, &operator, key, ask.clone())
        .await
        .expect(202)
        .json();
    assert_eq!(asked["id"], again["id"]);
    let link = format!("/privacy/v1/requests/{}", asked["id"].as_str().unwrap());
    let request = world.ended(&link, &ada).await;
    assert_eq!(request["status"], "completed");
    world
        .get(&format!("{link}/archive"), &ada)
        .await
        .expect(200);
    // The operator sees how it stands, and not what is in it.
    let seen = world
        .get(
            &format!("{REQUESTS}/{}", asked["id"].as_str().unwrap()),
            &operator,
        )
        .await
        .expect(200);
    assert_eq!(seen.json()["status"], "completed");
    assert_eq!(
        world
            .get(&format!("{link}/archive"), &operator)
            .await
            .expect(403)
            .problem(),
        "insufficient_scope"
    );

    let mut stranger = ask;
    stranger["owner"]["value"] = json!("eve");
    assert_eq!(
        world
            .post(REQUESTS, &operator, stranger)
            .await
            .expect(422)
            .problem(),
        "request_refused"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_finds_requests_by_status_and_deadline_page_by_page() {
    let world = World::with(|builder| builder.grace_days(7)).await;
    let operator = world.token("olga", &[Scope::OPERATOR]);
    let ada = world.token("ada", &ALL);
    let export = world.exported(&ada).await;
    let erasure = world
        .erase(&ada, &world.plan_token(&ada).await)
        .await
        .expect(202)
        .json();
    let ids = async |query: &str| -> Vec<Value> {
        let found = world
            .get(&format!("{REQUESTS}?{query}"), &operator)
            .await
            .expect(200)
            .json();
        found["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|request| request["id"].clone())
            .collect()
    };
    let (export, erasure_id) = (export["id"].clone(), erasure["id"].clone());
    assert_eq!(ids("").await, [erasure_id.clone(), export.clone()]);
    assert_eq!(
        ids("status=scheduled").await,
        std::slice::from_ref(&erasure_id)
    );
    assert_eq!(ids("status=failed").await, [] as [Value; 0]);
    assert_eq!(ids("due_by=2020-01-01T00:00:00Z").await, [] as [Value; 0]);
    assert_eq!(
        ids("due_by=2999-01-01T00:00:00Z&limit=1").await,
        std::slice::from_ref(&erasure_id)
    );
    assert_eq!(
        ids(&format!("before={}", erasure_id.as_str().unwrap())).await,
        [export]
    );
    for bad in [
        "status=done",
        "due_by=soon",
        "limit=0",
        "limit=201",
        "before=1",
        "limit=1&limit=2",
        "colour=red",
    ] {
        let refused = world
            .get(&format!("{REQUESTS}?{bad}"), &operator)
            .await
            .expect(400);
        assert_eq!(refused.problem(), "parameter_malformed", "{bad}");
    }
    let cancelled = world
        .delete(
            &format!("{REQUESTS}/{}", erasure_id.as_str().unwrap()),
            &operator,
        )
        .await
        .expect(200);
    assert_eq!(cancelled.json()["status"], "cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_takes_up_again_what_ended_with_exceptions() {
    let world = World::new().await;
    let (operator, ada) = (
        world.token("olga", &[Scope::OPERATOR]),
        world.token("ada", &ALL),
    );
    world
        .shop
        .fail_collection("orders", ErrorKind::Forbidden)
        .unwrap();
    let asked = world
        .post("/privacy/v1/requests", &ada, json!({"kind": "export"}))
        .await
        .expect(202);
    let link = asked.header("location").to_owned();
    let request = world.ended(&link, &ada).await;
    assert_eq!(request["status"], "completed_with_exceptions", "{request}");
    assert_eq!(request["exceptions"][0]["collection"], "orders");
    let first = world
        .get(&format!("{link}/archive"), &ada)
        .await
        .expect(200);

    world.shop.heal();
    let resume = format!("{REQUESTS}/{}/resume", request["id"].as_str().unwrap());
    world
        .post(&resume, &operator, Value::Null)
        .await
        .expect(202);
    let request = world.ended(&link, &ada).await;
    assert_eq!(request["status"], "completed", "{request}");
    let second = world
        .get(&format!("{link}/archive"), &ada)
        .await
        .expect(200);
    assert_ne!(
        first.header("etag"),
        second.header("etag"),
        "it is another archive"
    );
    assert_eq!(
        world
            .post(&resume, &operator, Value::Null)
            .await
            .expect(409)
            .problem(),
        "state_conflict"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_reads_the_audit_log() {
    let world = World::new().await;
    let operator = world.token("olga", &[Scope::OPERATOR]);
    let request = world.exported(&world.token("ada", &ALL)).await;
    let audit = world
        .get("/privacy/v1/operator/audit", &operator)
        .await
        .expect(200)
        .json();
    let entries = audit["entries"].as_array().unwrap();
    assert_eq!(entries[0]["event"], "submitted");
    assert_eq!(entries[0]["request_id"], request["id"]);
    assert!(entries.iter().any(|entry| entry["event"] == "completed"));
    let rest = world
        .get("/privacy/v1/operator/audit?after=1&limit=1", &operator)
        .await
        .expect(200)
        .json();
    assert_eq!(rest["entries"], json!([entries[1]]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_waits_for_an_operators_approval_where_one_is_needed() {
    let world = World::approving(&[Kind::Erasure]).await;
    let (operator, ada) = (
        world.token("olga", &[Scope::OPERATOR]),
        world.token("ada", &ALL),
    );
    let asked = world
        .erase(&ada, &world.plan_token(&ada).await)
        .await
        .expect(202);
    let link = asked.header("location").to_owned();
    let asked = asked.json();
    assert_eq!(asked["status"], "awaiting_confirmation");
    let one = format!("{REQUESTS}/{}", asked["id"].as_str().unwrap());
    let waiting = world
        .get(
            &format!("{REQUESTS}?status=awaiting_confirmation"),
            &operator,
        )
        .await
        .expect(200)
        .json();
    assert_eq!(waiting["requests"][0]["id"], asked["id"]);
    assert_eq!(world.shop.count("orders"), 6);
    for action in ["approve", "refuse", "extend"] {
        let refused = world
            .post(&format!("{one}/{action}"), &ada, Value::Null)
            .await
            .expect(403);
        assert_eq!(refused.problem(), "insufficient_scope");
    }
    world
        .post(&format!("{one}/approve"), &operator, Value::Null)
        .await
        .expect(202);
    let done = world.ended(&link, &ada).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(world.shop.count("orders"), 3);
    let again = world
        .post(&format!("{one}/approve"), &operator, Value::Null)
        .await
        .expect(409);
    assert_eq!(again.problem(), "state_conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_tells_the_person_the_code() {
    let world = World::approving(&[Kind::Export]).await;
    let (operator, ada) = (
        world.token("olga", &[Scope::OPERATOR]),
        world.token("ada", &ALL),
    );
    let asked = world
        .post("/privacy/v1/requests", &ada, json!({"kind": "export"}))
        .await
        .expect(202);
    let link = asked.header("location").to_owned();
    let one = format!("{REQUESTS}/{}", asked.json()["id"].as_str().unwrap());
    for bad in [json!({"code": "no_mood"}), json!({})] {
        let refused = world
            .post(&format!("{one}/refuse"), &operator, bad)
            .await
            .expect(400);
        assert_eq!(refused.problem(), "body_malformed");
    }
    world
        .post(
            &format!("{one}/refuse"),
            &operator,
            json!({"code": "excessive"}),
        )
        .await
        .expect(200);
    let request = world.get(&link, &ada).await.expect(200).json();
    assert_eq!(request["status"], "blocked");
    assert_eq!(request["blockers"][0]["code"], "refused_excessive");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_time_is_given_once_and_shown_to_the_person() {
    let world = World::with(|builder| builder.grace_days(7)).await;
    let (operator, ada) = (
        world.token("olga", &[Scope::OPERATOR]),
        world.token("ada", &ALL),
    );
    let asked = world
        .erase(&ada, &world.plan_token(&ada).await)
        .await
        .expect(202)
        .json();
    let extend = format!("{REQUESTS}/{}/extend", asked["id"].as_str().unwrap());
    let ask = json!({"reason": "complexity"});
    world
        .post(&extend, &operator, ask.clone())
        .await
        .expect(200);
    let shown = world
        .get(asked["links"]["self"].as_str().unwrap(), &ada)
        .await
        .expect(200)
        .json();
    assert_eq!(shown["extension"]["reason"], "complexity");
    assert_eq!(shown["extension"]["due_before"], asked["due_at"]);
    let created: Timestamp = asked["created_at"].as_str().unwrap().parse().unwrap();
    let due = Deadline::Gdpr.extended(created).unwrap();
    assert_eq!(shown["due_at"], due.to_string());
    let again = world.post(&extend, &operator, ask).await.expect(409);
    assert_eq!(again.problem(), "state_conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_legal_hold_keeps_a_person_until_it_is_released() {
    let world = World::new().await;
    let (operator, ada) = (
        world.token("olga", &[Scope::OPERATOR]),
        world.token("ada", &ALL),
    );
    let plan = world.plan_token(&ada).await;
    let ask = json!({
        "subject": {"identities": [{"kind": "user_id", "value": "ada"}]},
        "reason": "court case 17",
    });
    for bad in [
        json!({"subject": {"identities": []}, "reason": "x"}),
        json!({"subject": ask["subject"], "reason": " "}),
        json!({"subject": ask["subject"], "reason": "a\nb"}),
        json!({"subject": ask["subject"], "reason": "x".repeat(1025)}),
    ] {
        let refused = world.post(HOLDS, &operator, bad).await.expect(422);
        assert_eq!(refused.problem(), "request_refused");
    }
    let hold = world.post(HOLDS, &operator, ask).await.expect(201).json();
    assert_eq!(hold["reason"], "court case 17");
    assert_eq!(hold["kinds"], json!(["user_id"]));
    let holds = world.get(HOLDS, &operator).await.expect(200).json();
    assert_eq!(holds["holds"], json!([hold]));
    world.get(HOLDS, &ada).await.expect(403);

    let preview = world
        .post("/privacy/v1/preview", &ada, Value::Null)
        .await
        .expect(200)
        .json();
    assert_eq!(preview["blockers"][0]["code"], "legal_hold");
    assert_eq!(preview["plan_token"], Value::Null);
    let asked = world.erase(&ada, &plan).await.expect(202);
    let link = asked.header("location").to_owned();
    let blocked = world.ended(&link, &ada).await;
    assert_eq!(blocked["status"], "blocked");
    assert_eq!(blocked["blockers"][0]["code"], "legal_hold");
    assert_eq!(world.shop.count("orders"), 6);

    let one = format!("{HOLDS}/{}", hold["id"].as_str().unwrap());
    let released = world.delete(&one, &operator).await.expect(204);
    assert!(released.body.is_empty());
    world.delete(&one, &operator).await.expect(404);
    let resume = format!("{REQUESTS}/{}/resume", blocked["id"].as_str().unwrap());
    world
        .post(&resume, &operator, Value::Null)
        .await
        .expect(202);
    let done = world.ended(&link, &ada).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(world.shop.count("orders"), 3);
}
