//! References inside of JSON, on D1.

use adieu_core::Connector as _;

use serde_json::json;

use crate::common::{erase, failed, subject};
use crate::links;
use crate::server::{Board, may_run};
use crate::whose::{self, Kind};

#[tokio::test]
async fn rows_inside_of_json_are_found_and_nobody_elses_on_d1() {
    if !may_run() {
        return;
    }
    let board = Board::new(&whose::script(Kind::Sqlite)).await;
    let connector = board.connector(whose::MAPPING);
    connector.check().await.unwrap();
    let before = board.rows().await;
    whose::ada_leaves(&connector).await;
    whose::compare(&before, &board.rows().await);
}

#[tokio::test]
async fn a_chat_that_somebody_joined_meanwhile_stays() {
    if !may_run() {
        return;
    }
    let board = Board::new(&whose::script(Kind::Sqlite)).await;
    let connector = board.connector(whose::MAPPING);
    let joined = "UPDATE chats SET member_ids = '[1,2]' WHERE id = 1";
    board.plan(json!([{"before": [joined]}])).await;
    let ada = subject(&["person_id=1"]);
    let tally = erase(&connector, &ada, "chats", 100).await.unwrap();
    assert_eq!((tally.erase(), failed(&tally)), (1, 0), "{tally:?}");
    let left = "SELECT count(*) FROM chats WHERE id = 1 AND member_ids = '[1,2]'";
    assert_eq!(board.count(left).await, 1);
    assert_eq!(
        board.count("SELECT count(*) FROM chats WHERE id = 8").await,
        0
    );
}

#[tokio::test]
async fn a_row_that_leads_to_several_people_is_not_hers_alone_on_d1() {
    if !may_run() {
        return;
    }
    let board = Board::new(links::SCRIPT).await;
    links::ada_leaves(&board.connector(links::MAPPING)).await;
    for (query, count) in links::LEFT {
        assert_eq!(board.count(query).await, count, "{query}");
    }
}

#[tokio::test]
async fn an_element_that_leads_to_several_people_makes_nothing_hers_alone_on_d1() {
    if !may_run() {
        return;
    }
    let board = Board::new(&links::boxes("TEXT", ["[100]", "[200]", "[100,400]"])).await;
    links::ada_leaves_her_boxes(|mapping| board.connector(mapping)).await;
    let left = "SELECT count(*) FROM boxes WHERE id IN (2, 3)";
    assert_eq!(board.count(left).await, 2);
}

#[tokio::test]
async fn a_row_that_leads_to_somebody_else_too_meanwhile_stays() {
    if !may_run() {
        return;
    }
    let board = Board::new(links::SCRIPT).await;
    let connector = board.connector(links::MAPPING);
    let linked = "INSERT INTO links VALUES (20, 100, 9)";
    board.plan(json!([{"before": [linked]}])).await;
    let ada = subject(&["email=ada@example.com"]);
    let tally = erase(&connector, &ada, "readings", 100).await.unwrap();
    assert_eq!((tally.erase(), failed(&tally)), (0, 0), "{tally:?}");
    assert_eq!(board.count("SELECT count(*) FROM readings").await, 6);
}
