//! Whether the demo's end state is right: read from the database, the folder, the archive and the receipt themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;

use adieu::engine::receipt::verify;
use adieu::{Engine, Identity};
use rusqlite::types::Value;
use zip::ZipArchive;

use super::once::{Check, Left};
use super::shop::Shop;
use super::snapshot::{Row, Snapshot};
use super::{ADA, OTHER_ADA};
use crate::exit::Failure;

/// The tables whose rows are deleted.
const DELETED: &[&str] = &["orders", "order_lines", "sessions", "tickets"];
/// The invoices that are younger than ten years.
const KEPT_INVOICES: &[&str] = &["INV-0002", "INV-0005"];
/// What of other people stands in the shop, and must not be in her archive.
const NOT_HERS: &[&str] = &[
    "bob.mercer@",
    "grace.holm@",
    "example.org",
    "alan.fairweather@",
    "Priya",
    "Tom W.",
    "INV-0004",
];

pub(super) async fn prove(
    shop: &Shop,
    engine: &Engine,
    left: &Left,
) -> Result<Vec<Check>, Failure> {
    let orders = left.before.her_orders();
    let archive =
        read_archive(shop).map_err(|_| Failure::Fault("archive.zip cannot be read".to_owned()))?;
    let suppressed = async |email: &str| -> Result<bool, Failure> {
        Ok(engine.is_suppressed(None, &identity(email)?).await?)
    };
    Ok(vec![
        check("both requests are completed, without exceptions", {
            let complete = |request: &serde_json::Value| {
                let exceptions = request["exceptions"].as_array();
                request["status"] == "completed" && exceptions.is_some_and(Vec::is_empty)
            };
            complete(&left.export) && complete(&left.erasure)
        }),
        check(
            "every row and file of everybody else is as it was, byte for byte",
            left.before.of_others(&orders) == left.after.of_others(&orders),
        ),
        check("her orders, sessions and messages are gone", {
            let none = |table: &&str| left.after.her_rows(table, &orders).is_empty();
            let some = |table: &&str| !left.before.her_rows(table, &orders).is_empty();
            DELETED.iter().all(none) && DELETED.iter().all(some)
        }),
        check(
            "her customer number stays for the invoices, without name, address or birthday",
            is_pseudonymized(&left.after, &orders),
        ),
        check(
            "her invoices of the last ten years stay without the address, the older one is gone",
            invoices_are_right(&left.before, &left.after, &orders),
        ),
        check(
            "her picture is gone, her invoices as PDF stay for their ten years",
            files_are_right(&left.before, &left.after),
        ),
        check("the archive holds exactly her rows and files", {
            archive_is_hers(&archive, &left.before, &orders)
        }),
        check("the archive holds nothing about other people", {
            NOT_HERS
                .iter()
                .all(|text| archive.values().all(|content| !contains(content, text)))
        }),
        check(
            "the receipt verifies, is about her, and about nobody else",
            {
                match verify(&shop.read("receipt.jws"), &shop.read("jwks.json")) {
                    Ok(receipt) => {
                        receipt.is_about(&left.opening, None, &identity(ADA.email)?)
                            && !receipt.is_about(&left.opening, None, &identity(OTHER_ADA.email)?)
                    }
                    Err(_) => false,
                }
            },
        ),
        check("a receipt with one letter changed is refused", {
            let forged = forged(&left.jws);
            forged != left.jws && verify(&forged, &shop.read("jwks.json")).is_err()
        }),
        check(
            "her token is still good, but the shop refuses it now; her namesake's is not refused",
            left.welcome == (200, 401) && left.others_welcome == 200,
        ),
        check(
            "her address would be recognised if it came back, her namesake's would not",
            suppressed(ADA.email).await? && !suppressed(OTHER_ADA.email).await?,
        ),
    ])
}

fn check(what: &'static str, holds: bool) -> Check {
    Check { what, holds }
}

fn identity(email: &str) -> Result<Identity, Failure> {
    Identity::new("email", email).map_err(|error| Failure::Fault(error.to_string()))
}

fn is_pseudonymized(after: &Snapshot, orders: &BTreeSet<String>) -> bool {
    let [row] = after.her_rows("customers", orders)[..] else {
        return false;
    };
    let nulls = ["phone", "street", "city", "born_on"];
    nulls
        .iter()
        .all(|column| row.get(*column) == Some(&Value::Null))
        && text(row, "name") == "erased"
        && text(row, "email").ends_with("@erased.invalid")
}

fn invoices_are_right(before: &Snapshot, after: &Snapshot, orders: &BTreeSet<String>) -> bool {
    let expected: Vec<Row> = before
        .her_rows("invoices", orders)
        .into_iter()
        .filter(|row| KEPT_INVOICES.contains(&text(row, "number")))
        .map(|row| {
            let mut row = row.clone();
            row.insert("bill_to".to_owned(), Value::Null);
            row
        })
        .collect();
    expected.len() == KEPT_INVOICES.len()
        && after
            .her_rows("invoices", orders)
            .into_iter()
            .eq(expected.iter())
}

fn files_are_right(before: &Snapshot, after: &Snapshot) -> bool {
    let mut expected = before.her_files();
    expected.retain(|name, _| {
        KEPT_INVOICES
            .iter()
            .any(|number| name.ends_with(&format!("/{number}.pdf")))
    });
    expected.len() == KEPT_INVOICES.len() && after.her_files() == expected
}

/// Each JSON file has as many records as she had rows, and each of her files is there with its bytes, and no other.
fn archive_is_hers(
    archive: &BTreeMap<String, Vec<u8>>,
    before: &Snapshot,
    orders: &BTreeSet<String>,
) -> bool {
    let tables = [
        "customers",
        "invoices",
        "order_lines",
        "orders",
        "sessions",
        "tickets",
    ];
    let rows_are_right = tables.iter().all(|table| {
        let content = archive.get(&format!("shop/{table}.json"));
        let records = content
            .and_then(|content| serde_json::from_slice::<Vec<serde_json::Value>>(content).ok());
        let mut expected = keys(before.her_rows(table, orders).into_iter().map(key_of_row));
        records.is_some_and(|records| {
            let mut found = keys(records.iter().map(key_of_record));
            found.sort();
            expected.sort();
            !found.is_empty() && found == expected
        })
    });
    let mut files: Vec<&[u8]> = archive
        .iter()
        .filter(|(name, _)| name.starts_with("uploads/files/"))
        .map(|(_, content)| content.as_slice())
        .collect();
    let mut expected: Vec<&[u8]> = before.her_files().into_values().collect();
    files.sort_unstable();
    expected.sort_unstable();
    rows_are_right && !files.is_empty() && files == expected
}

/// The columns that tell rows of the shop apart.
const KEYS: &[&str] = &["id", "number", "token_hash", "order_id", "line"];

fn key_of_row(row: &Row) -> String {
    let part = |key: &&str| match row.get(*key) {
        Some(Value::Integer(number)) => number.to_string(),
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    KEYS.iter().map(part).collect::<Vec<_>>().join("|")
}

fn key_of_record(record: &serde_json::Value) -> String {
    let part = |key: &&str| match record.get(*key) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    KEYS.iter().map(part).collect::<Vec<_>>().join("|")
}

fn keys(keys: impl Iterator<Item = String>) -> Vec<String> {
    keys.collect()
}

fn text<'r>(row: &'r Row, column: &str) -> &'r str {
    match row.get(column) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

/// The receipt with one letter of its content replaced.
fn forged(jws: &str) -> String {
    let Some(at) = jws.find('.').map(|dot| dot + 40) else {
        return jws.to_owned();
    };
    let other = if jws.as_bytes().get(at) == Some(&b'A') {
        "B"
    } else {
        "A"
    };
    let mut forged = jws.to_owned();
    if forged.get(at..=at).is_some() {
        forged.replace_range(at..=at, other);
    }
    forged
}

fn contains(content: &[u8], text: &str) -> bool {
    content
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

fn read_archive(shop: &Shop) -> Result<BTreeMap<String, Vec<u8>>, Box<dyn std::error::Error>> {
    let mut archive = ZipArchive::new(File::open(shop.path("archive.zip"))?)?;
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        entries.insert(entry.name()?.into_owned(), content);
    }
    Ok(entries)
}
