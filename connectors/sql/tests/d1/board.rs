//! One member out of a real team board, on the database that it was made for.

use adieu_core::{Connector as _, IdentityKind};
use adieu_sql::inspect::Inspection;

use crate::server::{Board, may_run};
use crate::team::{GONE, MAPPING, ada_leaves, team_board};

#[tokio::test]
async fn one_member_leaves_with_her_posts_and_nobody_elses_on_d1() {
    let Some(content) = team_board().filter(|_| may_run()) else {
        return;
    };
    let board = Board::new(&content).await;
    let before = board.rows().await;
    ada_leaves(&board.connector(MAPPING)).await;
    let after = board.rows().await;
    let gone = before.iter().filter(|row| !after.contains(row));
    let gone = gone.map(|(table, row)| {
        let number = row.split(',').next().unwrap();
        format!("{table} {number}")
    });
    assert_eq!(gone.collect::<Vec<_>>(), GONE);
    assert!(after.iter().all(|row| before.contains(row)));
}

#[tokio::test]
async fn what_is_proposed_for_d1_is_taken_by_its_own_check() {
    let Some(content) = team_board().filter(|_| may_run()) else {
        return;
    };
    let board = Board::new(&content).await;
    let inspection = Inspection::new(board.config(""), "users");
    let inspection = inspection.identity(IdentityKind::new("email").unwrap(), "email");
    let proposal = inspection.propose(".".as_ref()).await.unwrap();
    assert_eq!(
        proposal.mapped(),
        ["users", "posts", "reactions", "users_auth_providers"]
    );
    let (head, tables) = proposal
        .toml()
        .split_once("token = \"env:D1_TOKEN\"\n")
        .unwrap();
    assert!(head.contains("url = \"d1://an-account/"), "{head}");
    let connector = board.connector(&tables.replace("[connector.", "["));
    connector.check().await.unwrap();
    assert_eq!(connector.uncovered().await.unwrap(), []);
}
