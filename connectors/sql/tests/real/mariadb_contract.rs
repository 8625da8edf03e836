//! The SQL connector keeps the contract over MariaDB and MySQL, in a database with traps in it.

use std::fmt::Write as _;

use adieu_core::{Connector, ErrorKind, Subject, async_trait};
use adieu_testkit::{Broken, Fixture, State};

use crate::common::subject;
use crate::place::{Place, Server, connector_at};

const SCHEMA: &str = r#"
    CREATE TABLE customers (id BIGINT UNSIGNED PRIMARY KEY, email VARCHAR(60) NOT NULL UNIQUE, name TEXT CHARACTER SET latin1,
        last_ip INET6, born DATE, stripe VARCHAR(100), score DECIMAL(12,2), joined DATETIME,
        upper_name TEXT AS (upper(name)) VIRTUAL);
    CREATE TABLE orders (id BINARY(16) PRIMARY KEY, customer_id BIGINT UNSIGNED NOT NULL, placed_at TIMESTAMP NOT NULL,
        street TEXT, total DECIMAL(10,2), state ENUM('open', 'paid'), meta JSON, FOREIGN KEY (customer_id) REFERENCES customers (id));
    CREATE TABLE `order` (order_id BINARY(16) NOT NULL, line SMALLINT NOT NULL, what CHAR(20), photo BLOB,
        PRIMARY KEY (order_id, line), FOREIGN KEY (order_id) REFERENCES orders (id));
    CREATE TABLE sessions (token VARCHAR(40) PRIMARY KEY, customer_id BIGINT UNSIGNED, seen_at DATETIME,
        FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE);
    CREATE TABLE comments (id INT PRIMARY KEY, customer_id BIGINT UNSIGNED, parent_id INT, text TEXT,
        FOREIGN KEY (customer_id) REFERENCES customers (id), FOREIGN KEY (parent_id) REFERENCES comments (id));
    CREATE TABLE mails (address VARCHAR(60), number INT, `the "text"` TEXT, UNIQUE (address(10)), UNIQUE KEY n (number), KEY (address));
    ALTER TABLE mails MODIFY number INT NOT NULL, DROP INDEX address;
    CREATE TABLE visits (at DATE NOT NULL, id BIGINT NOT NULL, customer_id BIGINT UNSIGNED, page TEXT, PRIMARY KEY (at, id))
        PARTITION BY RANGE COLUMNS (at) (PARTITION old VALUES LESS THAN ('2026-01-01'), PARTITION new VALUES LESS THAN (MAXVALUE));
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
    joined = { value = "2000-01-01" }
    [table.orders]
    references = { customer_id = "customers.id" }
    erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "placed_at" }, pseudonymize = { street = "null", meta = { value = "{\"erased\": true}" } } }
    [table.order]
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
    [table.visits]
    references = { customer_id = "customers.id" }
    erase = "delete"
"#;

/// What only MySQL has. It has no type for addresses.
const ONLY_IN_MYSQL: &str = r#"
    ALTER TABLE customers ADD COLUMN mood VARCHAR(20) INVISIBLE DEFAULT 'of Ada Lovelace',
        ADD UNIQUE INDEX lower_email ((lower(email)));
    ALTER TABLE orders ADD INDEX of_meta ((CAST(meta -> '$.numbers' AS UNSIGNED ARRAY)));
"#;

struct Shop(Place);

async fn a_mariadb_database() -> impl Fixture {
    a_database(Server::MariaDb)
}

pub(crate) fn a_database(server: Server) -> impl Fixture {
    let mut sql = match server {
        Server::MySql => SCHEMA.replace("INET6", "VARCHAR(45)") + ONLY_IN_MYSQL,
        _ => SCHEMA.to_owned(),
    };
    for (id, name) in [(1, "Ada Lovelace"), (10, "Eve Moneypenny")] {
        let ip = 70 + id;
        let _ = write!(
            sql,
            "INSERT INTO customers (id, email, name, last_ip, born, stripe, score, joined)
               VALUES ({id}, 'user{id}@example.com', '{name}', '::ffff:203.0.113.{ip}', '1984-05-17', 'cus_{id}0000000', 4.5, '2021-02-03 04:05:06');"
        );
        for n in 0..9 {
            // The first ones are kept, some of the last ones are over.
            let year = if n < 6 { 2025 } else { 2009 };
            let (number, order) = (id * 1000 + n, format!("x'{id:08x}{n:024x}'"));
            let parent = if n > 0 {
                (number - 1).to_string()
            } else {
                "NULL".to_owned()
            };
            let month = n + 1;
            let _ = write!(
                sql,
                "INSERT INTO orders VALUES ({order}, {id}, '{year}-03-0{month} 10:00:00', '{n} St James''s Square, {name}', 12.50, 'paid',
                   '{{\"of\": \"{name}\", \"big\": 12345678901234567890.5}}');
                 INSERT INTO `order` VALUES ({order}, 0, 'for {name}', x'00ff80'), ({order}, 1, 'for {name}', x'00ff80');
                 INSERT INTO sessions VALUES ('token-{id}-{n}', {id}, '2026-0{month}-01');
                 INSERT INTO comments VALUES ({number}, {id}, {parent}, '{name} says {n}');
                 INSERT INTO mails VALUES ('user{id}@example.com', {number}, 'Dear {name} {n}');
                 INSERT INTO visits VALUES ('202{n}-05-05', {number}, {id}, '/of/{name}');"
            );
        }
    }
    Shop(Place::new(server, &sql))
}

fn boxed(url: &str, mapping: &str) -> Box<dyn Connector> {
    Box::new(connector_at(url, mapping).unwrap())
}

#[async_trait]
impl Fixture for Shop {
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
            "email=USER1@example.com",
            "email=user1@example.com ",
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
                "customers" => row.starts_with("1\t"),
                "sessions" => row.starts_with("token-1-"),
                "mails" => row.contains("\t100"),
                "orders" | "order" => row.starts_with("0x00000001"),
                "comments" => row.starts_with("100"),
                _ => row.contains("-05-05\t100"),
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
            "root@localhost",
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
                connector: boxed(&url.replace(self.0.name(), "none"), MAPPING),
                kind: ErrorKind::Config,
            },
            Broken {
                what: "there is no server",
                connector: boxed(
                    "mysql://root@localhost/shop?socket=/nowhere/socket",
                    MAPPING,
                ),
                kind: ErrorKind::Unavailable,
            },
            Broken {
                what: "there is no such user",
                connector: boxed(&url.replace("root@", "eve@"), MAPPING),
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
        let refuse = "DELIMITER //
                      CREATE TRIGGER refuse BEFORE DELETE ON sessions FOR EACH ROW
                      IF OLD.token IN ('token-1-2', 'token-1-7') THEN
                        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the session of Ada Lovelace stays'; END IF//\n";
        self.0.run(refuse);
        2
    }
}

adieu_testkit::conformance!(a_mariadb_database);
