//! Cloudflare's own D1 engine in a program beside the tests, and a look into its databases without the connector.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use adieu_core::{ConnectorName, Secret, Setting};
use adieu_http_client::Client;
use adieu_sql::{SqlConfig, SqlConnector};
use serde_json::{Value, json};

/// How many databases `start.mjs` makes.
const DATABASES: usize = 16;

/// All servers so far; the last one has databases left, or the next one is due.
static SERVERS: Mutex<(Vec<Server>, usize)> = Mutex::new((Vec::new(), 0));

/// It ends when this program does: its standard input is then closed.
struct Server {
    port: u16,
    _program: Child,
}

/// Whether there is a D1 to test with.
pub(crate) fn d1_is_there() -> Result<(), String> {
    let tools = tools();
    match tools.join("node_modules/miniflare").is_dir() {
        true => Ok(()),
        false => Err("miniflare is not installed; run `cargo xtask tools`".to_owned()),
    }
}

/// The same, for tests that are not the kit's: `false` when they are skipped, which is said.
pub(crate) fn may_run() -> bool {
    match d1_is_there() {
        Ok(()) => true,
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "{why}");
            println!("skipped: {why}");
            false
        }
    }
}

/// The port of a server and a database there that nobody has used.
fn unused() -> (u16, usize) {
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    let (servers, used) = &mut *servers;
    if *used == servers.len() * DATABASES {
        servers.push(start());
    }
    *used += 1;
    (
        servers[(*used - 1) / DATABASES].port,
        (*used - 1) % DATABASES,
    )
}

fn tools() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/node");
    std::env::var_os("ADIEU_TEST_NODE").map_or(ours, PathBuf::from)
}

fn start() -> Server {
    let mut program = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/d1/start.mjs"))
        .arg(tools())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = program.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    Server {
        port: line.trim().parse().unwrap(),
        _program: program,
    }
}

/// A D1 database of its own.
pub(crate) struct Board {
    pub(crate) name: String,
    port: u16,
}

impl Board {
    /// Makes a database with this content: statements with `;` at the end of a line.
    pub(crate) async fn new(content: &str) -> Self {
        let (port, number) = unused();
        let board = Self {
            name: format!("DB{number}"),
            port,
        };
        let lines = content
            .lines()
            .filter(|line| !line.trim().starts_with("--"));
        let content = lines.collect::<Vec<_>>().join("\n") + "\n";
        let statements: Vec<&str> = content.split(";\n").map(str::trim).collect();
        let statements = statements.into_iter().filter(|one| !one.is_empty());
        board.run(&statements.collect::<Vec<_>>()).await;
        board
    }

    /// Runs statements, each with its rows.
    pub(crate) async fn run(&self, statements: &[&str]) -> Vec<Vec<Vec<Value>>> {
        let answer = self
            .call("/_test/exec", json!({"statements": statements}))
            .await;
        serde_json::from_value(answer).unwrap()
    }

    /// What is to happen to the next calls that write.
    pub(crate) async fn plan(&self, plan: Value) {
        self.call("/_test/plan", json!({"plan": plan})).await;
    }

    /// The calls since the last look: of each its statements.
    pub(crate) async fn sent(&self) -> Vec<Vec<Value>> {
        serde_json::from_value(self.call("/_test/sent", json!({})).await).unwrap()
    }

    fn server(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn call(&self, route: &'static str, mut body: Value) -> Value {
        body["database"] = json!(self.name);
        let client = Client::builder("the tests' D1", self.server())
            .build()
            .unwrap();
        let answer = client.post(route).json(&body).send().await.unwrap();
        answer.success().unwrap().json().unwrap()
    }

    /// Every row of every table: its table, and its values as SQL writes them, with their types and every byte.
    pub(crate) async fn rows(&self) -> Vec<(String, String)> {
        let mine = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'";
        let names = self.run(&[mine]).await.concat().concat();
        let names: Vec<&str> = names.iter().map(|name| name.as_str().unwrap()).collect();
        let columns = names.iter().map(|name| {
            format!("SELECT group_concat('quote(\"' || name || '\")', ' || '', '' || ') FROM pragma_table_xinfo('{name}')")
        });
        let columns: Vec<String> = columns.collect();
        let columns = self
            .run(&columns.iter().map(String::as_str).collect::<Vec<_>>())
            .await;
        let queries = names.iter().zip(columns).map(|(name, columns)| {
            format!("SELECT {} FROM \"{name}\"", columns[0][0].as_str().unwrap())
        });
        let queries: Vec<String> = queries.collect();
        let found = self
            .run(&queries.iter().map(String::as_str).collect::<Vec<_>>())
            .await;
        let found = names.into_iter().zip(found);
        let mut rows: Vec<(String, String)> = found
            .flat_map(|(name, rows)| {
                let rows = rows.into_iter();
                rows.map(|row| (name.to_owned(), row[0].as_str().unwrap().to_owned()))
            })
            .collect();
        rows.sort();
        rows
    }

    /// A number that a query answers with.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.run(&[query]).await[0][0][0].as_i64().unwrap()
    }

    /// The connector's configuration, with a mapping in TOML.
    pub(crate) fn config(&self, mapping: &str) -> SqlConfig {
        let url = format!("url = \"d1://an-account/{}\"\n", self.name);
        let mut config: SqlConfig = toml::from_str(&(url + mapping)).unwrap();
        config.token = Some(Setting::Literal(Secret::new("a-token-for-tests")));
        config.api = Some(Setting::Literal(Secret::new(format!(
            "{}/client/v4",
            self.server()
        ))));
        config.http.requests_per_second = 10_000.try_into().ok();
        config
    }

    pub(crate) fn connector(&self, mapping: &str) -> SqlConnector {
        connector(&self.config(mapping))
    }
}

pub(crate) fn connector(config: &SqlConfig) -> SqlConnector {
    let name = ConnectorName::new("board").unwrap();
    let connector = SqlConnector::new(name, config, Path::new(".")).unwrap();
    connector.with_today(|| jiff::civil::date(2026, 11, 21))
}
