//! What tables of MySQL 8 may have beside types: collations that see blanks, columns that are not shown, indexes over expressions.

use adieu_core::{Connector, FieldType};
use serde_json::{Value, json};

use crate::common::{collect, erase, erase_all, export, subject, survey};
use crate::place::{Place, Server, connector_at};
use crate::servers::mysql;

fn place(sql: &str) -> Option<Place> {
    mysql()?;
    Some(Place::new(Server::MySql, sql))
}

#[tokio::test]
async fn columns_that_are_made_or_hidden_are_exported_and_the_made_ones_are_never_written() {
    let Some(place) = place(
        "CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(50), secret VARCHAR(20) INVISIBLE,
            domain VARCHAR(50) AS (substring_index(email, '@', -1)) STORED, shout VARCHAR(50) AS (upper(email)) VIRTUAL,
            joined DATETIME DEFAULT CURRENT_TIMESTAMP, meta JSON DEFAULT (JSON_OBJECT('a', 1)));
         INSERT INTO people (id, email, secret, joined) VALUES (1, 'ada@example.com', 'of Ada', '2020-01-01'), (2, 'eve@example.com', 'of Eve', '2020-01-01')",
    ) else {
        return;
    };
    let mapping = |erase: &str| {
        format!(
            "[table.people]\nsubject = {{ person_id = \"id\" }}\nerase = {{ pseudonymize = {{ {erase} }} }}"
        )
    };
    let connector = place.connector(&mapping(
        r#"email = "unique", secret = "null", meta = { value = "{\"b\": [1, 2.5], \"a\": null}" }"#,
    ));
    connector.check().await.unwrap();
    let ada = subject(&["person_id=1"]);
    let page = collect(&connector, &ada, "people", None).await.unwrap();
    let record = page.records().next().unwrap();
    assert_eq!(
        record,
        &json!({"id": 1, "email": "ada@example.com", "secret": "of Ada", "domain": "example.com", "shout": "ADA@EXAMPLE.COM",
                "joined": "2020-01-01 00:00:00", "meta": {"a": 1}})
    );
    let schema = page.pages()[0].schema.clone().unwrap();
    assert_eq!(schema.fields[6].field_type, FieldType::Any);
    let done = erase(&connector, &ada, "people", 10).await.unwrap();
    assert_eq!((done.pseudonymize(), done.failed().len()), (1, 0));
    // JSON is known again whatever the order of its keys.
    assert!(
        erase(&connector, &ada, "people", 10)
            .await
            .unwrap()
            .is_empty()
    );
    let left = "SELECT count(*) FROM people WHERE id = 1 AND secret IS NULL AND domain = 'erased.invalid' AND meta = CAST('{\"a\": null, \"b\": [1, 2.5]}' AS JSON)";
    assert_eq!(place.count(left), 1);
    let others = "SELECT count(*) FROM people WHERE id = 2 AND secret = 'of Eve' AND email = 'eve@example.com'";
    assert_eq!(place.count(others), 1);
    let told = place.connector(&mapping("domain = \"null\"")).check().await;
    assert!(told.unwrap_err().what().contains("generated"));
}

#[tokio::test]
async fn an_index_over_an_expression_makes_nothing_unique_and_no_key() {
    let Some(place) = place(
        "CREATE TABLE people (id INT NOT NULL, email VARCHAR(50) NOT NULL, tags JSON, UNIQUE ((lower(email))), UNIQUE (id, (upper(email))),
            KEY ((CAST(tags -> '$' AS UNSIGNED ARRAY))))",
    ) else {
        return;
    };
    let mapping = "[table.people]\nsubject = { email = \"email\" }\nerase = \"delete\"";
    let told = place.connector(mapping).check().await.unwrap_err();
    assert!(told.what().contains("has no key"), "{told}");
    place.query("ALTER TABLE people ADD UNIQUE by_id (id)");
    place.query(
        "INSERT INTO people VALUES (1, 'ada@example.com', '[1, 2]'), (2, 'eve@example.com', '[1]')",
    );
    let connector = place.connector(mapping);
    connector.check().await.unwrap();
    let done = erase_all(&connector, &subject(&["email=ada@example.com"])).await;
    assert_eq!(done["people"].erase(), 1);
    assert_eq!(place.query("SELECT id FROM people"), "2");
}

/// In every collation of MySQL: those of 8.0 see blanks at the end, the older ones do not.
#[tokio::test]
async fn equal_is_what_is_the_same_in_every_byte() {
    for of in [
        "utf8mb4 COLLATE utf8mb4_0900_ai_ci",
        "utf8mb4 COLLATE utf8mb4_0900_bin",
        "utf8mb4 COLLATE utf8mb4_bin",
        "utf8mb4 COLLATE utf8mb4_general_ci",
        "utf8mb3",
        "latin1 COLLATE latin1_german1_ci",
        "utf16",
    ] {
        let Some(place) = place(&format!(
            "CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(50) CHARACTER SET {of}, KEY (email));
             CREATE TABLE notes (id INT PRIMARY KEY, email VARCHAR(50) CHARACTER SET {of}, KEY (email));
             INSERT INTO people VALUES (1, 'straße'), (2, 'strasse'), (3, 'STRASSE'), (4, 'straße '), (5, 'stra?e'), (6, NULL), (7, '?'), (8, 'é'), (9, 'e'), (10, '');
             INSERT INTO notes SELECT * FROM people",
        )) else {
            return;
        };
        let connector = place.connector(
            "[table.people]\nsubject = { email = \"email\" }\nerase = \"delete\"\n\
             [table.notes]\nreferences = { email = \"people.email\" }\nerase = \"delete\"",
        );
        connector.check().await.unwrap();
        let found = async |email: &str| {
            let person = subject(&[&format!("email={email}")]);
            let mut both = Vec::new();
            for table in ["people", "notes"] {
                let records = export(&connector, &person, table).await.unwrap();
                let ids = records.iter().map(|one| one["id"].as_i64().unwrap());
                both.push(ids.collect::<Vec<_>>());
            }
            assert_eq!(both[0], both[1], "{of} {email}");
            both.remove(0)
        };
        assert_eq!(found("straße").await, [1], "{of}");
        assert_eq!(found("STRASSE").await, [3], "{of}");
        assert_eq!(found("straße ").await, [4], "{of}");
        assert_eq!(found("é").await, [8], "{of}");
        // What the column cannot hold is nobody's, and no error.
        for nobody in ["😀", "stra😀e", "Straße", "e\u{301}", "straße  ", "É"] {
            assert_eq!(found(nobody).await, Vec::<i64>::new(), "{of} {nobody}");
        }
        let before = place.rows();
        let done = erase_all(&connector, &subject(&["email=straße"])).await;
        assert_eq!(
            (done["people"].erase(), done["notes"].erase()),
            (1, 1),
            "{of}"
        );
        assert_eq!(place.rows().len(), before.len() - 2);
        assert_eq!(place.count("SELECT count(*) FROM notes WHERE id = 1"), 0);
    }
}

/// A cast makes the largest number that there is of one that is too large; both servers do.
#[tokio::test]
async fn a_number_that_the_column_has_no_room_for_is_nobodys() {
    for server in Server::alike() {
        let place = Place::new(
            server,
            "CREATE TABLE people (id DECIMAL(5,0) PRIMARY KEY, code DECIMAL(4,2) UNIQUE, big BIGINT UNSIGNED UNIQUE, made YEAR, bits BIT(4));
             INSERT INTO people VALUES (99999, 99.99, 18446744073709551615, 2001, b'1111'), (-99999, 7, 1, 1999, b'0001'), (0, 0, 0, 2000, b'0000')",
        );
        let connector = place.connector(
            r#"[table.people]
               subject = { person_id = "id", code = "code", big = "big", made = "made", bits = "bits" }
               erase = "delete""#,
        );
        for (identity, count) in [
            ("person_id=99999", 1),
            ("person_id=-99999", 1),
            ("person_id=100000", 0),
            ("person_id=99999999", 0),
            ("person_id=-100000", 0),
            ("person_id=0", 1),
            ("code=7", 1),
            ("code=100", 0),
            ("code=0", 1),
            ("big=18446744073709551615", 1),
            ("big=18446744073709551616", 0),
            ("big=-1", 0),
            ("made=1", 0),
            ("made=99", 0),
            ("made=2001", 1),
            ("bits=15", 1),
            ("bits=31", 0),
        ] {
            let tally = survey(&connector, &subject(&[identity])).await["people"].clone();
            assert_eq!(tally.unwrap().erase(), count, "{server:?} {identity}");
        }
    }
}

/// What MySQL would change in a text, were it bound as anything else.
#[tokio::test]
async fn a_text_that_does_not_fit_its_character_set_is_refused_for_its_row() {
    let Some(place) = place(
        "CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(20) CHARACTER SET latin1 NOT NULL);
         INSERT INTO people VALUES (1, 'Ada'), (2, 'Eve')",
    ) else {
        return;
    };
    let connector = place.connector(
        "[table.people]\nsubject = { person_id = \"id\" }\nerase = { pseudonymize = { name = { value = \"gone 😀\" } } }",
    );
    let done = erase(&connector, &subject(&["person_id=1"]), "people", 10).await;
    let done = done.unwrap();
    assert_eq!((done.pseudonymize(), crate::common::failed(&done)), (0, 1));
    assert_eq!(place.query("SELECT name FROM people"), "Ada\nEve");
}

#[tokio::test]
async fn dates_of_nothing_go_in_and_out_as_they_are() {
    let Some(place) = place(
        "SET sql_mode = ''; CREATE TABLE people (id INT PRIMARY KEY, born DATE NOT NULL, seen DATETIME NOT NULL);
         INSERT INTO people VALUES (1, '0000-00-00', '0000-00-00 00:00:00'), (2, '2020-00-00', '2020-01-01')",
    ) else {
        return;
    };
    let connector = place.connector(
        "[table.people]\nsubject = { person_id = \"id\" }\nerase = { pseudonymize = { born = { date = \"year\" }, seen = { value = \"2000-01-01 00:00:00\" } } }",
    );
    let ada = subject(&["person_id=1"]);
    let records = export(&connector, &ada, "people").await.unwrap();
    assert_eq!(records[0]["born"], Value::from("0000-00-00"));
    let done = erase(&connector, &ada, "people", 10).await.unwrap();
    assert_eq!(crate::common::failed(&done), 0, "{done:?}");
    let eve = erase(&connector, &subject(&["person_id=2"]), "people", 10).await;
    assert_eq!(crate::common::failed(&eve.unwrap()), 0);
    assert_eq!(
        place.query("SELECT seen FROM people ORDER BY id"),
        "2000-01-01 00:00:00\n2000-01-01 00:00:00"
    );
}

/// Nobody can tell what is in a text that is nested more deeply than MySQL reads, so nothing is claimed of it.
#[tokio::test(flavor = "multi_thread")]
async fn json_that_is_nested_too_deeply_is_an_error_and_not_nothing() {
    let Some(place) = place(
        "CREATE TABLE people (id INT PRIMARY KEY); CREATE TABLE events (id INT PRIMARY KEY, payload TEXT);
         INSERT INTO people VALUES (1); INSERT INTO events VALUES (1, '{\"id\": 1}'), (2, repeat('[', 101))",
    ) else {
        return;
    };
    let connector = place.connector(
        r#"[table.people]
           subject = { person_id = "id" }
           erase = "delete"
           [table.events]
           references = { "payload -> $.id" = "people.id" }
           erase = "delete""#,
    );
    let ada = subject(&["person_id=1"]);
    let error = erase(&connector, &ada, "events", 10).await.unwrap_err();
    assert!(error.what().contains("nested"), "{error}");
    place.query("DELETE FROM events WHERE id = 2");
    let done = erase(&connector, &ada, "events", 10).await.unwrap();
    assert_eq!(done.erase(), 1);
}

/// Deleting deletes what hangs on a row also where the user has no right to see it.
#[tokio::test]
async fn a_cascade_that_the_user_may_not_see_does_not_happen() {
    let Some(shop) =
        place("CREATE TABLE people (id INT PRIMARY KEY); INSERT INTO people VALUES (1), (2);")
    else {
        return;
    };
    let other = Place::empty(Server::MySql);
    let people = format!("{}.people", shop.name());
    other.query(&format!(
        "CREATE TABLE notes (id INT PRIMARY KEY, person INT, FOREIGN KEY (person) REFERENCES {people} (id) ON DELETE CASCADE);
         INSERT INTO notes VALUES (1, 1); CREATE USER clerk@localhost; GRANT ALL ON {}.* TO clerk@localhost",
        shop.name()
    ));
    let url = mysql().unwrap().url_as("clerk", shop.name());
    let mapping = "[table.people]\nsubject = { person_id = \"id\" }\nerase = \"delete\"";
    let ada = subject(&["person_id=1"]);
    // Neither where it sees nothing of it, nor where it sees a part.
    for grant in [
        "DO 0".to_owned(),
        format!(
            "GRANT SELECT (id) ON {}.notes TO clerk@localhost",
            other.name()
        ),
    ] {
        other.query(&grant);
        let connector = connector_at(&url, mapping).unwrap();
        let error = erase(&connector, &ada, "people", 10).await.unwrap_err();
        assert!(error.what().contains(".notes.person"), "{error}");
        assert_eq!(other.count("SELECT count(*) FROM notes"), 1);
    }
    other.query("DROP TABLE notes");
    let connector = connector_at(&url, mapping).unwrap();
    let done = erase(&connector, &ada, "people", 10).await.unwrap();
    assert_eq!(done.erase(), 1);
}
