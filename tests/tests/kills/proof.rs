//! Whether an archive is whole, an erasure done, and a receipt true.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};

use serde_json::Value;

use crate::shop::{NUMBERS_EACH, Person, World};

/// The archive holds every record and file of a person once, and nothing of anybody else.
pub(crate) fn archive_is_whole(archive: &[u8], person: &Person) {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let holds = person.holds;
    for (table, expected) in [
        ("customers", 1),
        ("orders", holds.orders),
        ("lines", holds.lines),
        ("sessions", holds.sessions),
        ("invoices", holds.invoices),
    ] {
        let entry = archive.by_name(&format!("shop/{table}.csv")).unwrap();
        let rows: Vec<csv::StringRecord> = csv::Reader::from_reader(entry)
            .records()
            .map(Result::unwrap)
            .collect();
        let ids: BTreeSet<&str> = rows.iter().map(|row| &row[0]).collect();
        let (count, different) = (rows.len() as i64, ids.len() as i64);
        assert_eq!(count, expected, "{table}: a record is missing or twice");
        assert_eq!(different, expected, "{table}: a record is twice");
        let hers = |row: &csv::StringRecord| {
            let rest = row[row.len() - 1].strip_prefix(&person.name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        assert!(rows.iter().all(hers), "{table}: somebody else's record");
    }
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        if name.contains("/files/") {
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            assert!(files.insert(name, content).is_none());
        }
    }
    assert_eq!(
        files.len() as i64,
        holds.files,
        "a file is missing or twice"
    );
    let begins = format!("file of {} ", person.name);
    assert!(files.values().all(|content| content.starts_with(&begins)));
}

/// Nothing of a person is left but the invoices, without the address.
pub(crate) fn person_is_gone(world: &World, person: &Person) {
    let shop = world.database();
    let count = |sql: &str| {
        shop.query_row(sql, [person.id], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    for sql in [
        "SELECT count(*) FROM customers WHERE id = ?1",
        "SELECT count(*) FROM orders WHERE customer_id = ?1",
        "SELECT count(*) FROM sessions WHERE customer_id = ?1",
        &format!("SELECT count(*) FROM lines WHERE id / {NUMBERS_EACH} = ?1"),
    ] {
        assert_eq!(count(sql), 0, "{sql}");
    }
    let kept = count("SELECT count(*) FROM invoices WHERE customer_id = ?1 AND address IS NULL");
    assert_eq!(kept, person.holds.invoices);
    assert!(!world.files_of(person).exists());
}

/// The receipt verifies, is that of this request, and claims no more than there was.
pub(crate) fn receipt_is_true(jws: &str, keys: &str, request: &str, person: &Person) {
    let verified = adieu::engine::receipt::verify(jws, keys).unwrap();
    let claims = serde_json::to_value(verified.claims()).unwrap();
    assert_eq!(claims["jti"], request);
    let mut seen = 0;
    for connector in list(&claims["connectors"]) {
        for collection in list(&connector["collections"]) {
            let (outcome, held) = match collection["name"].as_str().unwrap() {
                "customers" => ("erased", 1),
                "orders" => ("erased", person.holds.orders),
                "lines" => ("erased", person.holds.lines),
                "sessions" => ("erased", person.holds.sessions),
                "invoices" => ("retained", person.holds.invoices),
                _ => ("erased", person.holds.files),
            };
            seen += 1;
            assert_eq!(collection["pending"], 0, "{collection}");
            // A kill between survey and erasure cannot change what was found; the counts can only fall short of it.
            assert_eq!(collection["found"], held, "{collection}");
            let counted: i64 = list(&collection["outcomes"])
                .iter()
                .filter(|one| one["outcome"] == outcome)
                .map(|one| one["records"].as_i64().unwrap())
                .sum();
            assert!(counted <= held, "claims more than there was: {collection}");
            if collection["at_least"] != true {
                assert_eq!(counted, held, "{collection}");
            }
        }
    }
    assert_eq!(seen, 6);
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}
