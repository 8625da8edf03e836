//! Whose rows are found: exactly the subject's, however hostile the values and however odd the schema.

mod common;
#[path = "common/links.rs"]
mod links;

use adieu_core::Connector;
use adieu_testkit::discover;
use common::{Shop, collect, erase_all, export, subject, survey, within};

#[tokio::test]
async fn a_composite_reference_means_both_columns() {
    let shop = Shop::new(
        "CREATE TABLE people (org INTEGER, nr INTEGER, email TEXT, PRIMARY KEY (org, nr));
         CREATE TABLE notes (id INTEGER PRIMARY KEY, org INTEGER, nr INTEGER, text TEXT);
         INSERT INTO people VALUES (1, 1, 'ada@example.com'), (1, 2, 'eve@example.com'), (2, 1, 'bob@example.com');
         INSERT INTO notes VALUES (1, 1, 1, 'hers'), (2, 1, 2, 'same org'), (3, 2, 1, 'same number'), (4, NULL, 1, 'no org');",
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { email = "email" }
           erase = "delete"
           [table.notes]
           references = { org = "people.org", nr = "people.nr" }
           erase = "delete""#,
    );
    let ada = subject(&["email=ada@example.com"]);
    let notes = export(&connector, &ada, "notes").await.unwrap();
    assert_eq!(
        notes.iter().map(|note| &note["text"]).collect::<Vec<_>>(),
        ["hers"]
    );
    erase_all(&connector, &ada).await;
    assert_eq!(
        shop.count("SELECT count(*) FROM notes WHERE id IN (2, 3, 4)"),
        3
    );
    assert_eq!(
        (
            shop.count("SELECT count(*) FROM notes"),
            shop.count("SELECT count(*) FROM people")
        ),
        (3, 2)
    );
}

#[tokio::test]
async fn alternatives_are_joined_by_or() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
         CREATE TABLE messages (id INTEGER PRIMARY KEY, sender INTEGER, receiver INTEGER);
         INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com'), (3, 'bob@example.com');
         INSERT INTO messages VALUES (1, 1, 2), (2, 2, 1), (3, 2, 3), (4, 1, 1);",
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { email = "email" }
           erase = "delete"
           [table.messages]
           references = [{ sender = "people.id" }, { receiver = "people.id" }]
           erase = "delete""#,
    );
    let messages = export(&connector, &subject(&["email=ada@example.com"]), "messages")
        .await
        .unwrap();
    assert_eq!(
        messages
            .iter()
            .map(|one| one["id"].as_i64().unwrap())
            .collect::<Vec<_>>(),
        [1, 2, 4]
    );
}

#[tokio::test]
async fn hostile_values_reach_nobody() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, phone STRING, code);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER, text TEXT);
         INSERT INTO people VALUES (1, 'ada@example.com', '15550001', 7), (0, '%', '0', '0');
         INSERT INTO notes VALUES (1, 1, 'hers'), (2, 0, 'zero');",
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { person_id = "id", email = "email", phone = "phone", code = "code" }
           erase = "delete"
           [table.notes]
           references = { person = "people.id" }
           erase = "delete""#,
    );
    let before = shop.rows();
    for kind in ["person_id", "email", "phone", "code"] {
        for value in [
            "1 or 1=1",
            "1' OR '1'='1",
            "01",
            " 1",
            "1 ",
            "+1",
            "1.0",
            "1e0",
            "0x1",
            "1;DROP TABLE people",
            "\"",
            "'",
            "?1",
            "NULL",
            "%@%",
            "_",
            "*",
            "ADA@example.com",
            "ada@example.com ",
            "ada@example.com%",
            "１",
            "-0",
            "00",
            "0.0",
            "7.0",
            "015550001",
            "[1]",
            "{}",
            "$1",
            ":1",
            "9223372036854775808",
            "18446744073709551617",
            "true",
            "ada@exаmple.com",
        ] {
            let stranger = subject(&[&format!("{kind}={value}")]);
            for collection in ["people", "notes"] {
                let records = export(&connector, &stranger, collection).await.unwrap();
                assert!(records.is_empty(), "{kind}={value} reached {records:?}");
            }
            for (collection, tally) in survey(&connector, &stranger).await {
                assert_eq!(tally.unwrap().held(), 0, "{kind}={value} in {collection}");
            }
            erase_all(&connector, &stranger).await;
            assert_eq!(shop.rows(), before, "{kind}={value}");
        }
    }
    for (identity, count) in [
        ("person_id=1", 1),
        ("phone=15550001", 1),
        ("code=7", 1),
        ("code=0", 1),
        ("email=%", 1),
    ] {
        assert_eq!(
            export(&connector, &subject(&[identity]), "people")
                .await
                .unwrap()
                .len(),
            count,
            "{identity}"
        );
    }
}

#[tokio::test]
async fn a_reference_between_text_and_numbers_is_exact() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
         CREATE TABLE events (id INTEGER PRIMARY KEY, owner TEXT);
         INSERT INTO people VALUES (1, 'ada@example.com');
         INSERT INTO events VALUES (1, '1'), (2, '01'), (3, ' 1'), (4, '1.0'), (5, '10');
         CREATE TABLE labels (name TEXT PRIMARY KEY, email TEXT);
         CREATE TABLE hits (id INTEGER PRIMARY KEY, label INTEGER);
         INSERT INTO labels VALUES ('01', 'ada@example.com');
         INSERT INTO hits VALUES (1, 1), (2, 'x');",
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { email = "email" }
           erase = "delete"
           [table.events]
           references = { owner = "people.id" }
           erase = "delete"
           [table.labels]
           subject = { email = "email" }
           erase = "delete"
           [table.hits]
           references = { label = "labels.name" }
           erase = "delete""#,
    );
    let ada = subject(&["email=ada@example.com"]);
    let events = export(&connector, &ada, "events").await.unwrap();
    assert_eq!(
        events
            .iter()
            .map(|one| one["id"].as_i64().unwrap())
            .collect::<Vec<_>>(),
        [1]
    );
    assert!(
        export(&connector, &ada, "hits").await.unwrap().is_empty(),
        "'01' is not 1"
    );
}

#[tokio::test]
async fn a_column_without_regard_to_case_is_compared_exactly() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE);
         INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'ADA@example.com');",
    );
    let connector =
        shop.connector("[table.people]\nsubject = { email = \"email\" }\nerase = \"delete\"");
    let people = export(&connector, &subject(&["email=ADA@example.com"]), "people")
        .await
        .unwrap();
    assert_eq!(
        people
            .iter()
            .map(|one| one["id"].as_i64().unwrap())
            .collect::<Vec<_>>(),
        [2]
    );
}

const TENANTS: &str = "
    CREATE TABLE people (tenant TEXT, id INTEGER, email TEXT, PRIMARY KEY (tenant, id)) WITHOUT ROWID;
    CREATE TABLE orders (nr INTEGER PRIMARY KEY, person INTEGER, tenant TEXT);
    CREATE TABLE loose (nr INTEGER PRIMARY KEY, person INTEGER);
    CREATE TABLE threads (nr INTEGER PRIMARY KEY, person INTEGER, parent INTEGER, tenant TEXT);
    INSERT INTO people VALUES ('a', 1, 'ada@example.com'), ('b', 1, 'ada@example.com'), ('b', 2, 'eve@example.com');
    INSERT INTO orders VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'b');
    INSERT INTO loose VALUES (1, 1), (2, 2);
    INSERT INTO threads VALUES (1, 1, NULL, 'a'), (2, 9, 1, 'a'), (3, 9, 1, 'b'), (4, 1, NULL, 'b');
";

const TENANTS_MAPPED: &str = r#"
    [table.people]
    subject = { person_id = "id", email = "email" }
    tenant = "tenant"
    erase = "delete"
    [table.orders]
    references = { person = "people.id", tenant = "people.tenant" }
    tenant = "tenant"
    erase = "delete"
    [table.threads]
    references = [{ person = "people.id" }, { parent = "threads.nr" }]
    tenant = "tenant"
    erase = "delete"
"#;

#[tokio::test]
async fn a_tenant_holds_on_every_path() {
    let shop = Shop::new(TENANTS);
    let connector = shop.connector(TENANTS_MAPPED);
    let numbers = |records: Vec<serde_json::Value>, name: &str| -> Vec<i64> {
        records
            .iter()
            .map(|record| record[name].as_i64().unwrap())
            .collect()
    };
    for identity in ["person_id=1", "email=ada@example.com"] {
        let ada = within("a", &[identity]);
        assert_eq!(
            numbers(export(&connector, &ada, "orders").await.unwrap(), "nr"),
            [1],
            "{identity}"
        );
        assert_eq!(
            numbers(export(&connector, &ada, "threads").await.unwrap(), "nr"),
            [1, 2],
            "{identity}"
        );
        assert_eq!(export(&connector, &ada, "people").await.unwrap().len(), 1);
    }
    // Without a tenant, or in one that does not exist, nothing matches.
    for nobody in [subject(&["person_id=1"]), within("c", &["person_id=1"])] {
        for collection in ["people", "orders", "threads"] {
            assert!(
                export(&connector, &nobody, collection)
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
        erase_all(&connector, &nobody).await;
    }
    erase_all(&connector, &within("a", &["person_id=1"])).await;
    assert_eq!(
        shop.count("SELECT count(*) FROM people WHERE tenant = 'b'"),
        2
    );
    assert_eq!(shop.count("SELECT count(*) FROM people"), 2);
    assert_eq!(
        shop.count("SELECT CAST(group_concat(nr, '') AS INTEGER) FROM orders"),
        23
    );
    assert_eq!(
        shop.count("SELECT CAST(group_concat(nr, '') AS INTEGER) FROM threads"),
        34
    );
}

#[tokio::test]
async fn a_number_of_one_tenant_is_not_taken_for_another_s() {
    // `loose` has no tenant, so only the rows that still exist in the tenant lead to it.
    let shop = Shop::new(TENANTS);
    let mapping = format!(
        "{TENANTS_MAPPED}\n[table.loose]\nreferences = {{ person = \"people.id\" }}\nshared = {{ basis = \"contract\", reason = \"x\" }}\nerase = \"delete\""
    );
    let connector = shop.connector(&mapping);
    let eve = within("a", &["person_id=2"]);
    assert!(
        export(&connector, &eve, "loose").await.unwrap().is_empty(),
        "number 2 belongs to tenant b alone"
    );
    // Row 1 may be either tenant's person's: it is shown to each of them, and stays for as long as there are two.
    let (ours, theirs) = (within("a", &["person_id=1"]), within("b", &["person_id=1"]));
    for ada in [&ours, &theirs] {
        assert_eq!(export(&connector, ada, "loose").await.unwrap().len(), 1);
    }
    let done = erase_all(&connector, &ours).await;
    assert_eq!(done["loose"].erase(), 0);
    assert_eq!(
        shop.table("loose"),
        [["Integer(1)", "Integer(1)"], ["Integer(2)", "Integer(2)"]]
    );
    let done = erase_all(&connector, &within("b", &["person_id=2"])).await;
    assert_eq!(done["loose"].erase(), 1);
    assert_eq!(shop.table("loose"), [["Integer(1)", "Integer(1)"]]);
    // Nobody else has the number any more.
    let done = erase_all(&connector, &theirs).await;
    assert_eq!(done["loose"].erase(), 1);
    assert_eq!(shop.count("SELECT count(*) FROM loose"), 0);
}

#[tokio::test]
async fn rows_are_found_after_the_row_they_refer_to_is_gone() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
         CREATE TABLE logs (id INTEGER PRIMARY KEY, person INTEGER);
         INSERT INTO logs VALUES (1, 1), (2, 2);",
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { person_id = "id", email = "email" }
           erase = "delete"
           [table.logs]
           references = { person = "people.id" }
           erase = "delete""#,
    );
    let ada = subject(&["person_id=1", "email=ada@example.com"]);
    assert_eq!(export(&connector, &ada, "logs").await.unwrap().len(), 1);
    erase_all(&connector, &ada).await;
    assert_eq!(shop.table("logs"), [["Integer(2)", "Integer(2)"]]);
}

#[tokio::test]
async fn what_refers_to_a_row_of_the_same_table_is_followed_to_the_end() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER, parent INTEGER REFERENCES posts(id));
         INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com');
         INSERT INTO posts VALUES (1, 1, NULL), (2, 2, 1), (3, 2, 2), (4, 2, NULL), (5, 1, 4), (6, 2, 5), (7, 2, 4);",
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { email = "email" }
           erase = "delete"
           [table.posts]
           references = [{ author = "people.id" }, { parent = "posts.id" }]
           erase = "delete""#,
    );
    let ada = subject(&["email=ada@example.com"]);
    let posts = export(&connector, &ada, "posts").await.unwrap();
    assert_eq!(
        posts
            .iter()
            .map(|one| one["id"].as_i64().unwrap())
            .collect::<Vec<_>>(),
        [1, 2, 3, 5, 6]
    );
    let done = erase_all(&connector, &ada).await;
    assert_eq!(done["posts"].erase(), 5);
    assert_eq!(
        shop.count("SELECT CAST(group_concat(id, '') AS INTEGER) FROM posts"),
        47
    );
}

#[tokio::test]
async fn an_identity_is_yielded_by_a_unique_column_or_when_the_mapping_says_so() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, account INTEGER, email TEXT, stripe TEXT, login TEXT);
         CREATE UNIQUE INDEX of_email ON people (email);
         CREATE UNIQUE INDEX of_login ON people (login) WHERE login IS NOT NULL;
         INSERT INTO people VALUES (1, 77, 'ada@example.com', 'cus_1', 'ada'), (2, 77, 'eve@example.com', 'cus_2', 'eve');",
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { person_id = "id", account_id = "account", email = "email", login = "login" }
           yields = { stripe_customer = "stripe" }
           erase = "delete""#,
    );
    let ada = discover(&connector, subject(&["email=ada@example.com"]))
        .await
        .unwrap();
    let kinds: Vec<&str> = ada.identities().map(|one| one.kind().as_str()).collect();
    // The account is shared, and the login is unique only where it is not NULL.
    assert_eq!(kinds, ["email", "person_id", "stripe_customer"]);
    assert!(
        connector.descriptor().collections[0]
            .yields
            .iter()
            .any(|kind| kind.as_str() == "stripe_customer")
    );
}

#[tokio::test]
async fn hundreds_of_identities_and_hundreds_of_rows_that_lead_on_are_no_limit() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER);
         CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
           INSERT INTO people SELECT i, 'user' || i || '@example.com' FROM n;
         INSERT INTO orders SELECT id, id FROM people;
         INSERT INTO lines SELECT id, id FROM people;",
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { email = "email" }
           erase = "delete"
           [table.orders]
           references = { person = "people.id" }
           erase = "delete"
           [table.lines]
           references = { order_id = "orders.id" }
           erase = "delete""#,
    );
    let emails: Vec<String> = (1..=600)
        .map(|n| format!("email=user{n}@example.com"))
        .collect();
    let many = subject(&emails.iter().map(String::as_str).collect::<Vec<_>>());
    let lines = collect(&connector, &many, "lines", Some(100))
        .await
        .unwrap();
    assert_eq!((lines.pages().len(), lines.records().count()), (7, 600));
    let done = erase_all(&connector, &many).await;
    assert!(done.values().all(|tally| tally.erase() == 600));
    assert_eq!(shop.count("SELECT count(*) FROM lines"), 300);
}

#[tokio::test]
async fn a_reference_may_lead_to_one_kind_of_row_among_several() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
         CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER);
         CREATE TABLE pictures (id INTEGER PRIMARY KEY, owner_type TEXT, owner_id INTEGER);
         INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com');
         INSERT INTO posts VALUES (1, 2), (2, 1);
         INSERT INTO pictures VALUES (1, 'Person', 1), (2, 'Post', 1), (3, 'Post', 2), (4, 'Person', 2), (5, 'Product', 1), (6, NULL, 1);",
    );
    let connector = shop.connector(
        r#"[table.people]
           subject = { email = "email" }
           erase = "delete"
           [table.posts]
           references = { author = "people.id" }
           erase = "delete"
           [table.pictures]
           references = [{ owner_id = "people.id", owner_type = "'Person'" }, { owner_id = "posts.id", owner_type = "'Post'" }]
           erase = "delete""#,
    );
    connector.check().await.unwrap();
    let ada = subject(&["email=ada@example.com"]);
    let pictures = export(&connector, &ada, "pictures").await.unwrap();
    let ids: Vec<i64> = pictures
        .iter()
        .map(|one| one["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, [1, 3]);
    erase_all(&connector, &ada).await;
    assert_eq!(shop.count("SELECT count(*) FROM pictures"), 4);
    let nowhere = shop.try_connector(
        "[table.pictures]\nreferences = { owner_type = \"'Person'\" }\nerase = \"delete\"",
    );
    assert!(nowhere.is_err(), "constants alone lead to nobody");
}

#[tokio::test]
async fn a_row_that_leads_to_several_people_is_not_hers_alone() {
    let shop = Shop::new(links::SCRIPT);
    links::ada_leaves(&shop.connector(links::MAPPING)).await;
    for (query, count) in links::LEFT {
        assert_eq!(shop.count(query), count, "{query}");
    }
}

#[tokio::test]
async fn an_element_that_leads_to_several_people_makes_nothing_hers_alone() {
    let shop = Shop::new(&links::boxes("TEXT", ["[100]", "[200]", "[100,400]"]));
    links::ada_leaves_her_boxes(|mapping| shop.connector(mapping)).await;
    assert_eq!(
        shop.count("SELECT count(*) FROM boxes WHERE id IN (2, 3)"),
        2
    );
}

/// What is declared or left out decides nothing about whose a row is, so it must be said.
#[tokio::test]
async fn references_that_may_lead_to_several_people_are_told_by_check() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, org INTEGER);
         CREATE TABLE links (person INTEGER, device INTEGER, org INTEGER, UNIQUE (org, device));
         CREATE TABLE readings (id INTEGER PRIMARY KEY, device INTEGER, org INTEGER, code TEXT, before TEXT, email TEXT);",
    );
    let leads = "`readings` refers to `links.device`, by which rows there are not told apart, so a row of `readings` may lead to several people";
    let shared = "shared = { basis = \"contract\", reason = \"x\" }\n";
    for (readings, told) in [
        (
            "references = { device = \"links.device\" }\n".to_owned(),
            format!("{leads}, and others' rows stay; say on what ground with shared = {{ basis, reason }}, or make the column unique"),
        ),
        (format!("references = {{ device = \"links.device\" }}\n{shared}"), String::new()),
        (format!("references = {{ device = \"links.device\" }}\nyields = {{ code = \"code\" }}\n{shared}"), String::new()),
        (
            format!("references = {{ device = \"links.device\" }}\nsubject = {{ code = \"code\" }}\n{shared}"),
            format!("{leads}; leave out `subject`"),
        ),
        (
            "references = [{ org = \"people.org\" }, { before = \"readings.code\" }]\n".to_owned(),
            "`readings` refers to `people.org`, by which rows there are not told apart, so a row of `readings` may lead to several people; leave out the reference to itself, or refer to a unique column; \
             `readings` refers to `readings.code`, by which rows there are not told apart, so a row of `readings` may lead to several people; leave out the reference to itself, or refer to a unique column"
                .to_owned(),
        ),
        // All columns of a unique index, a key, an identity that the mapping names.
        ("references = { device = \"links.device\", org = \"links.org\" }\n".to_owned(), String::new()),
        ("references = { id = \"people.id\" }\n".to_owned(), String::new()),
        ("references = { email = \"people.email\" }\n".to_owned(), String::new()),
        (
            format!("references = {{ id = \"people.id\" }}\n{shared}"),
            "no reference of `readings` leads to several people; leave out `shared`".to_owned(),
        ),
    ] {
        let mapping = format!(
            "[table.people]\nsubject = {{ email = \"email\" }}\nerase = \"delete\"\n\
             [table.links]\nreferences = {{ person = \"people.id\" }}\nerase = \"delete\"\n\
             [table.readings]\n{readings}erase = \"delete\""
        );
        let checked = shop.connector(&mapping).check().await;
        let problem = checked.err().map(|error| error.what().to_owned());
        assert_eq!(problem.unwrap_or_default(), told, "{readings}");
    }
}
