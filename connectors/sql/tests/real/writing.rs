//! Erasing many rows: in batches, past what is refused, beside others who write.

use std::time::{Duration, Instant};

use adieu_core::{Connector, ErrorKind};

use crate::common::{erase, erase_all, subject, survey};
use crate::place::{Place, Server};

const PEOPLE: &str = "
    CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(100) UNIQUE);
    CREATE TABLE bookings (id INT PRIMARY KEY, person INT NOT NULL, booked_at DATE, note TEXT, FOREIGN KEY (person) REFERENCES people (id));
    INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com');";

fn many_bookings(server: Server, count: u32) -> Place {
    let from = server.numbers(count);
    Place::new(
        server,
        &format!(
            "{PEOPLE} INSERT INTO bookings SELECT i, 1, CASE WHEN i <= 500 THEN DATE '2024-02-29' ELSE DATE '2001-01-01' END, concat('note ', i) FROM {from};
             INSERT INTO bookings VALUES (1000001, 2, '2001-01-01', 'of Eve');"
        ),
    )
}

#[tokio::test]
async fn many_rows_go_in_batches_past_those_that_must_stay() {
    for server in Server::all() {
        let place = many_bookings(server, 10_000);
        let connector = place.connector(
            r#"[table.people]
               subject = { email = "email" }
               erase = { pseudonymize = { email = "unique" } }
               [table.bookings]
               references = { person = "people.id" }
               erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "booked_at" }, pseudonymize = { note = "null" } }"#,
        );
        let ada = subject(&["email=ada@example.com"]);
        let preview = survey(&connector, &ada).await["bookings"].clone().unwrap();
        let done = erase(&connector, &ada, "bookings", 1000).await.unwrap();
        assert_eq!(preview, done, "{server:?}");
        assert_eq!((done.erase(), done.retained()[0].records), (9_500, 500));
        assert_eq!(place.count("SELECT count(*) FROM bookings"), 501);
        assert_eq!(
            place.count("SELECT count(*) FROM bookings WHERE note IS NOT NULL"),
            1
        );
        assert_eq!(
            erase(&connector, &ada, "people", 10)
                .await
                .unwrap()
                .pseudonymize(),
            1
        );
        assert_eq!(
            place.count("SELECT count(*) FROM people WHERE email LIKE 'erased-%@erased.invalid'"),
            1
        );
    }
}

#[tokio::test]
async fn a_batch_is_no_larger_than_the_mapping_allows() {
    for server in Server::all() {
        let place = many_bookings(server, 1_000);
        let connector = place.connector(
            "erase_rows = 100\n[table.bookings]\nsubject = { person_id = \"person\" }\nerase = \"delete\"",
        );
        let ada = subject(&["person_id=1"]);
        let step = crate::common::step(&ada, "bookings");
        let first = connector.erase(&step).await.unwrap();
        assert_eq!(
            (
                first.tally.erase(),
                place.count("SELECT count(*) FROM bookings")
            ),
            (100, 901)
        );
        assert!(first.next.is_some());
        assert_eq!(
            erase(&connector, &ada, "bookings", 1000)
                .await
                .unwrap()
                .erase(),
            900
        );
    }
}

#[tokio::test]
async fn a_transaction_takes_as_many_rows_as_its_time_allows() {
    for server in Server::all() {
        let place = many_bookings(server, 10_000);
        place.query("INSERT INTO bookings SELECT id + 10000, person, booked_at, note FROM bookings WHERE person = 1 AND id <= 9000");
        let connector = place.connector(
            "erase_lock_ms = 60000\n[table.bookings]\nsubject = { person_id = \"person\" }\nerase = \"delete\"",
        );
        let ada = subject(&["person_id=1"]);
        let steps = crate::common::erase_in_steps(&connector, &ada, "bookings").await;
        assert_eq!(steps, [500, 18_500], "{server:?}");
        assert_eq!(place.count("SELECT count(*) FROM bookings"), 1);
    }
}

#[tokio::test]
async fn rows_that_the_database_refuses_do_not_stop_the_others() {
    for server in Server::all() {
        let place = many_bookings(server, 1_000);
        place.query(
            "CREATE TABLE remarks (id INT PRIMARY KEY, booking INT, FOREIGN KEY (booking) REFERENCES bookings (id));
             INSERT INTO remarks VALUES (1, 7), (2, 500), (3, 1000)",
        );
        let connector = place.connector(
            "[table.bookings]\nsubject = { person_id = \"person\" }\nerase = \"delete\"",
        );
        assert!(
            connector.check().await.is_err(),
            "the remarks are not mapped"
        );
        let ada = subject(&["person_id=1"]);
        let done = erase(&connector, &ada, "bookings", 1000).await.unwrap();
        assert_eq!(
            (
                done.erase(),
                done.failed()[0].kind,
                done.failed()[0].records
            ),
            (997, ErrorKind::Config, 3),
            "{server:?}"
        );
        assert_eq!(
            place.query("SELECT id FROM bookings WHERE person = 1 ORDER BY id"),
            "7\n500\n1000"
        );
    }
}

#[tokio::test]
async fn a_cascade_into_somebody_elses_rows_does_not_happen() {
    for server in Server::all() {
        let place = Place::new(
            server,
            "CREATE TABLE people (id INT PRIMARY KEY);
             CREATE TABLE notes (id INT PRIMARY KEY, author INT, about INT,
                FOREIGN KEY (author) REFERENCES people (id), FOREIGN KEY (about) REFERENCES people (id) ON DELETE CASCADE);
             INSERT INTO people VALUES (1), (2), (3);
             INSERT INTO notes VALUES (1, 1, 1), (2, 2, 1), (3, 2, 3);",
        );
        let connector = place.connector(
            "[table.people]\nsubject = { person_id = \"id\" }\nerase = \"delete\"\n\
             [table.notes]\nreferences = { author = \"people.id\" }\nerase = \"delete\"",
        );
        connector.check().await.unwrap();
        let done = erase_all(&connector, &subject(&["person_id=1"])).await;
        assert_eq!(
            (
                done["notes"].erase(),
                done["people"].erase(),
                done["people"].failed()[0].records
            ),
            (1, 0, 1),
            "{server:?}"
        );
        assert_eq!(place.query("SELECT id FROM notes ORDER BY id"), "2\n3");
        assert_eq!(place.count("SELECT count(*) FROM people"), 3);
        // Nobody hangs on the third.
        place.query("DELETE FROM notes WHERE id = 3");
        assert_eq!(
            erase_all(&connector, &subject(&["person_id=3"])).await["people"].erase(),
            1
        );
    }
}

#[tokio::test]
async fn a_table_that_refers_to_itself_loses_its_leaves_first() {
    for server in Server::all() {
        for action in ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL"] {
            let from = server.numbers(60);
            let place = Place::new(
                server,
                &format!(
                    "CREATE TABLE people (id INT PRIMARY KEY);
                     CREATE TABLE folders (id INT PRIMARY KEY, owner INT, parent INT,
                        FOREIGN KEY (owner) REFERENCES people (id), FOREIGN KEY (parent) REFERENCES folders (id) ON DELETE {action});
                     INSERT INTO people VALUES (1), (2);
                     INSERT INTO folders SELECT i + 100, 1, NULL FROM {from};
                     UPDATE folders SET parent = id - 1 WHERE id > 101 AND id % 7 <> 0;
                     UPDATE folders SET parent = NULL WHERE id = 120; UPDATE folders SET parent = 120 WHERE id = 119;
                     INSERT INTO folders VALUES (1, 2, NULL), (2, 2, 1);"
                ),
            );
            let connector = place.connector(
                "[table.people]\nsubject = { person_id = \"id\" }\nerase = \"delete\"\n\
                 [table.folders]\nreferences = { owner = \"people.id\" }\nerase = \"delete\"\n",
            );
            connector.check().await.unwrap();
            let done = erase(&connector, &subject(&["person_id=1"]), "folders", 25)
                .await
                .unwrap();
            assert_eq!(done.erase(), 60, "{server:?} {action}: {done:?}");
            assert_eq!(place.query("SELECT id FROM folders ORDER BY id"), "1\n2");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_waits_out_deadlocks_with_another_writer() {
    for server in Server::all() {
        let place = many_bookings(server, 2_000);
        let connector = place.connector(
            "erase_rows = 50\n[table.bookings]\nsubject = { person_id = \"person\" }\nerase = { pseudonymize = { note = \"null\" } }",
        );
        let url = place.name().to_owned();
        // Another program changes the same rows from the other end, some hundred in each transaction.
        let writer = std::thread::spawn(move || {
            let (begin, step) = ("START TRANSACTION", 40);
            let mut script = String::new();
            for round in 0..30 {
                script += begin;
                script += ";\n";
                for at in (0..step).rev() {
                    let id = 2_000 - (round * 60 + (step - at)) % 2_000;
                    script +=
                        &format!("UPDATE bookings SET booked_at = '2002-02-02' WHERE id = {id};\n");
                }
                script += "COMMIT;\n";
            }
            server.try_script(&url, &script);
        });
        let ada = subject(&["person_id=1"]);
        let done = erase(&connector, &ada, "bookings", 1000).await.unwrap();
        writer.join().unwrap();
        assert_eq!(done.pseudonymize(), 2_000, "{server:?}: {done:?}");
        assert_eq!(
            place.count("SELECT count(*) FROM bookings WHERE note IS NOT NULL"),
            1
        );
    }
}

/// Another transaction that changes booking 3, holds it for so many seconds, and ends so.
async fn held(
    place: &Place,
    server: Server,
    change: &str,
    seconds: u32,
    end: &str,
) -> std::thread::JoinHandle<()> {
    let sleep = match server {
        Server::Postgres => "pg_sleep",
        Server::MariaDb | Server::MySql => "sleep",
    };
    let script = format!("START TRANSACTION; {change}; SELECT {sleep}({seconds}); {end};");
    let database = place.name().to_owned();
    let holder = std::thread::spawn(move || server.try_script(&database, &script));
    let free = "SELECT id FROM bookings WHERE id = 3 FOR UPDATE SKIP LOCKED";
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) && !place.query(free).is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    holder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_another_holds_puts_the_step_off_and_a_new_row_is_found_by_the_proof() {
    for server in Server::all() {
        let place = many_bookings(server, 10);
        let connector = place.connector(
            "busy_timeout_ms = 1000\n[table.bookings]\nsubject = { person_id = \"person\" }\nerase = \"delete\"",
        );
        let ada = subject(&["person_id=1"]);
        let holder = held(
            &place,
            server,
            "UPDATE bookings SET note = 'held' WHERE id = 3",
            4,
            "ROLLBACK",
        )
        .await;
        let began = Instant::now();
        let error = erase(&connector, &ada, "bookings", 100).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{server:?}: {error}");
        assert_eq!(error.effect_seen(), adieu_core::Effect::None);
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(
            place.count("SELECT count(*) FROM bookings"),
            11,
            "nothing went"
        );
        holder.join().unwrap();
        assert_eq!(
            erase(&connector, &ada, "bookings", 100)
                .await
                .unwrap()
                .erase(),
            10
        );
        place.query("INSERT INTO bookings VALUES (77, 1, NULL, 'meanwhile')");
        assert_eq!(
            survey(&connector, &ada).await["bookings"]
                .as_ref()
                .unwrap()
                .pending(),
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_given_to_somebody_else_while_it_is_waited_for_stays() {
    for server in Server::all() {
        let place = many_bookings(server, 10);
        let connector = place.connector(
            "[table.bookings]\nsubject = { person_id = \"person\" }\nerase = \"delete\"",
        );
        let holder = held(
            &place,
            server,
            "UPDATE bookings SET person = 2 WHERE id = 3",
            2,
            "COMMIT",
        )
        .await;
        let ada = subject(&["person_id=1"]);
        let done = erase(&connector, &ada, "bookings", 100).await.unwrap();
        holder.join().unwrap();
        assert_eq!((done.erase(), done.failed().len()), (9, 0), "{server:?}");
        let left = "SELECT id FROM bookings WHERE person = 2 ORDER BY id";
        assert_eq!(
            place.query(left).lines().filter(|id| *id == "3").count(),
            1,
            "{server:?}"
        );
    }
}

/// Hers through so many other rows that a statement looks them up.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_hung_elsewhere_while_it_is_waited_for_stays() {
    for server in Server::all() {
        let place = many_bookings(server, 1_000);
        place.query(
            "CREATE TABLE remarks (id INT PRIMARY KEY, booking INT, FOREIGN KEY (booking) REFERENCES bookings (id));
             INSERT INTO remarks SELECT id, id FROM bookings",
        );
        let connector = place.connector(
            "[table.bookings]\nsubject = { person_id = \"person\" }\nerase = \"delete\"\n[table.remarks]\nreferences = { booking = \"bookings.id\" }\nerase = \"delete\"",
        );
        let holder = held(
            &place,
            server,
            "UPDATE remarks SET booking = 1000001 WHERE id = 3; SELECT id FROM bookings WHERE id = 3 FOR UPDATE",
            2,
            "COMMIT",
        )
        .await;
        let ada = subject(&["person_id=1"]);
        let done = erase(&connector, &ada, "remarks", 2_000).await.unwrap();
        holder.join().unwrap();
        assert_eq!((done.erase(), done.failed().len()), (999, 0), "{server:?}");
        assert_eq!(
            place.query("SELECT id FROM remarks ORDER BY id"),
            "3\n1000001",
            "{server:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_ends_is_replaced() {
    for server in Server::all() {
        let place = many_bookings(server, 10);
        let connector = place.connector(
            "[table.bookings]\nsubject = { person_id = \"person\" }\nerase = \"delete\"",
        );
        let ada = subject(&["person_id=1"]);
        assert_eq!(
            survey(&connector, &ada).await["bookings"]
                .as_ref()
                .unwrap()
                .erase(),
            10
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
        match server {
            Server::Postgres => {
                place.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'adieu' AND datname = current_database()");
            }
            Server::MariaDb | Server::MySql => {
                let kills = place.query(
                    "SELECT concat('KILL ', id, ';') FROM information_schema.processlist WHERE db = database() AND id <> connection_id()",
                );
                for kill in kills.lines() {
                    place.query(kill);
                }
            }
        }
        assert_eq!(
            erase(&connector, &ada, "bookings", 100)
                .await
                .unwrap()
                .erase(),
            10,
            "{server:?}"
        );
    }
}

#[tokio::test]
async fn rows_in_a_circle_go_together() {
    for server in Server::all() {
        let place = Place::new(
            server,
            "CREATE TABLE people (id INT PRIMARY KEY, boss INT, account VARCHAR(10), FOREIGN KEY (boss) REFERENCES people (id));
             INSERT INTO people VALUES (1, NULL, 'ada'), (2, 1, 'ada'), (3, 2, 'ada'), (4, NULL, 'ada'), (5, NULL, 'eve');
             UPDATE people SET boss = 3 WHERE id = 1; UPDATE people SET boss = 4 WHERE id = 4;",
        );
        let connector = place
            .connector("[table.people]\nsubject = { account = \"account\" }\nerase = \"delete\"");
        let done = erase(&connector, &subject(&["account=ada"]), "people", 100)
            .await
            .unwrap();
        assert_eq!(
            (done.erase(), done.failed().len()),
            (4, 0),
            "{server:?} {done:?}"
        );
        assert_eq!(
            place.count("SELECT count(*) FROM people WHERE account = 'eve'"),
            1
        );
    }
}

#[tokio::test]
async fn a_table_without_a_key_is_walked_through_by_place_on_postgresql() {
    let place = Place::new(
        Server::Postgres,
        "CREATE TABLE logs (person INT, text TEXT); INSERT INTO logs SELECT 1 + i % 2, 'line ' || i FROM generate_series(1, 5000) i",
    );
    let connector =
        place.connector("[table.logs]\nsubject = { person_id = \"person\" }\nerase = \"delete\"");
    connector.check().await.unwrap();
    let ada = subject(&["person_id=1"]);
    let paged = crate::common::collect(&connector, &ada, "logs", Some(700))
        .await
        .unwrap();
    assert_eq!(paged.records().count(), 2500);
    assert_eq!(
        erase(&connector, &ada, "logs", 400).await.unwrap().erase(),
        2500
    );
    assert_eq!(
        place.count("SELECT count(*) FROM logs WHERE person = 2"),
        2500
    );
    let changing = place.connector("[table.logs]\nsubject = { person_id = \"person\" }\nerase = { pseudonymize = { text = \"null\" } }");
    assert!(
        changing
            .check()
            .await
            .unwrap_err()
            .to_string()
            .contains("has no key")
    );
}
