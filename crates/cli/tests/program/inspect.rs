//! From a database that nobody has mapped to an archive and an erasure, with what the program proposes and nobody edits.

use std::path::Path;

use crate::place::{KEY, Place, Ran, csv_rows};
use crate::servers::postgres;

const ROWS: [(&str, usize); 6] = [
    ("users", 1),
    ("addresses", 2),
    ("orders", 4),
    ("order_items", 8),
    ("payments", 2),
    ("events", 3),
];

/// The script of the benchmark's database, up to the heavy persons; `None` when it is not there, which only continuous
/// integration minds.
fn people() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("ADIEU_TEST_DATA").map_or_else(|| root.join("../shared/data"), Into::into);
    let file = folder.join("bench/people.sql");
    let Ok(script) = std::fs::read_to_string(&file) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{} is not there",
            file.display()
        );
        println!(
            "skipped: {} is not there; set ADIEU_TEST_DATA",
            file.display()
        );
        return None;
    };
    let (ordinary, _) = script.split_once("-- ---- heavy users").unwrap();
    Some(ordinary.to_owned())
}

fn run(place: &Place, url: &str, line: &[&str]) -> Ran {
    let mut command = place.command(line);
    command.env("DATABASE_URL", url).env("ADIEU_KEY", KEY);
    Ran::of(&command.output().unwrap())
}

/// Exports and erases the second of three persons, by a configuration that was proposed.
fn export_and_erase(place: &Place, url: &str, archive: &str) {
    run(place, url, &["check"]).ended(0);
    let who = ["--subject", "email=user2@example.com"];
    run(
        place,
        url,
        &[&["export"], &who[..], &["--out", archive]].concat(),
    )
    .ended(0);
    for (table, rows) in ROWS {
        let name = format!("database/{table}.csv");
        assert_eq!(csv_rows(&place.path(archive), &name).len(), rows, "{table}");
    }
    assert_eq!(
        csv_rows(&place.path(archive), "database/users.csv")[0]["full_name"],
        "First2 Last2"
    );
    run(
        place,
        url,
        &[&["erase"], &who[..], &["--yes", "--receipt", "one.jws"]].concat(),
    )
    .ended(0);
}

#[test]
fn what_is_proposed_for_a_postgresql_database_works_unedited() {
    let Some(script) = people() else { return };
    let place = Place::new();
    std::fs::remove_file(place.path("adieu.toml")).unwrap();
    let database = postgres().create();
    place.write("people.sql", &format!("\\set users 3\n{script}"));
    postgres().run_file(&database, &place.path("people.sql"));
    let url = postgres()
        .url(&database)
        .replace("adieu@", "adieu:hunter2@");
    let inspect = [
        "inspect",
        &url,
        "--subject",
        "users",
        "--identity",
        "email=email",
    ];

    let printed = run(&place, &url, &inspect).ended(0);
    let ran = run(
        &place,
        &url,
        &[&inspect[..], &["--out", "adieu.toml"]].concat(),
    )
    .ended(0);
    assert!(
        ran.out.starts_with("6 tables are mapped in adieu.toml."),
        "{}",
        ran.out
    );
    let proposed = place.read("adieu.toml");
    assert_eq!(printed.out.trim_end(), proposed.trim_end());
    assert!(
        proposed.contains("url = \"env:DATABASE_URL\""),
        "{proposed}"
    );
    for text in [&proposed, &ran.out, &ran.err, &printed.err] {
        assert!(
            !text.contains("hunter2") && !text.contains("localhost"),
            "{text}"
        );
    }

    let counted = |table: &str| -> usize {
        let count = postgres().query(&database, &format!("SELECT count(*) FROM {table}"));
        count.parse().unwrap()
    };
    let others = "SELECT md5(string_agg(u::text || a::text || o::text || e::text, '' ORDER BY u.id, a.id, o.id, e.id)) \
        FROM users u JOIN addresses a ON a.user_id = u.id JOIN orders o ON o.user_id = u.id \
        JOIN events e ON e.user_id = u.id WHERE u.id <> 2";
    let before = postgres().query(&database, others);
    export_and_erase(&place, &url, "second.zip");
    for (table, rows) in ROWS {
        assert_eq!(counted(table), rows * 2, "{table}");
    }
    assert_eq!(postgres().query(&database, others), before);
}

#[test]
fn what_is_proposed_for_an_sqlite_database_works_unedited() {
    let Some(script) = people() else { return };
    let place = Place::new();
    let schema = &script
        [script.find("create table users").unwrap()..script.find("insert into users").unwrap()];
    let shop = place.database("people.db");
    shop.execute_batch(schema).unwrap();
    for user in 1..=3 {
        let rows = format!(
            "INSERT INTO users VALUES ({user}, 'user{user}@example.com', 'First{user} Last{user}', NULL, NULL, '2020-01-01', 'pro');
             INSERT INTO addresses SELECT {user} * 10 + value, {user}, 'Main Street', 'City', 'ST', '1', 'US' FROM json_each('[1,2]');
             INSERT INTO orders SELECT {user} * 10 + value, {user}, {user} * 10 + 1, 9, 'USD', 'new', NULL, '2022-01-01' FROM json_each('[1,2,3,4]');
             INSERT INTO order_items SELECT {user} * 10 + value, {user} * 10 + 1 + value % 4, 'SKU', 1, 9, NULL FROM json_each('[1,2,3,4,5,6,7,8]');
             INSERT INTO payments SELECT {user} * 10 + value, {user} * 10 + value, {user}, NULL, NULL, NULL, 9, '2022-01-01' FROM json_each('[1,2]');
             INSERT INTO events SELECT {user} * 10 + value, {user}, '2023-01-01', 'view', NULL, NULL, NULL FROM json_each('[1,2,3]');"
        );
        shop.execute_batch(&rows).unwrap();
    }
    let before = place.read("adieu.toml");
    let inspect = [
        "inspect",
        "sqlite:people.db",
        "--subject",
        "users",
        "--identity",
        "email=email",
        "--out",
        "adieu.toml",
    ];
    let ran = place.run(&inspect).ended(2);
    assert!(
        ran.err.contains("is there already") && ran.err.contains("--force"),
        "{}",
        ran.err
    );
    assert_eq!(place.read("adieu.toml"), before);
    place.run(&[&inspect[..], &["--force"]].concat()).ended(0);
    assert!(
        place
            .read("adieu.toml")
            .contains("url = \"sqlite:people.db\"")
    );
    export_and_erase(&place, "", "second.zip");
    for (table, rows) in ROWS {
        let owner = match table {
            "users" => "id",
            "order_items" => "order_id / 10",
            _ => "user_id",
        };
        let left: i64 = shop
            .query_row(
                &format!("SELECT count(*) FROM {table} WHERE {owner} IN (1, 3)"),
                [],
                |row| row.get(0),
            )
            .unwrap();
        let all: i64 = shop
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!((left, all), (rows as i64 * 2, rows as i64 * 2), "{table}");
    }
}

#[test]
fn what_inspect_cannot_do_is_told_and_leaves_no_file() {
    let place = Place::new();
    let line = |table: &'static str, identity: &'static str| {
        [
            "inspect",
            "sqlite:shop.db",
            "--subject",
            table,
            "--identity",
            identity,
            "--out",
            "new.toml",
        ]
    };
    for (line, told) in [
        (
            line("customer", "email=email"),
            "there is no table `customer`; did you mean `customers`?",
        ),
        (line("customers", "email=e_mail"), "did you mean `email`?"),
        (line("customers", "E-Mail=email"), "such as email"),
        (line("customers", "email"), "write KIND=COLUMN"),
    ] {
        let ran = place.run(&line).ended(2);
        assert!(ran.err.contains(told), "{}", ran.err);
        assert!(!place.is_there("new.toml") && !place.is_there(".new.toml.unfinished"));
    }
    let (code, document) = place.json(&[
        "inspect",
        "sqlite:shop.db",
        "--subject",
        "customers",
        "--identity",
        "email=email",
    ]);
    assert_eq!(code, 0);
    assert_eq!(
        document["mapped"],
        serde_json::json!(["customers", "orders", "sessions"])
    );
    assert!(
        document["toml"]
            .as_str()
            .unwrap()
            .contains("[connector.table.sessions]")
    );
    let help = place.run(&["inspect", "--help"]).ended(0).out;
    assert!(
        help.contains("adieu inspect env:DATABASE_URL --subject users"),
        "{help}"
    );
}
