//! Every value arrives as it was.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod common;

use std::collections::BTreeMap;

use adieu_archive::{Format, SpoolOptions};
use adieu_core::{ErrorKind, Field, FieldType, PageSink, PageWriter, Retry, Schema, provider_json};
use common::{World, csv_rows, fields, json};
use proptest::prelude::*;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

/// A struct, as connectors have them.
#[derive(Serialize)]
struct Order<'a> {
    id: i64,
    total: &'a str,
    note: Option<&'a str>,
}

#[tokio::test]
async fn one_walk_makes_a_csv_line_and_a_json_object() {
    let mut world = World::new(Format::Zip);
    let schema = fields(&[
        ("id", FieldType::Integer),
        ("total", FieldType::Number),
        ("note", FieldType::String),
    ]);
    let orders = [
        Order {
            id: 1,
            total: "10.50",
            note: None,
        },
        Order {
            id: 2,
            total: "0.1",
            note: Some(""),
        },
    ];
    world.records("shop", "orders", &schema, &orders).await;
    let entries = world.unzipped().await;
    assert_eq!(
        entries["shop/orders.csv"],
        b"id,total,note\r\n1,10.50,\r\n2,0.1,\"\"\r\n"
    );
    assert_eq!(
        entries["shop/orders.json"],
        b"[\n{\"id\":1,\"total\":\"10.50\",\"note\":null},\n{\"id\":2,\"total\":\"0.1\",\"note\":\"\"}\n]\n"
    );
}

#[tokio::test]
async fn fields_come_in_the_order_of_the_schema_and_may_be_left_out() {
    let mut world = World::new(Format::Zip);
    let schema = fields(&[
        ("a", FieldType::Any),
        ("b", FieldType::Any),
        ("c", FieldType::Any),
    ]);
    let records = [json!({"c": 3, "a": 1}), json!({"b": 2}), json!({})];
    world.records("s", "t", &schema, &records).await;
    let entries = world.unzipped().await;
    assert_eq!(entries["s/t.csv"], b"a,b,c\r\n1,,3\r\n,2,\r\n,,\r\n");
    assert_eq!(json(&entries["s/t.json"]), json!(records));
}

#[tokio::test]
async fn undeclared_fields_are_kept_together_when_the_schema_is_open() {
    let mut world = World::new(Format::Zip);
    let schema = Schema::open([
        Field::new("id", FieldType::Integer),
        Field::new("other_fields", FieldType::String),
    ]);
    let record = json!({"id": 1, "x": {"deep": [1, null]}, "other_fields": "mine", "y": "a,\"b\""});
    world
        .records("s", "t", &schema, std::slice::from_ref(&record))
        .await;
    let entries = world.unzipped().await;
    let rows = csv_rows(&entries["s/t.csv"]);
    assert_eq!(rows[0], ["id", "other_fields", "other_fields_2"]);
    assert_eq!(
        json(rows[1][2].as_bytes()),
        json!({"x": {"deep": [1, null]}, "y": "a,\"b\""})
    );
    assert_eq!(json(&entries["s/t.json"]), json!([record]));
}

#[tokio::test]
async fn a_record_that_does_not_fit_is_a_fault_that_is_not_retried_and_leaves_no_trace() {
    let mut world = World::new(Format::Zip);
    let mut page = world.page("s", "t");
    let mut writer = PageWriter::new(&mut page);
    let early = writer.record(&json!({"a": 1})).await.unwrap_err();
    writer.schema(&fields(&[("a", FieldType::Any)])).unwrap();
    writer.record(&json!({"a": "first"})).await.unwrap();
    let mut errors = vec![early];
    errors.push(
        writer
            .record(&json!({"a": "SECRET", "undeclared-SECRET": 1}))
            .await
            .unwrap_err(),
    );
    errors.push(writer.record(&json!(["SECRET"])).await.unwrap_err());
    errors.push(writer.record(&"SECRET").await.unwrap_err());
    errors.push(writer.record(&Twice).await.unwrap_err());
    errors.push(writer.record(&Failing).await.unwrap_err());
    errors.push(
        writer
            .schema(&fields(&[("b", FieldType::Any)]))
            .unwrap_err(),
    );
    writer.record(&json!({"a": "last"})).await.unwrap();
    for error in errors {
        assert_eq!(
            (error.kind(), error.retry_advice()),
            (ErrorKind::Internal, Retry::Never),
            "{error}"
        );
        assert!(!format!("{error:?}{error}").contains("SECRET"), "{error:?}");
    }
    world.commit("s", "t", page).await;
    let entries = world.unzipped().await;
    assert_eq!(
        json(&entries["s/t.json"]),
        json!([{"a": "first"}, {"a": "last"}])
    );
    assert_eq!(entries["s/t.csv"], b"a\r\nfirst\r\nlast\r\n");
}

struct Twice;

impl Serialize for Twice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("a", "SECRET")?;
        map.serialize_entry("a", "SECRET")?;
        map.end()
    }
}

struct Failing;

impl Serialize for Failing {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("cannot serialize SECRET"))
    }
}

#[tokio::test]
async fn integers_of_any_size_and_floats_keep_every_digit() {
    #[derive(Serialize)]
    struct Numbers {
        small: i64,
        exact: i64,
        large: i64,
        unsigned: u64,
        huge: i128,
        tenth: f64,
        single: f32,
        tiny: f64,
        zero: f64,
        nan: f64,
        low: f32,
        nested: (i64, f64, Vec<u8>),
    }
    let mut world = World::new(Format::Zip);
    let names = [
        "small", "exact", "large", "unsigned", "huge", "tenth", "single", "tiny", "zero", "nan",
        "low",
    ];
    let mut all: Vec<(&str, FieldType)> = names
        .iter()
        .map(|name| (*name, FieldType::Number))
        .collect();
    all.push(("nested", FieldType::Array));
    let numbers = Numbers {
        small: -7,
        exact: 1 << 53,
        large: (1 << 53) + 1,
        unsigned: u64::MAX,
        huge: i128::MIN,
        tenth: 0.1,
        single: 0.1,
        tiny: 5e-324,
        zero: -0.0,
        nan: f64::NAN,
        low: f32::NEG_INFINITY,
        nested: (i64::MIN, f64::INFINITY, vec![1, 2]),
    };
    world.records("s", "t", &fields(&all), &[numbers]).await;
    let entries = world.unzipped().await;
    let text = String::from_utf8(entries["s/t.json"].clone()).unwrap();
    assert_eq!(
        text,
        "[\n{\"small\":-7,\"exact\":9007199254740992,\"large\":\"9007199254740993\",\"unsigned\":\"18446744073709551615\",\
         \"huge\":\"-170141183460469231731687303715884105728\",\"tenth\":0.1,\"single\":0.1,\"tiny\":5e-324,\"zero\":-0.0,\
         \"nan\":\"NaN\",\"low\":\"-INF\",\"nested\":[\"-9223372036854775808\",\"INF\",[1,2]]}\n]\n"
    );
    let rows = csv_rows(&entries["s/t.csv"]);
    assert_eq!(
        rows[1],
        [
            "-7",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "-170141183460469231731687303715884105728",
            "0.1",
            "0.1",
            "5e-324",
            "-0.0",
            "NaN",
            "-INF",
            "[\"-9223372036854775808\",\"INF\",[1,2]]"
        ]
    );
}

struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

#[tokio::test]
async fn hostile_cells_keep_their_value() {
    let hostile = [
        "=cmd()|'/C calc'!A0",
        "+1",
        "-1+1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "a\"b\"\"c",
        "a,b;c",
        "line\nbreak\r\nmore",
        "nul\0byte",
        " padded ",
        "",
        "NULL",
        "\\N",
        "\u{feff}bom",
        "\u{2028}",
        "😀",
        "'quoted'",
        "\"",
        "\"\"",
        "\u{1b}[31m",
        "</script><script>alert(1)</script>",
    ];
    let mut world = World::new(Format::Zip);
    let schema = fields(&[
        ("before", FieldType::Integer),
        ("text", FieldType::String),
        ("after", FieldType::String),
    ]);
    let records: Vec<_> = hostile
        .iter()
        .map(|text| json!({"before": 1, "text": text, "after": "x"}))
        .collect();
    world.records("s", "t", &schema, &records).await;
    let entries = world.unzipped().await;
    let rows = csv_rows(&entries["s/t.csv"]);
    assert_eq!(rows.len(), hostile.len() + 1);
    for (row, text) in rows[1..].iter().zip(hostile) {
        assert_eq!(row, &["1", text, "x"]);
    }
    assert_eq!(json(&entries["s/t.json"]), json!(records));
    let page = String::from_utf8(entries["index.html"].clone()).unwrap();
    assert!(!page.contains("<script"), "a cell became markup");
}

#[tokio::test]
async fn lone_surrogates_and_invalid_utf8_keep_their_value() {
    let mut world = World::new(Format::Zip);
    let schema = fields(&[
        ("text", FieldType::String),
        ("n", FieldType::Any),
        ("raw", FieldType::Binary),
    ]);
    let record =
        provider_json::parse(br#"{"text": "a\ud83dz", "n": 12345678901234567890123}"#).unwrap();
    world.records("s", "t", &schema, &[record]).await;
    world
        .records(
            "s",
            "t",
            &schema,
            &[BTreeMap::from([("raw", Blob(b"caf\xe9\0".to_vec()))])],
        )
        .await;
    let entries = world.unzipped().await;
    assert_eq!(
        json(&entries["s/t.json"]),
        json!([{"text": "a\\ud83dz", "n": "12345678901234567890123"}, {"raw": "Y2Fm6QA="}])
    );
    assert_eq!(
        csv_rows(&entries["s/t.csv"])[1..],
        [
            ["a\\ud83dz", "12345678901234567890123", ""],
            ["", "", "Y2Fm6QA="]
        ]
    );
}

#[tokio::test]
async fn formulas_are_made_harmless_where_that_is_asked_for() {
    let mut options = SpoolOptions::default();
    options.formula_safe = true;
    let mut world = World::with_options(Format::Zip, options);
    let schema = fields(&[("text", FieldType::String), ("number", FieldType::Number)]);
    let texts = ["=cmd()", "+1", "-1", "@x", "\ty", "\rz", "plain"];
    let records: Vec<_> = texts
        .iter()
        .map(|text| json!({"text": text, "number": -5}))
        .collect();
    world.records("s", "t", &schema, &records).await;
    let entries = world.unzipped().await;
    for (row, text) in csv_rows(&entries["s/t.csv"])[1..].iter().zip(texts) {
        let expected = if text == "plain" {
            text.to_owned()
        } else {
            format!("'{text}")
        };
        assert_eq!(row, &[expected.as_str(), "-5"]);
    }
    assert_eq!(json(&entries["s/t.json"]), json!(records));
    let description = json(&entries["datapackage.json"])["csv"]["formulas"].to_string();
    assert!(
        description.contains("apostrophe before it"),
        "{description}"
    );
}

#[tokio::test]
async fn a_column_with_a_value_of_another_type_is_described_as_text() {
    let mut world = World::new(Format::Zip);
    let schema = fields(&[
        ("good", FieldType::Integer),
        ("day", FieldType::Date),
        ("id", FieldType::Uuid),
    ]);
    world
        .records(
            "s",
            "t",
            &schema,
            &[json!({"good": 1, "day": "2024-02-29", "id": "not one"})],
        )
        .await;
    world
        .records(
            "s",
            "t",
            &schema,
            &[json!({"good": "12", "day": "2023-02-29", "id": null})],
        )
        .await;
    let description = json(&world.unzipped().await["datapackage.json"]);
    let resources = description["resources"].as_array().unwrap();
    let table = resources
        .iter()
        .find(|resource| resource["path"] == "s/t.csv")
        .unwrap();
    let types: Vec<_> = table["schema"]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| &field["type"])
        .collect();
    assert_eq!(types, ["integer", "string", "string"]);
    assert_eq!(table["schema"]["fields"][1]["declaredType"], "date");
}

#[tokio::test]
async fn identities_are_taken_only_of_declared_kinds() {
    let mut world = World::new(Format::Zip);
    let mut page = world.page("s", "t");
    page.identity("customer_id=7".parse().unwrap()).unwrap();
    page.identity("customer_id=7".parse().unwrap()).unwrap();
    let error = page
        .identity("phone=0123456789".parse().unwrap())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(!format!("{error:?}").contains("0123456789"));
    let committed = world.commit("s", "t", page).await;
    assert_eq!(committed.identities, ["customer_id=7".parse().unwrap()]);
    assert!(!format!("{committed:?}").contains('7'), "{committed:?}");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-(1_i64 << 53)..(1 << 53)).prop_map(Into::into),
        any::<f64>()
            .prop_filter("JSON has only these", |value| value.is_finite())
            .prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[=+@\"',\r\n\t \0-]{0,6}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_written_is_read_again(
        names in prop::collection::btree_set("[a-z]{1,4}", 1..5),
        rows in prop::collection::vec(prop::collection::vec(prop::option::of(any_json()), 5), 0..12),
        pages in 1_usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(Format::Zip);
            let schema = Schema::closed(names.iter().map(|name| Field::new(name.clone(), FieldType::Any)));
            let records: Vec<serde_json::Map<String, serde_json::Value>> = rows.iter().map(|row| {
                names.iter().zip(row).filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect()
            }).collect();
            for page in records.chunks(records.len().div_ceil(pages).max(1)) {
                world.records("s", "t", &schema, page).await;
            }
            if records.is_empty() {
                world.records("s", "t", &schema, &records).await;
            }
            let entries = world.unzipped().await;
            assert_eq!(json(&entries["s/t.json"]), json!(records));
            let read = csv_rows(&entries["s/t.csv"]);
            assert_eq!(read.len(), records.len() + 1);
            for (row, record) in read[1..].iter().zip(&records) {
                assert_eq!(row.len(), names.len());
                for (cell, name) in row.iter().zip(&names) {
                    match record.get(name) {
                        None | Some(serde_json::Value::Null) => assert_eq!(cell, ""),
                        Some(serde_json::Value::String(text)) => assert_eq!(cell, text),
                        Some(value) => assert_eq!(&json(cell.as_bytes()), value),
                    }
                }
            }
        });
    }
}
