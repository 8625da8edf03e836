//! `adieu export --direct`: straight from the systems into a file.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::place::{ADA, Place, Ran, csv_rows, unzip};

const LINE: [&str; 6] = ["export", "--direct", "--subject", ADA, "--out", "ada.zip"];

/// A shop with a picture of Ada that is compressed already, as far as its name says.
fn with_picture() -> (Place, String) {
    let place = Place::new();
    let picture = "abcdefghijklmnopqrstuvwxyz".repeat(12_000);
    place.write("uploads/users/1/canary.jpg", &picture);
    (place, picture)
}

#[test]
fn it_holds_the_same_as_an_export_that_is_written_down() {
    let (place, picture) = with_picture();
    let (code, direct) = place.json(&LINE);
    assert_eq!((code, &direct["exceptions"]), (0, &json!(0)), "{direct:#}");
    assert_eq!(
        direct["archive_bytes"],
        json!(place.path("ada.zip").metadata().unwrap().len())
    );
    let asked = place.json(&["requests"]).1;
    assert_eq!(asked, json!([]), "something was kept: {asked:#}");
    place
        .run(&["export", "--subject", ADA, "--out", "kept.zip"])
        .ended(0);
    let content = |name: &str| -> BTreeMap<String, Vec<u8>> {
        let entries = unzip(&place.path(name)).into_iter();
        let told = ["shop/", "uploads/files/"];
        entries
            .filter(|(name, _)| told.iter().any(|folder| name.starts_with(folder)))
            .collect()
    };
    let (ours, kept) = (content("ada.zip"), content("kept.zip"));
    assert!(ours["uploads/files/users/1/canary.jpg"] == picture.as_bytes());
    assert_eq!(ours.len(), 8);
    let differs = |(name, bytes): &(&String, &Vec<u8>)| kept.get(*name) != Some(bytes);
    let differing: Vec<&String> = ours.iter().filter(differs).map(|(name, _)| name).collect();
    assert!(
        differing.is_empty() && kept.len() == ours.len(),
        "{differing:?}"
    );
    assert!(!place.is_there(".ada.zip.unfinished"));
}

#[test]
fn other_programs_open_what_is_stored_in_it() {
    let (place, picture) = with_picture();
    place.run(&LINE).ended(0);
    let file = std::fs::File::open(place.path("ada.zip")).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    let entry = zip.by_name("uploads/files/users/1/canary.jpg").unwrap();
    assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
    drop(entry);
    std::fs::create_dir(place.path("opened")).unwrap();
    for line in [
        &["unzip", "-t", "ada.zip"][..],
        &["7z", "t", "ada.zip"],
        &["bsdtar", "-x", "-f", "ada.zip", "-C", "opened"],
        &["python3", "-m", "zipfile", "-t", "ada.zip"],
    ] {
        let mut command = Command::new(line[0]);
        match command
            .args(&line[1..])
            .current_dir(place.path("."))
            .output()
        {
            Ok(output) => {
                let ran = Ran::of(&output).ended(0);
                assert!(!ran.err.contains("warning"), "{line:?}: {}", ran.err);
            }
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "{}: {error}", line[0]);
                println!("skipped: {} is not installed", line[0]);
            }
        }
    }
    let opened = "opened/uploads/files/users/1/canary.jpg";
    if place.is_there(opened) {
        assert!(place.read(opened) == picture);
    }
}

#[test]
fn a_missing_table_is_named_and_the_rest_is_there() {
    let place = Place::new();
    place
        .database("shop.db")
        .execute_batch("DROP TABLE sessions")
        .unwrap();
    let ran = place.run(&LINE).ended(3);
    assert!(ran.out.contains("is not whole"), "{}", ran.out);
    assert_eq!(csv_rows(&place.path("ada.zip"), "shop/orders.csv").len(), 2);
    let entries = unzip(&place.path("ada.zip"));
    let package = entries.iter().find(|(name, _)| name == "datapackage.json");
    let package: Value = serde_json::from_slice(&package.unwrap().1).unwrap();
    let missing = package["missing"].to_string();
    assert!(missing.contains("sessions"), "{package:#}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_nothing_of_it() {
    let place = Place::new();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600000)
        INSERT INTO sessions SELECT 'many' || i, 1 FROM n";
    place.database("shop.db").execute_batch(many).unwrap();
    let mut child = place
        .command(&LINE)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Something of it has to be there before it is interrupted.
    let begun = || {
        let file = place.path(".ada.zip.unfinished").metadata();
        file.is_ok_and(|file| file.len() > 0)
    };
    while !begun() {
        let ended = child.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "the export had ended before anything of it was seen"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let ran = Ran::of(&child.wait_with_output().unwrap()).ended(130);
    assert!(ran.err.contains("nothing is left of it"), "{}", ran.err);
    assert!(!place.is_there("ada.zip") && !place.is_there(".ada.zip.unfinished"));
}

#[test]
fn a_receipt_needs_an_export_that_is_written_down() {
    let place = Place::new();
    let ran = place
        .run(&[&LINE[..], &["--receipt", "ada.jws"]].concat())
        .ended(2);
    assert!(
        ran.err.contains("--direct") && ran.err.contains("--receipt"),
        "{}",
        ran.err
    );
}
