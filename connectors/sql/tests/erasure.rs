//! What is left in the database after an erasure.

mod common;

use adieu_core::{Connector, DateRange, ErrorKind};
use common::{Shop, erase, erase_all, erase_in_steps, export, subject, survey};
use jiff::civil::date;

#[tokio::test]
async fn a_transaction_takes_as_many_rows_as_its_time_allows() {
    let shop = Shop::new(
        "CREATE TABLE bookings (id INTEGER PRIMARY KEY, person INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25001)
           INSERT INTO bookings SELECT i, 1 + i / 25001 FROM n;",
    );
    let mapping = "[table.bookings]\nsubject = { person_id = \"person\" }\nerase = \"delete\"";
    let connector = shop.connector(&format!("erase_lock_ms = 60000\n{mapping}"));
    let steps = erase_in_steps(&connector, &subject(&["person_id=1"]), "bookings").await;
    assert_eq!(steps, [500, 24_500]);
    assert_eq!(shop.count("SELECT count(*) FROM bookings"), 1);
}

#[tokio::test]
async fn a_hundred_thousand_rows_go_in_batches_past_those_that_must_stay() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
         CREATE TABLE bookings (id INTEGER PRIMARY KEY, person INTEGER, booked_at DATE, note TEXT);
         CREATE INDEX of_person ON bookings (person);
         INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
           INSERT INTO bookings SELECT i, 1, CASE WHEN i <= 5000 THEN '2024-02-29' ELSE '2001-01-01' END, 'note ' || i FROM n;
         INSERT INTO bookings VALUES (100001, 2, '2001-01-01', 'of Eve');",
    );
    let connector = shop
        .connector(
            r#"[table.people]
               subject = { email = "email" }
               erase = { pseudonymize = { email = "unique" } }
               [table.bookings]
               references = { person = "people.id" }
               erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "booked_at" }, pseudonymize = { note = "null" } }"#,
        )
        .with_today(|| date(2026, 11, 21));
    let ada = subject(&["email=ada@example.com"]);
    let preview = survey(&connector, &ada).await["bookings"].clone().unwrap();
    let done = erase(&connector, &ada, "bookings", 1000).await.unwrap();
    assert_eq!(preview, done);
    assert_eq!(
        (
            done.erase(),
            done.retained()[0].records,
            done.retained()[0].pseudonymize
        ),
        (95_000, 5_000, 5_000)
    );
    // Ten years after a 29 February is the 28th.
    assert_eq!(
        done.retained()[0].until,
        Some(DateRange::of(date(2034, 2, 28)))
    );
    assert_eq!(shop.count("SELECT count(*) FROM bookings"), 5_001);
    assert_eq!(
        shop.count("SELECT count(*) FROM bookings WHERE note IS NOT NULL"),
        1
    );
    let after = survey(&connector, &ada).await["bookings"].clone().unwrap();
    assert_eq!((after.pending(), after.held()), (0, 5_000));
}

#[tokio::test]
async fn a_table_that_refers_to_itself_loses_its_leaves_first() {
    for (action, sql) in [
        ("NO ACTION", ""),
        ("RESTRICT", ""),
        ("CASCADE", ""),
        ("SET NULL", ""),
        // A chain against the order of the keys: many rounds.
        (
            "RESTRICT",
            "UPDATE folders SET parent = CASE WHEN id < 300 AND id >= 100 THEN id + 1 END WHERE owner = 1;",
        ),
    ] {
        let shop = Shop::new(&format!(
            "CREATE TABLE people (id INTEGER PRIMARY KEY);
             CREATE TABLE folders (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES people(id), parent INTEGER REFERENCES folders(id) ON DELETE {action});
             INSERT INTO people VALUES (1), (2);
             WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
               INSERT INTO folders SELECT i, 1, CASE WHEN i = 100 THEN NULL WHEN i % 7 = 0 THEN i ELSE i - 1 END FROM n;
             INSERT INTO folders VALUES (1, 2, NULL), (2, 2, 1);
             {sql}"
        ));
        let connector = shop.connector(
            "[table.people]\nsubject = { person_id = \"id\" }\nerase = \"delete\"\n\
             [table.folders]\nreferences = { owner = \"people.id\" }\nerase = \"delete\"\n",
        );
        connector.check().await.unwrap();
        let ada = subject(&["person_id=1"]);
        assert_eq!(
            erase(&connector, &ada, "folders", 25)
                .await
                .unwrap()
                .erase(),
            201,
            "{action}"
        );
        assert_eq!(
            erase(&connector, &ada, "people", 25).await.unwrap().erase(),
            1,
            "{action}"
        );
        assert_eq!(
            shop.table("folders"),
            [
                ["Integer(1)", "Integer(2)", "Null"],
                ["Integer(2)", "Integer(2)", "Integer(1)"]
            ]
        );
    }
}

#[tokio::test]
async fn rows_in_a_circle_go_together_and_one_with_a_stranger_below_stays() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES people(id), account TEXT);
         PRAGMA foreign_keys = OFF;
         INSERT INTO people VALUES (1, 2, 'ada'), (2, 3, 'ada'), (3, 1, 'ada'), (4, 4, 'ada'), (5, NULL, 'ada'), (6, 5, 'eve'), (7, 6, 'ada');",
    );
    let connector =
        shop.connector("[table.people]\nsubject = { account = \"account\" }\nerase = \"delete\"");
    let done = erase(&connector, &subject(&["account=ada"]), "people", 100)
        .await
        .unwrap();
    assert_eq!((done.erase(), done.failed()[0].records), (5, 1), "{done:?}");
    let left: Vec<String> = shop
        .table("people")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    assert_eq!(
        left,
        ["Integer(5)", "Integer(6)"],
        "5 stays because Eve's 6 refers to it"
    );
}

#[tokio::test]
async fn every_pseudonymizer_leaves_what_it_says_and_nothing_is_pending_after_it() {
    let shop = Shop::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, nick TEXT UNIQUE, name TEXT NOT NULL, ip TEXT, born DATE,
           joined INTEGER, phone STRING, score REAL, active BOOLEAN, ref TEXT);
         INSERT INTO people VALUES (1, 'ada@example.com', 'ada', 'Ada', '203.0.113.77', '1815-12-10', 1621254896, '+441', 4.5, 1, 'x'),
           (2, 'eve@example.com', NULL, 'Eve', NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
    );
    let connector = shop.connector(
        r#"pseudonym_key = "0123456789abcdef"
           [table.people]
           subject = { person_id = "id" }
           [table.people.erase.pseudonymize]
           email = "unique"
           nick = "unique"
           name = { value = "Erased" }
           ip = "truncate"
           born = { date = "year" }
           joined = { date = "month" }
           phone = { value = "0" }
           score = { value = 1 }
           active = { value = false }
           ref = "hash""#,
    );
    connector.check().await.unwrap();
    for (who, other) in [("person_id=1", 2), ("person_id=2", 1)] {
        let person = subject(&[who]);
        let bystander: Vec<_> = shop
            .table("people")
            .into_iter()
            .filter(|row| row[0] == format!("Integer({other})"))
            .collect();
        assert_eq!(
            erase(&connector, &person, "people", 10)
                .await
                .unwrap()
                .pseudonymize(),
            1
        );
        let after = survey(&connector, &person).await["people"].clone().unwrap();
        assert!(after.is_empty(), "{who}: {after:?}");
        assert!(
            erase(&connector, &person, "people", 10)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(shop.table("people").contains(&bystander[0]));
    }
    let records = export(&connector, &subject(&["person_id=1"]), "people")
        .await
        .unwrap();
    let ada = &records[0];
    assert!(ada["email"].as_str().unwrap().ends_with("@erased.invalid"));
    assert!(ada["nick"].as_str().unwrap().starts_with("erased-"));
    assert_eq!(
        (
            ada["name"].as_str(),
            ada["ip"].as_str(),
            ada["born"].as_str()
        ),
        (Some("Erased"), Some("203.0.113.0"), Some("1815-01-01"))
    );
    assert_eq!(
        (&ada["joined"], &ada["active"]),
        (&1_619_827_200.into(), &false.into())
    );
    assert!(ada["ref"].as_str().unwrap().starts_with("hashed-"));
}

#[tokio::test]
async fn a_row_that_a_trigger_refuses_does_not_stop_its_batch() {
    let shop = Shop::new(
        "CREATE TABLE logs (id INTEGER PRIMARY KEY, person INTEGER, ip TEXT CHECK (ip <> '10.0.0.0'));
         INSERT INTO logs VALUES (1, 1, '203.0.113.1'), (2, 1, '10.0.0.9'), (3, 1, '203.0.113.3'), (4, 2, '203.0.113.4');",
    );
    let connector =
        shop.connector("[table.logs]\nsubject = { person_id = \"person\" }\nerase = { pseudonymize = { ip = \"truncate\" } }");
    let ada = subject(&["person_id=1"]);
    let done = erase(&connector, &ada, "logs", 10).await.unwrap();
    assert_eq!(
        (
            done.pseudonymize(),
            done.failed()[0].kind,
            done.failed()[0].records
        ),
        (2, ErrorKind::Config, 1)
    );
    assert_eq!(
        shop.count("SELECT count(*) FROM logs WHERE ip = '203.0.113.0'"),
        2
    );
    assert_eq!(
        survey(&connector, &ada).await["logs"]
            .as_ref()
            .unwrap()
            .pending(),
        1
    );
    // A trigger that takes the whole transaction back fails the step, and nothing is counted as done.
    shop.open()
        .execute_batch("CREATE TRIGGER t BEFORE UPDATE ON logs BEGIN SELECT RAISE(ROLLBACK, 'no'); END; UPDATE logs SET ip = ip WHERE 0")
        .unwrap();
    let error = erase(&connector, &ada, "logs", 10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

#[tokio::test]
async fn a_row_whose_time_is_over_goes_and_one_without_a_date_stays() {
    let shop = Shop::new(
        "CREATE TABLE invoices (id INTEGER PRIMARY KEY, person INTEGER, at, street TEXT);
         CREATE TABLE lines (id INTEGER PRIMARY KEY, invoice INTEGER REFERENCES invoices(id));
         INSERT INTO invoices VALUES (1, 1, '2016-11-20', 'a'), (2, 1, '2016-11-21', 'b'), (3, 1, NULL, 'c'), (4, 1, 'soon', 'd'),
           (5, 1, 1400000000, 'e'), (6, 1, 1700000000123, 'f'), (7, 2, '2001-01-01', 'g');
         INSERT INTO lines VALUES (1, 1), (2, 2), (3, 7);",
    );
    let connector = shop
        .connector(
            r#"[table.invoices]
               subject = { person_id = "person" }
               erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "at" } }
               [table.lines]
               references = { invoice = "invoices.id" }
               erase = { retain = { basis = "legal_obligation", reason = "tax law", years = 10, from = "invoices.at" } }"#,
        )
        .with_today(|| date(2026, 11, 21));
    let done = erase_all(&connector, &subject(&["person_id=1"])).await;
    assert_eq!(
        (done["lines"].erase(), done["lines"].retained()[0].records),
        (1, 1)
    );
    assert_eq!(
        (
            done["invoices"].erase(),
            done["invoices"].retained()[0].records
        ),
        (2, 4)
    );
    let kept: Vec<String> = shop
        .table("invoices")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    assert_eq!(
        kept,
        [
            "Integer(2)",
            "Integer(3)",
            "Integer(4)",
            "Integer(6)",
            "Integer(7)"
        ]
    );
}
