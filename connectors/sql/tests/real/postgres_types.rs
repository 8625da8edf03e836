//! Every type of PostgreSQL arrives with its value.

use adieu_core::FieldType;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{collect, subject};
use crate::place::{Place, Server};

const MAPPING: &str = "[table.things]\nsubject = { owner = \"owner\" }\nerase = \"delete\"";

#[tokio::test]
async fn every_sort_of_value_keeps_its_value() {
    use FieldType::{
        Any, Array, Binary, Boolean, Date, Datetime, Duration, Integer, Number, Object, String,
        Time, Uuid,
    };
    // Column type, value as SQL, the value in JSON, what the schema says.
    let cases: Vec<(&str, &str, Value, FieldType)> = vec![
        ("smallint", "-32768", json!(-32768), Integer),
        ("int", "2147483647", json!(2147483647), Integer),
        (
            "bigint",
            "9007199254740993",
            json!(9007199254740993_i64),
            Integer,
        ),
        ("bigint", "-9223372036854775808", json!(i64::MIN), Integer),
        ("oid", "4294967295", json!(4294967295_i64), Integer),
        (
            "numeric",
            "12345678901234567890.123456789012345678901234567890",
            json!("12345678901234567890.123456789012345678901234567890"),
            Number,
        ),
        ("numeric(12,2)", "-0.5", json!("-0.50"), Number),
        (
            "numeric",
            "0.000000000000000000001",
            json!("0.000000000000000000001"),
            Number,
        ),
        (
            "numeric",
            "100000000000000000000",
            json!("100000000000000000000"),
            Number,
        ),
        ("numeric(1000,0)", "0", json!(0), Number),
        ("numeric(12,2)", "-0.25", json!(-0.25), Number),
        ("real", "0.1", json!(0.1), Number),
        ("double precision", "1e-308", json!(1e-308), Number),
        ("money", "'-1234.50'", json!("-1234.50"), Number),
        ("boolean", "true", json!(true), Boolean),
        ("text", "''", json!(""), String),
        (
            "text",
            "E'a\\tb\\n\"\\u00e9\\U0001F600'",
            json!("a\tb\n\"é😀"),
            String,
        ),
        ("char(5)", "'ab'", json!("ab"), String),
        ("varchar(5)", "'ab '", json!("ab "), String),
        ("\"char\"", "'x'", json!("x"), String),
        ("name", "'n'", json!("n"), String),
        (
            "uuid",
            "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
            json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            Uuid,
        ),
        ("bytea", "'\\x00ff80'", json!("AP+A"), Binary),
        ("bytea", "''", json!(""), Binary),
        ("date", "'1969-07-20'", json!("1969-07-20"), Date),
        ("date", "'5874897-12-31'", json!("5874897-12-31"), Date),
        ("date", "'0044-03-15 BC'", json!("0044-03-15 BC"), Date),
        ("date", "'infinity'", json!("infinity"), Date),
        (
            "timestamp",
            "'1969-12-31 23:59:59.999999'",
            json!("1969-12-31T23:59:59.999999"),
            Datetime,
        ),
        (
            "timestamptz",
            "'2300-06-01 12:00:00+02'",
            json!("2300-06-01T10:00:00Z"),
            Datetime,
        ),
        ("timestamptz", "'-infinity'", json!("-infinity"), Datetime),
        (
            "timestamptz",
            "'0001-01-01 00:00:00+00 BC'",
            json!("0001-01-01T00:00:00Z BC"),
            Datetime,
        ),
        ("time", "'23:59:59.5'", json!("23:59:59.5"), Time),
        ("timetz", "'23:59:59+02'", json!("23:59:59+02"), String),
        (
            "interval",
            "'1 year 2 months 3 days 4:05:06.789'",
            json!("P1Y2M3DT4H5M6.789S"),
            Duration,
        ),
        (
            "json",
            "'{\"b\": 1, \"a\":  [1.10, 12345678901234567890.5]}'",
            json!({"b": 1, "a": [1.1, "12345678901234567890.5"]}),
            Any,
        ),
        (
            "jsonb",
            "'{\"b\": null, \"a\": 1e400}'",
            json!({"a": format!("1{}", "0".repeat(400)), "b": null}),
            Any,
        ),
        ("jsonb", "'\"text\"'", json!("text"), Any),
        ("int[]", "'{1,NULL,3}'", json!([1, null, 3]), Array),
        (
            "text[]",
            "ARRAY['a,b', 'c\"d', '', NULL]",
            json!(["a,b", "c\"d", "", null]),
            Array,
        ),
        (
            "numeric[]",
            "'{1.50,12345678901234567890.1}'",
            json!([1.5, "12345678901234567890.1"]),
            Array,
        ),
        ("int[][]", "'{{1,2},{3,4}}'", json!([[1, 2], [3, 4]]), Array),
        ("mood", "'very happy'", json!("very happy"), String),
        ("mood[]", "'{sad}'", json!(["sad"]), Array),
        (
            "pair",
            "ROW(1, 'b', 2.50)",
            json!({"n": 1, "t": "b", "d": 2.5}),
            Object,
        ),
        ("positive", "7", json!(7), Integer),
        ("short", "'abc'", json!("abc"), String),
        ("int4range", "'[1,5)'", json!("[1,5)"), String),
        (
            "nummultirange",
            "'{[1.5,2.5),[3,)}'",
            json!("{[1.5,2.5),[3,)}"),
            String,
        ),
        (
            "tstzrange",
            "'[2020-01-01 00:00:00+00,infinity)'",
            json!("[\"2020-01-01 00:00:00+00\",infinity)"),
            String,
        ),
        ("bit(4)", "B'0101'", json!("0101"), String),
        ("varbit", "B'1'", json!("1"), String),
        ("inet", "'203.0.113.7'", json!("203.0.113.7"), String),
        ("inet", "'2001:db8::1/64'", json!("2001:db8::1/64"), String),
        ("cidr", "'10.0.0.0/8'", json!("10.0.0.0/8"), String),
        (
            "macaddr",
            "'08:00:2b:01:02:03'",
            json!("08:00:2b:01:02:03"),
            String,
        ),
        ("point", "'(1.5,-2)'", json!("(1.5,-2)"), String),
        (
            "polygon",
            "'((0,0),(1,1),(1,0))'",
            json!("((0,0),(1,1),(1,0))"),
            String,
        ),
        ("circle", "'<(1,2),3>'", json!("<(1,2),3>"), String),
        ("xml", "'<a>é</a>'", json!("<a>é</a>"), String),
        ("tsvector", "'a:1 b:2'", json!("'a':1 'b':2"), String),
        ("pg_lsn", "'16/B374D848'", json!("16/B374D848"), String),
    ];
    let columns: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(at, case)| format!("c{at} {}", case.0))
        .collect();
    let values: Vec<&str> = cases.iter().map(|case| case.1).collect();
    let place = Place::new(
        Server::Postgres,
        &format!(
            "CREATE TYPE mood AS ENUM ('sad', 'very happy'); CREATE TYPE pair AS (n int, t text, d numeric);
             CREATE DOMAIN positive AS int CHECK (value > 0); CREATE DOMAIN short AS varchar(3);
             CREATE TABLE things (id int PRIMARY KEY, owner text, {});
             INSERT INTO things VALUES (1, 'ada', {}); INSERT INTO things (id, owner) VALUES (2, 'ada');",
            columns.join(", "),
            values.join(", ")
        ),
    );
    let connector = place.connector(MAPPING);
    let page = collect(&connector, &subject(&["owner=ada"]), "things", None)
        .await
        .unwrap();
    let records: Vec<_> = page.records().cloned().collect();
    let schema = page.pages()[0].schema.clone().unwrap();
    for (at, (of, sql, value, field_type)) in cases.into_iter().enumerate() {
        let name = format!("c{at}");
        assert_eq!(records[0][&name], value, "{of} {sql}");
        assert_eq!(records[1][&name], Value::Null, "{of} NULL");
        assert_eq!(schema.fields[at + 2].field_type, field_type, "{of}");
    }
}

#[tokio::test]
async fn numbers_that_are_none_widen_the_column_from_there_on() {
    let place = Place::new(
        Server::Postgres,
        "CREATE TABLE things (id int PRIMARY KEY, owner text, a numeric, b real, c float8);
         INSERT INTO things VALUES (1, 'ada', 1, 1, 1), (2, 'ada', 'NaN', 'NaN', '-infinity'), (3, 'ada', 'infinity', 'infinity', 'NaN')",
    );
    let page = collect(
        &place.connector(MAPPING),
        &subject(&["owner=ada"]),
        "things",
        None,
    )
    .await
    .unwrap();
    let records: Vec<_> = page.records().cloned().collect();
    assert_eq!(
        records[1],
        json!({"id": 2, "owner": "ada", "a": "NaN", "b": "NaN", "c": "-Infinity"})
    );
    assert_eq!(
        records[2],
        json!({"id": 3, "owner": "ada", "a": "Infinity", "b": "Infinity", "c": "NaN"})
    );
}

/// What a row may hold: each column as the text that PostgreSQL is given and gives back.
fn any_row() -> impl Strategy<Value = Vec<String>> {
    (
        any::<i64>(),
        (any::<i128>(), 0_usize..30),
        any::<f64>().prop_filter("finite", |value| value.is_finite()),
        "[^\\x00]{0,20}",
        prop::collection::vec(any::<u8>(), 0..20),
        -2_000_000_i64..3_000_000,
        -200_000_000_000_000_000_i64..9_000_000_000_000_000_000,
        any::<u128>(),
        prop::collection::vec(prop::option::of("[^\\x00]{0,6}"), 0..5),
    )
        .prop_map(
            |(big, (digits, scale), double, text, bytes, days, micros, uuid, words)| {
                let numeric = {
                    let all = digits.unsigned_abs().to_string();
                    let all = format!("{all:0>width$}", width = scale + 1);
                    let (whole, fraction) = all.split_at(all.len() - scale);
                    let dot = if scale > 0 { "." } else { "" };
                    let sign = if digits < 0 && all.bytes().any(|b| b != b'0') {
                        "-"
                    } else {
                        ""
                    };
                    format!("{sign}{whole}{dot}{fraction}")
                };
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                vec![
                    big.to_string(),
                    numeric,
                    double.to_string(),
                    text,
                    format!("\\x{hex}"),
                    days.to_string(),
                    micros.to_string(),
                    uuid::Uuid::from_u128(uuid).to_string(),
                    serde_json::to_string(&words).unwrap(),
                ]
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn what_was_stored_is_what_arrives(rows in prop::collection::vec(any_row(), 1..20)) {
        let place = Place::new(
            Server::Postgres,
            "CREATE TABLE things (id int PRIMARY KEY, owner text, big bigint, n numeric, d float8, t text, b bytea, day date, at timestamptz, u uuid, w text[])",
        );
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        for (id, row) in rows.iter().enumerate() {
            place.run(&format!(
                "INSERT INTO things VALUES ({id}, 'ada', {}, {}, {}, {}, {}, DATE '2000-01-01' + {}, TIMESTAMPTZ '2000-01-01Z' + {} * INTERVAL '1 microsecond', {},
                   ARRAY(SELECT jsonb_array_elements_text({}::jsonb)));",
                row[0], row[1], quoted(&row[2]), quoted(&row[3]), quoted(&row[4]), row[5], row[6], quoted(&row[7]), quoted(&row[8].replace('\\', "\\\\").replace("\\\\", "\\")),
            ));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let records: Vec<Value> = runtime.block_on(async {
            let connector = place.connector(MAPPING);
            let page = collect(&connector, &subject(&["owner=ada"]), "things", Some(7)).await.unwrap();
            page.records().cloned().collect()
        });
        prop_assert_eq!(records.len(), rows.len());
        for (id, (row, record)) in rows.iter().zip(&records).enumerate() {
            prop_assert_eq!(&record["big"], &json!(row[0].parse::<i64>().unwrap()));
            let number = &record["n"];
            prop_assert_eq!(number.as_str().map_or_else(|| number.to_string(), str::to_owned), row[1].clone());
            prop_assert_eq!(record["d"].as_f64(), row[2].parse::<f64>().ok());
            prop_assert_eq!(record["t"].as_str(), Some(row[3].as_str()));
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD.decode(record["b"].as_str().unwrap()).unwrap();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(format!("\\x{hex}"), row[4].clone());
            prop_assert_eq!(record["u"].as_str(), Some(row[7].as_str()));
            prop_assert_eq!(&record["w"], &serde_json::from_str::<Value>(&row[8]).unwrap());
            // Dates as the server itself writes them.
            let asked = place.query(&format!("SELECT day || '|' || to_char(at AT TIME ZONE 'UTC', 'YYYY') || '|' || (at AT TIME ZONE 'UTC')::text FROM things WHERE id = {id}"));
            let parts: Vec<&str> = asked.split('|').collect();
            prop_assert_eq!(record["day"].as_str(), Some(parts[0]));
            let at = record["at"].as_str().unwrap().replacen('T', " ", 1).replacen('Z', "", 1);
            prop_assert_eq!(at, parts[2]);
        }
    }
}
