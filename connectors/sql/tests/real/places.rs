//! A person of more rows than a batch has, on PostgreSQL: they are found once and each batch is gone to by its place, while others
//! write.

use adieu_core::{Connector as _, Cursor, Erased, StepKey, Subject};
use adieu_sql::SqlConnector;

use crate::common::{erase, step, subject, survey};
use crate::place::{Place, Server, connector_at};

const SHOP: &str = "
    CREATE TABLE people (id INT PRIMARY KEY, email TEXT UNIQUE);
    CREATE TABLE orders (id INT PRIMARY KEY, person INT NOT NULL REFERENCES people (id), note TEXT);
    CREATE TABLE items (id INT PRIMARY KEY, orders INT NOT NULL REFERENCES orders (id));
    INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com');
    INSERT INTO orders SELECT i, 1 + i / 1000, 'note ' || i FROM generate_series(1, 1100) AS i;
    INSERT INTO items SELECT i, 1 + i % 1100 FROM generate_series(1, 2200) AS i;";

const MAPPING: &str = r#"
    [table.people]
    subject = { email = "email" }
    erase = "delete"
    [table.orders]
    references = { person = "people.id" }
    erase = "delete"
    [table.items]
    references = { orders = "orders.id" }
    erase = "delete""#;

/// Connections that read where rows lie.
const READERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT CAST(t.ctid AS TEXT)%' AND state <> 'idle'";

/// A step of an erasure, in batches of 100 rows.
async fn erase_step(
    connector: &SqlConnector,
    who: &Subject,
    collection: &str,
    from: Option<Cursor>,
) -> Erased {
    let step = step(who, collection)
        .in_run(StepKey::new("erasure"))
        .at_most(std::num::NonZeroU32::new(100).unwrap())
        .at(from);
    connector.erase(&step).await.unwrap()
}

/// Steps from a cursor to the end; how many rows they deleted.
async fn to_the_end(
    connector: &SqlConnector,
    who: &Subject,
    collection: &str,
    mut from: Option<Cursor>,
) -> u64 {
    let mut rows = 0;
    while from.is_some() {
        let erased = erase_step(connector, who, collection, from).await;
        assert!(erased.tally.failed().is_empty());
        rows += erased.tally.erase();
        from = erased.next;
    }
    rows
}

fn is_read_by_place(place: &Place) -> bool {
    place.count(READERS) > 0
}

#[tokio::test]
async fn a_row_that_is_not_hers_any_more_when_its_turn_comes_stays() {
    let place = Place::new(Server::Postgres, SHOP);
    let connector = place.connector(MAPPING);
    let ada = subject(&["email=ada@example.com"]);
    place.query("DELETE FROM items");
    let first = erase_step(&connector, &ada, "orders", None).await;
    assert!(!is_read_by_place(&place));
    let second = erase_step(&connector, &ada, "orders", first.next).await;
    assert_eq!((first.tally.erase(), second.tally.erase()), (100, 100));
    assert!(is_read_by_place(&place));
    // Where they lie is known already.
    place.query(
        "UPDATE orders SET person = 2 WHERE id = 950; DELETE FROM orders WHERE id = 951; UPDATE orders SET note = 'new' WHERE id = 952;
         INSERT INTO orders VALUES (5000, 1, 'meanwhile')",
    );
    let rest = to_the_end(&connector, &ada, "orders", second.next).await;
    // The one that was changed lies elsewhere, and is met at the end.
    assert_eq!(rest, 999 - 200 - 2 + 1);
    // Its transaction is ended behind the last step.
    while is_read_by_place(&place) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(
        place.query("SELECT count(*), min(id), max(person) FROM orders"),
        "102|950|2"
    );
    let left = survey(&connector, &ada).await["orders"].clone().unwrap();
    assert_eq!(left.pending(), 0);
}

#[tokio::test]
async fn a_row_that_hangs_on_what_was_given_away_stays() {
    let place = Place::new(Server::Postgres, SHOP);
    let connector = place.connector(MAPPING);
    let ada = subject(&["email=ada@example.com"]);
    let first = erase_step(&connector, &ada, "items", None).await;
    let second = erase_step(&connector, &ada, "items", first.next).await;
    assert!(is_read_by_place(&place));
    let kept = place.query(
        "UPDATE orders SET person = 2 WHERE id > 900; SELECT count(*) FROM items WHERE orders > 900",
    );
    let rest = to_the_end(&connector, &ada, "items", second.next).await;
    assert_eq!(
        place.query("SELECT count(*), min(orders) > 900 FROM items"),
        format!("{kept}|t")
    );
    let all = first.tally.erase() + second.tally.erase() + rest;
    assert_eq!(all, 2200 - kept.parse::<u64>().unwrap());
}

#[tokio::test]
async fn a_row_of_the_first_batch_that_is_hung_elsewhere_while_it_is_waited_for_stays() {
    // Of some rows, and of all of them.
    for most in [100, 10_000] {
        let place = Place::new(Server::Postgres, SHOP);
        let connector = place.connector(&format!("erase_rows = {most}\n{MAPPING}"));
        let ada = subject(&["email=ada@example.com"]);
        let database = place.name().to_owned();
        let holder = std::thread::spawn(move || {
            let script =
                "START TRANSACTION; UPDATE items SET orders = 1050; SELECT pg_sleep(2); COMMIT;";
            crate::servers::postgres().try_script(&database, script)
        });
        while !place
            .query("SELECT id FROM items WHERE id = 250 FOR UPDATE SKIP LOCKED")
            .is_empty()
        {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let steps = crate::common::erase_in_steps(&connector, &ada, "items").await;
        holder.join().unwrap();
        assert_eq!(steps, [0]);
        assert_eq!(place.query("SELECT count(*) FROM items"), "2200");
    }
}

#[tokio::test]
async fn rows_that_turn_out_slow_go_in_smaller_transactions() {
    let place = Place::new(
        Server::Postgres,
        "CREATE TABLE people (id INT PRIMARY KEY, email TEXT UNIQUE);
         CREATE TABLE events (id INT PRIMARY KEY, person INT NOT NULL REFERENCES people (id));
         INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com');
         INSERT INTO events SELECT i, 1 + i / 12001 FROM generate_series(1, 12010) AS i;
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.0001); RETURN OLD; END';
         CREATE TRIGGER slow BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let connector = place.connector(
        "erase_lock_ms = 100\n[table.events]\nsubject = { person_id = \"person\" }\nerase = \"delete\"",
    );
    let ada = subject(&["person_id=1"]);
    let steps = crate::common::erase_in_steps(&connector, &ada, "events").await;
    // The first ones are deleted before anything is known of them. Afterwards each is to take half of the time, which is 500 at most.
    assert_eq!((steps[0], steps.iter().sum()), (500, 12_000));
    assert!(steps[1..].iter().all(|rows| *rows <= 1_000), "{steps:?}");
    assert_eq!(place.count("SELECT count(*) FROM events"), 10);
}

#[tokio::test]
async fn a_row_that_is_given_away_while_it_is_waited_for_stays() {
    let place = Place::new(Server::Postgres, SHOP);
    let connector = place.connector(MAPPING);
    let ada = subject(&["email=ada@example.com"]);
    place.query("DELETE FROM items");
    let first = erase_step(&connector, &ada, "orders", None).await;
    let second = erase_step(&connector, &ada, "orders", first.next).await;
    let database = place.name().to_owned();
    let holder = std::thread::spawn(move || {
        let script = "START TRANSACTION; UPDATE orders SET person = 2 WHERE id BETWEEN 240 AND 260; SELECT pg_sleep(2); COMMIT;";
        crate::servers::postgres().try_script(&database, script)
    });
    while !place
        .query("SELECT id FROM orders WHERE id = 250 FOR UPDATE SKIP LOCKED")
        .is_empty()
    {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let rest = to_the_end(&connector, &ada, "orders", second.next).await;
    holder.join().unwrap();
    assert_eq!(rest, 999 - 200 - 21);
    assert_eq!(
        place.count("SELECT count(*) FROM orders WHERE person = 2"),
        101 + 21
    );
}

#[tokio::test]
async fn what_the_database_refuses_does_not_stop_the_others() {
    let place = Place::new(Server::Postgres, SHOP);
    let connector = place.connector(MAPPING);
    place.query(
        "DELETE FROM items WHERE orders NOT IN (250, 700); CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER stay BEFORE DELETE ON orders FOR EACH ROW WHEN (OLD.id BETWEEN 300 AND 550) EXECUTE FUNCTION stay()",
    );
    let ada = subject(&["email=ada@example.com"]);
    let done = erase(&connector, &ada, "orders", 100).await.unwrap();
    assert_eq!(done.erase(), 999 - 2 - 251);
    assert_eq!(crate::common::failed(&done), 2 + 251);
    assert_eq!(
        place.count("SELECT count(*) FROM orders WHERE person = 1"),
        2 + 251
    );
}

#[tokio::test]
async fn without_a_free_connection_rows_are_found_for_each_batch() {
    let place = Place::new(Server::Postgres, SHOP);
    for settings in ["connections = 1", "snapshot_seconds = 0"] {
        place.query("BEGIN; TRUNCATE items, orders, people; COMMIT;");
        place.query(
            SHOP.split_once("INSERT")
                .map(|(_, rows)| format!("INSERT{rows}"))
                .unwrap()
                .as_str(),
        );
        let connector = place.connector(&format!("{settings}\n{MAPPING}"));
        let ada = subject(&["email=ada@example.com"]);
        let first = erase_step(&connector, &ada, "items", None).await;
        let second = erase_step(&connector, &ada, "items", first.next).await;
        assert!(!is_read_by_place(&place));
        let rest = to_the_end(&connector, &ada, "items", second.next).await;
        assert_eq!(first.tally.erase() + second.tally.erase() + rest, 1998);
        assert_eq!(place.count("SELECT count(*) FROM items"), 202);
    }
}

/// A second connection may be refused, or end at any time: the rows are then read.
#[tokio::test]
async fn a_second_connection_that_is_refused_or_broken_stops_nothing() {
    let place = Place::new(Server::Postgres, SHOP);
    place.query(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'single') THEN CREATE ROLE single LOGIN CONNECTION LIMIT 1; END IF; END $$;
         GRANT ALL ON people, orders, items TO single; DELETE FROM items WHERE id > 500",
    );
    let ada = subject(&["email=ada@example.com"]);
    let url = place.url().replace("adieu@", "single@");
    let connector = connector_at(&url, MAPPING).unwrap();
    let done = erase(&connector, &ada, "items", 100).await.unwrap();
    assert_eq!((done.erase(), done.failed().len()), (500, 0));

    let connector = place.connector(MAPPING);
    let first = erase_step(&connector, &ada, "orders", None).await;
    let second = erase_step(&connector, &ada, "orders", first.next).await;
    assert!(is_read_by_place(&place));
    place.query(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity {}",
        READERS.split_once("pg_stat_activity ").unwrap().1
    ));
    let rest = to_the_end(&connector, &ada, "orders", second.next).await;
    assert_eq!(rest, 999 - 200);
    assert_eq!(place.count("SELECT count(*) FROM orders"), 101);
}

/// The server itself writes down the plans that it runs.
#[tokio::test]
async fn a_batch_is_gone_to_by_its_places_and_what_it_hangs_on_by_its_key() {
    let place = Place::new(Server::Postgres, SHOP);
    place.query(
        "INSERT INTO orders SELECT i, 2, 'n' FROM generate_series(10001, 60000) AS i;
         INSERT INTO items SELECT i, i FROM generate_series(10001, 60000) AS i; ANALYZE",
    );
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "log_min_messages = 'log'",
    ] {
        place.query(&format!("ALTER DATABASE {} SET {setting}", place.name()));
    }
    let connector = place.connector(MAPPING);
    let ada = subject(&["email=ada@example.com"]);
    for collection in ["items", "orders"] {
        let done = erase(&connector, &ada, collection, 100).await.unwrap();
        assert!(done.failed().is_empty());
    }
    let log = crate::servers::postgres().log();
    let plans: Vec<&str> = log.split("plan:\n").skip(1).collect();
    for table in ["items", "orders"] {
        let statement = format!(
            "DELETE FROM \"public\".\"{table}\" AS t WHERE t.ctid = ANY(ARRAY(SELECT unnest("
        );
        let deletions = plans.iter().filter(|plan| plan.contains(&statement));
        assert!(deletions.clone().count() >= 9, "{table}");
        for plan in deletions {
            assert!(plan.contains(&format!("Tid Scan on {table} t")), "{plan}");
            assert!(!plan.contains("Seq Scan"), "{plan}");
        }
    }
}
