//! The SQL connector keeps the contract over D1, with the traps of the file's database.

use std::fmt::Write as _;

use adieu_core::{Connector, ErrorKind, Secret, Setting, Subject, async_trait};
use adieu_sql::SqlConfig;
use adieu_testkit::{Broken, Fixture, State};

use crate::common::subject;
use crate::server::{Board, connector, d1_is_there};

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

struct D1(Board);

async fn a_d1_database() -> impl Fixture {
    let mut sql = SCHEMA.to_owned();
    for (id, name) in [(1, "Ada Lovelace"), (10, "Eve Moneypenny")] {
        let ip = 70 + id;
        let _ = writeln!(
            sql,
            "INSERT INTO customers VALUES ({id}, 'user{id}@example.com', '{name}', '203.0.113.{ip}', '1984-05-17', 'cus_{id}0000000');"
        );
        for n in 0..5 {
            // The first ones are kept, some of the last ones are over.
            let year = if n < 3 { 2025 } else { 2009 };
            let (number, month) = (id * 1000 + n, n + 1);
            let parent = if n > 0 {
                (number - 1).to_string()
            } else {
                "NULL".to_owned()
            };
            let _ = writeln!(
                sql,
                "INSERT INTO orders VALUES ({number}, {id}, '{year}-03-0{month} 10:00:00', '{n} St James''s Square, {name}', '12.50', 1);
                 INSERT INTO lines VALUES ({number}, 0, 'a cloak for {name}', x'00ff80'), ({number}, 1, 'a cloak for {name}', x'00ff80');
                 INSERT INTO sessions VALUES ('token-{id}-{n}', {id}, 170000000{n});
                 INSERT INTO comments VALUES ({number}, {id}, {parent}, '{name} says {n}');
                 INSERT INTO mails VALUES ({number}, 'user{id}@example.com', 'Dear {name} {n}');"
            );
        }
    }
    D1(Board::new(&sql).await)
}

fn boxed(config: &SqlConfig) -> Box<dyn Connector> {
    Box::new(connector(config))
}

#[async_trait]
impl Fixture for D1 {
    async fn connector(&self) -> Box<dyn Connector> {
        boxed(&self.0.config(MAPPING))
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
        for (table, row) in self.0.rows().await {
            // Ada's rows have the numbers 1 and 1000 to 1008; of sessions the token tells.
            let is_hers = match table.as_str() {
                "products" => false,
                "customers" => row.starts_with("1,"),
                "sessions" => row.starts_with("'token-1-"),
                _ => row.starts_with("100") && row.find(',') == Some(4),
            };
            let of = if is_hers {
                &mut state.of_subject
            } else {
                &mut state.of_others
            };
            of.push(format!("{table}: {row}"));
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
            "a-token-for-tests",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    async fn broken(&self) -> Vec<Broken> {
        let config = self.0.config(MAPPING);
        let literal = |text: &str| Setting::Literal(Secret::new(text));
        let mut no_database = config.clone();
        no_database.url = literal("d1://an-account/none");
        let mut no_account = config.clone();
        no_account.url = literal(&format!("d1://another/{}", self.0.name));
        let mut no_token = config.clone();
        no_token.token = Some(literal("another"));
        let mut no_api = config.clone();
        no_api.api = Some(literal("http://127.0.0.1:9/client/v4"));
        no_api.http.attempts = 1.try_into().ok();
        let missing = self
            .0
            .config(&MAPPING.replace("table.mails", "table.letters"));
        [
            ("there is no such database", no_database, ErrorKind::Config),
            ("there is no such account", no_account, ErrorKind::Config),
            (
                "the token is not accepted",
                no_token,
                ErrorKind::Unauthorized,
            ),
            ("nobody answers", no_api, ErrorKind::Unavailable),
            ("a table is missing", missing, ErrorKind::Config),
        ]
        .map(|(what, config, kind)| Broken {
            what,
            connector: boxed(&config),
            kind,
        })
        .into()
    }

    async fn poison(&self) -> u64 {
        let refuse = "CREATE TRIGGER refuse BEFORE DELETE ON sessions WHEN OLD.token IN ('token-1-2', 'token-1-4') \
                      BEGIN SELECT RAISE(ABORT, 'the session of Ada Lovelace stays'); END";
        self.0.run(&[refuse]).await;
        2
    }
}

adieu_testkit::conformance!(a_d1_database, d1_is_there);
