//! Every value arrives whole, and the schema says what it is.

#![allow(clippy::unwrap_used)]

mod common;

use adieu_core::FieldType;
use base64::Engine as _;
use common::{Shop, collect, export, subject};
use proptest::prelude::*;
use rusqlite::types::Value as Stored;
use serde_json::{Value, json};

const MAPPING: &str = "[table.things]\nsubject = { owner = \"owner\" }\nerase = \"delete\"";

#[tokio::test]
async fn every_sort_of_value_keeps_its_value() {
    let shop = Shop::new(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, owner TEXT, big BIGINT, price DECIMAL(30,10), weight REAL, day DATE,
           at DATETIME, ok BOOLEAN, photo BLOB, note TEXT, anything, json JSON, empty TEXT);
         INSERT INTO things VALUES
           (1, 'ada', 9007199254740993, 12.5, 0.1, '1969-07-20', '2300-01-01T00:00:00+02:00', 1, x'00ff', 'a' || char(0) || 'b', x'01', '{\"a\":1}', ''),
           (2, 'ada', -9223372036854775808, '0.30', 9e999, '2021-01-01', '2021-01-01 10:00:00', 0, x'', CAST(x'61ff62' AS TEXT), 1.5, NULL, NULL);",
    );
    let connector = shop.connector(MAPPING);
    let collector = collect(&connector, &subject(&["owner=ada"]), "things", None)
        .await
        .unwrap();
    let records: Vec<_> = collector.records().cloned().collect();
    assert_eq!(
        records[0],
        json!({"id": 1, "owner": "ada", "big": 9007199254740993_i64, "price": 12.5, "weight": 0.1, "day": "1969-07-20",
            "at": "2300-01-01T00:00:00+02:00", "ok": true, "photo": "AP8=", "note": "a\u{0}b",
            "anything": "data:application/octet-stream;base64,AQ==", "json": "{\"a\":1}", "empty": ""})
    );
    assert_eq!(
        records[1],
        json!({"id": 2, "owner": "ada", "big": i64::MIN, "price": 0.3, "weight": "Infinity", "day": "2021-01-01",
            "at": "2021-01-01 10:00:00", "ok": false, "photo": "", "note": "data:application/octet-stream;base64,Yf9i",
            "anything": 1.5, "json": null, "empty": null})
    );
    let schema = collector.pages()[0].schema.clone().unwrap();
    let types: Vec<FieldType> = schema.fields.iter().map(|field| field.field_type).collect();
    use FieldType::{Any, Binary, Boolean, Integer, Number, String};
    assert_eq!(
        types,
        [
            Integer, String, Integer, Number, Number, String, String, Boolean, Binary, String, Any,
            String, String
        ]
    );
}

#[tokio::test]
async fn a_column_that_breaks_its_declared_type_says_so_from_there_on() {
    let shop = Shop::new(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, owner TEXT, amount INTEGER, ok BOOLEAN, born DATE, photo BLOB, price NUMERIC);
         INSERT INTO things VALUES (1, 'ada', 1, 1, '1984-05-17', x'00', 1), (2, 'eve', 'none', 1, 5, 'eve', 1),
           (3, 'ada', 'many', 7, 443145600, 'a text', 'free');",
    );
    let connector = shop.connector(MAPPING);
    let ada = collect(&connector, &subject(&["owner=ada"]), "things", Some(1))
        .await
        .unwrap();
    let records: Vec<_> = ada.records().cloned().collect();
    assert_eq!(
        records[1],
        json!({"id": 3, "owner": "ada", "amount": "many", "ok": 7, "born": 443145600, "photo": "a text", "price": "free"})
    );
    let schemas: Vec<_> = ada
        .pages()
        .iter()
        .map(|page| page.schema.clone().unwrap())
        .collect();
    assert_eq!(schemas[0].fields[2].field_type, FieldType::Integer);
    let widened = schemas.last().unwrap();
    assert!(
        widened.fields[2..]
            .iter()
            .all(|field| field.field_type == FieldType::Any),
        "{widened:?}"
    );
    // Where the person's own rows keep to the type, the column has it.
    let shop = Shop::new(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, owner TEXT, amount INTEGER);
         INSERT INTO things VALUES (1, 'ada', 1), (2, 'eve', 'none');",
    );
    let ada = collect(
        &shop.connector(MAPPING),
        &subject(&["owner=ada"]),
        "things",
        None,
    )
    .await
    .unwrap();
    assert_eq!(
        ada.pages()[0].schema.clone().unwrap().fields[2].field_type,
        FieldType::Integer
    );
}

#[tokio::test]
async fn columns_are_left_out_or_masked_as_the_mapping_says() {
    let shop = Shop::new(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, owner TEXT, secret BLOB, friend TEXT);
         INSERT INTO things VALUES (1, 'ada', x'00', 'Eve'), (2, 'ada', x'00', NULL);",
    );
    let connector = shop.connector(
        "[table.things]\nsubject = { owner = \"owner\" }\nerase = \"delete\"\n\
         columns = { secret = { omit = \"a password's hash\" }, friend = { mask = \"about somebody else\" } }",
    );
    let things = export(&connector, &subject(&["owner=ada"]), "things")
        .await
        .unwrap();
    assert_eq!(
        things[0],
        json!({"id": 1, "owner": "ada", "friend": "[masked]"})
    );
    assert_eq!(things[1], json!({"id": 2, "owner": "ada", "friend": null}));
    let unreachable = &adieu_core::Connector::descriptor(&connector).unreachable;
    assert!(
        unreachable
            .iter()
            .any(|one| one.what == "column `secret` of `things`"
                && one.why.contains("a password's hash"))
    );
}

#[tokio::test]
async fn rows_of_any_key_are_met_exactly_once_however_small_the_pages() {
    for (key, values) in [
        (
            "id INTEGER PRIMARY KEY, owner TEXT",
            "(SELECT i, 'ada' FROM n)",
        ),
        (
            "id TEXT PRIMARY KEY, owner TEXT",
            "(SELECT 'k' || (97 - i), 'ada' FROM n)",
        ),
        (
            "id TEXT PRIMARY KEY, owner TEXT) WITHOUT ROWID; --",
            "(SELECT 'k' || i, 'ada' FROM n)",
        ),
        (
            "id BLOB PRIMARY KEY, owner TEXT) WITHOUT ROWID; --",
            "(SELECT randomblob(8), 'ada' FROM n)",
        ),
        (
            "id REAL PRIMARY KEY, owner TEXT) WITHOUT ROWID; --",
            "(SELECT i / 7.0, 'ada' FROM n)",
        ),
        (
            "id TEXT COLLATE NOCASE PRIMARY KEY, owner TEXT) WITHOUT ROWID; --",
            "(SELECT char(60 + i % 97), 'ada' FROM n)",
        ),
        ("id INT, owner TEXT", "(SELECT NULL, 'ada' FROM n)"),
        (
            "id TEXT, owner TEXT, PRIMARY KEY (owner, id)) WITHOUT ROWID; --",
            "(SELECT CAST(x'ff' || i AS TEXT), 'ada' FROM n)",
        ),
        (
            "id INTEGER, owner TEXT, rowid TEXT, oid INT",
            "(SELECT i, 'ada', 'x', 1 FROM n)",
        ),
    ] {
        let shop = Shop::new(&format!(
            "CREATE TABLE things ({key}\n);
             INSERT OR IGNORE INTO things WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT * FROM {values};"
        ).replace("; --\n)", ";"));
        let connector = shop.connector(MAPPING);
        let ada = subject(&["owner=ada"]);
        let there = shop.count("SELECT count(*) FROM things");
        assert!(there > 20, "{key}");
        let whole = export(&connector, &ada, "things").await.unwrap();
        let paged: Vec<_> = collect(&connector, &ada, "things", Some(3))
            .await
            .unwrap()
            .records()
            .cloned()
            .collect();
        assert_eq!(whole.len() as i64, there, "{key}");
        assert_eq!(paged, whole, "{key}");
        let tally = common::erase(&connector, &ada, "things", 7).await.unwrap();
        assert_eq!(
            (
                tally.erase() as i64,
                shop.count("SELECT count(*) FROM things")
            ),
            (there, 0),
            "{key}"
        );
    }
}

/// Any value as SQLite stores it, and as it stands in a record.
fn any_value() -> impl Strategy<Value = (Stored, Value)> {
    prop_oneof![
        Just((Stored::Null, json!(null))),
        any::<i64>().prop_map(|number| (Stored::Integer(number), json!(number))),
        any::<f64>()
            .prop_filter("a number", |number| number.is_finite())
            .prop_map(|number| (Stored::Real(number), json!(number))),
        ".*".prop_map(|text| (Stored::Text(text.clone()), json!(text))),
        any::<Vec<u8>>().prop_map(|bytes| {
            let base64 = base64::engine::general_purpose::STANDARD.encode(&bytes);
            let url = format!("data:application/octet-stream;base64,{base64}");
            (Stored::Blob(bytes), json!(url))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_value_is_exported_as_it_was_stored(values in prop::collection::vec(any_value(), 1..40)) {
        let shop = Shop::new("CREATE TABLE things (id INTEGER PRIMARY KEY, owner TEXT, it)");
        let connection = shop.open();
        for (stored, _) in &values {
            let stored = ("ada", stored);
            connection.execute("INSERT INTO things (owner, it) VALUES (?1, ?2)", stored).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let page = runtime.block_on(async {
            let ada = subject(&["owner=ada"]);
            collect(&shop.connector(MAPPING), &ada, "things", Some(7)).await.unwrap()
        });
        let records: Vec<&Value> = page.records().map(|record| &record["it"]).collect();
        prop_assert_eq!(records, values.iter().map(|(_, written)| written).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_constant_of_another_type_is_named_when_the_mapping_is_checked() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, age INTEGER, price DECIMAL(10,2), ok BOOLEAN, code VARCHAR(4), nick VARCHAR(10))",
    );
    let connector = shop.connector(
        "[table.people]\nsubject = { person_id = \"id\" }\n[table.people.erase.pseudonymize]\nage = { value = \"none\" }\n\
         price = { value = \"free\" }\nok = { value = 7 }\ncode = { value = \"erased\" }\nnick = \"unique\"",
    );
    let told = adieu_core::Connector::check(&connector).await.unwrap_err();
    for column in ["age", "price", "ok", "code", "nick"] {
        let named = format!("`people.{column}` cannot be pseudonymized so");
        assert!(told.to_string().contains(&named), "{column}: {told}");
    }
}
