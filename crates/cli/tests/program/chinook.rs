//! A database that nobody here designed: Chinook, with the mapping of `examples/chinook`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;

use crate::place::{KEY, Place, Ran, csv_rows, shown, unzip};

/// Where the shared test data lies; `None` when it is not there, which only continuous integration minds.
fn chinook() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("ADIEU_TEST_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let file = folder.join("chinook/Chinook_Sqlite.sqlite");
    if file.is_file() {
        return Some(file);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is not there",
        file.display()
    );
    println!(
        "skipped: {} is not there; set ADIEU_TEST_DATA",
        file.display()
    );
    None
}

struct Shop {
    place: Place,
}

impl Shop {
    fn new() -> Option<Self> {
        let original = chinook()?;
        let place = Place::new();
        std::fs::copy(original, place.path("chinook.db")).unwrap();
        let config =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/chinook/adieu.toml");
        std::fs::copy(config, place.path("adieu.toml")).unwrap();
        Some(Self { place })
    }

    fn run(&self, line: &[&str]) -> Ran {
        let mut command = self.place.command(line);
        command
            .env("DATABASE_URL", "sqlite:chinook.db")
            .env("ADIEU_KEY", KEY);
        Ran::of(&command.output().unwrap())
    }

    /// Every row of every table, by table and row number.
    fn rows(&self) -> BTreeMap<(String, i64), String> {
        let database = Connection::open(self.place.path("chinook.db")).unwrap();
        let mut names = database
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
            .unwrap();
        let names: Vec<String> = names
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut all = BTreeMap::new();
        for name in names {
            let mut select = database
                .prepare(&format!("SELECT rowid, * FROM \"{name}\""))
                .unwrap();
            let columns = select.column_count();
            let mut rows = select.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let cells: Vec<String> = (1..columns)
                    .map(|at| shown(row.get_ref(at).unwrap()))
                    .collect();
                all.insert((name.clone(), row.get(0).unwrap()), cells.join("|"));
            }
        }
        all
    }

    fn ids(&self, sql: &str) -> Vec<i64> {
        let database = Connection::open(self.place.path("chinook.db")).unwrap();
        let mut select = database.prepare(sql).unwrap();
        select
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }
}

#[test]
fn the_archive_of_customer_1_holds_that_customer_7_invoices_and_38_lines() {
    let Some(shop) = Shop::new() else { return };
    shop.run(&["check"]).ended(0);
    for (subject, out) in [
        ("customer_id=1", "id.zip"),
        ("email=luisg@embraer.com.br", "email.zip"),
    ] {
        shop.run(&["export", "--subject", subject, "--out", out])
            .ended(0);
        let archive = shop.place.path(out);
        let customers = csv_rows(&archive, "shop/Customer.csv");
        assert_eq!(customers.len(), 1, "{subject}");
        assert_eq!(customers[0]["Email"], "luisg@embraer.com.br");
        let invoices = csv_rows(&archive, "shop/Invoice.csv");
        let mut found: Vec<i64> = invoices
            .iter()
            .map(|row| row["InvoiceId"].parse().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(
            found,
            shop.ids("SELECT InvoiceId FROM Invoice WHERE CustomerId = 1 ORDER BY 1")
        );
        assert_eq!(
            (
                found.len(),
                csv_rows(&archive, "shop/InvoiceLine.csv").len()
            ),
            (7, 38)
        );
        assert!(
            unzip(&archive)
                .iter()
                .any(|(name, _)| name == "datapackage.json")
        );
    }
}

#[test]
fn erasing_customer_1_leaves_every_other_row_as_it_was_and_again_finds_nothing() {
    let Some(shop) = Shop::new() else { return };
    let before = shop.rows();
    let invoices = shop.ids("SELECT InvoiceId FROM Invoice WHERE CustomerId = 1");
    let lines = shop.ids(
        "SELECT InvoiceLineId FROM InvoiceLine JOIN Invoice USING (InvoiceId) WHERE CustomerId = 1",
    );
    let is_hers = |(table, row): &(String, i64)| match table.as_str() {
        "Customer" => *row == 1,
        "Invoice" => invoices.contains(row),
        "InvoiceLine" => lines.contains(row),
        _ => false,
    };
    let erase = ["erase", "--subject", "customer_id=1", "--yes", "--receipt"];
    let ran = shop
        .run(&[&erase[..], &["one.jws", "--json"]].concat())
        .ended(0);
    let done: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(done["request"]["status"], json!("completed"));
    let after = shop.rows();
    for (key, row) in before.iter().filter(|(key, _)| !is_hers(key)) {
        assert_eq!(after.get(key), Some(row), "{key:?}");
    }
    assert!(
        after.keys().all(|key| before.contains_key(key)),
        "a row has appeared"
    );
    let customer = &after[&("Customer".to_owned(), 1)];
    for personal in [
        "Luís",
        "Gonçalves",
        "luisg",
        "Embraer",
        "Faria Lima",
        "3923",
    ] {
        assert!(
            before[&("Customer".to_owned(), 1)].contains(personal),
            "{personal}"
        );
        assert!(!customer.contains(personal), "{personal} is still there");
    }
    let again = shop
        .run(&[&erase[..], &["two.jws", "--json"]].concat())
        .ended(0);
    assert_eq!(shop.rows(), after);
    let again: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    let outcomes = again["receipt"]["connectors"][0]["collections"]
        .as_array()
        .unwrap()
        .iter();
    for outcome in outcomes.flat_map(|one| one["outcomes"].as_array().unwrap()) {
        assert!(
            ["absent", "retained"].contains(&outcome["outcome"].as_str().unwrap()),
            "{outcome}"
        );
        assert_eq!(
            outcome["pseudonymized"].as_u64().unwrap_or(0),
            0,
            "{outcome}"
        );
    }
}
