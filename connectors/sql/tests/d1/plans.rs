//! How D1 finds rows: the statements that were really sent, explained by D1 itself.

use serde_json::Value;

use crate::common::{erase_all, export, subject};
use crate::server::{Board, may_run};

const SHOP: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER, note TEXT);
    CREATE INDEX of_person ON orders (person);
    CREATE TABLE lines (order_id INTEGER, line INTEGER, text TEXT, PRIMARY KEY (order_id, line)) WITHOUT ROWID;
    INSERT INTO people VALUES (1, 'ada@example.com');
    INSERT INTO orders VALUES (1, 1, 'n');
    INSERT INTO lines VALUES (1, 1, 't');
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
"#;

#[tokio::test]
async fn no_statement_goes_through_a_whole_table() {
    if !may_run() {
        return;
    }
    let board = Board::new(SHOP).await;
    let connector = board.connector(MAPPING);
    let ada = subject(&["email=ada@example.com"]);
    for collection in ["people", "orders", "lines"] {
        export(&connector, &ada, collection).await.unwrap();
    }
    erase_all(&connector, &ada).await;
    let mut explained = 0;
    for statement in board.sent().await.concat() {
        let sql = statement["sql"].as_str().unwrap();
        if sql.contains("pragma_") {
            continue;
        }
        // The statement is explained with the values that it was sent with, written into it.
        let values = statement["params"][0]
            .as_str()
            .unwrap_or("[]")
            .replace('\'', "''");
        let explain = format!(
            "EXPLAIN QUERY PLAN {}",
            sql.replace("?1", &format!("'{values}'"))
        );
        let plan: Vec<Value> = board.run(&[&explain]).await.concat().concat();
        let steps: Vec<&str> = plan.iter().filter_map(Value::as_str).collect();
        // The list of keys, and what a query within brackets found, are gone through; no table is.
        let whole = steps.iter().filter(|step| {
            step.starts_with("SCAN")
                && !["v", "q", "CONSTANT ROW"]
                    .iter()
                    .any(|fine| step[5..].split(' ').next() == fine.split(' ').next())
        });
        assert_eq!(whole.count(), 0, "{steps:#?}\n{sql}");
        explained += 1;
    }
    assert!(explained >= 12, "{explained}");
}
