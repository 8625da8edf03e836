//! Exports that are sent while they are gathered.

use std::io::{Cursor, Read as _};
use std::process::Command;
use std::time::Duration;

use adieu_auth::Scope;
use adieu_core::ErrorKind;
use adieu_engine::Kind;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use zip::ZipArchive;

use crate::client;
use crate::world::{ALL, World, attach};

const EXPORT: &str = "/privacy/v1/export";

fn entry(archive: &Bytes, name: &str) -> Vec<u8> {
    let mut zip = ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut bytes = Vec::new();
    zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn package(archive: &Bytes) -> Value {
    serde_json::from_slice(&entry(archive, "datapackage.json")).unwrap()
}

/// Another program than ours finds the archive whole.
fn unzips(archive: &Bytes) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.zip");
    std::fs::write(&path, archive).unwrap();
    match Command::new("unzip").arg("-t").arg(&path).output() {
        Ok(tested) => {
            let said = String::from_utf8_lossy(&tested.stdout);
            assert!(tested.status.success(), "{said}");
            assert!(said.contains("No errors detected"), "{said}");
        }
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "unzip: {error}");
            println!("skipped: unzip is not installed");
        }
    }
}

/// How far the archive folder and the spools have anything.
fn left_on_disk(world: &World) -> usize {
    ["archives", "spool"]
        .iter()
        .map(|folder| {
            let folder = world.folder.path().join("adieu.db.files").join(folder);
            std::fs::read_dir(folder).unwrap().count()
        })
        .sum()
}

async fn logged(world: &World, event: &str) -> bool {
    for _ in 0..200 {
        let log = world.gateway.engine().audit(0, 1000).await.unwrap();
        if log.iter().any(|entry| entry.event == event) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_direct_export_holds_what_every_collection_has_in_each_format() {
    let world = World::new().await;
    attach(&world.shop, "ada", "photo.jpg", 300_000);
    attach(&world.shop, "ada", "letters/a note.txt", 10);
    let ada = world.token("ada", &ALL);
    let answer = world.get(EXPORT, &ada).await.expect(200);
    assert_eq!(answer.header("content-type"), "application/zip");
    assert!(answer.header("content-disposition").ends_with(".zip\""));
    unzips(&answer.body);
    let orders: Value = serde_json::from_slice(&entry(&answer.body, "shop/orders.json")).unwrap();
    assert_eq!(orders.as_array().unwrap().len(), 3);
    let csv = String::from_utf8(entry(&answer.body, "shop/customers.csv")).unwrap();
    assert!(csv.contains("Lovelace") && !csv.contains("Moneypenny"));
    assert_eq!(entry(&answer.body, "shop/files/photo.jpg").len(), 300_000);
    assert_eq!(
        entry(&answer.body, "shop/files/letters/a note.txt").len(),
        10
    );
    let package = package(&answer.body);
    assert_eq!(package["missing"], json!([]));
    for resource in package["resources"].as_array().unwrap() {
        let bytes = entry(&answer.body, resource["path"].as_str().unwrap());
        assert_eq!(resource["bytes"], bytes.len());
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        let digest: String = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(resource["hash"], format!("sha256:{digest}"));
    }
    assert_eq!(package["resources"].as_array().unwrap().len(), 6);

    let answer = world
        .get(&format!("{EXPORT}?format=csv"), &ada)
        .await
        .expect(200);
    unzips(&answer.body);
    let missing = self::package(&answer.body)["missing"].clone();
    assert_eq!(missing[0]["reason"], "left_out");
    assert_eq!(missing[0]["what"], "2 files");

    let answer = world
        .get(&format!("{EXPORT}?format=json"), &ada)
        .await
        .expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    let collections = document["systems"][0]["collections"].as_array().unwrap();
    assert_eq!(collections[0]["name"], "orders");
    assert_eq!(collections[0]["records"].as_array().unwrap().len(), 3);
    assert_eq!(collections[0]["complete"], true);
    assert_eq!(document["missing"][0]["what"], "2 files");

    assert!(logged(&world, "direct_export_completed").await);
    assert_eq!(left_on_disk(&world), 0);
    let requests = world.get("/privacy/v1/requests", &ada).await.expect(200);
    assert_eq!(requests.json()["requests"], json!([]));
    world
        .get(&format!("{EXPORT}?format=pdf"), &ada)
        .await
        .expect(400);
    let eraser = world.token("ada", &[Scope::ERASE]);
    world.get(EXPORT, &eraser).await.expect(403);
    let head = world
        .call(Method::HEAD, EXPORT, &ada, Value::Null)
        .await
        .expect(200);
    assert!(head.body.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_named_in_a_direct_export_and_the_rest_is_whole() {
    let world = World::new().await;
    world
        .shop
        .fail_collection("orders", ErrorKind::Forbidden)
        .unwrap();
    let ada = world.token("ada", &ALL);
    let answer = world.get(EXPORT, &ada).await.expect(200);
    unzips(&answer.body);
    let package = package(&answer.body);
    assert_eq!(package["missing"].as_array().unwrap().len(), 1, "{package}");
    let missing = &package["missing"][0];
    assert_eq!(missing["collection"], "orders");
    assert_eq!(missing["reason"], "failed");
    assert_eq!(missing["code"], "forbidden");
    assert_eq!(package["systems"][0]["collections"][0]["complete"], false);
    assert!(!entry(&answer.body, "shop/customers.json").is_empty());
    assert!(logged(&world, "direct_export_completed_with_exceptions").await);

    // What fails once is read again.
    world.shop.heal();
    world
        .shop
        .fail_times("orders", ErrorKind::Unavailable, 1)
        .unwrap();
    let answer = world
        .get(&format!("{EXPORT}?format=json"), &ada)
        .await
        .expect(200)
        .json();
    assert_eq!(answer["missing"], json!([]));
}

/// Many megabytes that hardly deflate.
fn fill_up(world: &World, records: usize) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for n in 0..records {
        let note: String = (0..64_000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                char::from(b' ' + (state % 90) as u8)
            })
            .collect();
        let record = json!({"customer": "ada", "note": note});
        world
            .shop
            .put("orders", format!("many-{n:04}"), record)
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_holds_the_connectors_back() {
    let world = World::new().await;
    // 600 records of 64 KB, once in CSV and once in JSON.
    fill_up(&world, 600);
    let ada = world.token("ada", &ALL);
    let request = client::request(Method::GET, EXPORT, &ada, &Value::Null);
    let mut body = client::open(world.address, request).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let before = world.shop.calls();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let after = world.shop.calls();
    assert_eq!(after.export, before.export, "nothing more is asked for");
    assert_eq!(after.running, 0, "no place of the system is held");
    // A call gives 4 MiB of text, so it would be some twenty for all of it.
    assert!(
        (2..=8).contains(&after.export),
        "{} calls for somebody who reads nothing",
        after.export
    );
    // A second one of the same person is one too many.
    let second = world.get(EXPORT, &ada).await.expect(409);
    assert_eq!(second.problem(), "export_unfinished");
    let second = world
        .post("/privacy/v1/requests", &ada, json!({"kind": "export"}))
        .await
        .expect(409);
    assert_eq!(second.problem(), "export_unfinished");
    // Going on, it gets everything.
    let mut archive = first.to_vec();
    archive.extend_from_slice(&body.collect().await.unwrap().to_bytes());
    let archive = Bytes::from(archive);
    unzips(&archive);
    let package = package(&archive);
    assert_eq!(package["missing"], json!([]));
    let parts: Vec<&Value> = package["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["collection"] == "orders" && one["type"] == "json")
        .collect();
    assert!(parts.len() > 5, "{}", parts.len());
    let records: u64 = parts
        .iter()
        .map(|part| part["records"].as_u64().unwrap())
        .sum();
    assert_eq!(records, 603);
    world.get(EXPORT, &ada).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_away_stops_everything_and_leaves_nothing() {
    let world = World::new().await;
    fill_up(&world, 400);
    let ada = world.token("ada", &ALL);
    let request = client::request(Method::GET, EXPORT, &ada, &Value::Null);
    let mut body = client::open(world.address, request).await.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert!(logged(&world, "direct_export_broke_off").await);
    let calls = world.shop.calls();
    assert_eq!(calls.running, 0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.shop.calls().export, calls.export);
    assert_eq!(left_on_disk(&world), 0);
    // Its place is free again.
    let answer = world
        .get(&format!("{EXPORT}?format=csv"), &ada)
        .await
        .expect(200);
    unzips(&answer.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_direct_export_that_breaks_off_is_no_archive() {
    let world = World::with(|builder| builder.reader_patience(Duration::from_millis(200))).await;
    fill_up(&world, 400);
    let ada = world.token("ada", &ALL);
    let request = client::request(Method::GET, EXPORT, &ada, &Value::Null);
    let mut body = client::open(world.address, request).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut came = first.to_vec();
    let broken = loop {
        match body.frame().await {
            Some(Ok(frame)) => came.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(broken, "the answer ends with an error");
    assert!(ZipArchive::new(Cursor::new(came)).is_err());
    assert!(logged(&world, "direct_export_broke_off").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_exports_need_an_approval_there_is_no_direct_one() {
    let world = World::approving(&[Kind::Export]).await;
    let ada = world.token("ada", &ALL);
    let refused = world.get(EXPORT, &ada).await.expect(403);
    assert_eq!(refused.problem(), "approval_needed");
}
