//! What goes wrong: nothing is claimed that did not happen, and nothing personal is shown.

use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use crate::place::{ADA, Place, Ran, csv_rows, unzip};

#[test]
fn a_wrong_command_line_ends_with_2() {
    let place = Place::new();
    place.run(&["export", "--subject", ADA]).ended(2);
    place.run(&["burn"]).ended(2);
    place
        .run(&["export", "--subject", "ada@example.com", "--out", "x.zip"])
        .ended(2);
    place
        .run(&["requests", "--config", "nowhere.toml"])
        .ended(2);
    place
        .run(&["archive", "not-an-id", "--out", "x.zip"])
        .ended(2);
    place
        .run(&["resume", "01890000-0000-7000-8000-000000000000"])
        .ended(2);
    let ran = place
        .run(&["preview", "--subject", "Email=ada@example.com"])
        .ended(2);
    assert!(!ran.err.contains("ada@"), "{}", ran.err);
}

#[test]
fn the_help_names_every_exit_code() {
    let place = Place::new();
    let help = place.run(&["--help"]).ended(0).out;
    let readme = include_str!("../../README.md");
    for code in ["0", "1", "2", "3", "4", "5", "6", "130"] {
        assert!(
            help.lines()
                .any(|line| line.trim_start().starts_with(&format!("{code} "))),
            "{code}: {help}"
        );
        assert!(
            readme.contains(&format!("| {code} |")),
            "{code} is not in the README"
        );
    }
    assert!(place.run(&["--version"]).ended(0).out.starts_with("adieu "));
    assert!(
        place
            .run(&["completions", "bash"])
            .ended(0)
            .out
            .contains("complete")
    );
}

#[test]
fn all_mistakes_of_a_configuration_are_told_at_once() {
    let place = Place::new();
    let config = place
        .read("adieu.toml")
        .replace("kind = \"sql\"", "kind = \"sqll\"")
        .replace("[store]", "[store]\nkye = 1");
    place.write("adieu.toml", &config);
    let ran = place.run(&["check"]).ended(2);
    for line in [
        "adieu.toml:4:1: store.kye: unknown key",
        "adieu.toml:10:1: connector.shop.kind: `sqll` is not known here; did you mean `sql`?",
    ] {
        assert!(ran.err.contains(line), "{line} is not in\n{}", ran.err);
    }
}

#[test]
fn a_missing_table_never_ends_as_completed() {
    let place = Place::new();
    place
        .database("shop.db")
        .execute_batch("DROP TABLE sessions")
        .unwrap();
    let (code, export) = place.json(&["export", "--subject", ADA, "--out", "ada.zip"]);
    assert_eq!(
        (code, &export["request"]["status"]),
        (3, &json!("completed_with_exceptions")),
        "{export:#}"
    );
    let names: Vec<String> = unzip(&place.path("ada.zip"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.contains(&"uploads/files/users/1/canary picture.txt".to_owned()),
        "the rest was lost: {names:?}"
    );

    let orders = place.rows("SELECT * FROM orders");
    let (code, erasure) = place.json(&["erase", "--subject", ADA, "--yes"]);
    assert_eq!(
        (code, &erasure["request"]["status"]),
        (5, &json!("failed")),
        "{erasure:#}"
    );
    assert_eq!(place.rows("SELECT * FROM orders"), orders);
    assert!(place.is_there("uploads/users/1/canary picture.txt"));
}

#[test]
fn a_request_that_failed_is_resumed_when_the_cause_is_mended() {
    let place = Place::new();
    std::fs::rename(place.path("shop.db"), place.path("away.db")).unwrap();
    let ran = place.run(&["erase", "--subject", ADA, "--yes"]).ended(5);
    assert!(
        ran.out.contains("has failed. Nothing was erased."),
        "{}",
        ran.out
    );
    assert!(place.is_there("uploads/users/1/canary picture.txt"));
    place.run(&["check"]).ended(5);
    assert!(
        !place.is_there("shop.db"),
        "a database was made where none was"
    );
    std::fs::rename(place.path("away.db"), place.path("shop.db")).unwrap();
    let (_, requests) = place.json(&["requests"]);
    let id = requests[0]["id"].as_str().unwrap().to_owned();
    let (code, done) = place.json(&["resume", &id]);
    assert_eq!(
        (code, &done["request"]["status"]),
        (0, &json!("completed")),
        "{done:#}"
    );
    assert!(!place.is_there("uploads/users/1/canary picture.txt"));
    assert_eq!(place.json(&["requests"]).1.as_array().unwrap().len(), 1);
}

#[test]
fn another_key_does_not_open_the_store() {
    let place = Place::new();
    place
        .run(&["export", "--subject", ADA, "--out", "ada.zip"])
        .ended(0);
    let other = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    let output = place
        .command(&["requests"])
        .env("ADIEU_TEST_KEY", other)
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert!(ran.code == 1 || ran.code == 2, "{}: {}", ran.code, ran.err);
    assert!(
        ran.err.contains("key") && !ran.err.contains(other),
        "{}",
        ran.err
    );
}

#[test]
fn nothing_personal_is_logged_however_much_is_logged() {
    let place = Place::new();
    let mut seen = String::new();
    for line in [
        vec![
            "export",
            "--subject",
            ADA,
            "--subject",
            "customer_id=1",
            "--out",
            "ada.zip",
            "--tenant",
            "canary tenant",
        ],
        vec!["preview", "--subject", ADA],
        vec!["erase", "--subject", ADA, "--yes", "--receipt", "ada.jws"],
        vec!["requests"],
        vec!["check"],
    ] {
        let output = place
            .command(&line)
            .env("ADIEU_LOG", "trace")
            .output()
            .unwrap();
        let ran = Ran::of(&output).ended(0);
        // Only the person's own file names and rows may reach an archive; nothing of them reaches a terminal.
        assert!(
            !ran.out.to_lowercase().contains("canary") && !ran.out.contains("ada@"),
            "{}",
            ran.out
        );
        seen.push_str(&ran.err);
    }
    assert!(seen.len() > 1000, "nothing was logged: {seen}");
    let lower = seen.to_lowercase();
    for personal in ["ada@example.com", "canary", "picture", crate::place::KEY] {
        assert!(
            !lower.contains(&personal.to_lowercase()),
            "{personal} was logged:\n{seen}"
        );
    }
}

/// A shop with so much of Ada that an export takes a while.
fn long_export() -> (Place, std::process::Child) {
    let place = Place::new();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
        INSERT INTO sessions SELECT 'many' || i, 1 FROM n";
    place.database("shop.db").execute_batch(many).unwrap();
    let child = place
        .command(&["export", "--subject", ADA, "--out", "ada.zip"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Go on as soon as the request is written down.
    for _ in 0..5_000 {
        let store =
            Connection::open_with_flags(place.path("adieu.db"), OpenFlags::SQLITE_OPEN_READ_ONLY);
        let written = store.and_then(|store| {
            store.query_row("SELECT count(*) FROM adieu_request", [], |row| {
                row.get::<_, u32>(0)
            })
        });
        if written.is_ok_and(|count| count > 0) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    (place, child)
}

#[test]
fn a_killed_export_is_taken_up_instead_of_beginning_another() {
    let (place, mut child) = long_export();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        !place.is_there("ada.zip"),
        "the export had ended before it was killed"
    );
    let (code, done) = place.json(&["export", "--subject", ADA, "--out", "ada.zip"]);
    assert_eq!((code, &done["taken_up"]), (0, &json!(true)), "{done:#}");
    assert_eq!(place.json(&["requests"]).1.as_array().unwrap().len(), 1);
    assert_eq!(
        csv_rows(&place.path("ada.zip"), "shop/sessions.csv").len(),
        60_002
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_says_that_the_request_is_kept_and_how_to_go_on() {
    let (place, child) = long_export();
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupt.success());
    let ran = Ran::of(&child.wait_with_output().unwrap()).ended(130);
    let id = ran
        .err
        .split("adieu resume ")
        .nth(1)
        .unwrap_or_else(|| panic!("{}", ran.err))
        .trim()
        .to_owned();
    assert!(!place.is_there("ada.zip") && !place.is_there(".ada.zip.unfinished"));
    let (code, done) = place.json(&["resume", &id, "--out", "ada.zip"]);
    assert_eq!(
        (code, &done["request"]["status"]),
        (0, &json!("completed")),
        "{done:#}"
    );
    assert_eq!(
        csv_rows(&place.path("ada.zip"), "shop/sessions.csv").len(),
        60_002
    );
    let ran = place.run(&["resume"]).ended(0);
    assert!(ran.out.contains("Nothing was interrupted"), "{}", ran.out);
}

#[test]
fn a_personal_column_that_appears_makes_the_check_fail_until_it_is_decided_about() {
    let place = Place::new();
    place.run(&["check"]).ended(0);
    place
        .database("shop.db")
        .execute_batch("ALTER TABLE customers ADD COLUMN birth_date TEXT; CREATE TABLE notes (customer_id INTEGER, note TEXT);")
        .unwrap();
    let ran = place.run(&["check"]).ended(5);
    assert!(
        ran.err
            .contains("shop: `customers.birth_date` looks like a date of birth"),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains("shop: the table `notes` seems to lead to `customers`"),
        "{}",
        ran.err
    );
    let warned = place.run(&["check", "--warn-uncovered"]).ended(0);
    assert!(
        warned.err.contains("customers.birth_date") && warned.out.contains("All 2 systems work.")
    );
    let (code, document) = place.json(&["check"]);
    assert_eq!(
        (code, &document["uncovered"][0]["column"]),
        (5, &serde_json::json!("birth_date"))
    );
    assert_eq!(document["connectors"][0]["works"], serde_json::json!(true));
    let decided = place.read("adieu.toml").replace(
        "[connector.table.customers]",
        "[connector.omit]\nnotes = \"they are about wares\"\n\n[connector.table.customers]\ncolumns = { birth_date = { keep = \"for the test\" } }",
    );
    place.write("adieu.toml", &decided);
    place.run(&["check"]).ended(0);
}
