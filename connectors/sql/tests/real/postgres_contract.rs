//! The SQL connector keeps the contract over PostgreSQL, in a database with traps in it.

use std::fmt::Write as _;

use adieu_core::{Connector, ErrorKind, Subject, async_trait};
use adieu_testkit::{Broken, Fixture, State};

use crate::common::subject;
use crate::place::{Place, Server, connector_at};
use crate::servers::postgres;

const SCHEMA: &str = r#"
    CREATE TYPE state AS ENUM ('open', 'paid');
    CREATE TABLE customers (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email VARCHAR(60) NOT NULL UNIQUE, name TEXT,
        last_ip INET, born DATE, stripe TEXT, score NUMERIC(12,2), tags TEXT[], upper_name TEXT GENERATED ALWAYS AS (upper(name)) STORED);
    CREATE SCHEMA sales;
    CREATE TABLE sales.orders (id UUID PRIMARY KEY, customer_id BIGINT NOT NULL REFERENCES customers, placed_at TIMESTAMPTZ NOT NULL,
        street TEXT, total NUMERIC(10,2), state state, meta JSONB);
    CREATE TABLE lines (order_id UUID NOT NULL REFERENCES sales.orders, line SMALLINT NOT NULL, what CHAR(20), photo BYTEA,
        PRIMARY KEY (order_id, line));
    CREATE TABLE sessions (token TEXT COLLATE "C" PRIMARY KEY, customer_id BIGINT REFERENCES customers ON DELETE CASCADE, seen_at TIMESTAMP);
    CREATE TABLE comments (id INT PRIMARY KEY, customer_id BIGINT REFERENCES customers, parent_id INT REFERENCES comments, text TEXT);
    CREATE TABLE mails (address TEXT, "the text" TEXT);
    CREATE TABLE visits (at DATE NOT NULL, id BIGINT NOT NULL, customer_id BIGINT, page TEXT, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
    CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
    CREATE TABLE visits_new PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
    ALTER TABLE visits_old ADD FOREIGN KEY (customer_id) REFERENCES customers;
    CREATE VIEW everybody AS SELECT * FROM customers;
    CREATE TABLE products (id INT PRIMARY KEY, name TEXT);
    INSERT INTO products VALUES (1, 'a velvet cloak');
"#;

const MAPPING: &str = r#"
    busy_timeout_ms = 2000
    pseudonym_key = "0123456789abcdef secret"
    [table.customers]
    subject = { customer_id = "id", email = "email" }
    yields = { stripe_customer = "stripe" }
    [table.customers.erase.pseudonymize]
    email = "unique"
    name = "null"
    last_ip = "truncate"
    born = { date = "year" }
    stripe = "hash"
    score = { value = 0 }
    tags = { value = "{}" }
    [table."sales.orders"]
    references = { customer_id = "customers.id" }
    erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "placed_at" }, pseudonymize = { street = "null", meta = { value = "{\"erased\": true}" } } }
    [table.lines]
    references = { order_id = "sales.orders.id" }
    erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "sales.orders.placed_at" }, pseudonymize = { what = { value = "a thing" } } }
    [table.sessions]
    references = { customer_id = "customers.id" }
    erase = "delete"
    [table.comments]
    references = { customer_id = "customers.id" }
    erase = "delete"
    [table.mails]
    subject = { email = "address" }
    erase = "delete"
    [table.visits]
    references = { customer_id = "customers.id" }
    erase = "delete"
"#;

struct Postgres(Place);

async fn a_postgres_database() -> impl Fixture {
    let mut sql = SCHEMA.to_owned();
    for (id, name) in [(1, "Ada Lovelace"), (10, "Eve Moneypenny")] {
        let ip = 70 + id;
        let _ = write!(
            sql,
            "INSERT INTO customers OVERRIDING SYSTEM VALUE VALUES ({id}, 'user{id}@example.com', '{name}', '203.0.113.{ip}', '1984-05-17',
               'cus_{id}0000000', 4.5, ARRAY['{name}', NULL]);"
        );
        for n in 0..9 {
            // The first ones are kept, some of the last ones are over.
            let year = if n < 6 { 2025 } else { 2009 };
            let (number, order) = (
                id * 1000 + n,
                format!("{id:08}-0000-4000-8000-00000000000{n}"),
            );
            let parent = if n > 0 {
                (number - 1).to_string()
            } else {
                "NULL".to_owned()
            };
            let month = n + 1;
            let _ = write!(
                sql,
                "INSERT INTO sales.orders VALUES ('{order}', {id}, '{year}-03-0{month} 10:00:00+02', '{n} St James''s Square, {name}', 12.50, 'paid',
                   '{{\"of\": \"{name}\", \"big\": 12345678901234567890.5}}');
                 INSERT INTO lines VALUES ('{order}', 0, 'for {name}', '\\x00ff80'), ('{order}', 1, 'for {name}', '\\x00ff80');
                 INSERT INTO sessions VALUES ('token-{id}-{n}', {id}, '2026-0{month}-01');
                 INSERT INTO comments VALUES ({number}, {id}, {parent}, '{name} says {n}');
                 INSERT INTO mails VALUES ('user{id}@example.com', 'Dear {name} {n}');
                 INSERT INTO visits VALUES ('202{n}-05-05', {number}, {id}, '/of/{name}');"
            );
        }
    }
    Postgres(Place::new(Server::Postgres, &sql))
}

fn boxed(url: &str, mapping: &str) -> Box<dyn Connector> {
    Box::new(connector_at(url, mapping).unwrap())
}

#[async_trait]
impl Fixture for Postgres {
    async fn connector(&self) -> Box<dyn Connector> {
        boxed(&self.0.url(), MAPPING)
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
            // Ada is number 1, her rows have the numbers 1000 to 1008, and her orders begin with 00000001.
            let is_hers = match table.as_str() {
                "products" => false,
                "customers" => row.starts_with("(1,"),
                "sessions" => row.starts_with("(token-1-"),
                "mails" => row.starts_with("(user1@"),
                "sales.orders" | "lines" => row.starts_with("(00000001-"),
                "comments" => row.starts_with("(100"),
                _ => row.contains("-05-05,100"),
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
            "adieu@localhost",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    async fn broken(&self) -> Vec<Broken> {
        let url = self.0.url();
        let missing = MAPPING.replace("table.mails", "table.letters");
        vec![
            Broken {
                what: "there is no such database",
                connector: boxed(&postgres().url("none"), MAPPING),
                kind: ErrorKind::Config,
            },
            Broken {
                what: "there is no server",
                connector: boxed("postgres://adieu@localhost/shop?host=/nowhere", MAPPING),
                kind: ErrorKind::Unavailable,
            },
            Broken {
                what: "there is no such user",
                connector: boxed(&url.replace("adieu@", "eve@"), MAPPING),
                kind: ErrorKind::Unauthorized,
            },
            Broken {
                what: "a table is missing",
                connector: boxed(&url, &missing),
                kind: ErrorKind::Config,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                        IF OLD.token IN ('token-1-2', 'token-1-7') THEN RAISE EXCEPTION 'the session of Ada Lovelace stays'; END IF;
                        RETURN OLD; END $$;
                      CREATE TRIGGER refuse BEFORE DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()";
        self.0.query(refuse);
        2
    }
}

adieu_testkit::conformance!(a_postgres_database);
