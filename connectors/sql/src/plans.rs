//! How the database finds rows: by keys and indexes, without sorting what can be walked through in order.

use adieu_core::{ConnectorName, Identity, Step, StepKey, Subject};

use crate::config::SqlConfig;
use crate::connector::SqlConnector;
use crate::dialect::{Sql, Transaction, Value};
use crate::links::Links;
use crate::selection::Selector;
use crate::{erase, export};

const SCHEMA: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
    CREATE TABLE orders (id BIGINT PRIMARY KEY, person INTEGER, note TEXT);
    CREATE INDEX of_person ON orders (person);
    CREATE TABLE lines (order_id BIGINT, line INTEGER, text TEXT, PRIMARY KEY (order_id, line)) WITHOUT ROWID;
    CREATE TABLE loose (id INTEGER PRIMARY KEY, person INTEGER);
    INSERT INTO people VALUES (1, 'ada@example.com');
    INSERT INTO orders VALUES (1, 1, 'n');
";
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

/// The plan of the export's and of the erasure's query, and of the statement that touches a row.
async fn plans(collection: &str) -> [String; 3] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(SCHEMA)
        .unwrap();
    let config: SqlConfig =
        toml::from_str(&format!("url = \"sqlite:shop.db\"\n{MAPPING}")).unwrap();
    let connector =
        SqlConnector::new(ConnectorName::new("shop").unwrap(), &config, folder.path()).unwrap();
    let subject = Subject::new([Identity::new("email", "ada@example.com").unwrap()]);
    let step = Step::new(
        subject.clone(),
        collection.parse().unwrap(),
        StepKey::new("test"),
    );
    let mut session = connector.database.session().await.unwrap();
    session.begin(Transaction::Read).await.unwrap();
    let catalogue = session.catalogue().await.unwrap();
    let rule = connector.rule(&step).unwrap();
    let table = catalogue.table(collection).unwrap();
    let selector = Selector {
        mapping: &connector.mapping,
        catalogue: &catalogue,
        subject: &subject,
    };
    let rows = selector
        .rows(&mut session, rule, "t")
        .await
        .unwrap()
        .unwrap();
    let key: Vec<Value> = table.key.iter().map(|_| Value::Integer(0)).collect();
    let from = crate::key::after(table, &key, false).unwrap();
    let columns = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let page = export::Plan {
        table,
        columns,
        yields: Vec::new(),
    }
    .query(rows.clone(), from.clone());
    let batch = erase::Batch {
        connector: &connector,
        step: &step,
        rule,
        table,
        catalogue: &catalogue,
        links: Links::of(rule, table),
    };
    let touch = if rule.deletes() {
        batch.deletion(true)
    } else {
        batch.update()
    };
    let mut plans = [String::new(), String::new(), String::new()];
    for (plan, query) in plans.iter_mut().zip([page, batch.query(rows, from), touch]) {
        let mut explain = Sql::text("EXPLAIN QUERY PLAN ");
        explain.append(query);
        for row in session.rows(explain, 4).await.unwrap() {
            *plan += row[3].as_cell().as_text().unwrap();
            *plan += "; ";
        }
    }
    plans
}

#[tokio::test]
async fn a_person_is_found_by_the_index_of_an_identity() {
    for plan in plans("people").await {
        assert!(
            plan.starts_with("SEARCH t USING") && !plan.contains("SCAN"),
            "{plan}"
        );
    }
}

#[tokio::test]
async fn what_refers_to_one_row_is_walked_through_in_the_order_of_its_index() {
    let [page, batch, touch] = plans("orders").await;
    for plan in [page, batch] {
        assert_eq!(
            plan,
            "SEARCH t USING INDEX of_person (person=? AND rowid>?); "
        );
    }
    assert_eq!(touch, "SEARCH t USING INTEGER PRIMARY KEY (rowid=?); ");
}

#[tokio::test]
async fn a_table_without_row_numbers_is_walked_through_by_its_key() {
    for plan in plans("lines").await {
        assert!(
            plan.starts_with("SEARCH t USING PRIMARY KEY (") && !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
    }
}

#[tokio::test]
async fn without_an_index_the_table_is_read_on_from_where_it_was_left() {
    let [page, batch, _] = plans("loose").await;
    for plan in [page, batch] {
        assert_eq!(plan, "SEARCH t USING INTEGER PRIMARY KEY (rowid>?); ");
    }
}
