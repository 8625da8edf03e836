//! The benchmark's database, small: what is proposed for it is right as it stands.

use adieu_core::Connector as _;
use adieu_testkit::discover;

use crate::common::{erase_all, export, subject, survey};
use crate::place::{Place, Server, data, only_in};
use crate::proposals::{mapping, proposed};

/// So many of the ordinary people of `bench/people.sql`, and nobody heavy.
pub(crate) fn people(users: u32) -> Option<Place> {
    let script = std::fs::read_to_string(data("bench/people.sql")?).unwrap();
    let (ordinary, heavy) = script.split_once("-- ---- heavy users").unwrap();
    let indexes: Vec<&str> = heavy
        .lines()
        .filter(|line| line.starts_with("create index"))
        .collect();
    assert!(!indexes.is_empty(), "the script is not what it was");
    let place = Place::empty(Server::Postgres);
    place.run(&format!(
        "\\set users {users}\n{ordinary}\n{}",
        indexes.join("\n")
    ));
    Some(place)
}

#[tokio::test]
async fn what_is_proposed_exports_and_erases_one_person_unedited() {
    let Some(place) = people(3) else { return };
    let proposal = proposed(&place, "users", "email=email").await;
    let connector = place.connector(&mapping(&proposal));
    let second = discover(&connector, subject(&["email=user2@example.com"]))
        .await
        .unwrap();
    let before = place.rows();
    let preview = survey(&connector, &second).await;
    let expected = [
        ("users", 1),
        ("addresses", 2),
        ("orders", 4),
        ("order_items", 8),
        ("payments", 2),
        ("events", 3),
    ];
    for (table, rows) in expected {
        assert_eq!(
            export(&connector, &second, table).await.unwrap().len(),
            rows,
            "{table}"
        );
    }
    let done = erase_all(&connector, &second).await;
    assert_eq!(done.len(), expected.len());
    for (table, rows) in expected {
        assert_eq!(done[table].erase(), rows as u64, "{table}");
        assert_eq!(preview[table].as_ref().unwrap(), &done[table], "{table}");
    }
    let after = place.rows();
    assert_eq!(only_in(&after, &before), [], "nothing was changed");
    assert_eq!(only_in(&before, &after).len(), 20);
    assert_eq!(
        place.count("SELECT count(*) FROM users WHERE id IN (1, 3)"),
        2
    );
    for tally in survey(&connector, &second).await.into_values() {
        assert_eq!(tally.unwrap().pending(), 0);
    }
}

/// The server itself writes down the plan of every statement that it runs, the checks of foreign keys included.
#[tokio::test]
async fn every_statement_of_a_request_finds_its_rows_by_an_index() {
    let Some(place) = people(2_000) else { return };
    let proposal = proposed(&place, "users", "email=email").await;
    place.query("ANALYZE");
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_nested_statements = on",
        "log_min_messages = 'log'",
    ] {
        place.query(&format!("ALTER DATABASE {} SET {setting}", place.name()));
    }
    let connector = place.connector(&mapping(&proposal));
    let person = discover(&connector, subject(&["email=user1000@example.com"]))
        .await
        .unwrap();
    survey(&connector, &person).await;
    for collection in &connector.descriptor().collections {
        export(&connector, &person, collection.name.as_str())
            .await
            .unwrap();
    }
    erase_all(&connector, &person).await;
    survey(&connector, &person).await;

    let log = crate::servers::postgres().log();
    let plans: Vec<&str> = log.split("plan:\n").skip(1).collect();
    let tables = [
        "users",
        "addresses",
        "orders",
        "order_items",
        "payments",
        "events",
    ];
    for table in tables {
        let of_it = |plan: &&&str| plan.contains(&format!(" on {table}"));
        let count = plans.iter().filter(of_it).count();
        assert!(count >= 4, "only {count} plans of {table} were seen");
        for plan in plans.iter().filter(of_it) {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{plan}");
        }
    }
}
