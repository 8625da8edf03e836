//! How the databases find rows: by keys and indexes, without sorting what can be walked through in order.

#[path = "../tests/servers/mod.rs"]
mod servers;

use adieu_core::{ConnectorName, Identity, Setting, Step, StepKey, Subject};

use crate::config::SqlConfig;
use crate::connector::SqlConnector;
use crate::dialect::{Dialect, Session, Sql, Transaction, Value, statements};
use crate::links::Links;
use crate::pace::Pace;
use crate::selection::Selector;
use crate::{erase, export};

const SQLITE: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
    CREATE TABLE orders (id BIGINT PRIMARY KEY, person INTEGER, note TEXT);
    CREATE INDEX of_person ON orders (person);
    CREATE TABLE lines (order_id BIGINT, line INTEGER, text TEXT, PRIMARY KEY (order_id, line)) WITHOUT ROWID;
    CREATE TABLE loose (id INTEGER PRIMARY KEY, person INTEGER);
    INSERT INTO people VALUES (1, 'ada@example.com');
    INSERT INTO orders VALUES (1, 1, 'n');
    INSERT INTO people VALUES (20000, 'user20000@example.com');
    WITH RECURSIVE many (id) AS (VALUES (2) UNION ALL SELECT id + 1 FROM many WHERE id < 2000)
        INSERT INTO orders SELECT id, 20000, 'n' FROM many;
";
/// A few rows are Ada's, many are those of the last one; the others make it worth using an index.
const POSTGRES: &str = "
    CREATE TABLE people (id int PRIMARY KEY, email varchar(100) UNIQUE);
    CREATE TABLE orders (id uuid PRIMARY KEY, person int, note text);
    CREATE INDEX of_person ON orders (person);
    CREATE TABLE lines (order_id uuid, line int, text text, PRIMARY KEY (order_id, line));
    CREATE TABLE loose (id bigint PRIMARY KEY, person int);
    INSERT INTO people SELECT i, 'user' || i || '@example.com' FROM generate_series(2, 20000) i;
    INSERT INTO people VALUES (1, 'ada@example.com');
    INSERT INTO orders SELECT gen_random_uuid(), i, 'n' FROM generate_series(1, 20000) i;
    INSERT INTO orders SELECT gen_random_uuid(), 20000, 'n' FROM generate_series(1, 2000);
    INSERT INTO lines SELECT id, 1, 't' FROM orders;
    INSERT INTO loose SELECT i, 1 FROM generate_series(1, 20000) i;
    ANALYZE;
";
const MARIADB: &str = "
    CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(100) CHARACTER SET latin1 UNIQUE);
    CREATE TABLE orders (id BIGINT PRIMARY KEY, person INT, note TEXT, KEY of_person (person));
    CREATE TABLE `lines` (order_id BIGINT, line INT, text TEXT, PRIMARY KEY (order_id, line));
    CREATE TABLE loose (id BIGINT PRIMARY KEY, person INT);
    INSERT INTO people SELECT seq, concat('user', seq, '@example.com') FROM seq_2_to_20000;
    INSERT INTO people VALUES (1, 'ada@example.com');
    INSERT INTO orders SELECT seq, seq, 'n' FROM seq_1_to_20000;
    INSERT INTO `lines` SELECT id, 1, 't' FROM orders;
    INSERT INTO loose SELECT seq, 1 FROM seq_1_to_20000;
    ANALYZE TABLE people, orders, `lines`, loose;
";
/// The same in MySQL, which has no table of numbers.
fn mysql_script() -> String {
    let numbers: Vec<String> = (1..=20_000).map(|number| number.to_string()).collect();
    let table = "CREATE TABLE numbers (seq INT PRIMARY KEY); INSERT INTO numbers VALUES ";
    let from = "numbers WHERE seq >";
    MARIADB
        .replace("seq_2_to_20000", &format!("{from} 1"))
        .replace("seq_1_to_20000", &format!("{from} 0"))
        .replacen(
            "INSERT",
            &format!("{table} ({}); INSERT", numbers.join("),(")),
            1,
        )
}

const MAPPING: &str = r#"
    [table.people]
    subject = { person_id = "id", email = "email" }
    erase = "delete"
    [table.orders]
    references = { person = "people.id" }
    erase = { pseudonymize = { note = "null" } }
    [table.lines]
    references = { order_id = "orders.id" }
    erase = "delete"
    [table.loose]
    references = { person = "people.id" }
    erase = "delete"
"#;

/// The plan of the export's and of the erasure's query, and of the statement that touches rows; then, where rows are deleted without
/// being read, of the query that counts them, of the statement that deletes all of them, and of the one that deletes some.
async fn plans(dialect: Dialect, collection: &str) -> ([String; 3], Vec<String>) {
    plans_of(dialect, collection, "ada@example.com").await
}

async fn plans_of(dialect: Dialect, collection: &str, email: &str) -> ([String; 3], Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (url, database) = match dialect {
        Dialect::Sqlite => {
            let path = folder.path().join("shop.db");
            let connection = rusqlite::Connection::open(&path).unwrap();
            connection.execute_batch(SQLITE).unwrap();
            ("sqlite:shop.db".to_owned(), String::new())
        }
        Dialect::Postgres => {
            let database = servers::postgres().create();
            servers::postgres().query(&database, POSTGRES);
            (servers::postgres().url(&database), database)
        }
        Dialect::MariaDb => {
            let database = servers::mariadb().create();
            servers::mariadb().query(&database, MARIADB);
            (servers::mariadb().url(&database), database)
        }
        Dialect::MySql => {
            let mysql = servers::mysql().unwrap();
            let database = mysql.create();
            let file = folder.path().join("script.sql");
            std::fs::write(&file, mysql_script()).unwrap();
            mysql.run_file(&database, &file);
            (mysql.url(&database), database)
        }
    };
    let mut config: SqlConfig = toml::from_str(&format!("url = \"\"\n{MAPPING}")).unwrap();
    config.url = Setting::from(url);
    let name = ConnectorName::new("shop").unwrap();
    let connector = SqlConnector::new(name, &config, folder.path()).unwrap();
    let subject = Subject::new([Identity::new("email", email).unwrap()]);
    let step = Step::new(
        subject.clone(),
        collection.parse().unwrap(),
        StepKey::new("test"),
    );
    let mut session = connector.database.session().await.unwrap();
    session.begin(Transaction::Write).await.unwrap();
    let catalogue = session.catalogue().await.unwrap();
    let rule = connector.rule(&step).unwrap();
    let table = catalogue.table(collection).unwrap();
    let selector = Selector {
        mapping: &connector.mapping,
        catalogue: &catalogue,
        subject: &subject,
        resolves: true,
    };
    let rows = selector
        .rows(&mut session, rule, "t")
        .await
        .unwrap()
        .unwrap();
    let of_type = |name: &String| match table.cast_of(name) {
        Some("uuid") => Value::text(uuid::Uuid::nil().to_string()),
        _ => Value::Integer(0),
    };
    let key: Vec<Value> = table.key.iter().map(of_type).collect();
    let from = crate::key::after(dialect, table, &key, false).unwrap();
    let columns: Vec<_> = table.columns.iter().collect();
    let page = export::Plan::new(&catalogue, table, &columns, Vec::new())
        .walk(rows.clone(), Some(key.clone()))
        .ordered()
        .unwrap();
    let batch = erase::Batch {
        connector: &connector,
        step: &step,
        rule,
        table,
        catalogue: &catalogue,
        links: Links::of(rule, table),
        alone: None,
        pace: Pace::within(step.max_records(), None, std::time::Duration::MAX),
        max_rows: 1_000,
        swept: 0,
        unchanged: None,
    };
    let touch = if rule.deletes() {
        batch.deletion(true)
    } else {
        batch.update()
    };
    let values = [vec![Value::Null; touch.set.len()], key].concat();
    let touch = match statements(dialect, &touch, &[values.clone(), values]) {
        Ok(statement) => explain(dialect, &mut session, statement).await,
        Err(text) => {
            let types = vec!["text[]"; touch.width()].join(", ");
            let arrays = vec!["'{1,2,3}'"; touch.width()].join(", ").replace(
                "'{1,2,3}'",
                match table.cast_of(&table.key[0]) {
                    Some("uuid") => "'{00000000-0000-0000-0000-000000000000}'",
                    _ => "'{1,2,3}'",
                },
            );
            let script =
                format!("PREPARE p ({types}) AS {text}; EXPLAIN (COSTS OFF) EXECUTE p({arrays})");
            servers::postgres().query(&database, &script)
        }
    };
    let mut sweeps = Vec::new();
    if batch.goes_unread() {
        for statement in [
            dialect.count_up_to(table, &rows, 1_000),
            dialect.sweep_all(table, &rows),
            dialect.sweep(table, &rows, 1_000),
        ] {
            sweeps.push(explain(dialect, &mut session, statement).await);
        }
    }
    let reading = [
        explain(dialect, &mut session, page).await,
        explain(dialect, &mut session, batch.query(rows, from)).await,
        touch,
    ];
    (reading, sweeps)
}

async fn explain(dialect: Dialect, session: &mut Session, query: Sql) -> String {
    let (words, width, told) = match dialect {
        Dialect::Sqlite => ("EXPLAIN QUERY PLAN ", 4, 3..4),
        Dialect::Postgres => ("EXPLAIN (COSTS OFF) ", 1, 0..1),
        // Table, how it is read, by which key, and what else.
        Dialect::MariaDb => ("EXPLAIN ", 10, 2..10),
        // It tells partitions beside, after the table.
        Dialect::MySql => ("EXPLAIN ", 12, 2..12),
    };
    let mut explained = Sql::text(words);
    explained.append(query);
    let mut plan = String::new();
    for row in session.rows(explained, width).await.unwrap() {
        let told = told
            .clone()
            .filter(|at| dialect != Dialect::MySql || *at != 3);
        for value in told.map(|at| &row[at]) {
            plan += value.as_cell().as_text().unwrap_or("-");
            plan += if width >= 10 { " " } else { "; " };
        }
    }
    plan
}

/// MariaDB, and MySQL where it is there.
fn alike() -> impl Iterator<Item = Dialect> {
    let mysql = servers::mysql().map(|_| Dialect::MySql);
    [Dialect::MariaDb].into_iter().chain(mysql)
}

#[tokio::test]
async fn a_person_is_found_by_the_index_of_an_identity() {
    for plan in plans(Dialect::Sqlite, "people").await.0 {
        assert!(
            plan.starts_with("SEARCH t USING") && !plan.contains("SCAN"),
            "{plan}"
        );
    }
    let [page, batch, touch] = plans(Dialect::Postgres, "people").await.0;
    for plan in [page, batch] {
        assert!(
            plan.contains("people_email_key") && !plan.contains("Seq Scan"),
            "{plan}"
        );
    }
    assert!(touch.contains("Index Scan using people_pkey"), "{touch}");
    for dialect in alike() {
        let [page, batch, touch] = plans(dialect, "people").await.0;
        for plan in [page, batch] {
            assert!(
                plan.starts_with("t const") && plan.contains(" email "),
                "{dialect:?} {plan}"
            );
        }
        assert!(
            touch.contains(" range ") && touch.contains(" PRIMARY "),
            "{dialect:?} {touch}"
        );
    }
}

#[tokio::test]
async fn what_refers_to_one_row_is_walked_through_in_the_order_of_its_index() {
    let [page, batch, touch] = plans(Dialect::Sqlite, "orders").await.0;
    for plan in [page, batch] {
        assert_eq!(
            plan,
            "SEARCH t USING INDEX of_person (person=? AND rowid>?); "
        );
    }
    assert_eq!(touch, "SEARCH t USING INTEGER PRIMARY KEY (rowid=?); ");
    let [page, batch, touch] = plans(Dialect::Postgres, "orders").await.0;
    for plan in [page, batch] {
        assert!(
            plan.contains("of_person") && !plan.contains("Seq Scan"),
            "{plan}"
        );
    }
    assert!(touch.contains("Index Scan using orders_pkey"), "{touch}");
    for dialect in alike() {
        let [page, batch, touch] = plans(dialect, "orders").await.0;
        for plan in [page, batch] {
            assert!(
                plan.contains(" of_person ") && !plan.contains("filesort"),
                "{dialect:?} {plan}"
            );
        }
        assert!(
            touch.contains(" range ") && touch.contains(" PRIMARY "),
            "{dialect:?} {touch}"
        );
    }
}

#[tokio::test]
async fn a_table_of_a_composite_key_is_walked_through_by_it() {
    for plan in plans(Dialect::Sqlite, "lines").await.0 {
        assert!(
            plan.starts_with("SEARCH t USING PRIMARY KEY (") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
    for plan in plans(Dialect::Postgres, "lines").await.0 {
        assert!(
            plan.contains("lines_pkey") && !plan.contains("Seq Scan"),
            "{plan}"
        );
    }
    for dialect in alike() {
        for plan in plans(dialect, "lines").await.0 {
            assert!(
                plan.contains(" PRIMARY ") && !plan.contains(" ALL ") && !plan.contains("filesort"),
                "{dialect:?} {plan}"
            );
        }
    }
}

#[tokio::test]
async fn without_an_index_the_table_is_read_on_from_where_it_was_left() {
    let [page, batch, _] = plans(Dialect::Sqlite, "loose").await.0;
    for plan in [page, batch] {
        assert_eq!(plan, "SEARCH t USING INTEGER PRIMARY KEY (rowid>?); ");
    }
    let [page, batch, _] = plans(Dialect::Postgres, "loose").await.0;
    for plan in [page, batch] {
        assert!(
            plan.contains("Index Scan using loose_pkey") && !plan.contains("Sort"),
            "{plan}"
        );
    }
    for dialect in alike() {
        let [page, batch, _] = plans(dialect, "loose").await.0;
        for plan in [page, batch] {
            assert!(
                plan.contains(" PRIMARY ") && !plan.contains("filesort"),
                "{dialect:?} {plan}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_deleted_unread_is_found_by_an_index_and_gone_to_by_its_place() {
    for collection in ["people", "lines"] {
        let (_, plans_of_all) = plans(Dialect::Sqlite, collection).await;
        assert_eq!(plans_of_all.len(), 3);
        for plan in plans_of_all {
            assert!(
                plan.contains("SEARCH t USING") && !plan.contains("SCAN t"),
                "{plan}"
            );
        }
        let (_, plans_of_all) = plans(Dialect::Postgres, collection).await;
        assert_eq!(plans_of_all.len(), 3);
        for plan in &plans_of_all {
            assert!(!plan.contains("Seq Scan"), "{plan}");
        }
        assert!(plans_of_all[2].contains("Tid Scan on"), "{plans_of_all:?}");
        for dialect in alike() {
            let (_, plans_of_all) = plans(dialect, collection).await;
            assert_eq!(plans_of_all.len(), 3);
            assert!(plans_of_all[2].contains(" PRIMARY "), "{plans_of_all:?}");
            for plan in plans_of_all {
                assert!(
                    !plan.contains("t ALL") && !plan.contains("t index"),
                    "{dialect:?} {plan}"
                );
            }
        }
    }
    // Where what it refers to is too much to be named, PostgreSQL looks it up for each place.
    let many = "user20000@example.com";
    let (_, plans_of_all) = plans_of(Dialect::Postgres, "lines", many).await;
    let of_some = &plans_of_all[2];
    assert!(
        of_some.contains("Tid Scan on lines") && of_some.contains("Index Scan using orders_pkey"),
        "{of_some}"
    );
    let (_, plans_of_all) = plans_of(Dialect::Sqlite, "lines", many).await;
    assert_eq!(plans_of_all.len(), 3);
    for plan in plans_of_all {
        assert!(
            plan.contains("SEARCH t USING") && !plan.contains("SCAN t"),
            "{plan}"
        );
    }
    // What is changed or kept is read first, whatever the database.
    assert!(plans(Dialect::Postgres, "orders").await.1.is_empty());
}
