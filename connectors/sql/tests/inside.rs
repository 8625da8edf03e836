//! References inside of JSON, on SQLite: which rows they find, and what is refused in which words.

mod common;
#[path = "common/inside.rs"]
mod whose;

use adieu_core::Connector as _;
use adieu_sql::config::{EraseMapping, Local, TableMapping};
use common::{Shop, erase_all, export, subject, survey};

const PEOPLE: &str =
    "[table.people]\nsubject = { person_id = \"id\" }\nerase = \"delete\"\n[table.things]\n";
const SHARED: &str = "shared = { basis = \"contract\", reason = \"x\" }\n";

#[tokio::test]
async fn rows_inside_of_json_are_found_and_nobody_elses() {
    let shop = Shop::new(&whose::script(whose::Kind::Sqlite));
    let connector = shop.connector(whose::MAPPING);
    connector.check().await.unwrap();
    let rows = || -> Vec<(String, String)> {
        let rows = shop.rows().into_iter();
        rows.map(|(table, row)| (table, row.join(","))).collect()
    };
    let before = rows();
    whose::ada_leaves(&connector).await;
    whose::compare(&before, &rows());
}

/// Beyond 64 rows the database joins instead of comparing with what was fetched.
#[tokio::test]
async fn many_rows_that_are_referred_to_are_joined_as_exactly() {
    let shop = Shop::new(
        r#"CREATE TABLE people (id INTEGER PRIMARY KEY);
           CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER);
           CREATE TABLE events (id INTEGER PRIMARY KEY, payload JSON);
           CREATE TABLE parcels (id INTEGER PRIMARY KEY, order_ids JSON);
           INSERT INTO people VALUES (1), (2);
           INSERT INTO orders WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i, 1 FROM n;
           INSERT INTO orders VALUES (200, 2);
           INSERT INTO events VALUES (1, '{"order":7}'), (2, '{"order":"07"}'), (3, '{"order":200}'), (4, '{"order":"8"}'), (5, '{"order"');
           INSERT INTO parcels VALUES (1, '[100]'), (2, '[100,200]'), (3, '[200]'), (4, '["100"]'), (5, '[1.0]'), (6, '[100');"#,
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { person_id = "id" }
           erase = "delete"
           [table.orders]
           references = { person = "people.id" }
           erase = "delete"
           [table.events]
           references = { "payload -> $.order" = "orders.id" }
           erase = "delete"
           [table.parcels]
           references = { "order_ids[]" = "orders.id" }
           shared = { basis = "contract", reason = "others' orders are in it" }
           erase = "delete""#,
    );
    let before = shop.rows();
    let done = erase_all(&connector, &subject(&["person_id=1"])).await;
    assert_eq!(done["events"].erase(), 2);
    assert_eq!(done["parcels"].erase(), 2);
    let after = shop.rows();
    assert!(after.iter().all(|row| before.contains(row)));
    let numbers = |table: &str| -> Vec<String> {
        let rows = shop.table(table).into_iter();
        rows.map(|row| row[0].clone()).collect()
    };
    assert_eq!(
        numbers("events"),
        ["Integer(2)", "Integer(3)", "Integer(5)"]
    );
    assert_eq!(
        numbers("parcels"),
        ["Integer(2)", "Integer(3)", "Integer(5)", "Integer(6)"]
    );
    assert_eq!(numbers("orders"), ["Integer(200)"]);
}

#[tokio::test]
async fn a_key_that_is_there_twice_leads_to_nobody() {
    let shop = Shop::new(
        r#"CREATE TABLE people (id INTEGER PRIMARY KEY);
           CREATE TABLE things (id INTEGER PRIMARY KEY, meta JSON);
           INSERT INTO people VALUES (1), (2);
           INSERT INTO things VALUES (1, '{"id":1,"id":2}'), (2, '{"id":2,"id":1}'), (3, '{"id":1}');"#,
    );
    let connector = shop.connector(&format!(
        "{PEOPLE}references = {{ \"meta -> $.id\" = \"people.id\" }}\nerase = \"delete\""
    ));
    let found = export(&connector, &subject(&["person_id=1"]), "things")
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], 3);
}

#[tokio::test]
async fn a_row_is_kept_with_the_ground_and_the_reason_of_the_mapping() {
    let shop = Shop::new(&whose::script(whose::Kind::Sqlite));
    let connector = shop.connector(whose::MAPPING);
    let tallies = survey(&connector, &subject(&["person_id=1"])).await;
    let kept = tallies["chats"].as_ref().unwrap().retained();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].basis.as_str(), "freedom_of_expression");
    assert_eq!(kept[0].reason, "the chat is the others' too");
    assert_eq!((kept[0].records, kept[0].pseudonymize), (4, 0));
}

#[test]
fn what_cannot_be_meant_is_refused_with_the_configuration() {
    let shop = Shop::new("");
    for (table, path, problem) in [
        (
            "references = { \"meta -> customer\" = \"people.id\" }\nerase = \"delete\"",
            "table.things.references.meta -> customer",
            "a path is `$` and then .KEY, .\"KEY\" or [*], such as $.customer.id",
        ),
        (
            "references = { \"meta -> $[*].a[*]\" = \"people.id\" }\nerase = \"delete\"",
            "table.things.references.meta -> $[*].a[*]",
            "goes through more than one array",
        ),
        (
            "references = { \"members[]\" = \"people.id\" }\nerase = \"delete\"",
            "table.things.shared",
            "is missing",
        ),
        (
            "references = { \"members[]\" = \"people.id\" }\nshared = { basis = \"contract\", reason = \" \" }\nerase = \"delete\"",
            "table.things.shared",
            "`reason` is empty",
        ),
        (
            "references = { \"members[]\" = \"people.id\" }\nyields = { email = \"email\" }\nshared = { basis = \"contract\", reason = \"x\" }\nerase = \"delete\"",
            "table.things",
            "give away no identity",
        ),
        (
            "references = { \"members[]\" = \"people.id\", \"kinds[]\" = \"'User'\" }\nshared = { basis = \"contract\", reason = \"x\" }\nerase = \"delete\"",
            "table.things.references.kinds[]",
            "an element of an array is not compared with a constant",
        ),
        (
            "references = [{ person = \"people.id\" }, { \"meta -> $.parent\" = \"things.id\" }]\nerase = \"delete\"",
            "table.things.references",
            "a reference of a table to itself goes by whole columns",
        ),
        (
            "references = { \"meta -> $.id\" = \"people.id\" }\nerase = { retain = { basis = \"contract\", reason = \"x\", years = 1, from = \"people.left\" } }",
            "table.things.erase.retain",
            "which this table does not refer to by whole columns",
        ),
    ] {
        let problems = shop.try_connector(&format!("{PEOPLE}{table}")).unwrap_err();
        assert!(
            problems
                .iter()
                .any(|one| one.path.join(".") == path && one.problem.contains(problem)),
            "{table}: {problems:?}"
        );
    }
}

#[tokio::test]
async fn check_names_every_column_that_cannot_be_looked_into() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY);
         CREATE TABLE things (id INTEGER PRIMARY KEY, number INTEGER, price DECIMAL(10,2), bytes BLOB, meta JSON, text TEXT, anything);",
    );
    let references = [
        "number -> $.id",
        "price[]",
        "bytes -> $.id",
        "Meta -> $.id",
        "meta -> $.id",
        "text -> $.id",
        "anything[]",
    ];
    let references = references.map(|one| format!("{{ \"{one}\" = \"people.id\" }}"));
    let connector = shop.connector(&format!(
        "{PEOPLE}references = [{}]\n{SHARED}erase = \"delete\"",
        references.join(", ")
    ));
    let told = connector.check().await.unwrap_err();
    assert_eq!(
        told.what(),
        "the table `things` has no column `Meta`; it is spelled `meta`; \
         `number -> $.id` does not lead into `things.number`: it holds neither JSON nor an array; \
         `price[]` does not lead into `things.price`: it holds neither JSON nor an array; \
         `bytes -> $.id` does not lead into `things.bytes`: it holds neither JSON nor an array"
    );
    let error = export(&connector, &subject(&["person_id=1"]), "things").await;
    assert_eq!(error.unwrap_err().what(), told.what());
}

#[tokio::test]
async fn rust_says_what_the_file_says() {
    let built = TableMapping::new(EraseMapping::Delete)
        .references([(
            Local::column("payload").key("customer").key("id"),
            "people.id",
        )])
        .references([(Local::column("member_ids").each(), "people.id")]);
    let written: TableMapping = toml::from_str(
        "references = [{ \"payload -> $.customer.id\" = \"people.id\" }, { \"member_ids[]\" = \"people.id\" }]\nerase = \"delete\"",
    )
    .unwrap();
    assert_eq!(built.references, written.references);
}
