//! Every type of MariaDB and of MySQL arrives with its value.

use adieu_core::FieldType;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{collect, export, subject};
use crate::place::{Place, Server};

const MAPPING: &str = "[table.things]\nsubject = { owner = \"owner\" }\nerase = \"delete\"";

/// Column type, value as SQL, the value in JSON, what the schema says.
type Case = (&'static str, &'static str, Value, FieldType);

/// What both have.
fn cases_of_both() -> Vec<Case> {
    use FieldType::{Binary, Boolean, Date, Datetime, Integer, Number, String, Time};
    vec![
        ("TINYINT", "-128", json!(-128), Integer),
        ("TINYINT(1)", "1", json!(true), Boolean),
        ("TINYINT UNSIGNED", "255", json!(255), Integer),
        ("SMALLINT UNSIGNED", "65535", json!(65535), Integer),
        ("MEDIUMINT", "-8388608", json!(-8388608), Integer),
        ("INT UNSIGNED ZEROFILL", "42", json!(42), Integer),
        ("BIGINT", "-9223372036854775808", json!(i64::MIN), Integer),
        (
            "BIGINT UNSIGNED",
            "18446744073709551615",
            json!("18446744073709551615"),
            Integer,
        ),
        (
            "DECIMAL(65,30)",
            "12345678901234567890123456789012345.123456789012345678901234567890",
            json!("12345678901234567890123456789012345.123456789012345678901234567890"),
            Number,
        ),
        ("DECIMAL(12,2)", "-0.5", json!("-0.50"), Number),
        ("DECIMAL(12,2)", "99.99", json!(99.99), Number),
        ("FLOAT", "0.1", json!(0.1), Number),
        ("DOUBLE", "1e-300", json!(1e-300), Number),
        ("BIT(1)", "b'1'", json!(1), Integer),
        (
            "BIT(64)",
            "b'1000000000000000000000000000000000000000000000000000000000000001'",
            json!("9223372036854775809"),
            Integer,
        ),
        ("YEAR", "2155", json!(2155), Integer),
        ("DATE", "'1000-01-01'", json!("1000-01-01"), Date),
        ("DATE", "'0000-00-00'", json!("0000-00-00"), Date),
        ("DATE", "'2021-00-00'", json!("2021-00-00"), Date),
        (
            "DATETIME(6)",
            "'9999-12-31 23:59:59.999999'",
            json!("9999-12-31 23:59:59.999999"),
            Datetime,
        ),
        (
            "DATETIME",
            "'0000-00-00 00:00:00'",
            json!("0000-00-00 00:00:00"),
            Datetime,
        ),
        (
            "TIMESTAMP NULL",
            "'1970-01-01 00:00:01'",
            json!("1970-01-01 00:00:01"),
            Datetime,
        ),
        ("TIME(3)", "'-838:59:58.5'", json!("-838:59:58.500"), Time),
        ("CHAR(5)", "'ab'", json!("ab"), String),
        ("VARCHAR(5)", "'ab '", json!("ab "), String),
        (
            "VARCHAR(20) CHARACTER SET latin1",
            "'Gonçalves'",
            json!("Gonçalves"),
            String,
        ),
        (
            "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "'é😀'",
            json!("é😀"),
            String,
        ),
        (
            "VARCHAR(20) CHARACTER SET utf16",
            "'é😀'",
            json!("é😀"),
            String,
        ),
        (
            "TEXT CHARACTER SET cp1251",
            "'Привет'",
            json!("Привет"),
            String,
        ),
        ("LONGTEXT", "''", json!(""), String),
        ("BINARY(4)", "x'00ff'", json!("AP8AAA=="), Binary),
        ("VARBINARY(10)", "x'00ff80'", json!("AP+A"), Binary),
        ("BLOB", "''", json!(""), Binary),
        ("ENUM('a', 'b c')", "'b c'", json!("b c"), String),
        ("SET('x', 'y', 'z')", "'z,x'", json!("x,z"), String),
        (
            "POINT",
            "ST_GeomFromText('POINT(1.5 -2)')",
            json!("POINT(1.5 -2)"),
            String,
        ),
        (
            "GEOMETRY",
            "ST_GeomFromText('LINESTRING(0 0,1 1)', 4326)",
            json!("SRID=4326;LINESTRING(0 0,1 1)"),
            String,
        ),
    ]
}

fn cases_of(server: Server) -> Vec<Case> {
    use FieldType::{Any, String, Uuid};
    match server {
        Server::Postgres => Vec::new(),
        Server::MariaDb => vec![
            (
                "JSON",
                r#"'{"b": 1, "a": [1.10, 12345678901234567890.5]}'"#,
                json!({"b": 1, "a": [1.1, "12345678901234567890.5"]}),
                Any,
            ),
            (
                "UUID",
                "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
                json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
                Uuid,
            ),
            ("INET6", "'2001:db8::1'", json!("2001:db8::1"), String),
            ("INET4", "'203.0.113.7'", json!("203.0.113.7"), String),
        ],
        Server::MySql => vec![
            (
                "JSON",
                r#"'{"b": 1, "a": [1.10, 18446744073709551615, "\\u00e9"]}'"#,
                json!({"b": 1, "a": [1.1, u64::MAX, "é"]}),
                Any,
            ),
            (
                "JSON",
                "JSON_ARRAY(CAST(12345678901234567890.50 AS DECIMAL(30,2)), CAST('2020-01-01' AS DATE), true, null)",
                json!(["12345678901234567890.50", "2020-01-01", true, null]),
                Any,
            ),
            ("JSON", "'null'", Value::Null, Any),
            (
                "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs",
                "'é😀 '",
                json!("é😀 "),
                String,
            ),
            (
                "VARCHAR(20) CHARACTER SET gb18030",
                "'é中😀'",
                json!("é中😀"),
                String,
            ),
            (
                "POINT SRID 4326",
                "ST_GeomFromText('POINT(51.5 -0.1)', 4326)",
                json!("SRID=4326;POINT(51.5 -0.1)"),
                String,
            ),
            (
                "GEOMETRY",
                // Of a reference system that the server does not know.
                "x'0f270000010100000000000000000000400000000000000840'",
                json!("SRID=9999;POINT(2 3)"),
                String,
            ),
            (
                "GEOMETRYCOLLECTION",
                "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))')",
                json!("GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))"),
                String,
            ),
            (
                "MULTIPOLYGON",
                "ST_GeomFromText('MULTIPOLYGON(((0 0,0 1,1 1,0 0)))')",
                json!("MULTIPOLYGON(((0 0,0 1,1 1,0 0)))"),
                String,
            ),
        ],
    }
}

#[tokio::test]
async fn every_sort_of_value_keeps_its_value() {
    for server in Server::alike() {
        let cases = [cases_of_both(), cases_of(server)].concat();
        let columns: Vec<_> = cases
            .iter()
            .enumerate()
            .map(|(at, case)| format!("c{at} {}", case.0))
            .collect();
        let values: Vec<&str> = cases.iter().map(|case| case.1).collect();
        let place = Place::new(
        server,
        &format!(
            "SET sql_mode = '', time_zone = '+00:00'; CREATE TABLE things (id INT PRIMARY KEY, owner VARCHAR(10), {});
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
            assert_eq!(records[0][&name], value, "{server:?} {of} {sql}");
            assert_eq!(records[1][&name], Value::Null, "{of} NULL");
            assert_eq!(schema.fields[at + 2].field_type, field_type, "{of}");
        }
    }
}

#[tokio::test]
async fn a_generous_collation_does_not_find_somebody_else() {
    for server in Server::alike() {
        let place = Place::new(
        server,
        "CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(50) UNIQUE, code VARCHAR(20));
         CREATE TABLE notes (id INT PRIMARY KEY, code VARCHAR(20), text TEXT);
         INSERT INTO people VALUES (1, 'ada@example.com', 'A1'), (2, 'eve@example.com', 'a1'), (3, 'bob@example.com', 'A1 ');
         INSERT INTO notes VALUES (1, 'A1', 'of Ada'), (2, 'a1', 'of Eve'), (3, 'A1 ', 'of the third'), (4, 'á1', 'of nobody');",
    );
        let connector = place.connector(
            "[table.people]\nsubject = { email = \"email\" }\nerase = \"delete\"\n\
         [table.notes]\nreferences = { code = \"people.code\" }\nshared = { basis = \"contract\", reason = \"a code is several people's\" }\nerase = \"delete\"",
        );
        let texts = |records: Vec<Value>| {
            records
                .iter()
                .map(|one| one["text"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let ada = subject(&["email=ada@example.com"]);
        assert_eq!(
            texts(export(&connector, &ada, "notes").await.unwrap()),
            ["of Ada"]
        );
        for near in [
            "ADA@example.com",
            "ada@example.com ",
            "Ada@example.com",
            "%",
            "ada@example.com\\",
        ] {
            let stranger = subject(&[&format!("email={near}")]);
            assert_eq!(
                export(&connector, &stranger, "people").await.unwrap(),
                Vec::<Value>::new(),
                "{near}"
            );
        }
        crate::common::erase_all(&connector, &ada).await;
        assert_eq!(place.query("SELECT id FROM notes ORDER BY id"), "2\n3\n4");
        assert_eq!(place.query("SELECT id FROM people ORDER BY id"), "2\n3");
    }
}

/// What a row may hold, as text.
fn any_row() -> impl Strategy<Value = Vec<String>> {
    (
        any::<u64>(),
        (any::<i64>(), 0_usize..10),
        any::<f64>().prop_filter("finite", |value| value.is_finite()),
        "\\PC{0,20}",
        prop::collection::vec(any::<u8>(), 0..20),
        (1000_u16..9999, 1_u8..13, 1_u8..29, -838_i16..839, 0_u8..60),
        any::<u64>(),
    )
        .prop_map(
            |(
                big,
                (digits, scale),
                double,
                text,
                bytes,
                (year, month, day, hours, minutes),
                bits,
            )| {
                let all = format!("{:0>width$}", digits.unsigned_abs(), width = 31);
                let (whole, fraction) = all.split_at(all.len() - scale);
                let whole = whole.trim_start_matches('0');
                let whole = if whole.is_empty() { "0" } else { whole };
                let sign = if digits < 0 { "-" } else { "" };
                let sign_of_time = if hours < 0 { "-" } else { "" };
                vec![
                    big.to_string(),
                    format!("{sign}{whole}.{fraction}{}", "0".repeat(30 - scale)),
                    double.to_string(),
                    text,
                    bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
                    format!("{year:04}-{month:02}-{day:02}"),
                    format!("{sign_of_time}{:02}:{minutes:02}:00", hours.unsigned_abs()),
                    bits.to_string(),
                ]
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn what_was_stored_is_what_arrives(rows in prop::collection::vec(any_row(), 1..20)) {
        for server in Server::alike() {
        let place = Place::new(
            server,
            "CREATE TABLE things (id INT PRIMARY KEY, owner VARCHAR(9), big BIGINT UNSIGNED, n DECIMAL(65,30), d DOUBLE, t TEXT, b BLOB, day DATE, tm TIME, bits BIT(64))",
        );
        let mut script = String::new();
        for (id, row) in rows.iter().enumerate() {
            let hex: String = row[3].bytes().map(|byte| format!("{byte:02x}")).collect();
            script += &format!(
                "INSERT INTO things VALUES ({id}, 'ada', {}, {}, '{}', CONVERT(x'{hex}' USING utf8mb4), x'{}', '{}', '{}', {});\n",
                row[0], row[1], row[2], row[4], row[5], row[6], row[7],
            );
        }
        place.run(&script);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let records: Vec<Value> = runtime.block_on(async {
            let connector = place.connector(MAPPING);
            let page = collect(&connector, &subject(&["owner=ada"]), "things", Some(7)).await.unwrap();
            page.records().cloned().collect()
        });
        prop_assert_eq!(records.len(), rows.len());
        for (row, record) in rows.iter().zip(&records) {
            let whole = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            prop_assert_eq!(whole(&record["big"]), row[0].clone());
            let zero = row[1].trim_start_matches('-').bytes().all(|b| matches!(b, b'0' | b'.'));
            let digits = if zero { row[1].trim_start_matches('-') } else { &row[1] };
            prop_assert_eq!(record["n"].as_str(), Some(digits));
            prop_assert_eq!(record["d"].as_f64(), row[2].parse::<f64>().ok());
            prop_assert_eq!(record["t"].as_str(), Some(row[3].as_str()));
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD.decode(record["b"].as_str().unwrap()).unwrap();
            prop_assert_eq!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), row[4].clone());
            prop_assert_eq!(record["day"].as_str(), Some(row[5].as_str()));
            let time = row[6].strip_prefix("-00:00").map_or(row[6].clone(), |rest| format!("00:00{rest}"));
            prop_assert_eq!(record["tm"].as_str(), Some(time.as_str()));
            prop_assert_eq!(whole(&record["bits"]), row[7].clone());
        }
    }
    }
}
