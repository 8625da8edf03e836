//! All pages of an export show one moment of the database, whatever others write meanwhile, and nothing stays open for longer
//! than it may.

use adieu_core::{Connector, StepKey, Subject};
use adieu_sql::SqlConnector;
use adieu_testkit::Collector;
use serde_json::Value;

use crate::common::{Shop, step, subject, survey};
use crate::place::{Place, Server};

const TABLES: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, email VARCHAR(100));
    CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER, text VARCHAR(20));
    CREATE TABLE tags (id INTEGER PRIMARY KEY, person INTEGER, text VARCHAR(20));
    INSERT INTO people VALUES (1, 'ada@example.com');
    INSERT INTO tags VALUES (1, 1, 'old'), (2, 1, 'old'), (3, 1, 'old');
";
/// What others do between two pages: they change, add and take away rows that were not read yet.
const MEANWHILE: &str = "
    UPDATE notes SET text = 'new';
    UPDATE tags SET text = 'new';
    DELETE FROM notes WHERE id > 390 AND id < 395;
    INSERT INTO notes SELECT max(id) + 1, 1, 'added' FROM notes;
";
const MAPPING: &str = r#"
    batch_rows = 8
    [table.people]
    subject = { email = "email" }
    erase = "delete"
    [table.notes]
    references = { person = "people.id" }
    erase = "delete"
    [table.tags]
    references = { person = "people.id" }
    erase = "delete"
"#;

/// A database of any dialect with 400 notes in it.
enum Notes {
    Here(Shop),
    There(Place),
}

impl Notes {
    fn everywhere() -> impl Iterator<Item = Self> {
        let there = |server| Self::There(Place::new(server, &Self::content()));
        let here = Shop::new(&format!("PRAGMA journal_mode = WAL; {}", Self::content()));
        [Self::Here(here)]
            .into_iter()
            .chain(Server::all().map(there))
    }

    fn content() -> String {
        let rows: Vec<String> = (1..=400).map(|id| format!("({id}, 1, 'old')")).collect();
        format!("{TABLES} INSERT INTO notes VALUES {};", rows.join(", "))
    }

    fn connector(&self, mapping: &str) -> SqlConnector {
        match self {
            Self::Here(shop) => shop.connector(mapping),
            Self::There(place) => place.connector(mapping),
        }
    }

    fn write(&self, statements: &str) {
        match self {
            Self::Here(shop) => shop.open().execute_batch(statements).unwrap(),
            Self::There(place) => drop(place.query(statements)),
        }
    }
}

/// The texts of a collection, read in pages, with something done after each page.
async fn read(
    connector: &SqlConnector,
    run: &str,
    collection: &str,
    mut after_each: impl AsyncFnMut(),
) -> Vec<String> {
    let ada = ada();
    let mut step = step(&ada, collection).in_run(StepKey::new(run));
    let described = connector
        .descriptor()
        .collection(step.collection())
        .unwrap();
    let mut collector = Collector::new(described).full_after(50);
    loop {
        let next = collector.export(connector, &step).await.unwrap();
        after_each().await;
        match next {
            None => break,
            next => step = step.at(next),
        }
    }
    let text = |record: &Value| record["text"].as_str().unwrap().to_owned();
    collector.records().map(text).collect()
}

fn ada() -> Subject {
    subject(&["email=ada@example.com"])
}

#[tokio::test]
async fn every_page_of_an_export_shows_one_moment() {
    for notes in Notes::everywhere() {
        let connector = notes.connector(MAPPING);
        let read_all = async |run: &str| {
            let texts = read(&connector, run, "notes", async || notes.write(MEANWHILE)).await;
            [texts, read(&connector, run, "tags", async || ()).await].concat()
        };
        assert_eq!(read_all("first").await, vec!["old"; 403]);
        // Another export begins at its own moment: four rows had gone, and nine had come.
        let second = read_all("second").await;
        assert_eq!(second.len(), 403 - 4 + 9);
        assert!(second.iter().all(|text| text != "old"));
    }
}

#[tokio::test]
async fn without_a_limit_each_page_has_its_own_moment() {
    for notes in Notes::everywhere() {
        let connector = notes.connector(&format!("snapshot_seconds = 0\n{MAPPING}"));
        let texts = read(&connector, "run", "notes", async || notes.write(MEANWHILE)).await;
        assert_eq!(texts[..50], vec!["old"; 50]);
        assert!(texts[50..].iter().all(|text| text != "old"));
    }
}

#[tokio::test]
async fn what_is_kept_open_leaves_connections_for_others() {
    for notes in Notes::everywhere() {
        for connections in [1, 2] {
            let connector = notes.connector(&format!("connections = {connections}\n{MAPPING}"));
            let texts = read(&connector, "one", "notes", async || {
                // Another export begins, and does not get to its end; somebody else looks as well.
                let begun = step(&ada(), "notes").in_run(StepKey::new("another"));
                let described = connector.descriptor().collection(begun.collection());
                let mut other = Collector::new(described.unwrap()).full_after(1);
                other.export(&connector, &begun).await.unwrap();
                survey(&connector, &ada()).await["notes"].as_ref().unwrap();
            });
            assert_eq!(texts.await.len(), 400);
        }
    }
}

#[tokio::test]
async fn nothing_stays_open_for_longer_than_it_may() {
    for notes in Notes::everywhere() {
        let connector = notes.connector(&format!("snapshot_seconds = 1\n{MAPPING}"));
        let mut pages = 0;
        let texts = read(&connector, "run", "notes", async || {
            pages += 1;
            if pages == 2 {
                notes.write(MEANWHILE);
                tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
                if let Notes::There(place) = &notes {
                    assert_eq!(open_transactions(place), 0);
                }
            }
        })
        .await;
        assert_eq!(texts[..100], vec!["old"; 100]);
        assert!(
            texts[100..].iter().all(|text| text != "old"),
            "a new moment"
        );
        assert_eq!(texts.len(), 400 - 4 + 1);
    }
}

/// How many transactions are open in a database beside the one that asks.
fn open_transactions(place: &Place) -> i64 {
    place.count(match place.server() {
        Server::Postgres => "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()",
        Server::MariaDb | Server::MySql => "SELECT count(*) FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.db = database() AND p.id <> connection_id()",
    })
}

#[tokio::test]
async fn an_export_whose_connection_broke_goes_on_at_a_new_moment() {
    let place = Place::new(Server::Postgres, &Notes::content());
    // More than is under way between a server and its client.
    place.query("ALTER TABLE notes ADD wide text; UPDATE notes SET wide = repeat('x', 50000)");
    let connector = place.connector(MAPPING);
    let mut step = step(&ada(), "notes").in_run(StepKey::new("run"));
    let described = connector
        .descriptor()
        .collection(step.collection())
        .unwrap();
    let mut collector = Collector::new(described).full_after(50);
    let next = collector.export(&connector, &step).await.unwrap();
    step = step.at(next);
    place.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    // Rows that were on their way still come; then the page fails and is sent again.
    let mut failures = 0;
    loop {
        match collector.export(&connector, &step).await {
            Ok(None) => break,
            Ok(next) => step = step.at(next),
            Err(error) => {
                assert_eq!(error.retry_advice(), adieu_core::Retry::WithBackoff);
                failures += 1;
            }
        }
    }
    assert_eq!(failures, 1);
    let numbers: Vec<i64> = collector
        .records()
        .map(|one| one["id"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=400).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_reader_keeps_nobody_from_writing_where_there_is_no_write_ahead_log() {
    let shop = Shop::new(&Notes::content());
    let connector = shop.connector(MAPPING);
    let texts = read(&connector, "run", "notes", async || {
        let writer = shop.open();
        // What was read a moment ago is let go of at once.
        writer
            .busy_timeout(std::time::Duration::from_secs(2))
            .unwrap();
        writer.execute_batch(MEANWHILE).unwrap();
    });
    // Each of the eight pages that are full is followed by another row.
    assert_eq!(texts.await.len(), 400 - 4 + 8);
}
