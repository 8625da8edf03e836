//! What is refused, and in which words.

mod common;

use std::time::{Duration, Instant};

use adieu_core::{Connector, Effect, ErrorKind, Retry};
use common::{Shop, erase, erase_all, export, subject, survey};

const SHOP: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), status TEXT);
    INSERT INTO people VALUES (1, 'ada@example.com', 'Ada Lovelace'), (2, 'eve@example.com', 'Eve Moneypenny');
    INSERT INTO orders VALUES (1, 1, 'open'), (2, 2, 'open'), (3, 1, 'done');
";
const PEOPLE: &str = "[table.people]\nsubject = { person_id = \"id\", email = \"email\" }\n";
const ORDERS: &str =
    "[table.orders]\nreferences = { person = \"people.id\" }\nerase = \"delete\"\n";

#[tokio::test]
async fn a_missing_table_is_named_and_the_others_are_still_counted() {
    let shop = Shop::new(SHOP);
    let mapping = format!(
        "{PEOPLE}erase = \"delete\"\n{ORDERS}[table.Letters]\nreferences = {{ person = \"people.id\" }}\nerase = \"delete\""
    );
    let connector = shop.connector(&mapping);
    let ada = subject(&["person_id=1"]);
    let holdings = survey(&connector, &ada).await;
    assert_eq!(holdings["orders"].as_ref().unwrap().erase(), 2);
    assert_eq!(holdings["people"].as_ref().unwrap().erase(), 1);
    let error = holdings["Letters"].as_ref().unwrap_err();
    assert_eq!(
        (error.kind(), error.what()),
        (ErrorKind::Config, "there is no table `Letters`")
    );
    for error in [
        connector.check().await.unwrap_err(),
        export(&connector, &ada, "Letters").await.unwrap_err(),
        erase(&connector, &ada, "Letters", 10).await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.retry_advice(), error.effect_seen()),
            (ErrorKind::Config, Retry::Never, Effect::None)
        );
        assert!(error.what().contains("`Letters`"), "{error}");
    }
}

#[tokio::test]
async fn check_names_everything_that_does_not_fit_at_once() {
    let shop = Shop::new(&format!(
        "{SHOP} CREATE VIEW everybody AS SELECT * FROM people;"
    ));
    let connector = shop.connector(
        r#"[table.people]
           subject = { email = "Email", phone = "phone" }
           erase = { pseudonymize = { email = "null", name = "hash", id = "unique" } }
           columns = { shoe = { omit = "x" } }
           blockers = [{ code = "odd", advice = "none", where = "nonsense = (" }]
           [table.Orders]
           references = { person = "people.id" }
           erase = "delete"
           [table.everybody]
           subject = { email = "email" }
           erase = "delete"
           [connector]"#
            .replace("[connector]", "")
            .as_str()
            .replace(
                "[table.people]",
                "pseudonym_key = \"0123456789abcdef\"\n[table.people]",
            )
            .as_str(),
    );
    let error = connector.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    for part in [
        "the table `people` has no column `Email`; it is spelled `email`",
        "no column `phone`",
        "no column `shoe`",
        "`people.email` cannot be pseudonymized so: it may not be NULL",
        "`people.id` cannot be pseudonymized so: it is part of the key",
        "there is no table `Orders`; it is spelled `orders`",
        "`everybody` is not a plain table but a view",
    ] {
        assert!(error.what().contains(part), "{part} is missing in: {error}");
    }
}

#[tokio::test]
async fn a_condition_that_the_database_does_not_understand_is_found_by_check() {
    let shop = Shop::new(SHOP);
    for condition in ["state = 'open'", "\\\"state\\\" = 'open'", "status = "] {
        let mapping = format!(
            "{PEOPLE}erase = \"delete\"\n{ORDERS}blockers = [{{ code = \"open_order\", advice = \"Wait.\", where = \"{condition}\" }}]\n"
        );
        let error = shop.connector(&mapping).check().await.unwrap_err();
        assert!(
            error.what().contains("blocker `open_order` of `orders`"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_blocker_asks_the_person_s_own_rows() {
    let shop = Shop::new(SHOP);
    let blocked = format!(
        "{PEOPLE}erase = \"delete\"\n{ORDERS}blockers = [{{ code = \"open_order\", advice = \"Wait until it came.\", where = \"status = 'open' -- not done\" }}]\n"
    );
    let connector = shop.connector(&blocked);
    connector.check().await.unwrap();
    assert!(connector.descriptor().may_block);
    let found = connector
        .survey(&subject(&["person_id=1"]))
        .await
        .unwrap()
        .blockers;
    assert_eq!(
        (
            found.len(),
            found[0].code.as_str(),
            found[0].advice.as_str()
        ),
        (1, "open_order", "Wait until it came.")
    );
    shop.open()
        .execute("UPDATE orders SET status = 'done' WHERE person = 1", [])
        .unwrap();
    assert!(
        connector
            .survey(&subject(&["person_id=1"]))
            .await
            .unwrap()
            .blockers
            .is_empty()
    );
}

#[tokio::test]
async fn a_locked_database_is_unavailable_and_comes_back() {
    let shop = Shop::new(SHOP);
    let connector = shop.connector(&format!(
        "busy_timeout_ms = 50\n{PEOPLE}erase = \"delete\"\n{ORDERS}"
    ));
    let ada = subject(&["person_id=1"]);
    let locker = shop.open();
    locker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    for error in [
        erase(&connector, &ada, "orders", 10).await.unwrap_err(),
        export(&connector, &ada, "orders").await.unwrap_err(),
        connector.survey(&ada).await.unwrap_err(),
        connector.check().await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.retry_advice(), error.effect_seen()),
            (ErrorKind::Unavailable, Retry::WithBackoff, Effect::None),
            "{error}"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
    locker.execute_batch("COMMIT").unwrap();
    assert_eq!(
        erase(&connector, &ada, "orders", 10).await.unwrap().erase(),
        2
    );
}

#[tokio::test]
async fn a_cascade_into_a_table_that_is_not_mapped_refuses_the_erasure() {
    for action in ["CASCADE", "SET NULL", "SET DEFAULT"] {
        let shop = Shop::new(&format!(
            "{SHOP} CREATE TABLE badges (id INTEGER PRIMARY KEY, Person INTEGER REFERENCES People ON DELETE {action});
             INSERT INTO badges VALUES (1, 1), (2, 2);"
        ));
        let before = shop.rows();
        let mapping = format!("{PEOPLE}erase = \"delete\"\n{ORDERS}");
        let connector = shop.connector(&mapping);
        let ada = subject(&["person_id=1"]);
        for error in [
            connector.check().await.unwrap_err(),
            erase(&connector, &ada, "people", 10).await.unwrap_err(),
            survey(&connector, &ada).await["people"]
                .clone()
                .unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.what().contains("`badges.Person`"), "{error}");
        }
        assert_eq!(shop.rows(), before);
        assert_eq!(
            export(&connector, &ada, "people").await.unwrap().len(),
            1,
            "an export goes on"
        );
        // Mapped, it is covered, counted, and Eve's stays.
        let covered = shop.connector(&format!(
            "{mapping}[table.badges]\nreferences = {{ Person = \"people.id\" }}\nerase = \"delete\""
        ));
        covered.check().await.unwrap();
        let done = erase_all(&covered, &ada).await;
        assert_eq!((done["badges"].erase(), done["people"].erase()), (1, 1));
        assert_eq!(shop.table("badges"), [["Integer(2)", "Integer(2)"]]);
    }
}

#[tokio::test]
async fn a_row_that_somebody_else_s_row_hangs_on_stays_and_is_counted_as_failed() {
    for action in [
        "CASCADE",
        "SET NULL",
        "NO ACTION",
        "NO ACTION DEFERRABLE INITIALLY DEFERRED",
    ] {
        let shop = Shop::new(&format!(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
             CREATE TABLE posts (id INTEGER PRIMARY KEY, author INTEGER REFERENCES people(id), text TEXT);
             CREATE TABLE likes (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), post INTEGER REFERENCES posts(id) ON DELETE {action});
             INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com');
             INSERT INTO posts VALUES (1, 1, 'liked by Eve'), (2, 1, 'liked by Ada'), (3, 1, 'not liked');
             INSERT INTO likes VALUES (1, 2, 1), (2, 1, 2);"
        ));
        let connector = shop.connector(
            r#"[table.people]
               subject = { person_id = "id" }
               erase = { pseudonymize = { email = "unique" } }
               [table.posts]
               references = { author = "people.id" }
               erase = "delete"
               erase_after = ["likes"]
               [table.likes]
               references = { person = "people.id" }
               erase = "delete""#,
        );
        let ada = subject(&["person_id=1"]);
        let done = erase_all(&connector, &ada).await;
        assert_eq!(done["likes"].erase(), 1, "{action}");
        assert_eq!(done["posts"].erase(), 2, "{action}");
        assert_eq!(
            (
                done["posts"].failed()[0].kind,
                done["posts"].failed()[0].records
            ),
            (ErrorKind::Config, 1),
            "{action}"
        );
        assert_eq!(
            shop.table("likes"),
            [["Integer(1)", "Integer(2)", "Integer(1)"]],
            "Eve's like was touched ({action})"
        );
        assert_eq!(shop.count("SELECT count(*) FROM posts"), 1, "{action}");
        assert_eq!(
            survey(&connector, &ada).await["posts"]
                .as_ref()
                .unwrap()
                .pending(),
            1,
            "what is left is not hidden"
        );
    }
}

#[tokio::test]
async fn check_says_which_tables_must_be_erased_first() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY);
         CREATE TABLE addresses (id INTEGER PRIMARY KEY, person INTEGER);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER, address INTEGER REFERENCES addresses(id));
         INSERT INTO people VALUES (1); INSERT INTO addresses VALUES (1, 1); INSERT INTO orders VALUES (1, 1, 1);",
    );
    let mapping = "[table.people]\nsubject = { person_id = \"id\" }\nerase = \"delete\"\n\
        [table.orders]\nreferences = { person = \"people.id\" }\nerase = \"delete\"\n\
        [table.addresses]\nreferences = { person = \"people.id\" }\nerase = \"delete\"\n";
    let error = shop.connector(mapping).check().await.unwrap_err();
    assert!(
        error
            .what()
            .contains("add erase_after = [\"orders\"] to `addresses`"),
        "{error}"
    );
    let connector = shop.connector(&format!("{mapping}erase_after = [\"orders\"]\n"));
    connector.check().await.unwrap();
    let done = erase_all(&connector, &subject(&["person_id=1"])).await;
    assert!(
        done.values()
            .all(|tally| tally.erase() == 1 && tally.failed().is_empty())
    );
}

#[tokio::test]
async fn a_database_that_is_not_there_is_an_error_and_is_not_made() {
    let shop = Shop::new(SHOP);
    std::fs::remove_file(shop.path()).unwrap();
    let connector = shop.connector(&format!("{PEOPLE}erase = \"delete\""));
    let error = connector.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.what().contains("shop.db"), "{error}");
    assert!(!shop.path().exists());
}

#[tokio::test]
async fn every_mistake_of_a_mapping_is_told_at_once_and_where() {
    let shop = Shop::new(SHOP);
    let problems = shop
        .try_connector(
            r#"pseudonym_key = "short"
               [table.people]
               subject = { "E-Mail" = "email" }
               erase = { retain = { basis = "legal_obligation", reason = " ", years = 10 } }
               [table.orders]
               references = { person = "persons.id" }
               [table.a]
               references = { b = "b.id" }
               erase = "delete"
               [table.b]
               references = { a = "a.id" }
               erase = "delete"
               erase_after = ["c"]
               [table.d]
               erase = { pseudonymize = {} }"#,
        )
        .unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for part in [
        "table.people.subject.E-Mail: ",
        "table.people.erase.retain: `reason` is empty",
        "table.people.erase.retain: a time needs both",
        "table.orders.references.person: `persons.id` is not TABLE.COLUMN",
        "table.orders.erase: is missing",
        "in a circle, so none can be erased first: a, b",
        "table.b.erase_after: `c` is not another mapped table",
        "table.d: nothing leads to a person here",
        "table.d.erase.pseudonymize: names no column",
        "pseudonym_key: is shorter than 16 characters",
    ] {
        assert!(
            told.iter().any(|problem| problem.contains(part)),
            "{part} is missing in {told:#?}"
        );
    }
}

#[test]
fn unknown_keys_and_words_are_refused() {
    for (bad, word) in [
        ("[table.a]\nsubjekt = {}", "subjekt"),
        ("pool = 3", "pool"),
        ("[table.a]\nerase = \"remove\"", "remove"),
        ("[table.a]\nerase = { keep = 1 }", "keep"),
        (
            "[table.a]\nerase = { pseudonymize = { x = \"random\" } }",
            "random",
        ),
        ("[table.a]\ncolumns = { x = { hide = \"y\" } }", "hide"),
        (
            "[table.a]\nerase = { retain = { basis = \"because\", reason = \"x\" } }",
            "because",
        ),
    ] {
        let error = toml::from_str::<adieu_sql::SqlConfig>(&format!("url = \"env:X\"\n{bad}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(word), "{error}");
    }
}
