//! Every value comes through D1's JSON whole, and goes back so.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::common::{collect, erase, export, failed, subject};
use crate::server::{Board, may_run};

const MAPPING: &str = "[table.things]\nsubject = { owner = \"owner\" }\nerase = \"delete\"";

#[tokio::test]
async fn every_sort_of_value_keeps_its_value() {
    if !may_run() {
        return;
    }
    let board = Board::new(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, owner TEXT, big BIGINT, price DECIMAL(30,10), weight REAL, day DATE, at DATETIME, ok BOOLEAN, photo BLOB, note TEXT, anything, json JSON, empty TEXT);
         INSERT INTO things VALUES (1, 'ada', 9007199254740993, 12.5, 0.1, '1969-07-20', '2300-01-01T00:00:00+02:00', 1, x'00ff', 'a' || char(0) || 'b', x'01', '{\"a\":1}', '');
         INSERT INTO things VALUES (2, 'ada', -9223372036854775808, '0.30', 9e999, '2021-01-01', '2021-01-01 10:00:00', 0, x'', CAST(x'61ff62' AS TEXT), 1.5, NULL, NULL);
         INSERT INTO things VALUES (3, 'ada', 9223372036854775807, 1, -9e999, NULL, NULL, NULL, NULL, 'a replacement: ' || char(65533), CAST(x'f09f98' AS TEXT), NULL, NULL);",
    )
    .await;
    let connector = board.connector(MAPPING);
    let collected = collect(&connector, &subject(&["owner=ada"]), "things", None)
        .await
        .unwrap();
    let records: Vec<_> = collected.records().cloned().collect();
    assert_eq!(
        records,
        [
            json!({"id": 1, "owner": "ada", "big": 9007199254740993_i64, "price": 12.5, "weight": 0.1, "day": "1969-07-20",
                "at": "2300-01-01T00:00:00+02:00", "ok": true, "photo": "AP8=", "note": "a\u{0}b",
                "anything": "data:application/octet-stream;base64,AQ==", "json": "{\"a\":1}", "empty": ""}),
            json!({"id": 2, "owner": "ada", "big": i64::MIN, "price": 0.3, "weight": "Infinity", "day": "2021-01-01",
                "at": "2021-01-01 10:00:00", "ok": false, "photo": "", "note": "data:application/octet-stream;base64,Yf9i",
                "anything": 1.5, "json": null, "empty": null}),
            json!({"id": 3, "owner": "ada", "big": i64::MAX, "price": 1, "weight": "-Infinity", "day": null, "at": null, "ok": null,
                "photo": null, "note": "a replacement: \u{fffd}", "anything": "data:application/octet-stream;base64,8J+Y",
                "json": null, "empty": null}),
        ]
    );
}

#[tokio::test]
async fn a_row_as_large_as_d1_allows_arrives_whole() {
    if !may_run() {
        return;
    }
    let board = Board::new(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, owner TEXT, photo BLOB, note TEXT);
         INSERT INTO things SELECT 1, 'ada', zeroblob(1500000), NULL;
         INSERT INTO things SELECT 2, 'ada', NULL, replace(hex(zeroblob(600000)), '00', 'ä');
         INSERT INTO things WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 22) SELECT i, 'ada', zeroblob(800000), NULL FROM n;",
    )
    .await;
    let connector = board.connector(MAPPING);
    let records = export(&connector, &subject(&["owner=ada"]), "things")
        .await
        .unwrap();
    assert_eq!(records.len(), 22);
    assert_eq!(records[0]["photo"].as_str().unwrap(), "A".repeat(2_000_000));
    assert_eq!(records[1]["note"].as_str().unwrap(), "ä".repeat(600_000));
    assert!(
        records[2..]
            .iter()
            .all(|one| one["photo"].as_str().unwrap().len() == 1_066_668)
    );
}

#[tokio::test]
async fn rows_of_any_key_are_met_exactly_once_and_deleted_by_it() {
    if !may_run() {
        return;
    }
    for (table, values) in [
        (
            "id INTEGER PRIMARY KEY, owner TEXT)",
            "i - 9007199254740995, 'ada'",
        ),
        (
            "id TEXT PRIMARY KEY, owner TEXT) WITHOUT ROWID",
            "'k' || i || char(0) || '\"', 'ada'",
        ),
        (
            "id BLOB PRIMARY KEY, owner TEXT) WITHOUT ROWID",
            "randomblob(8), 'ada'",
        ),
        (
            "id REAL PRIMARY KEY, owner TEXT) WITHOUT ROWID",
            "i / 7.0, 'ada'",
        ),
        (
            "id, owner TEXT, PRIMARY KEY (owner, id)) WITHOUT ROWID",
            "CASE i % 3 WHEN 0 THEN i WHEN 1 THEN i / 3.0 ELSE CAST(x'ff' || i AS TEXT) END, 'ada'",
        ),
        ("id INT, owner TEXT)", "NULL, 'ada'"),
    ] {
        let numbers =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)";
        let content = format!(
            "CREATE TABLE things ({table};\nINSERT INTO things {numbers} SELECT {values} FROM n;\n"
        );
        let board = Board::new(&content).await;
        let connector = board.connector(MAPPING);
        let ada = subject(&["owner=ada"]);
        let whole = export(&connector, &ada, "things").await.unwrap();
        assert_eq!(whole.len(), 40, "{table}");
        let paged = collect(&connector, &ada, "things", Some(3)).await.unwrap();
        assert!(paged.records().eq(&whole), "{table}");
        let tally = erase(&connector, &ada, "things", 7).await.unwrap();
        assert_eq!((tally.erase(), failed(&tally)), (40, 0), "{table}");
        assert_eq!(
            board.count("SELECT count(*) FROM things").await,
            0,
            "{table}"
        );
    }
}

/// Any value as SQL writes it, and as it stands in a record.
fn any_value() -> impl Strategy<Value = (String, serde_json::Value)> {
    let text = |text: String| {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        (format!("CAST(x'{hex}' AS TEXT)"), json!(text))
    };
    prop_oneof![
        any::<i64>().prop_map(|number| (
            number
                .to_string()
                .replace("-9223372036854775808", "(-9223372036854775807 - 1)"),
            json!(number)
        )),
        ".*".prop_map(text),
        Just(("NULL".to_owned(), json!(null))),
        any::<u32>().prop_map(|number| (format!("{number} / 7.0"), json!(f64::from(number) / 7.0))),
        any::<f64>()
            .prop_filter("a number", |one| one.is_normal())
            .prop_map(|number| {
                let bits = number.to_bits();
                let exponent = i64::from((bits >> 52) as u32 & 0x7FF) - 1075;
                let digits =
                    (bits & ((1 << 52) - 1) | 1 << 52) as i64 * if number < 0.0 { -1 } else { 1 };
                (format!("{digits} * pow(2.0, {exponent})"), json!(number))
            }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn any_value_is_exported_as_it_was_stored() {
    if !may_run() {
        return;
    }
    let board =
        Board::new("CREATE TABLE things (id INTEGER PRIMARY KEY, owner TEXT, it ANY) STRICT;")
            .await;
    let connector = board.connector(MAPPING);
    let mut runner = TestRunner::new(Config::with_cases(12));
    let many = proptest::collection::vec(any_value(), 1..60);
    let seen = std::cell::Cell::new(0);
    let handle = tokio::runtime::Handle::current();
    let outcome = tokio::task::block_in_place(|| {
        runner.run(&many, |values| {
            let rows = values
                .iter()
                .map(|(sql, _)| format!("INSERT INTO things (owner, it) VALUES ('ada', {sql})"));
            let rows: Vec<String> = ["DELETE FROM things".to_owned()]
                .into_iter()
                .chain(rows)
                .collect();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            handle.block_on(board.run(&rows));
            let records = handle
                .block_on(export(&connector, &subject(&["owner=ada"]), "things"))
                .unwrap();
            prop_assert_eq!(records.len(), values.len());
            for (record, (sql, expected)) in records.iter().zip(&values) {
                prop_assert_eq!(&record["it"], expected, "{}", sql);
                seen.set(seen.get() + 1);
            }
            Ok(())
        })
    });
    outcome.unwrap();
    assert!(seen.get() > 100);
}
