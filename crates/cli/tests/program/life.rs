//! The life of requests through the commands.

use serde_json::{Value, json};

use crate::place::{ADA, Place, csv_rows, unzip};

#[test]
fn an_export_holds_the_person_and_nobody_else() {
    let place = Place::new();
    let ran = place
        .run(&["export", "--subject", ADA, "--out", "ada.zip"])
        .ended(0);
    assert!(
        ran.out.contains("is complete") && ran.out.contains("Archive: ada.zip"),
        "{}",
        ran.out
    );
    let orders = csv_rows(&place.path("ada.zip"), "shop/orders.csv");
    let ids: Vec<&str> = orders.iter().map(|row| row["id"].as_str()).collect();
    assert_eq!(ids, ["1", "2"]);
    assert_eq!(
        csv_rows(&place.path("ada.zip"), "shop/customers.csv")[0]["name"],
        "Ada Canary"
    );
    let entries = unzip(&place.path("ada.zip"));
    assert!(
        entries
            .iter()
            .any(|(_, content)| content == b"a picture of Ada")
    );
    let everything: Vec<u8> = entries
        .into_iter()
        .flat_map(|(_, content)| content)
        .collect();
    let everything = String::from_utf8_lossy(&everything);
    for other in [
        "eve@example.com",
        "Eve Street",
        "picture of Eve",
        "bob@example.com",
    ] {
        assert!(!everything.contains(other), "{other} is in the archive");
    }
    let left: Vec<_> = std::fs::read_dir(place.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("unfinished"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn each_format_is_what_it_says() {
    let place = Place::new();
    place
        .run(&[
            "export",
            "--subject",
            ADA,
            "--out",
            "ada.json",
            "--format",
            "json",
        ])
        .ended(0);
    let document: Value = serde_json::from_str(&place.read("ada.json")).unwrap();
    assert!(document.to_string().contains("Ada Canary"), "{document}");
    place
        .run(&[
            "export",
            "--subject",
            ADA,
            "--out",
            "csv.zip",
            "--format",
            "csv",
        ])
        .ended(0);
    let names: Vec<String> = unzip(&place.path("csv.zip"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.contains(&"shop/orders.csv".to_owned()) && !names.contains(&"index.html".to_owned()),
        "{names:?}"
    );
}

#[test]
fn a_file_that_is_there_is_not_replaced_unless_asked() {
    let place = Place::new();
    place.write("ada.zip", "something else");
    let ran = place
        .run(&["export", "--subject", ADA, "--out", "ada.zip"])
        .ended(2);
    assert!(ran.err.contains("--force"), "{}", ran.err);
    assert_eq!(place.read("ada.zip"), "something else");
    assert!(
        place
            .run(&["requests"])
            .ended(0)
            .out
            .contains("There are no requests")
    );
    place
        .run(&["export", "--subject", ADA, "--out", "ada.zip", "--force"])
        .ended(0);
    assert!(!unzip(&place.path("ada.zip")).is_empty());
    place
        .run(&[
            "export",
            "--subject",
            ADA,
            "--out",
            "no/such/folder/ada.zip",
        ])
        .ended(2);
}

#[test]
fn a_preview_says_what_would_happen_and_changes_nothing() {
    let place = Place::new();
    let before = place.rows("SELECT * FROM orders");
    let ran = place.run(&["preview", "--subject", ADA]).ended(0);
    for words in [
        "retained, pseudonymized",
        "tax law (legal obligation)",
        "erased",
        "Out of reach",
    ] {
        assert!(ran.out.contains(words), "{words} is not in\n{}", ran.out);
    }
    let (code, preview) = place.json(&["preview", "--subject", ADA]);
    assert_eq!((code, &preview["complete"]), (0, &json!(true)));
    assert_eq!(place.rows("SELECT * FROM orders"), before);
    assert!(
        place
            .run(&["requests"])
            .out
            .contains("There are no requests")
    );
}

#[test]
fn an_erasure_wants_to_be_confirmed() {
    let place = Place::new();
    let before = place.rows("SELECT * FROM orders");
    let ran = place.run(&["erase", "--subject", ADA]).ended(4);
    assert!(
        ran.err.contains("Say --yes") && ran.out.contains("retained"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_eq!(place.rows("SELECT * FROM orders"), before);
    assert!(place.is_there("uploads/users/1/canary picture.txt"));
}

#[test]
fn an_erasure_does_what_the_mapping_says_and_the_receipt_proves_it() {
    let place = Place::new();
    let others = place.others();
    let (code, done) = place.json(&["erase", "--subject", ADA, "--yes", "--receipt", "ada.jws"]);
    assert_eq!(
        (code, &done["request"]["status"]),
        (0, &json!("completed")),
        "{done:#}"
    );
    assert_eq!(place.others(), others);
    assert_eq!(
        place.rows("SELECT token FROM sessions WHERE customer_id = 1"),
        [""; 0]
    );
    assert_eq!(
        place.rows("SELECT id, address FROM orders WHERE customer_id = 1"),
        ["Integer(1)|Null"]
    );
    let customer = place
        .rows("SELECT email, name FROM customers WHERE id = 1")
        .remove(0);
    assert!(
        !customer.contains("ada") && !customer.contains("Canary"),
        "{customer}"
    );
    assert!(!place.is_there("uploads/users/1/canary picture.txt"));

    place.run(&["jwks", "--out", "jwks.json"]).ended(0);
    let opening = done["opening"].as_str().unwrap();
    let verify = |subject: &str, opening: &str| {
        place.run(&[
            "receipt",
            "verify",
            "ada.jws",
            "--jwks",
            "jwks.json",
            "--subject",
            subject,
            "--opening",
            opening,
        ])
    };
    let ran = verify(ADA, opening).ended(0);
    assert!(
        ran.out.contains("It is about this person") && ran.out.contains("Example Ltd"),
        "{}",
        ran.out
    );
    verify("email=eve@example.com", opening).ended(5);
    verify(ADA, &"A".repeat(43)).ended(5);
    verify(ADA, &format!("-{}", "A".repeat(42))).ended(5);
    verify(ADA, "short").ended(2);
    let receipt = place.read("ada.jws");
    assert!(!receipt.contains("ada@example.com"));
    let shown = place.run(&["receipt", "show", "ada.jws"]).ended(0);
    assert!(
        shown.err.contains("not verified") && shown.out.contains("retained, pseudonymized"),
        "{}",
        shown.out
    );
    place.write("forged.jws", &receipt.replacen('a', "b", 20));
    place
        .run(&["receipt", "verify", "forged.jws", "--jwks", "jwks.json"])
        .ended(5);
    place.write("adieu2.toml", &place.read("adieu.toml"));
    place
        .run(&["receipt", "verify", "adieu2.toml", "--jwks", "jwks.json"])
        .ended(5);
    place.run(&["receipt", "show", "adieu2.toml"]).ended(2);
}

#[test]
fn a_second_erasure_finds_nothing_to_do() {
    let place = Place::new();
    place
        .run(&["erase", "--subject", "customer_id=1", "--yes"])
        .ended(0);
    let after = (
        place.rows("SELECT * FROM customers"),
        place.rows("SELECT * FROM orders"),
    );
    let (code, second) = place.json(&["erase", "--subject", "customer_id=1", "--yes"]);
    assert_eq!(code, 0);
    for connector in second["receipt"]["connectors"].as_array().unwrap() {
        for collection in connector["collections"].as_array().unwrap() {
            for outcome in collection["outcomes"].as_array().unwrap() {
                let what = outcome["outcome"].as_str().unwrap();
                assert!(["absent", "retained"].contains(&what), "{collection}");
                assert_eq!(
                    outcome["pseudonymized"].as_u64().unwrap_or(0),
                    0,
                    "{collection}"
                );
            }
        }
    }
    assert_eq!(
        (
            place.rows("SELECT * FROM customers"),
            place.rows("SELECT * FROM orders")
        ),
        after
    );
}

#[test]
fn a_blocked_erasure_erases_nothing_and_can_be_resumed() {
    let place = Place::new();
    let ran = place
        .run(&["erase", "--subject", "email=bob@example.com", "--yes"])
        .ended(4);
    assert!(
        ran.out
            .contains("open_order: wait until your order has arrived"),
        "{}",
        ran.out
    );
    assert_eq!(
        place.rows("SELECT count(*) FROM sessions WHERE customer_id = 2"),
        ["Integer(1)"]
    );
    place
        .run(&["preview", "--subject", "email=bob@example.com"])
        .ended(4);
    place
        .database("shop.db")
        .execute("UPDATE orders SET status = 'sent'", [])
        .unwrap();
    let (_, requests) = place.json(&["requests"]);
    let id = requests[0]["id"].as_str().unwrap();
    place.run(&["resume", id, "--receipt", "bob.jws"]).ended(0);
    assert_eq!(
        place.rows("SELECT count(*) FROM sessions WHERE customer_id = 2"),
        ["Integer(0)"]
    );
    assert!(place.is_there("bob.jws"));
}

#[test]
fn an_erasure_with_grace_waits_and_can_be_cancelled() {
    let place = Place::new();
    let (code, asked) = place.json(&["erase", "--subject", ADA, "--yes", "--grace-days", "7"]);
    assert_eq!(
        (code, &asked["request"]["status"]),
        (0, &json!("scheduled"))
    );
    let id = asked["request"]["id"].as_str().unwrap();
    let (_, again) = place.json(&["erase", "--subject", ADA, "--yes"]);
    assert_eq!(
        (&again["request"]["id"], &again["taken_up"]),
        (&json!(id), &json!(true))
    );
    place.run(&["resume"]).ended(0);
    assert_eq!(
        place.rows("SELECT count(*) FROM sessions WHERE customer_id = 1"),
        ["Integer(2)"]
    );
    place.run(&["cancel", id]).ended(0);
    let ran = place.run(&["cancel", id]).ended(5);
    assert!(ran.err.contains("cannot be cancelled"), "{}", ran.err);
    let (_, requests) = place.json(&["requests"]);
    assert_eq!(requests[0]["status"], "cancelled");
}

#[test]
fn a_finished_archive_can_be_written_again() {
    let place = Place::new();
    let (_, done) = place.json(&[
        "export",
        "--subject",
        ADA,
        "--out",
        "one.zip",
        "--receipt",
        "export.jws",
    ]);
    let id = done["request"]["id"].as_str().unwrap();
    place.run(&["archive", id, "--out", "two.zip"]).ended(0);
    place.run(&["resume", id, "--out", "three.zip"]).ended(0);
    let bytes = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert_eq!(bytes("one.zip"), bytes("two.zip"));
    assert_eq!(bytes("one.zip"), bytes("three.zip"));
    assert_eq!(done["receipt"]["archive"]["bytes"], bytes("one.zip").len());
    let listed = place.run(&["requests"]).ended(0).out;
    assert!(
        listed.contains(id) && listed.contains("export (zip)"),
        "{listed}"
    );
}

/// The file of the only archive that is kept.
fn kept_archive(place: &Place) -> std::path::PathBuf {
    let mut folders = vec![place.path("adieu.db.files")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "age") {
                return path;
            }
        }
    }
    panic!("no archive is kept");
}

#[test]
fn a_large_archive_is_handed_over_whole_or_not_at_all() {
    let place = Place::new();
    // What is compressed already is stored as it is, so the archive is at least as long.
    let picture: Vec<String> = (0..3_000_000_u32)
        .map(|number| format!("{number:08x}"))
        .collect();
    let picture = picture.concat();
    place.write("uploads/users/1/large.jpg", &picture);
    let (code, done) = place.json(&["export", "--subject", ADA, "--out", "ada.zip"]);
    assert_eq!(code, 0, "{done:#}");
    let entries = unzip(&place.path("ada.zip")).into_iter();
    let large = entries
        .filter(|(name, _)| name.ends_with("/large.jpg"))
        .map(|(_, bytes)| bytes);
    assert!(large.collect::<Vec<_>>() == [picture.as_bytes()]);
    let length = place.path("ada.zip").metadata().unwrap().len();
    assert_eq!(done["receipt"]["archive"]["bytes"], length);

    let kept = kept_archive(&place);
    let whole = std::fs::read(&kept).unwrap();
    let id = done["request"]["id"].as_str().unwrap();
    for changed in [whole.len() / 4, whole.len() / 4 * 3] {
        let mut bytes = whole.clone();
        bytes[changed] ^= 1;
        std::fs::write(&kept, bytes).unwrap();
        let ran = place.run(&["archive", id, "--out", "changed.zip"]);
        assert_ne!(ran.code, 0, "{}", ran.out);
        assert!(!place.is_there("changed.zip") && !place.is_there(".changed.zip.unfinished"));
    }
    std::fs::write(&kept, whole).unwrap();
    place.run(&["archive", id, "--out", "again.zip"]).ended(0);
    let bytes = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert!(bytes("again.zip") == bytes("ada.zip"));
}

#[test]
fn the_audit_log_shows_when_it_was_changed() {
    let place = Place::new();
    place
        .run(&["export", "--subject", ADA, "--out", "ada.zip"])
        .ended(0);
    assert!(
        place
            .run(&["audit", "verify"])
            .ended(0)
            .out
            .contains("is whole")
    );
    let shown = place.run(&["audit", "show"]).ended(0).out;
    assert!(
        shown.contains("submitted") && !shown.contains("ada@"),
        "{shown}"
    );
    let store = place.database("adieu.db");
    let changed = store.execute(
        "UPDATE adieu_audit SET event = 'cancelled' WHERE sequence = 1",
        [],
    );
    if changed.is_err() {
        // The table defends itself as well; whoever owns the file can take that away.
        let triggers: Vec<String> = store
            .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for trigger in triggers {
            store
                .execute_batch(&format!("DROP TRIGGER \"{trigger}\""))
                .unwrap();
        }
        store
            .execute(
                "UPDATE adieu_audit SET event = 'cancelled' WHERE sequence = 1",
                [],
            )
            .unwrap();
    }
    let ran = place.run(&["audit", "verify"]).ended(5);
    assert!(ran.err.contains("changed at entry 1"), "{}", ran.err);
}

#[test]
fn a_check_says_what_each_system_can_do() {
    let place = Place::new();
    let ran = place.run(&["check"]).ended(0);
    for words in [
        "shop (sql",
        "uploads (object-storage",
        "customer_id",
        "All 2 systems work",
    ] {
        assert!(ran.out.contains(words), "{words} is not in\n{}", ran.out);
    }
    let (_, checked) = place.json(&["check"]);
    assert_eq!(checked["connectors"][0]["works"], true);
    place
        .database("shop.db")
        .execute_batch("DROP TABLE sessions")
        .unwrap();
    let ran = place.run(&["check"]).ended(5);
    assert!(
        ran.out.contains("FAILS: config") && ran.out.contains("sessions"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("1 of 2 systems would fail"), "{}", ran.err);
}
