//! What must be noticed before anything is claimed: mistakes of the mapping, hidden rows, what changes meanwhile.

use adieu_core::{Connector, ErrorKind};

use crate::common::{collect, erase, export, subject, survey};
use crate::place::{Place, Server, connector_at};

#[tokio::test]
async fn every_mistake_of_a_mapping_is_told_at_once() {
    for server in Server::all() {
        let place = Place::new(
            server,
            "CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(50) NOT NULL, born DATE, score DECIMAL(8,2));
             CREATE TABLE sessions (id INT PRIMARY KEY, person INT, FOREIGN KEY (person) REFERENCES people (id) ON DELETE CASCADE);
             CREATE VIEW everybody AS SELECT * FROM people;",
        );
        let connector = place.connector(
            r#"[table.people]
               subject = { person_id = "id", email = "mail" }
               erase = "delete"
               blockers = [{ code = "open", advice = "pay", where = "stat = 'open'" }]
               [table.everybody]
               subject = { person_id = "id" }
               erase = "delete"
               [table.People2]
               subject = { person_id = "id" }
               erase = { pseudonymize = { email = "null" } }"#,
        );
        let problem = connector.check().await.unwrap_err();
        assert_eq!(problem.kind(), ErrorKind::Config);
        for part in [
            "has no column `mail`",
            "`everybody` is not a plain table but a view",
            "no table `People2`",
            "sessions.person",
        ] {
            assert!(
                problem.what().contains(part),
                "{server:?} {part}: {problem}"
            );
        }
        let connector = place.connector(
            r#"pseudonym_key = "0123456789abcdef"
               [table.people]
               subject = { person_id = "id" }
               erase = { pseudonymize = { email = "null", id = "unique", born = "hash", score = "unique" } }
               blockers = [{ code = "open", advice = "pay", where = "stat = 'open'" }, { code = "young", advice = "wait", where = "born > '2020-01-01'" }]"#,
        );
        let problem = connector.check().await.unwrap_err();
        for part in [
            "people.email",
            "people.id",
            "people.born",
            "people.score",
            "blocker `open`",
        ] {
            assert!(
                problem.what().contains(part),
                "{server:?} {part}: {problem}"
            );
        }
        assert!(!problem.what().contains("young"), "{problem}");
    }
}

#[tokio::test]
async fn a_key_that_two_inheriting_tables_may_share_is_no_key() {
    let place = Place::new(
        Server::Postgres,
        "CREATE TABLE people (id INT PRIMARY KEY, email TEXT);
         CREATE TABLE staff (office TEXT) INHERITS (people);
         INSERT INTO people VALUES (1, 'ada@example.com');
         INSERT INTO staff VALUES (1, 'eve@example.com', 'north');
         CREATE TABLE notes (person INT, text TEXT);
         CREATE TABLE pinned () INHERITS (notes);
         INSERT INTO notes VALUES (1, 'hers');
         INSERT INTO pinned VALUES (2, 'of somebody else, in the same place of another table');",
    );
    let connector = place.connector(
        r#"[table.people]
           subject = { email = "email" }
           erase = "delete"
           [table.notes]
           subject = { person_id = "person" }
           erase = "delete""#,
    );
    let problem = connector.check().await.unwrap_err();
    for name in ["people", "notes"] {
        let told = format!("other tables inherit from the table `{name}`");
        assert!(problem.what().contains(&told), "{problem}");
    }
    let ada = subject(&["email=ada@example.com", "person_id=1"]);
    for table in ["people", "notes"] {
        assert!(erase(&connector, &ada, table, 10).await.is_err());
    }
    let left = "SELECT (SELECT count(*) FROM people), (SELECT count(*) FROM notes)";
    assert_eq!(place.query(left), "2|2");
}

#[tokio::test]
async fn rows_that_a_policy_would_hide_are_an_error_and_not_nothing() {
    let place = Place::new(
        Server::Postgres,
        "CREATE TABLE notes (id INT PRIMARY KEY, person INT, tenant TEXT);
         INSERT INTO notes VALUES (1, 1, 'here'), (2, 1, 'elsewhere');
         ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
         CREATE POLICY mine ON notes USING (tenant = 'here');
         DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'clerk') THEN CREATE ROLE clerk LOGIN; END IF; END $$;
         GRANT ALL ON notes TO clerk;",
    );
    let url = place.url().replace("adieu@", "clerk@");
    let connector = connector_at(
        &url,
        "[table.notes]\nsubject = { person_id = \"person\" }\nerase = \"delete\"",
    )
    .unwrap();
    let ada = subject(&["person_id=1"]);
    let error = survey(&connector, &ada).await["notes"].clone().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    assert_eq!(
        erase(&connector, &ada, "notes", 10)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Forbidden
    );
    assert_eq!(place.count("SELECT count(*) FROM notes"), 2);
}

#[tokio::test]
async fn a_changed_schema_is_noticed_without_a_restart() {
    for server in Server::all() {
        let place = Place::new(
            server,
            "CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(50)); INSERT INTO people VALUES (1, 'ada@example.com');",
        );
        let connector =
            place.connector("[table.people]\nsubject = { person_id = \"id\" }\nerase = \"delete\"");
        let ada = subject(&["person_id=1"]);
        assert_eq!(
            export(&connector, &ada, "people").await.unwrap()[0]
                .as_object()
                .unwrap()
                .len(),
            2
        );
        place.query("ALTER TABLE people ADD COLUMN phone VARCHAR(20)");
        let wider = export(&connector, &ada, "people").await.unwrap();
        assert!(
            wider[0].as_object().unwrap().contains_key("phone"),
            "{server:?}: {wider:?}"
        );
        // Now a deletion would reach further.
        place.query(
            "CREATE TABLE notes (id INT PRIMARY KEY, person INT, FOREIGN KEY (person) REFERENCES people (id) ON DELETE CASCADE); INSERT INTO notes VALUES (1, 1)",
        );
        assert!(
            erase(&connector, &ada, "people", 10).await.is_err(),
            "{server:?}"
        );
        assert_eq!(place.count("SELECT count(*) FROM notes"), 1);
        place.query("DROP TABLE notes; ALTER TABLE people DROP COLUMN email");
        // The first call may meet the column that is gone; the next one does not.
        let _ = export(&connector, &ada, "people").await;
        assert_eq!(
            export(&connector, &ada, "people").await.unwrap()[0]
                .as_object()
                .unwrap()
                .len(),
            2,
            "{server:?}"
        );
    }
}

#[tokio::test]
async fn many_rows_are_met_exactly_once_whatever_the_size_of_a_page() {
    for server in Server::all() {
        let numbers = server.numbers(5000);
        let place = Place::new(
            server,
            &format!(
                "CREATE TABLE notes (kind VARCHAR(5), id INT, person INT, text TEXT, PRIMARY KEY (kind, id));
                 INSERT INTO notes SELECT CASE WHEN i % 3 = 0 THEN 'a' WHEN i % 3 = 1 THEN 'B' ELSE 'c' END, i, i % 2, 'some text' FROM {numbers};"
            ),
        );
        let connector = place.connector("batch_rows = 100\n[table.notes]\nsubject = { person_id = \"person\" }\nerase = \"delete\"");
        let ada = subject(&["person_id=1"]);
        for records in [None, Some(99), Some(1000)] {
            let page = collect(&connector, &ada, "notes", records).await.unwrap();
            let mut ids: Vec<i64> = page
                .records()
                .map(|one| one["id"].as_i64().unwrap())
                .collect();
            ids.sort_unstable();
            assert!(
                ids.iter().copied().eq((1..5000).step_by(2)),
                "{server:?} {records:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_cascade_into_another_database_does_not_happen() {
    for server in Server::alike() {
        let place = Place::new(
            server,
            "CREATE TABLE people (id INT PRIMARY KEY); INSERT INTO people VALUES (1), (2);",
        );
        let other = Place::empty(server);
        let people = format!("{}.people", place.name());
        other.query(&format!(
            "CREATE TABLE notes (id INT PRIMARY KEY, person INT, FOREIGN KEY (person) REFERENCES {people} (id) ON DELETE CASCADE); INSERT INTO notes VALUES (1, 1)"
        ));
        let connector =
            place.connector("[table.people]\nsubject = { person_id = \"id\" }\nerase = \"delete\"");
        let error = erase(&connector, &subject(&["person_id=1"]), "people", 10)
            .await
            .unwrap_err();
        assert!(error.what().contains(".notes.person"), "{error}");
        assert_eq!(other.count("SELECT count(*) FROM notes"), 1);
    }
}
