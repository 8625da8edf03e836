//! The demo ends well only if its end state is right, and leaves what it promises.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::place::{Place, csv_rows};

#[test]
fn the_demo_goes_the_whole_way_and_leaves_everything_to_look_at() {
    let place = Place::new();
    let ran = place.run(&["demo", "--once", "--dir", "demo"]).ended(0);
    assert!(
        ran.out.matches("  ✓ ").count() >= 12 && !ran.out.contains('✗'),
        "{}",
        ran.out
    );
    let demo = |name: &str| place.path(&format!("demo/{name}"));
    for name in [
        "archive.zip",
        "receipt.jws",
        "receipt.opening",
        "jwks.json",
        "adieu.toml",
        "shop.db",
        "uploads/users/10/picture.png",
    ] {
        assert!(demo(name).exists(), "{name} is missing");
    }
    // The end state once more, asked by other means than the demo's own.
    let shop = rusqlite::Connection::open(demo("shop.db")).unwrap();
    let count = |sql: &str| shop.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
    for (table, hers, others) in [
        ("orders", 0, 3),
        ("sessions", 0, 3),
        ("tickets", 0, 2),
        ("invoices", 2, 3),
    ] {
        assert_eq!(
            count(&format!(
                "SELECT count(*) FROM {table} WHERE customer_id = 1"
            )),
            hers,
            "{table}"
        );
        assert_eq!(
            count(&format!(
                "SELECT count(*) FROM {table} WHERE customer_id <> 1"
            )),
            others,
            "{table}"
        );
    }
    assert_eq!(
        count("SELECT count(*) FROM customers WHERE email = 'ada.fairweather@example.com'"),
        0
    );
    assert_eq!(
        count("SELECT count(*) FROM customers WHERE name = 'Ada Fairweather' AND id = 10"),
        1
    );
    assert_eq!(
        count("SELECT count(*) FROM invoices WHERE customer_id <> 1 AND bill_to IS NULL"),
        0
    );
    assert!(!demo("uploads/users/1/picture.png").exists());
    let tickets = csv_rows(&demo("archive.zip"), "shop/tickets.csv");
    assert_eq!(
        (tickets.len(), tickets[0]["handled_by"].as_str()),
        (1, "[masked]")
    );
    assert!(!tickets[0].contains_key("internal_note"), "{tickets:?}");
    let opening = place.read("demo/receipt.opening");
    let verify = [
        "receipt",
        "verify",
        "demo/receipt.jws",
        "--jwks",
        "demo/jwks.json",
    ];
    let about = [
        "--subject",
        "email=ada.fairweather@example.com",
        "--opening",
        opening.trim(),
    ];
    place.run(&[verify.as_slice(), &about].concat()).ended(0);
}

#[test]
fn the_commands_that_the_demo_suggests_do_what_it_says() {
    let place = Place::new();
    place.run(&["demo", "--once", "--dir", "demo"]).ended(0);
    let config = ["--config", "demo/adieu.toml"];
    let run = |line: &[&str]| place.run(&[line, &config].concat());
    run(&["check"]).ended(0);
    run(&[
        "export",
        "--subject",
        "email=bob.mercer@example.com",
        "--out",
        "bob.zip",
    ])
    .ended(0);
    run(&[
        "erase",
        "--subject",
        "email=alan.fairweather@example.com",
        "--yes",
    ])
    .ended(4);
    run(&["audit", "verify"]).ended(0);
}

#[test]
fn the_demo_is_made_anew_in_its_own_folder_and_in_no_other() {
    let place = Place::new();
    place.run(&["demo", "--once", "--dir", "demo"]).ended(0);
    let first = place.read("demo/receipt.jws");
    let (code, second) = place.json(&["demo", "--once", "--dir", "demo"]);
    assert_eq!(code, 0);
    assert_ne!(place.read("demo/receipt.jws"), first);
    assert!(
        second["checks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|check| check["holds"] == json!(true))
    );
    let before = place.read("adieu.toml");
    let ran = place.run(&["demo", "--once", "--dir", "."]).ended(2);
    assert!(ran.err.contains("is not empty"), "{}", ran.err);
    assert_eq!(place.read("adieu.toml"), before);
    // What somebody else put into the demo's folder is not removed either.
    place.write("demo/mine.txt", "mine");
    place.run(&["demo", "--once", "--dir", "demo"]).ended(2);
    assert_eq!(place.read("demo/mine.txt"), "mine");
}

#[test]
fn without_a_folder_the_demo_finds_one_and_says_where() {
    let place = Place::new();
    let temporary = place.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let output = place
        .command(&["demo", "--once", "--json"])
        .env("TMPDIR", &temporary)
        .output()
        .unwrap();
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let folder = std::path::Path::new(document["folder"].as_str().unwrap());
    assert!(folder.join("archive.zip").is_file());
}

#[test]
fn the_shop_stays_open_until_ctrl_c_and_leaves_nothing_behind() {
    let place = Place::new();
    let temporary = place.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut shop = place
        .command(&["demo"])
        .env("TMPDIR", &temporary)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(shop.stdout.take().unwrap()).lines();
    let links: Vec<String> = lines
        .map(Result::unwrap)
        .take_while(|line| !line.contains("configuration"))
        .filter(|line| line.contains("#token="))
        .collect();
    let [ada, alan] = links.as_slice() else {
        panic!("{links:?}");
    };
    let (home, token) = ada.trim().split_once("/privacy#token=").unwrap();
    assert!(alan.trim().starts_with(home));
    let get = |path: &str| {
        let address = home.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let orders = get("/orders");
    assert!(orders.starts_with("HTTP/1.1 200"), "{orders}");
    assert!(
        orders.contains("12 Canal Row") && !orders.contains("Bob Mercer"),
        "{orders}"
    );
    let map = get("/privacy/v1/data-map");
    assert!(
        map.starts_with("HTTP/1.1 200") && map.contains("nightly backups"),
        "{map}"
    );
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 1);

    let pid = shop.id().to_string();
    let interrupted = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(shop.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
}
