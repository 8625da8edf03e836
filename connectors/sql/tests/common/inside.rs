//! One person's rows that are found inside of JSON and arrays, between those of others that look alike.

#![allow(dead_code, clippy::unwrap_used)]

use std::fmt::Display;

use adieu_sql::SqlConnector;

use crate::common::{erase_all, export, subject, survey};

/// Where the columns that hold JSON are, and what they take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SQLite, D1: any text.
    Sqlite,
    /// MariaDB: any text, with `\` as an escape in literals.
    MariaDb,
    /// MySQL: its own type, which is no text.
    MySql,
    Json,
    Jsonb,
}

/// Ada is number 1, Eve 2, and number 10 begins like Ada.
pub(crate) const MAPPING: &str = r#"
    [table.people]
    subject = { person_id = "id", email = "email" }
    erase = "delete"
    [table.events]
    references = { "payload -> $.customer.id" = "people.id" }
    erase = "delete"
    [table.odd_keys]
    references = { 'payload -> $."a.b"."c\"d".é' = "people.id", 'payload -> $.kind' = "'buyer'" }
    erase = { pseudonymize = { note = "null" } }
    [table.chats]
    references = { "member_ids[]" = "people.id" }
    shared = { basis = "freedom_of_expression", reason = "the chat is the others' too" }
    erase = "delete"
    [table.messages]
    references = { chat_id = "chats.id" }
    erase = "delete"
    [table.circles]
    references = { "meta -> $.members[*].id" = "people.id" }
    shared = { basis = "contract", reason = "the group goes on" }
    erase = { pseudonymize = { note = "null" } }
    [table.mails]
    references = { "recipients[]" = "people.email" }
    shared = { basis = "contract", reason = "the others got it too" }
    erase = "delete"
    [table.documents]
    references = [{ owner = "people.id" }, { "reader_ids[]" = "people.id" }]
    shared = { basis = "contract", reason = "others read or own it" }
    erase = "delete"
"#;

/// The columns that hold JSON, by table.
const EVENTS: &[(i64, &str)] = &[
    (1, r#"{"customer":{"id":1}}"#),
    (2, r#"{"customer":{"id":"1"}}"#),
    (3, r#"{"customer":{"id":10}}"#),
    (4, r#"{"customer":{"id":"01"}}"#),
    (5, r#"{"customer":{"id":1.0}}"#),
    (6, r#"{"customer":{"id":" 1"}}"#),
    (7, r#"{"customer":{"id":true}}"#),
    (8, r#"{"customer":{"id":null}}"#),
    (9, r#"{"customer":{"id":{"id":1}}}"#),
    (10, r#"{"customer":{"id":[1]}}"#),
    (11, r#"{"customer":1}"#),
    (12, r#"{"customer.id":1}"#),
    (14, r#"[{"customer":{"id":1}}]"#),
    (15, r#"{"customer":{"id":2}}"#),
    (16, r#"{"note":"the customer's id is 1"}"#),
    (17, "1"),
    (22, r#"{"customer":{"id":"\u0031"}}"#),
    (24, r#"{"customer":{"id":1},"note":"\ud83d\ude00 \\u0000"}"#),
    (25, r#"{"customer":{"id":-1}}"#),
    (26, r#"{"Customer":{"ID":1}}"#),
    (27, r#"{"customer":{"id":"1 OR 1=1"}}"#),
    (28, r#"{"customer":{"id":11111111111111111111}}"#),
];
/// What jsonb does not take, or takes for something else.
const ODD_EVENTS: &[(i64, &str)] = &[
    (20, r#"{"customer":{"id":"1\u0000"}}"#),
    (21, r#"{"customer":{"id":"1\ud800"}}"#),
    (23, r#"{"customer":{"id":1e0}}"#),
];
const MALFORMED_EVENTS: &[(i64, &str)] = &[
    (18, r#"{"customer":{"id":1}"#),
    (19, r#"{"customer":{"id":1}} and more"#),
    (30, ""),
    (31, "{customer:{id:1}}"),
];
const ODD_KEYS: &[(i64, &str)] = &[
    (1, r#"{"a.b":{"c\"d":{"é":1}},"kind":"buyer"}"#),
    (2, r#"{"a":{"b":{"c\"d":{"é":1}}},"kind":"buyer"}"#),
    (3, r#"{"a.b":{"c":{"é":1}},"kind":"buyer"}"#),
    (4, r#"{"a.b":{"c\"d":{"e":1}},"kind":"buyer"}"#),
    (5, r#"{"a.b":{"c\"d":{"é":1}},"kind":"seller"}"#),
    (6, r#"{"a.b":{"c\"d":{"é":1}},"kind":"Buyer"}"#),
];
const CHATS: &[(i64, &str)] = &[
    (1, "[1]"),
    (2, "[1,2]"),
    (3, r#"[2, "1"]"#),
    (4, "[10]"),
    (5, "[2]"),
    (6, "[]"),
    (8, r#"["1"]"#),
    (9, "[1,1]"),
    (10, "[[1]]"),
    (11, r#"{"0":1}"#),
    (12, "[1,null]"),
    (14, "[null]"),
    (15, "1"),
    (16, r#"["01",1.0,true," 1"]"#),
];
const MALFORMED_CHATS: &[(i64, &str)] = &[(13, "[1")];
const CIRCLES: &[(i64, &str)] = &[
    (1, r#"{"members":[{"id":1}]}"#),
    (2, r#"{"members":[{"id":2},{"id":"1"}]}"#),
    (3, r#"{"members":[{"id":10}]}"#),
    (4, r#"{"members":{"id":1}}"#),
    (5, r#"[{"id":1}]"#),
    (6, r#"{"members":[1]}"#),
    (7, r#"{"members":[{"name":"Ada","id":1}],"since":2}"#),
];
const MAILS: &[(i64, &str)] = &[
    (1, r#"["ada@example.com"]"#),
    (2, r#"["ADA@example.com"]"#),
    (3, r#"["ada@example.com "]"#),
    (4, r#"["ada@example.com","eve@example.com"]"#),
    (5, r#"["ada@example.com"]"#),
    (6, r#"["áda@example.com"]"#),
];

/// The rows that are gone or changed when Ada leaves.
const TOUCHED: &[&str] = &[
    "chats 1",
    "chats 8",
    "circles 1",
    "circles 7",
    "documents 1",
    "documents 3",
    "documents 6",
    "events 1",
    "events 2",
    "events 22",
    "events 24",
    "mails 1",
    "mails 5",
    "messages 1",
    "messages 3",
    "odd_keys 1",
    "people 1",
];

/// The script of a database; each statement ends a line.
pub(crate) fn script(kind: Kind) -> String {
    let (json, text) = match kind {
        Kind::Sqlite => ("JSON", "TEXT"),
        Kind::MariaDb => ("LONGTEXT", "VARCHAR(100)"),
        Kind::Json | Kind::MySql => ("JSON", "VARCHAR(100)"),
        Kind::Jsonb => ("JSONB", "VARCHAR(100)"),
    };
    // A short text with a collation that overlooks case is JSON for MariaDB too.
    let short = match kind {
        Kind::MariaDb => "VARCHAR(200)",
        _ => json,
    };
    let mut script = format!(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email {text} UNIQUE);
         CREATE TABLE events (id INTEGER PRIMARY KEY, payload {json});
         CREATE TABLE odd_keys (id INTEGER PRIMARY KEY, payload {json}, note {text});
         CREATE TABLE chats (id INTEGER PRIMARY KEY, member_ids {short});
         CREATE TABLE messages (id INTEGER PRIMARY KEY, chat_id INTEGER);
         CREATE TABLE circles (id INTEGER PRIMARY KEY, meta {json}, note {text});
         CREATE TABLE mails (id INTEGER PRIMARY KEY, recipients {short});
         CREATE TABLE documents (id INTEGER PRIMARY KEY, owner INTEGER, reader_ids {json});
         INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com'), (10, 'ten@example.com');
         INSERT INTO events VALUES (13, NULL);
         INSERT INTO chats VALUES (7, NULL);
         INSERT INTO messages VALUES (1, 1), (2, 2), (3, 8), (4, 5), (5, NULL);
         INSERT INTO documents VALUES (1, 1, NULL), (2, 1, '[2]'), (3, 1, '[1]'), (4, 2, '[1]'), (5, 2, '[2]'), (6, NULL, '[1]'), (7, 1, '5');\n"
    );
    let mut add = |table: &str, rows: &[(i64, &str)], more: &str| {
        for (id, text) in rows {
            let mut text = text.replace('\'', "''");
            if matches!(kind, Kind::MariaDb | Kind::MySql) {
                text = text.replace('\\', "\\\\");
            }
            script += &format!("INSERT INTO {table} VALUES ({id}, '{text}'{more});\n");
        }
    };
    add("events", EVENTS, "");
    add("odd_keys", ODD_KEYS, ", 'a note'");
    add("chats", CHATS, "");
    add("circles", CIRCLES, ", 'a note'");
    add("mails", MAILS, "");
    if kind != Kind::Jsonb {
        add("events", ODD_EVENTS, "");
    }
    if matches!(kind, Kind::Sqlite | Kind::MariaDb) {
        add("events", MALFORMED_EVENTS, "");
        add("chats", MALFORMED_CHATS, "");
    }
    script
}

/// Surveys, exports and erases Ada, and holds what was counted against what was done.
pub(crate) async fn ada_leaves(connector: &SqlConnector) {
    let ada = subject(&["person_id=1", "email=ada@example.com"]);
    let preview = survey(connector, &ada).await;
    for (table, ids) in [
        ("events", vec![1, 2, 22, 24]),
        ("odd_keys", vec![1]),
        ("chats", vec![1, 2, 3, 8, 9, 12]),
        ("messages", vec![1, 3]),
        ("circles", vec![1, 2, 7]),
        ("mails", vec![1, 4, 5]),
        ("documents", vec![1, 2, 3, 4, 6, 7]),
    ] {
        let records = export(connector, &ada, table).await.unwrap();
        let found = records.iter().map(|record| record["id"].as_i64().unwrap());
        assert_eq!(found.collect::<Vec<_>>(), ids, "{table}");
    }
    let done = erase_all(connector, &ada).await;
    for (table, erased, stays) in [
        ("events", 4, 0),
        ("chats", 2, 4),
        ("messages", 2, 0),
        ("mails", 2, 1),
        ("documents", 3, 3),
    ] {
        assert_eq!(done[table].erase(), erased, "{table}");
        assert_eq!(retained(&done[table]), stays, "{table}");
    }
    assert_eq!(
        (done["circles"].pseudonymize(), retained(&done["circles"])),
        (2, 1)
    );
    for (table, tally) in &done {
        assert_eq!(preview[table].as_ref().unwrap(), tally, "{table}");
    }
    for (table, tally) in survey(connector, &ada).await {
        assert_eq!(tally.unwrap().pending(), 0, "{table}");
    }
}

fn retained(tally: &adieu_core::Tally) -> u64 {
    tally.retained().iter().map(|kept| kept.records).sum()
}

/// Everybody else's rows are as they were, byte for byte, and hers are gone or changed.
pub(crate) fn compare<R: Display>(before: &[(String, R)], after: &[(String, R)]) {
    let written = |rows: &[(String, R)]| -> Vec<String> {
        let rows = rows.iter();
        rows.map(|(table, row)| format!("{table} {row}")).collect()
    };
    let (before, after) = (written(before), written(after));
    let mut touched: Vec<String> = before
        .iter()
        .filter(|row| !after.contains(row))
        .map(|row| name(row))
        .collect();
    touched.sort();
    assert_eq!(touched, TOUCHED);
    let mut changed: Vec<String> = after
        .iter()
        .filter(|row| !before.contains(row))
        .map(|row| name(row))
        .collect();
    changed.sort();
    assert_eq!(changed, ["circles 1", "circles 7", "odd_keys 1"]);
}

/// The table of a row, and its first number.
fn name(row: &str) -> String {
    let (table, values) = row.split_once(' ').unwrap();
    let number = values
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit);
    format!("{table} {}", number.collect::<String>())
}
