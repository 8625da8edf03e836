//! Small requests over HTTP against a running `adieu serve`, measured in one run: `cargo bench -p adieu-tests --bench requests`.
//!
//! Six tables and twenty rows a person, as in `../shared/data/bench/people.sql`, in SQLite; the embedded store. A request's
//! time begins when it is accepted, and ends when the client holds its archive, or its receipt; of queued ones, when it is completed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)] // it prints, and stops when it cannot measure

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use adieu::auth::Scope;
use adieu::auth::sign::{Signer, TokenDraft};
use adieu::core::Secret;
use adieu::engine::{Clock as _, SystemClock};
use jiff::{Span, Timestamp, Unit};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

const PERSONS: usize = 2_000;
const SECRET: &str = "a secret of the benchmark, thirty-two bytes long at least";

fn main() {
    let program = adieu_tests::program_with(&["--release"]);
    println!("Small requests over HTTP: 6 tables, 20 rows; SQLite and the embedded store");
    starting(&program);
    for round in 1..=3 {
        println!("  round {round}");
        one_at_a_time(&program);
        queued(&program);
    }
}

/// From the start of the process to its being ready, and what it then holds in memory.
fn starting(program: &Path) {
    let world = World::new();
    let mut ready = Vec::new();
    let mut idle = 0;
    for _ in 0..5 {
        let server = Server::start(program, &world);
        ready.push(server.ready_after);
        std::thread::sleep(Duration::from_secs(1));
        idle = idle.max(server.memory_kib("VmRSS:"));
    }
    println!(
        "  start to ready: {:.0} ms (median of 5; at most 300 wanted); idle process {:.1} MiB (at most 40 wanted)",
        median(&mut ready) * 1000.0,
        idle as f64 / 1024.0
    );
}

fn one_at_a_time(program: &Path) {
    let world = World::new();
    let server = Server::start(program, &world);
    let mut client = Client::new(server.address);
    let mut exports = Vec::new();
    let mut erasures = Vec::new();
    for person in 1..=30 {
        let export = client.export(&token(person));
        export.wait(&mut client);
        exports.push(export.accepted.elapsed().as_secs_f64() * 1000.0);
        let plan = client.plan(&token(person));
        let erasure = client.erase(&token(person), &plan);
        erasure.wait(&mut client);
        erasures.push(erasure.accepted.elapsed().as_secs_f64() * 1000.0);
    }
    world.assert_erased(1..=30);
    println!(
        "    one at a time: export {:.1} ms (median of 30; at most 40 wanted), erasure {:.1} ms (at most 60 wanted)",
        median(&mut exports),
        median(&mut erasures)
    );
}

fn queued(program: &Path) {
    let world = World::new();
    let server = &Server::start(program, &world);
    let mut client = Client::new(server.address);
    let mut ask = |count: usize, first: usize, erase: bool| {
        let tokens: Vec<String> = (first..first + count).map(token).collect();
        let plans: Vec<String> = match erase {
            true => tokens.iter().map(|token| client.plan(token)).collect(),
            false => Vec::new(),
        };
        let (begun, cpu) = (Instant::now(), server.cpu_ms());
        // Eight clients ask at once, so that a queue builds up.
        let mut asked: Vec<Asked> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|nth| {
                    let (tokens, plans) = (&tokens, &plans);
                    scope.spawn(move || {
                        let mut client = Client::new(server.address);
                        (nth..count)
                            .step_by(8)
                            .map(|at| match erase {
                                true => client.erase(&tokens[at], &plans[at]),
                                false => client.export(&tokens[at]),
                            })
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            clients
                .into_iter()
                .flat_map(|client| client.join().unwrap())
                .collect()
        });
        asked.sort_by_key(|asked| asked.accepted);
        let accepting = begun.elapsed();
        for asked in &asked {
            asked.wait(&mut client);
        }
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        // By the server's clock: a client that waits for one after the other would see none before those ahead of it.
        let spans: Vec<_> = asked.iter().map(|one| one.span(&mut client)).collect();
        let all_queued = spans.iter().map(|(created, _)| *created).max().unwrap();
        let since_asked = spread(spans.iter().map(|(created, finished)| *finished - *created));
        let since_queued = spread(spans.iter().map(|(_, finished)| *finished - all_queued));
        let cpu = (server.cpu_ms() - cpu) / count as f64;
        (rate, accepting, since_asked, since_queued, cpu)
    };
    for (what, count, first, erase, wanted) in [
        ("exports", 100, 1, false, 100),
        ("erasures", 50, 1001, true, 60),
    ] {
        let (rate, accepting, since_asked, since_queued, cpu) = ask(count, first, erase);
        println!(
            "    {count} {what} queued: {rate:.0} a second, their acceptance included (at least {wanted} wanted); accepted in {:.0} ms; \
             {cpu:.1} ms of a processor each",
            accepting.as_secs_f64() * 1000.0,
        );
        for (since, (median, longest)) in [
            ("each was asked", since_asked),
            ("all were queued", since_queued),
        ] {
            println!(
                "      since {since}: median {median:.0} ms, longest {longest:.0} ms, ratio {:.2}",
                median / longest
            );
        }
    }
    world.assert_erased(1001..=1050);
    println!(
        "    memory at its highest: {:.0} MiB",
        server.memory_kib("VmHWM:") as f64 / 1024.0
    );
}

/// A shop's database and a configuration, in a folder.
struct World(TempDir);

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Connection::open(folder.path().join("shop.db")).unwrap();
        database.execute_batch(SCHEMA).unwrap();
        database
            .execute_batch(&PEOPLE.replace(":users", &PERSONS.to_string()))
            .unwrap();
        fs::write(folder.path().join("adieu.toml"), CONFIG).unwrap();
        Self(folder)
    }

    fn assert_erased(&self, persons: std::ops::RangeInclusive<usize>) {
        let database = Connection::open(self.0.path().join("shop.db")).unwrap();
        let count = |sql: &str| -> usize {
            let count: i64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
            count as usize
        };
        let (first, last) = (persons.start(), persons.end());
        for (table, column) in [
            ("users", "id"),
            ("addresses", "user_id"),
            ("orders", "user_id"),
            ("payments", "user_id"),
            ("events", "user_id"),
        ] {
            let left = count(&format!(
                "SELECT count(*) FROM {table} WHERE {column} BETWEEN {first} AND {last}"
            ));
            assert_eq!(left, 0, "{table}");
        }
        let gone = last - first + 1;
        assert_eq!(
            count("SELECT count(*) FROM order_items"),
            (PERSONS - gone) * 8
        );
        assert_eq!(count("SELECT count(*) FROM users"), PERSONS - gone);
    }
}

struct Server {
    process: Child,
    address: SocketAddr,
    ready_after: f64,
}

impl Server {
    fn start(program: &Path, world: &World) -> Self {
        let begun = Instant::now();
        let mut process = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(world.0.path().join("adieu.toml"))
            .env("ADIEU_KEY", "11".repeat(32))
            .env("ADIEU_SECRET", SECRET)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| {
                let rest = line.split_once("http://")?.1;
                rest.split('/').next()?.parse().ok()
            })
            .unwrap();
        let ready_after = begun.elapsed().as_secs_f64();
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            address,
            ready_after,
        }
    }

    /// How much time of a processor the process has had, in milliseconds (`/proc/PID/stat`, in hundredths of a second).
    fn cpu_ms(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
        (ticks(12) + ticks(13)) * 10.0
    }

    /// A line of `/proc/PID/status`, see proc(5).
    fn memory_kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One connection that is kept open.
struct Client(BufReader<TcpStream>);

/// A request that was accepted.
struct Asked {
    link: String,
    token: String,
    accepted: Instant,
    result: &'static str,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    fn export(&mut self, token: &str) -> Asked {
        self.ask(token, r#"{"kind":"export"}"#, "archive")
    }

    fn plan(&mut self, token: &str) -> String {
        let answer = self.call("POST", "/privacy/v1/preview", token, "{}");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["plan_token"].as_str().unwrap().to_owned()
    }

    fn erase(&mut self, token: &str, plan: &str) -> Asked {
        self.ask(
            token,
            &format!(r#"{{"kind":"erasure","plan_token":"{plan}"}}"#),
            "receipt",
        )
    }

    fn ask(&mut self, token: &str, body: &str, result: &'static str) -> Asked {
        let answer = self.call("POST", "/privacy/v1/requests", token, body);
        let accepted = Instant::now();
        assert_eq!(answer.status, 202, "{}", answer.text());
        Asked {
            link: answer.json()["links"]["self"].as_str().unwrap().to_owned(),
            token: token.to_owned(),
            accepted,
            result,
        }
    }

    fn call(&mut self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        Answer::read(&mut self.0)
    }
}

impl Asked {
    /// Waits until the request is over, and fetches what came of it.
    fn wait(&self, client: &mut Client) {
        let events = client.call("GET", &format!("{}/events", self.link), &self.token, "");
        assert!(
            events.text().contains(r#""status":"completed""#),
            "{}",
            events.text()
        );
        let path = format!("{}/{}", self.link, self.result);
        let answer = client.call("GET", &path, &self.token, "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.body.len() > 500);
    }

    /// When it was accepted, and when it ended.
    fn span(&self, client: &mut Client) -> (Timestamp, Timestamp) {
        let answer = client.call("GET", &self.link, &self.token, "").json();
        let at = |name: &str| answer[name].as_str().unwrap().parse().unwrap();
        (at("created_at"), at("finished_at"))
    }
}

struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    fn read(from: &mut BufReader<TcpStream>) -> Self {
        let line = |from: &mut BufReader<TcpStream>| {
            let mut line = String::new();
            from.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let status = line(from).split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        let mut chunked = false;
        loop {
            let header = line(from).to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            chunked |= header == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        loop {
            let piece = match chunked {
                true => usize::from_str_radix(&line(from), 16).unwrap(),
                false => length,
            };
            let begin = body.len();
            body.resize(begin + piece, 0);
            from.read_exact(&mut body[begin..]).unwrap();
            if !chunked {
                break;
            }
            line(from);
            if piece == 0 {
                break;
            }
        }
        Self { status, body }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn token(person: usize) -> String {
    let signer = Signer::from_secret(&Secret::new(SECRET)).unwrap();
    let draft = TokenDraft::new("https://id.example.com", "shop", person.to_string())
        .scopes([Scope::EXPORT, Scope::ERASE]);
    let token = signer.sign(&draft, SystemClock.now()).unwrap();
    token.expose().to_owned()
}

/// The median and the longest of these, in milliseconds; what was over before is nothing.
fn spread(spans: impl Iterator<Item = Span>) -> (f64, f64) {
    let milliseconds = |span: Span| span.total(Unit::Millisecond).unwrap().max(0.0);
    let mut spans: Vec<f64> = spans.map(milliseconds).collect();
    let median = median(&mut spans);
    (median, *spans.last().unwrap())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const CONFIG: &str = r#"
[auth]
issuer = "https://id.example.com"
audience = "shop"
keys = "env:ADIEU_SECRET"

[store]
url = "sqlite:adieu.db"
key = "env:ADIEU_KEY"

[[connector]]
name = "shop"
kind = "sql"
url = "sqlite:shop.db"

[connector.table.events]
references = { user_id = "users.id" }
erase = "delete"

[connector.table.payments]
references = [{ user_id = "users.id" }, { order_id = "orders.id" }]
erase = "delete"

[connector.table.order_items]
references = { order_id = "orders.id" }
erase = "delete"

[connector.table.orders]
references = [{ user_id = "users.id" }, { shipping_address_id = "addresses.id" }]
erase = "delete"

[connector.table.addresses]
references = { user_id = "users.id" }
erase = "delete"

[connector.table.users]
subject = { user_id = "id", email = "email" }
erase = "delete"
"#;

/// The tables of `people.sql`, with an index for each foreign key.
const SCHEMA: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, full_name TEXT, phone TEXT, birth_date TEXT, created_at TEXT NOT NULL,
    plan TEXT NOT NULL);
CREATE TABLE addresses (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), street TEXT, city TEXT, state TEXT,
    zip TEXT, country TEXT NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id),
    shipping_address_id INTEGER REFERENCES addresses (id), total_cents INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL,
    note TEXT, created_at TEXT NOT NULL);
CREATE TABLE order_items (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), sku TEXT NOT NULL,
    qty INTEGER NOT NULL, price_cents INTEGER NOT NULL, gift_message TEXT);
CREATE TABLE payments (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id),
    user_id INTEGER NOT NULL REFERENCES users (id), card_holder TEXT, card_last4 TEXT, billing_zip TEXT, amount_cents INTEGER NOT NULL,
    paid_at TEXT NOT NULL);
CREATE TABLE events (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), at TEXT NOT NULL, kind TEXT NOT NULL,
    ip_address TEXT, user_agent TEXT, path TEXT);
CREATE INDEX addresses_user ON addresses (user_id);
CREATE INDEX orders_user ON orders (user_id);
CREATE INDEX orders_address ON orders (shipping_address_id);
CREATE INDEX order_items_order ON order_items (order_id);
CREATE INDEX payments_order ON payments (order_id);
CREATE INDEX payments_user ON payments (user_id);
CREATE INDEX events_user ON events (user_id);
";

/// The rows of `people.sql`: 1 user, 2 addresses, 4 orders, 8 items, 2 payments and 3 events each.
const PEOPLE: &str = "
BEGIN;
CREATE TEMP TABLE n (i INTEGER PRIMARY KEY);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :users * 8) INSERT INTO temp.n SELECT i FROM n;
INSERT INTO users SELECT i, 'user' || i || '@example.com', 'First' || i || ' Last' || i, printf('+1555%07d', i),
    date('1960-01-01', (i * 37 % 16000) || ' days'), datetime('2020-01-01', i || ' minutes') || 'Z',
    CASE i % 3 WHEN 0 THEN 'free' WHEN 1 THEN 'pro' ELSE 'team' END FROM temp.n WHERE i <= :users;
INSERT INTO addresses SELECT i, (i + 1) / 2, (100 + (i + 1) / 2 % 900) || ' Main Street Apt ' || (2 - i % 2), 'City' || ((i + 1) / 2 % 500),
    'ST' || ((i + 1) / 2 % 50), printf('%05d', (i + 1) / 2 * 7 % 100000), 'US' FROM temp.n WHERE i <= :users * 2;
INSERT INTO orders SELECT i, (i + 3) / 4, ((i + 3) / 4 - 1) * 2 + 1 + i % 2, 1000 + i * 7 % 90000, 'USD',
    CASE i % 4 WHEN 0 THEN 'done' WHEN 1 THEN 'new' WHEN 2 THEN 'paid' ELSE 'shipped' END, 'leave at door ' || i,
    datetime('2022-01-01', i || ' minutes') || 'Z' FROM temp.n WHERE i <= :users * 4;
INSERT INTO order_items SELECT i, (i + 1) / 2, 'SKU-' || (i * 3 % 5000), 1 + i % 2, 500 + i * 3 % 9000, 'gift text ' || i
    FROM temp.n WHERE i <= :users * 8;
INSERT INTO payments SELECT i, ((i + 1) / 2 - 1) * 4 + 2 - i % 2, (i + 1) / 2, 'First' || ((i + 1) / 2) || ' Last' || ((i + 1) / 2),
    printf('%04d', (i + 1) / 2 % 10000), printf('%05d', (i + 1) / 2 * 7 % 100000), 1000 + i * 7 % 90000,
    datetime('2022-02-01', i || ' minutes') || 'Z' FROM temp.n WHERE i <= :users * 2;
INSERT INTO events SELECT i, (i + 2) / 3, datetime('2023-01-01', i || ' seconds') || 'Z',
    CASE i % 3 WHEN 0 THEN 'logout' WHEN 1 THEN 'login' ELSE 'view' END, '10.' || (i % 250) || '.1.' || (i / 250 % 250),
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36', '/page/' || i
    FROM temp.n WHERE i <= :users * 3;
DROP TABLE temp.n;
COMMIT;
";
