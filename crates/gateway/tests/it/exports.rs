use std::io::Read as _;

use http::Method;
use serde_json::{Value, json};

use crate::client::{self, until};
use crate::world::{ALL, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_goes_the_whole_way_to_a_valid_zip() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    let asked = world
        .post(
            "/privacy/v1/requests",
            &ada,
            json!({"kind": "export", "format": "zip"}),
        )
        .await
        .expect(202);
    let location = asked.header("location").to_owned();
    assert_eq!(asked.json()["links"]["self"], location.as_str());
    let request = world.ended(&location, &ada).await;
    assert_eq!(request["status"], "completed", "{request}");
    assert_eq!(request["progress"]["records"], 4);

    let archive = world
        .get(request["links"]["archive"].as_str().unwrap(), &ada)
        .await
        .expect(200);
    let id = request["id"].as_str().unwrap();
    assert_eq!(archive.header("content-type"), "application/zip");
    assert_eq!(
        archive.header("content-disposition"),
        format!("attachment; filename=\"adieu-export-{id}.zip\"")
    );
    assert_eq!(archive.header("cache-control"), "no-store");
    assert_eq!(
        archive.header("content-length"),
        archive.body.len().to_string()
    );
    assert_eq!(request["archive_bytes"], archive.body.len());
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(archive.body)).unwrap();
    let mut text = String::new();
    zip.by_name("shop/customers.json")
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(
        text.contains("Ada Canary-Lovelace") && !text.contains("Eve"),
        "{text}"
    );

    let receipt = world
        .get(request["links"]["receipt"].as_str().unwrap(), &ada)
        .await
        .expect(200);
    let keys = world
        .get("/privacy/.well-known/jwks.json", "")
        .await
        .expect(200);
    let keys = std::str::from_utf8(&keys.body).unwrap();
    let receipt =
        adieu_engine::receipt::verify(std::str::from_utf8(&receipt.body).unwrap(), keys).unwrap();
    assert_eq!(receipt.claims()["kind"], "export");

    let list = world
        .get("/privacy/v1/requests", &ada)
        .await
        .expect(200)
        .json();
    assert_eq!(list["requests"][0]["id"], id);
    assert_eq!(list["requests"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_as_json_is_one_document() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    let asked = world
        .post(
            "/privacy/v1/requests",
            &ada,
            json!({"kind": "export", "format": "json"}),
        )
        .await
        .expect(202);
    let request = world.ended(asked.header("location"), &ada).await;
    let archive = world
        .get(request["links"]["archive"].as_str().unwrap(), &ada)
        .await
        .expect(200);
    assert_eq!(archive.header("content-type"), "application/json");
    assert!(archive.json().is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_begin_with_the_request_and_end_with_its_final_status() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    world.shop.hold();
    let asked = world
        .post("/privacy/v1/requests", &ada, json!({"kind": "export"}))
        .await
        .expect(202);
    let link = asked.json()["links"]["events"].as_str().unwrap().to_owned();
    let response = client::open(
        world.address,
        client::request(Method::GET, &link, &ada, &Value::Null),
    )
    .await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let first = until(&mut body, "\n\n").await;
    assert!(first.starts_with("event: request\ndata: {"), "{first}");
    assert!(first.contains("\"status\":\"running\""), "{first}");
    world.shop.release();
    let rest = http_body_util::BodyExt::collect(body)
        .await
        .unwrap()
        .to_bytes();
    let rest = String::from_utf8(rest.to_vec()).unwrap();
    assert!(
        rest.contains("event: progress\ndata: {\"event\":\"records\""),
        "{rest}"
    );
    let last = rest.trim_end().rsplit("\n\n").next().unwrap();
    assert!(
        last.starts_with("event: request\n") && last.contains("\"status\":\"completed\""),
        "{last}"
    );
    // Asked again, it is told at once.
    let again = world.get(&link, &ada).await.expect(200);
    assert_eq!(again.body, format!("{last}\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_finds_the_same_request_and_no_other() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    let key = ("idempotency-key", "\"8e03978e-40d5\"");
    let ask = async |token: &str, body: Value| {
        world
            .call_with(Method::POST, "/privacy/v1/requests", token, key, body)
            .await
    };
    let first = ask(&ada, json!({"kind": "export"}))
        .await
        .expect(202)
        .json();
    let again = ask(&ada, json!({"kind": "export"}))
        .await
        .expect(202)
        .json();
    assert_eq!(first["id"], again["id"]);
    world
        .ended(first["links"]["self"].as_str().unwrap(), &ada)
        .await;
    let later = ask(&ada, json!({"kind": "export"}))
        .await
        .expect(202)
        .json();
    assert_eq!(first["id"], later["id"]);
    let other = ask(&ada, json!({"kind": "export", "format": "csv"}))
        .await
        .expect(422);
    assert_eq!(other.problem(), "idempotency_key_reused");
    let eve = world.token("eve", &ALL);
    let of_eve = ask(&eve, json!({"kind": "export"}))
        .await
        .expect(202)
        .json();
    assert_ne!(first["id"], of_eve["id"]);
    let bad = world
        .call_with(
            Method::POST,
            "/privacy/v1/requests",
            &ada,
            ("idempotency-key", "a b"),
            json!({"kind": "export"}),
        )
        .await;
    assert_eq!(bad.expect(400).problem(), "idempotency_key_malformed");
}
