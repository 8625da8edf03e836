//! A database of Cloudflare D1 in `adieu.toml`, and whether it can be used.

#![cfg(feature = "d1")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use adieu::Config;

fn toml(url: &str, more: &str) -> String {
    format!(
        "[store]\nurl = \"sqlite:adieu.db\"\nkey = \"file:key\"\n\n\
         [[connector]]\nname = \"board\"\nkind = \"sql\"\nurl = \"{url}\"\n{more}\n\
         [connector.table.users]\nsubject = {{ user_id = \"id\" }}\nerase = \"delete\"\n"
    )
}

#[test]
fn a_database_is_read_and_its_mistakes_have_lines() {
    let good = "token = \"env:CLOUDFLARE_API_TOKEN\"\nhttp = { requests_per_second = 2 }";
    Config::from_toml(&toml("d1://account/database", good), "adieu.toml").unwrap();
    let bad = "token = \"hunter2\"\nhttp = { request_per_second = 2 }";
    let told = Config::from_toml(&toml("d1://account", bad), "adieu.toml");
    let told = told.unwrap_err().to_string();
    for line in [
        "adieu.toml:8:1: connector.board.url: is not d1://ACCOUNT/DATABASE",
        "adieu.toml:9:1: connector.board.token: a token does not belong into this file",
        "connector.board.http.request_per_second: unknown key; did you mean `requests_per_second`?",
    ] {
        assert!(told.contains(line), "{line} is missing in\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_token_that_is_not_named_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "0f".repeat(32)).unwrap();
    let file = folder.path().join("adieu.toml");
    let config = Config::from_toml(&toml("d1://account/database", ""), file).unwrap();
    let told = config.builder().unwrap_err().to_string();
    assert!(told.contains("connector.board.token: is missing"), "{told}");
}

/// Cloudflare's own engine behind the path of its API; it ends when its standard input is closed.
fn engine() -> Option<(u16, Child)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ours = root.join("target/tools/node");
    let tools = std::env::var_os("ADIEU_TEST_NODE").map_or(ours, PathBuf::from);
    if !tools.join("node_modules/miniflare").is_dir() {
        return None;
    }
    let mut program = Command::new("node")
        .arg(root.join("connectors/sql/tests/d1/start.mjs"))
        .arg(tools)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = program.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    Some((line.trim().parse().unwrap(), program))
}

/// Runs a statement past the API.
fn run(port: u16, statement: &str) {
    let body = format!("{{\"database\": \"DB0\", \"statements\": [\"{statement}\"]}}");
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /_test/exec HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_check_tells_whether_it_can_be_used() {
    let Some((port, _program)) = engine() else {
        let why = "miniflare is not installed; run `cargo xtask tools`";
        assert!(std::env::var_os("CI").is_none(), "{why}");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "0f".repeat(32)).unwrap();
    let check = async |token: &str| {
        std::fs::write(folder.path().join("token"), token).unwrap();
        let more = format!("token = \"file:token\"\napi = \"http://127.0.0.1:{port}/client/v4\"");
        let file = folder.path().join("adieu.toml");
        let config = Config::from_toml(&toml("d1://an-account/DB0", &more), file).unwrap();
        let engine = config.engine().await.unwrap();
        let checked = engine.check().await;
        checked
            .into_iter()
            .next()
            .unwrap()
            .1
            .map_err(|error| error.to_string())
    };
    // The database is empty, so what the mapping names is not there.
    let told = check("a-token-for-tests").await.unwrap_err();
    assert!(told.contains("there is no table `users`"), "{told}");
    run(port, "CREATE TABLE users (id INTEGER PRIMARY KEY)");
    check("a-token-for-tests").await.unwrap();
    let told = check("another").await.unwrap_err();
    assert!(told.starts_with("unauthorized: "), "{told}");
}
