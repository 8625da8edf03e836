//! The SQL connector keeps the contract, over an SQLite file with traps in it.

#![allow(clippy::unwrap_used)]

mod common;

use adieu_core::{Connector, ConnectorName, ErrorKind, Subject, async_trait};
use adieu_sql::{SqlConfig, SqlConnector};
use adieu_testkit::{Broken, Fixture, State};
use common::{Shop, subject};

const SCHEMA: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, last_ip TEXT, born DATE, stripe TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), placed_at DATETIME,
        street TEXT, total DECIMAL(10,2), paid BOOLEAN);
    CREATE TABLE lines (order_id INTEGER NOT NULL REFERENCES orders(id), line INTEGER NOT NULL, what TEXT, photo BLOB,
        PRIMARY KEY (order_id, line)) WITHOUT ROWID;
    CREATE TABLE sessions (token TEXT PRIMARY KEY, customer_id INTEGER REFERENCES customers(id) ON DELETE CASCADE, seen_at INTEGER);
    CREATE TABLE comments (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers(id), parent_id INTEGER REFERENCES comments(id), text TEXT);
    CREATE TABLE mails (id INTEGER PRIMARY KEY, address TEXT, text TEXT);
    CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO products VALUES (1, 'a velvet cloak');
";

const MAPPING: &str = r#"
    busy_timeout_ms = 2000
    pseudonym_key = "0123456789abcdef secret"
    [table.customers]
    subject = { customer_id = "id", email = "email" }
    yields = { stripe_customer = "stripe" }
    erase = { pseudonymize = { email = "unique", name = "null", last_ip = "truncate", born = { date = "year" }, stripe = "hash" } }
    [table.orders]
    references = { customer_id = "customers.id" }
    erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "placed_at" }, pseudonymize = { street = "null" } }
    [table.lines]
    references = { order_id = "orders.id" }
    erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "orders.placed_at" }, pseudonymize = { what = { value = "a thing" } } }
    [table.sessions]
    references = { customer_id = "customers.id" }
    erase = "delete"
    [table.comments]
    references = { customer_id = "customers.id" }
    erase = "delete"
    [table.mails]
    subject = { email = "address" }
    erase = "delete"
"#;

struct Sqlite(Shop);

async fn sqlite() -> impl Fixture {
    let shop = Shop::new(SCHEMA);
    let mut connection = shop.open();
    let connection = connection.transaction().unwrap();
    for (id, name) in [(1, "Ada Lovelace"), (10, "Eve Moneypenny")] {
        let first = id * 1000;
        let email = format!("user{id}@example.com");
        connection
            .execute(
                "INSERT INTO customers VALUES (?1, ?2, ?3, ?4, '1984-05-17', ?5)",
                (
                    id,
                    &email,
                    name,
                    format!("203.0.113.{}", 70 + id),
                    format!("cus_{id}0000000"),
                ),
            )
            .unwrap();
        for n in 0..9 {
            // The first ones are kept, some of the last ones are over.
            let year = if n < 6 { 2025 } else { 2009 };
            let street = format!("{n} St James's Square, {name}");
            connection
                .execute(
                    "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, '12.50', 1)",
                    (
                        first + n,
                        id,
                        format!("{year}-03-0{} 10:00:00", n + 1),
                        street,
                    ),
                )
                .unwrap();
            for line in 0..2 {
                let what = format!("a cloak for {name}");
                connection
                    .execute(
                        "INSERT INTO lines VALUES (?1, ?2, ?3, x'00ff80')",
                        (first + n, line, what),
                    )
                    .unwrap();
            }
            connection
                .execute(
                    "INSERT INTO sessions VALUES (?1, ?2, ?3)",
                    (format!("token-{id}-{n}"), id, 1_700_000_000 + n),
                )
                .unwrap();
            let parent = (n > 0).then_some(first + n - 1);
            connection
                .execute(
                    "INSERT INTO comments VALUES (?1, ?2, ?3, ?4)",
                    (first + n, id, parent, format!("{name} says {n}")),
                )
                .unwrap();
            connection
                .execute(
                    "INSERT INTO mails VALUES (?1, ?2, ?3)",
                    (first + n, &email, format!("Dear {name} {n}")),
                )
                .unwrap();
        }
    }
    connection.commit().unwrap();
    Sqlite(shop)
}

fn connector_at(path: &std::path::Path, mapping: &str) -> Box<dyn Connector> {
    let config: SqlConfig =
        toml::from_str(&format!("url = \"sqlite:{}\"\n{mapping}", path.display())).unwrap();
    let connector = SqlConnector::new(
        ConnectorName::new("shop").unwrap(),
        &config,
        path.parent().unwrap(),
    )
    .unwrap();
    Box::new(connector.with_today(|| jiff::civil::date(2026, 11, 21)))
}

#[async_trait]
impl Fixture for Sqlite {
    async fn connector(&self) -> Box<dyn Connector> {
        connector_at(&self.0.path(), MAPPING)
    }

    fn subject(&self) -> Subject {
        subject(&["email=user1@example.com"])
    }

    fn bystander(&self) -> Subject {
        subject(&["email=user10@example.com"])
    }

    fn unknown(&self) -> Subject {
        subject(&[
            "email=user@example.com",
            "customer_id=100",
            "stripe_customer=cus_none",
        ])
    }

    async fn state(&self) -> State {
        let mut state = State::default();
        for (table, row) in self.0.rows() {
            // Ada's rows have the numbers 1 and 1000 to 1008; of sessions the token tells.
            let is_hers = match table.as_str() {
                "products" => false,
                "customers" => row[0] == "Integer(1)",
                "sessions" => row[1] == "Integer(1)",
                _ => row[0].len() == "Integer(1000)".len(),
            };
            let of = if is_hers {
                &mut state.of_subject
            } else {
                &mut state.of_others
            };
            of.push(format!("{table}: {row:?}"));
        }
        state
    }

    fn personal_values(&self) -> Vec<String> {
        [
            "Ada Lovelace",
            "cus_10000000",
            "token-1-3",
            "St James",
            "203.0.113.71",
            "0123456789abcdef secret",
            "shop.db",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    async fn broken(&self) -> Vec<Broken> {
        let text = self.0.path().with_file_name("text.db");
        std::fs::write(
            &text,
            "this is a text and not a database, however long it may be".repeat(100),
        )
        .unwrap();
        let missing = MAPPING.replace("table.mails", "table.letters");
        vec![
            Broken {
                what: "there is no such file",
                connector: connector_at(&self.0.path().with_file_name("none.db"), MAPPING),
                kind: ErrorKind::Config,
            },
            Broken {
                what: "the file is no database",
                connector: connector_at(&text, MAPPING),
                kind: ErrorKind::Config,
            },
            Broken {
                what: "a table is missing",
                connector: connector_at(&self.0.path(), &missing),
                kind: ErrorKind::Config,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        let refuse = "CREATE TRIGGER refuse BEFORE DELETE ON sessions WHEN OLD.token IN ('token-1-2', 'token-1-7') \
                      BEGIN SELECT RAISE(ABORT, 'the session of Ada Lovelace stays'); END";
        self.0.open().execute_batch(refuse).unwrap();
        2
    }
}

adieu_testkit::conformance!(sqlite);
