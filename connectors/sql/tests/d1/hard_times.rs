//! What may go wrong with D1: others write in between, answers are lost, the database is overloaded, rows refer to each other.

use adieu_core::{Connector, Effect, ErrorKind, Retry};
use serde_json::json;

use crate::common::{collect, erase, erase_all, export, failed, step, subject, survey};
use crate::server::{Board, may_run};

const PEOPLE: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people (id), text TEXT, until DATE);
    INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com');
    INSERT INTO notes VALUES (1, 1, 'one', '2000-01-01'), (2, 1, 'two', '2000-01-01'), (3, 2, 'eves', '2000-01-01');
";
const DELETE: &str = r#"
    [table.people]
    subject = { person_id = "id", email = "email" }
    erase = "delete"
    [table.notes]
    references = { person = "people.id" }
    erase = "delete"
"#;

#[tokio::test]
async fn a_row_that_became_somebody_elses_meanwhile_is_left_alone() {
    if !may_run() {
        return;
    }
    let board = Board::new(PEOPLE).await;
    let connector = board.connector(DELETE);
    let ada = subject(&["person_id=1"]);
    let given_away = "UPDATE notes SET person = 2 WHERE id = 2";
    board.plan(json!([{"before": [given_away]}])).await;
    let tally = erase(&connector, &ada, "notes", 100).await.unwrap();
    assert_eq!((tally.erase(), failed(&tally)), (1, 0), "{tally:?}");
    assert_eq!(
        board
            .count("SELECT count(*) FROM notes WHERE person = 2")
            .await,
        2
    );
    // The person herself became somebody else: no note is hers any more.
    let renumbered = [
        "PRAGMA defer_foreign_keys = on",
        "INSERT INTO notes VALUES (4, 1, 'four', NULL)",
    ];
    board.run(&renumbered).await;
    let by_mail = subject(&["email=ada@example.com"]);
    board
        .plan(json!([{"before": ["UPDATE people SET email = 'bob@example.com' WHERE id = 1"]}]))
        .await;
    let tally = erase(&connector, &by_mail, "notes", 100).await.unwrap();
    assert_eq!(tally.erase(), 0, "{tally:?}");
    assert_eq!(
        board.count("SELECT count(*) FROM notes WHERE id = 4").await,
        1
    );
}

#[tokio::test]
async fn a_row_whose_time_was_prolonged_meanwhile_stays() {
    if !may_run() {
        return;
    }
    let board = Board::new(PEOPLE).await;
    let connector = board.connector(&DELETE.replace(
        "references = { person = \"people.id\" }\n    erase = \"delete\"",
        "references = { person = \"people.id\" }\n    erase = { retain = { basis = \"legal_obligation\", reason = \"tax law\", years = 10, from = \"until\" } }",
    ));
    let prolonged = "UPDATE notes SET until = '2026-01-01' WHERE id = 1";
    board.plan(json!([{"before": [prolonged]}])).await;
    let ada = subject(&["person_id=1"]);
    let tally = erase(&connector, &ada, "notes", 100).await.unwrap();
    assert_eq!(tally.erase(), 1, "{tally:?}");
    assert_eq!(
        board.count("SELECT count(*) FROM notes WHERE id = 1").await,
        1
    );
    let again = survey(&connector, &ada).await;
    assert_eq!(again["notes"].as_ref().unwrap().retained()[0].records, 1);
}

#[tokio::test]
async fn a_lost_answer_says_so_and_the_step_can_be_sent_again() {
    if !may_run() {
        return;
    }
    let board = Board::new(PEOPLE).await;
    let connector = board.connector(DELETE);
    let ada = subject(&["person_id=1"]);
    board.plan(json!([{"lose": true}])).await;
    let error = connector.erase(&step(&ada, "notes")).await.unwrap_err();
    assert_eq!(error.effect_seen(), Effect::Unknown, "{error}");
    assert_eq!(error.retry_advice(), Retry::WithBackoff);
    let again = connector.erase(&step(&ada, "notes")).await.unwrap();
    assert_eq!(failed(&again.tally), 0);
    assert_eq!(
        board
            .count("SELECT count(*) FROM notes WHERE person = 1")
            .await,
        0
    );
    assert_eq!(board.count("SELECT count(*) FROM notes").await, 1);
}

#[tokio::test]
async fn what_d1_says_of_itself_is_classified_and_never_quoted() {
    if !may_run() {
        return;
    }
    let board = Board::new(PEOPLE).await;
    let connector = board.connector(DELETE);
    let ada = subject(&["person_id=1"]);
    for (message, status, kind, effect) in [
        (
            "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset. ada@example.com",
            500,
            ErrorKind::TimedOut,
            Effect::Unknown,
        ),
        (
            "internal error; reference = ada@example.com",
            500,
            ErrorKind::Unavailable,
            Effect::Unknown,
        ),
        (
            "Network connection lost. ada@example.com",
            400,
            ErrorKind::Unavailable,
            Effect::Unknown,
        ),
        (
            "not authorized, ada@example.com: SQLITE_AUTH",
            400,
            ErrorKind::Forbidden,
            Effect::None,
        ),
        (
            "database is full, ada@example.com: SQLITE_FULL",
            400,
            ErrorKind::Unavailable,
            Effect::None,
        ),
        (
            "something new about ada@example.com",
            403,
            ErrorKind::Forbidden,
            Effect::None,
        ),
    ] {
        board
            .plan(json!([{"refuse": message, "status": status}]))
            .await;
        let error = connector.erase(&step(&ada, "notes")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.effect_seen()),
            (kind, effect),
            "{message}: {error}"
        );
        assert!(!error.to_string().contains("ada"), "{error}");
    }
    // An overloaded database has done nothing, so the call is sent again.
    let overloaded = json!({"refuse": "D1_ERROR: D1 DB is overloaded. Requests queued for too long.", "status": 500});
    board.plan(json!([overloaded, overloaded])).await;
    assert_eq!(
        erase(&connector, &ada, "notes", 100).await.unwrap().erase(),
        2
    );
}

#[tokio::test]
async fn rows_in_circles_go_together_or_stay_together() {
    if !may_run() {
        return;
    }
    let board = Board::new(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, friend INTEGER REFERENCES people (id), email TEXT);
         INSERT INTO people VALUES (1, NULL, 'ada@example.com'), (2, 1, 'ada@example.com'), (3, NULL, 'eve@example.com'), (4, 3, 'eve@example.com'), (5, 4, 'bob@example.com');
         UPDATE people SET friend = 2 WHERE id = 1;
         UPDATE people SET friend = 4 WHERE id = 3;",
    )
    .await;
    let connector =
        board.connector("[table.people]\nsubject = { email = \"email\" }\nerase = \"delete\"");
    let ada = erase(
        &connector,
        &subject(&["email=ada@example.com"]),
        "people",
        100,
    )
    .await;
    assert_eq!(ada.unwrap().erase(), 2);
    // Bob's row hangs on one of hers.
    let eve = erase(
        &connector,
        &subject(&["email=eve@example.com"]),
        "people",
        100,
    )
    .await;
    assert_eq!(failed(&eve.unwrap()), 2);
    assert_eq!(board.count("SELECT count(*) FROM people").await, 3);
}

#[tokio::test]
async fn a_thousand_rows_come_in_pages_and_go_in_batches() {
    if !may_run() {
        return;
    }
    let board = Board::new(PEOPLE).await;
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 2209)";
    let fill = format!(
        "INSERT INTO notes SELECT i, 1 + (i % 11 = 0), 'note ' || i, NULL FROM ({numbers} SELECT i FROM n)"
    );
    board.run(&[&fill]).await;
    let connector = board.connector(DELETE);
    // More identities than D1 allows values in a statement.
    let mut known: Vec<String> = (100..400).map(|id| format!("person_id={id}")).collect();
    known.push("person_id=1".to_owned());
    let ada = subject(&known.iter().map(String::as_str).collect::<Vec<_>>());
    let hers = board
        .count("SELECT count(*) FROM notes WHERE person = 1")
        .await;
    board.sent().await;
    let notes = export(&connector, &ada, "notes").await.unwrap();
    assert_eq!(notes.len() as i64, hers);
    let calls = board.sent().await.len();
    assert!(calls < 12, "{calls} calls for {hers} short rows");
    let paged = collect(&connector, &ada, "notes", Some(700)).await.unwrap();
    assert_eq!(paged.records().count(), notes.len());
    assert!(paged.records().eq(&notes));
    let tally = erase(&connector, &ada, "notes", 1_000).await.unwrap();
    assert_eq!(tally.erase() as i64, hers);
    assert_eq!(
        board
            .count("SELECT count(*) FROM notes WHERE person = 1")
            .await,
        0
    );
    assert_eq!(
        board
            .count("SELECT count(*) FROM notes WHERE person = 2")
            .await,
        201
    );
}

#[tokio::test]
async fn a_misspelt_name_in_a_blockers_condition_is_found() {
    if !may_run() {
        return;
    }
    let board = Board::new(PEOPLE).await;
    let with = |condition: &str| {
        let blocker = format!(
            "\nblockers = [{{ code = \"c\", advice = \"a\", where = '''{condition}''' }}]\n"
        );
        let mapping = DELETE.replace(
            "references = { person = \"people.id\" }",
            &format!("references = {{ person = \"people.id\" }}{blocker}"),
        );
        board.connector(&mapping)
    };
    with("\"text\" = 'one'").check().await.unwrap();
    let error = with("\"txet\" = 'one'").check().await.unwrap_err();
    assert!(error.to_string().contains("blocker `c`"), "{error}");
    let blocked = with("\"text\" = 'one'")
        .survey(&subject(&["person_id=1"]))
        .await
        .unwrap();
    assert_eq!(blocked.blockers.len(), 1);
}

#[tokio::test]
async fn the_data_map_says_what_time_travel_keeps_and_who_runs_it() {
    if !may_run() {
        return;
    }
    let board = Board::new(PEOPLE).await;
    let connector = board.connector(DELETE);
    let descriptor = connector.descriptor();
    assert_eq!(descriptor.processor.name.as_deref(), Some("Cloudflare"));
    let kept = descriptor.unreachable.iter();
    assert!(
        kept.clone()
            .any(|one| one.what.contains("Time Travel") && one.lives_for.is_some())
    );
    erase_all(&connector, &subject(&["person_id=1"])).await;
}
