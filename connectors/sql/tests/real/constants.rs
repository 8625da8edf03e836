//! What a pseudonym is made of fits its column: known when the mapping is checked, each mistake by its name, and seen in the row.

use adieu_core::Connector;

use crate::common::{erase, subject};
use crate::place::{Place, Server};

fn people(server: Server) -> Place {
    let (before, mood) = match server {
        Server::Postgres => ("CREATE TYPE mood AS ENUM ('sad', 'happy');", "mood"),
        Server::MariaDb | Server::MySql => ("", "ENUM('sad', 'happy')"),
    };
    Place::new(
        server,
        &format!(
            "{before} CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(24) NOT NULL UNIQUE, nick VARCHAR(10), small SMALLINT,
               born DATE, ok BOOLEAN, price DECIMAL(10,2), code VARCHAR(4), mood {mood});
             INSERT INTO people VALUES (1, 'ada@example.com', 'ada', 7, '1815-12-10', true, 12.50, 'x', 'happy'),
               (2, 'eve@example.com', 'eve', 7, '1984-05-17', true, 12.50, 'x', 'happy');"
        ),
    )
}

fn mapping(pseudonyms: &str) -> String {
    format!(
        "[table.people]\nsubject = {{ person_id = \"id\" }}\n[table.people.erase.pseudonymize]\n{pseudonyms}"
    )
}

#[tokio::test]
async fn every_constant_that_does_not_fit_its_column_is_named_at_once() {
    for server in Server::all() {
        let place = people(server);
        let wrong = mapping(
            "email = \"unique\"\nnick = \"unique\"\nsmall = { value = 40000 }\nborn = { value = \"gone\" }\nok = { value = 7 }\n\
             price = { value = \"free\" }\ncode = { value = \"erased\" }\nmood = { value = \"angry\" }",
        );
        let told = place
            .connector(&wrong)
            .check()
            .await
            .unwrap_err()
            .to_string();
        for column in ["nick", "small", "born", "ok", "price", "code", "mood"] {
            let named = format!("`people.{column}` cannot be pseudonymized so");
            assert!(told.contains(&named), "{server:?} {column}: {told}");
        }
        assert!(!told.contains("people.email"), "{told}");
    }
}

#[tokio::test]
async fn what_fits_is_written_and_known_again() {
    for server in Server::all() {
        let place = people(server);
        let right = mapping(
            "email = \"unique\"\nnick = { value = \"gone\" }\nsmall = { value = -32768 }\nborn = { value = \"2000-01-01\" }\nok = { value = false }\n\
             price = { value = 0.5 }\ncode = { value = \"äöüß\" }\nmood = { value = \"sad\" }",
        );
        let connector = place.connector(&right);
        connector.check().await.unwrap();
        let ada = subject(&["person_id=1"]);
        let tally = erase(&connector, &ada, "people", 100).await.unwrap();
        assert_eq!(tally.pseudonymize(), 1, "{tally:?}");
        let again = erase(&connector, &ada, "people", 100).await.unwrap();
        assert!(again.is_empty(), "{again:?}");
        // As long as the column allows, and no longer.
        let cut = "SELECT count(*) FROM people WHERE id = 1 AND email LIKE 'erased-%' AND char_length(email) = 24 AND nick = 'gone'
                   AND small = -32768 AND born = '2000-01-01' AND NOT ok AND price = 0.5 AND code = 'äöüß' AND mood = 'sad'";
        assert_eq!(place.count(cut), 1, "{server:?}");
        assert_eq!(
            place.count("SELECT count(*) FROM people WHERE id = 2 AND email = 'eve@example.com'"),
            1
        );
    }
}
