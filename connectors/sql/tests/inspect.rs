//! What is proposed for a schema, and what it does when nobody edits it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adieu_core::{Connector, ErrorKind, IdentityKind, Setting};
use adieu_sql::SqlConfig;
use adieu_sql::inspect::{Inspection, Proposal};
use common::{Shop, erase_all, export, subject};
use serde_json::json;

fn inspection(url: &str, table: &str, identity: &str) -> Inspection {
    let (kind, column) = identity.split_once('=').unwrap();
    let kind = IdentityKind::new(kind).unwrap();
    Inspection::new(SqlConfig::new(Setting::from(url.to_owned())), table).identity(kind, column)
}

async fn propose(shop: &Shop, table: &str, identity: &str) -> Proposal {
    let url = format!("sqlite:{}", shop.path().display());
    inspection(&url, table, identity)
        .propose(".".as_ref())
        .await
        .unwrap()
}

/// The mapping of a proposal, as the other tests write one.
fn mapping(proposal: &Proposal) -> String {
    let (_, tables) = proposal.toml().split_once("url = ").unwrap();
    let (_, tables) = tables.split_once('\n').unwrap();
    tables.replace("[connector.", "[")
}

/// The lines about one table, comments left out.
fn block(proposal: &Proposal, table: &str) -> String {
    let text = proposal.toml();
    let begins = text.find(&format!("[connector.table.{table}]\n")).unwrap();
    let rest = &text[begins..];
    let ends = rest
        .find("\n\n#")
        .or(rest.find("\n\n[connector.table"))
        .unwrap_or(rest.len());
    rest[..ends].to_owned()
}

#[tokio::test]
async fn chains_composite_keys_and_what_hangs_on_them_are_followed() {
    let shop = Shop::new(
        "CREATE TABLE customers (shop INTEGER, number INTEGER, email TEXT UNIQUE, PRIMARY KEY (shop, number));
         CREATE TABLE orders (id INTEGER PRIMARY KEY, shop INTEGER NOT NULL, customer INTEGER NOT NULL, note TEXT,
             FOREIGN KEY (shop, customer) REFERENCES customers (shop, number));
         CREATE TABLE lines (order_id INTEGER REFERENCES orders (id), line INTEGER, PRIMARY KEY (order_id, line));
         CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO customers VALUES (1, 7, 'ada@example.com'), (2, 7, 'eve@example.com'), (1, 8, 'bob@example.com');
         INSERT INTO orders VALUES (1, 1, 7, 'hers'), (2, 2, 7, 'not hers'), (3, 1, 8, 'nor this');
         INSERT INTO lines VALUES (1, 1), (1, 2), (2, 1), (3, 1);
         INSERT INTO products VALUES (1, 'Teapot');",
    );
    let proposal = propose(&shop, "customers", "email=email").await;
    assert_eq!(proposal.mapped(), ["customers", "orders", "lines"]);
    let orders = block(&proposal, "orders");
    assert!(
        orders
            .contains(r#"references = { shop = "customers.shop", customer = "customers.number" }"#),
        "{orders}"
    );
    let connector = shop.connector(&mapping(&proposal));
    connector.check().await.unwrap();
    assert_eq!(connector.uncovered().await.unwrap(), []);
    let ada = subject(&["email=ada@example.com"]);
    assert_eq!(export(&connector, &ada, "lines").await.unwrap().len(), 2);
    erase_all(&connector, &ada).await;
    assert_eq!(shop.count("SELECT count(*) FROM customers"), 2);
    assert_eq!(shop.count("SELECT sum(id) FROM orders"), 5);
    assert_eq!(shop.count("SELECT count(*) FROM lines"), 2);
}

#[tokio::test]
async fn of_several_persons_in_a_row_one_owns_it_and_the_others_are_masked() {
    let shop = Shop::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, manager_id INTEGER REFERENCES users (id));
         CREATE TABLE messages (id INTEGER PRIMARY KEY, recipient_id INTEGER NOT NULL REFERENCES users (id),
             sender_id INTEGER NOT NULL REFERENCES users (id), body TEXT);
         CREATE TABLE prices (id INTEGER PRIMARY KEY, price REAL, updated_by INTEGER REFERENCES users (id));
         CREATE TABLE approvals (id INTEGER PRIMARY KEY, approved_by INTEGER NOT NULL REFERENCES users (id));
         INSERT INTO users VALUES (1, 'ada@example.com', 'Ada', NULL), (2, 'eve@example.com', 'Eve', 1);
         INSERT INTO messages VALUES (1, 2, 1, 'from Ada'), (2, 1, 2, 'from Eve');
         INSERT INTO prices VALUES (1, 9.5, 1), (2, 8.5, 2);
         INSERT INTO approvals VALUES (1, 1);",
    );
    let proposal = propose(&shop, "users", "email=email").await;
    let messages = block(&proposal, "messages");
    assert!(
        messages.contains("\n  { sender_id = \"users.id\" },"),
        "{messages}"
    );
    assert!(
        messages.contains("\n  # { recipient_id = \"users.id\" },"),
        "{messages}"
    );
    assert!(messages.contains("recipient_id = { mask"), "{messages}");
    assert_eq!(proposal.omitted(), ["approvals"]);
    // Others' rows refer to hers, so hers stays without her.
    let connector = shop.connector(&mapping(&proposal));
    connector.check().await.unwrap();
    assert_eq!(connector.uncovered().await.unwrap(), []);
    let ada = subject(&["email=ada@example.com"]);
    let sent = export(&connector, &ada, "messages").await.unwrap();
    assert_eq!(
        sent,
        [json!({"id": 1, "recipient_id": "[masked]", "sender_id": 1, "body": "from Ada"})]
    );
    erase_all(&connector, &ada).await;
    assert_eq!(
        shop.count(
            "SELECT count(*) FROM users WHERE name IS NULL AND email LIKE 'erased-%' AND id = 1"
        ),
        1
    );
    assert_eq!(
        shop.count(
            "SELECT count(*) FROM messages WHERE id = 2 AND body = 'from Eve' AND recipient_id = 1"
        ),
        1
    );
    assert_eq!(shop.count("SELECT count(*) FROM messages"), 1);
    assert_eq!(
        shop.count("SELECT count(*) FROM prices WHERE updated_by IS NULL"),
        1
    );
    assert_eq!(
        shop.count("SELECT count(*) FROM prices WHERE updated_by = 2"),
        1
    );
    assert_eq!(
        shop.count("SELECT count(*) FROM users WHERE name = 'Eve' AND manager_id = 1"),
        1
    );
}

#[tokio::test]
async fn what_no_key_says_is_guessed_by_name_and_type_and_marked() {
    let shop = Shop::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
         CREATE TABLE sessions (token TEXT PRIMARY KEY, userId INTEGER, ip TEXT);
         CREATE TABLE pictures (id INTEGER PRIMARY KEY, owner_type TEXT, owner_id INTEGER, url TEXT);
         CREATE TABLE newsletter (email TEXT PRIMARY KEY, since TEXT);
         CREATE TABLE clicks (user_id TEXT, at TEXT);
         CREATE TABLE staff (id INTEGER PRIMARY KEY, email TEXT, full_name TEXT);
         CREATE TABLE shifts (id INTEGER PRIMARY KEY, staff_id INTEGER REFERENCES staff (id));
         CREATE TABLE leads (id INTEGER PRIMARY KEY, telefon TEXT);
         INSERT INTO users VALUES (1, 'ada@example.com'), (2, 'eve@example.com');
         INSERT INTO sessions VALUES ('a', 1, '203.0.113.1'), ('b', 2, '203.0.113.2');
         INSERT INTO pictures VALUES (1, 'User', 1, 'a'), (2, 'User', 2, 'b'), (3, 'Shop', 1, 'c');
         INSERT INTO newsletter VALUES ('ada@example.com', '2026'), ('eve@example.com', '2026');
         INSERT INTO staff VALUES (1, 'ada@example.com', 'Ada');",
    );
    let proposal = propose(&shop, "users", "email=email").await;
    let mut mapped = proposal.mapped().to_vec();
    mapped.sort();
    assert_eq!(
        mapped,
        ["newsletter", "pictures", "sessions", "users"],
        "a text leads to no number"
    );
    assert_eq!(proposal.guesses(), 3);
    let text = proposal.toml();
    assert!(
        block(&proposal, "pictures")
            .contains(r#"{ owner_id = "users.id", owner_type = "'User'" }"#),
        "{text}"
    );
    assert!(
        text.contains("# [connector.table.staff]"),
        "others refer to them:\n{text}"
    );
    assert!(text.contains("# - leads: telefon"), "{text}");
    let connector = shop.connector(&mapping(&proposal));
    connector.check().await.unwrap();
    assert_eq!(connector.uncovered().await.unwrap(), []);
    erase_all(&connector, &subject(&["email=ada@example.com"])).await;
    for (table, left) in [
        ("users", 1),
        ("sessions", 1),
        ("pictures", 2),
        ("newsletter", 1),
        ("staff", 1),
    ] {
        assert_eq!(
            shop.count(&format!("SELECT count(*) FROM {table}")),
            left,
            "{table}"
        );
    }
}

#[tokio::test]
async fn triggers_views_generated_columns_and_rules_are_told() {
    let shop = Shop::new(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, first_name TEXT, full_name TEXT AS (first_name || '!') STORED);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id) ON DELETE CASCADE, note TEXT);
         CREATE TABLE history (what TEXT);
         CREATE TRIGGER remember AFTER DELETE ON users BEGIN INSERT INTO history VALUES (OLD.email); END;
         CREATE TRIGGER touched AFTER INSERT ON users BEGIN SELECT 1; END;
         CREATE VIEW everybody AS SELECT * FROM users;",
    );
    let text = propose(&shop, "users", "email=email")
        .await
        .toml()
        .replace("\n#  ", "");
    for told in [
        "The trigger `remember` runs on each DELETE",
        "Shown by the view `everybody`",
        "The database itself computes `full_name`",
        "ON DELETE CASCADE from `notes`",
    ] {
        assert!(text.contains(told), "{told} is missing in\n{text}");
    }
    assert!(!text.contains("touched"), "{text}");
}

#[tokio::test]
async fn a_name_of_any_letters_is_written_so_that_it_is_read_again() {
    let shop = Shop::new(
        "CREATE TABLE \"a.b \"\"c\"\"\n[x]\" (\"the id\" INTEGER PRIMARY KEY, \"e mail\" TEXT UNIQUE);
         CREATE TABLE \"kind's\" (id INTEGER PRIMARY KEY, \"hers = 1\" INTEGER REFERENCES \"a.b \"\"c\"\"\n[x]\" (\"the id\"));",
    );
    let url = format!("sqlite:{}", shop.path().display());
    let error = inspection(&url, "a.b \"c\"\n[x]", "email=e mail")
        .propose(".".as_ref())
        .await;
    let proposal = error.unwrap();
    toml::from_str::<toml::Table>(proposal.toml()).unwrap();
}

#[tokio::test]
async fn a_wrong_table_or_column_is_told_with_the_names_that_are_near() {
    let shop = Shop::new(
        "CREATE TABLE Customer (id INTEGER PRIMARY KEY, EMail TEXT); CREATE VIEW people AS SELECT * FROM Customer;",
    );
    let url = format!("sqlite:{}", shop.path().display());
    for (table, identity, told) in [
        (
            "customers",
            "email=EMail",
            "there is no table `customers`; did you mean `Customer`?",
        ),
        (
            "Customer",
            "email=email",
            "the table `Customer` has no column `email` for the identity `email`; did you mean `EMail`?",
        ),
        (
            "people",
            "email=EMail",
            "`people` is not a plain table but a view",
        ),
    ] {
        let error = inspection(&url, table, identity)
            .propose(".".as_ref())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.what().contains(told), "{error}");
    }
    for url in [
        "postgres://ada:hunter2@127.0.0.1:1/shop",
        "mysql://ada:hunter2@/x?y=hunter2",
        "hunter2",
    ] {
        let error = inspection(url, "users", "email=email")
            .propose(".".as_ref())
            .await
            .unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
}

const SHOP: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, joined_on TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), placed_on TEXT);
    CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, description TEXT);
";
const MAPPING: &str = r#"
    [table.customers]
    subject = { customer_id = "id", email = "email" }
    erase = { pseudonymize = { email = "unique", name = "null" } }
    [table.orders]
    references = { customer_id = "customers.id" }
    erase = { retain = { basis = "legal_obligation", reason = "tax law" } }
"#;

async fn told(shop: &Shop, mapping: &str) -> Vec<String> {
    let found = shop.connector(mapping).uncovered().await.unwrap();
    found.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_personal_column_that_appears_is_told_until_it_is_decided_about() {
    let shop = Shop::new(SHOP);
    assert!(told(&shop, MAPPING).await.is_empty());
    shop.open()
        .execute_batch(
            "ALTER TABLE customers ADD COLUMN mobile_no TEXT; ALTER TABLE customers ADD COLUMN phone_verified BOOLEAN;
             ALTER TABLE orders ADD COLUMN delivery_note TEXT; ALTER TABLE products ADD COLUMN email TEXT;",
        )
        .unwrap();
    assert_eq!(
        told(&shop, MAPPING).await,
        [
            "`orders.delivery_note` looks like free text, and stays as it is in an erasure; write delivery_note = \"null\" under \
             [connector.table.orders.erase.pseudonymize], or delivery_note = { keep = \"why\" } under [connector.table.orders.columns]",
            "`customers.mobile_no` looks like a phone number, and stays as it is in an erasure; write mobile_no = \"null\" under \
             [connector.table.customers.erase.pseudonymize], or mobile_no = { keep = \"why\" } under [connector.table.customers.columns]",
        ]
    );
    let decided = MAPPING
        .replace(
            "name = \"null\" }",
            "name = \"null\", mobile_no = \"null\" }",
        )
        .replace(
            "[table.orders]",
            "[table.orders]\ncolumns = { delivery_note = { keep = \"a part of the invoice\" } }",
        );
    assert!(told(&shop, &decided).await.is_empty());
    // A row that is deleted takes all its columns along.
    let deleted = MAPPING.replace(
        "erase = { retain = { basis = \"legal_obligation\", reason = \"tax law\" } }",
        "erase = \"delete\"",
    );
    assert_eq!(told(&shop, &deleted).await.len(), 1);
}

#[tokio::test]
async fn a_table_that_leads_to_a_person_is_told_until_it_is_mapped_or_left_out() {
    let shop = Shop::new(SHOP);
    shop.open()
        .execute_batch(
            "CREATE TABLE sessions (token TEXT PRIMARY KEY, customerId INTEGER, ip TEXT);
             CREATE TABLE tickets (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id));
             CREATE TABLE replies (id INTEGER PRIMARY KEY, ticket_id INTEGER REFERENCES tickets (id), body TEXT);
             CREATE TABLE clicks (id INTEGER PRIMARY KEY, ticket_id INTEGER REFERENCES tickets (id), at TEXT);",
        )
        .unwrap();
    let found = told(&shop, MAPPING).await;
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("the table `sessions` seems to lead to `customers` by customerId, with token, ip that look personal"));
    assert!(
        found[1].contains(
            "[connector.table.tickets] with references = { customer_id = \"customers.id\" }"
        ),
        "{}",
        found[1]
    );
    assert!(
        found[2].starts_with("the table `replies` leads to `tickets` by ticket_id, with body"),
        "{}",
        found[2]
    );
    let omitted = format!(
        "omit = {{ sessions = \"they live an hour\", tickets = \"another system has them\" }}\n{MAPPING}"
    );
    assert!(
        told(&shop, &omitted).await.is_empty(),
        "what hangs on a table that is left out is left out"
    );
    let descriptor = shop.connector(&omitted).descriptor().clone();
    let of_sessions = descriptor
        .unreachable
        .iter()
        .find(|one| one.what == "table `sessions`")
        .unwrap();
    assert_eq!(of_sessions.why, "left out: they live an hour");
}

#[test]
fn what_is_left_out_and_mapped_at_once_or_kept_and_deleted_is_refused() {
    let shop = Shop::new(SHOP);
    for (mapping, told) in [
        (format!("omit = {{ orders = \"\" }}\n{MAPPING}"), "needs a reason in words"),
        (format!("omit = {{ orders = \"why\" }}\n{MAPPING}"), "is mapped; leave it out or map it"),
        (
            "[table.customers]\nsubject = { email = \"email\" }\ncolumns = { name = { keep = \"why\" } }\nerase = \"delete\"".to_owned(),
            "cannot be kept: its row is deleted",
        ),
    ] {
        let problems = shop.try_connector(&mapping).unwrap_err();
        assert!(problems.iter().any(|problem| problem.to_string().contains(told)), "{told}: {problems:?}");
    }
}
