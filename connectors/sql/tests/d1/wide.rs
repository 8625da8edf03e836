//! Tables with more columns than D1 answers at once.

use adieu_core::Connector as _;

use crate::common::{erase_all, export, subject};
use crate::server::{Board, may_run};

/// Ninety-nine columns besides the key; 100 is what a table of D1 may have.
fn wide() -> String {
    let columns: Vec<String> = (1..=98).map(|i| format!("c{i} TEXT")).collect();
    let values = |owner: &str| {
        let values: Vec<String> = (1..=98).map(|i| format!("'{owner}{i}'")).collect();
        values.join(", ")
    };
    format!(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, owner TEXT, {});
         INSERT INTO things VALUES (1, 'ada', {});
         INSERT INTO things VALUES (2, 'eve', {});",
        columns.join(", "),
        values("ada"),
        values("eve")
    )
}

#[tokio::test]
async fn a_table_that_is_too_wide_is_told_and_comes_whole_without_some_columns() {
    if !may_run() {
        return;
    }
    let board = Board::new(&wide()).await;
    let mapping = "[table.things]\nsubject = { owner = \"owner\" }\nerase = \"delete\"\n";
    let told = board.connector(mapping).check().await.unwrap_err();
    assert_eq!(
        told.what(),
        "the table `things` has more columns than the database answers at once: 102 with keys and identities, 99 at most; \
         leave some out with `columns`"
    );
    let ada = subject(&["owner=ada"]);
    let refused = export(&board.connector(mapping), &ada, "things").await;
    assert_eq!(refused.unwrap_err().what(), told.what());

    let omitted = "c1 = { omit = \"x\" }, c2 = { omit = \"x\" }, c98 = { omit = \"x\" }";
    let connector = board.connector(&format!("{mapping}columns = {{ {omitted} }}"));
    connector.check().await.unwrap();
    let records = export(&connector, &ada, "things").await.unwrap();
    assert_eq!(records.len(), 1);
    let record = records[0].as_object().unwrap();
    assert_eq!(record.len(), 97);
    for i in 3..=97 {
        assert_eq!(record[&format!("c{i}")], format!("ada{i}"));
    }
    let everything = ["SELECT * FROM things ORDER BY id"];
    let before = board.run(&everything).await.concat();
    assert_eq!((before.len(), before[1].len()), (2, 100));
    assert_eq!(erase_all(&connector, &ada).await["things"].erase(), 1);
    assert_eq!(board.run(&everything).await.concat(), before[1..]);
}
