//! One member out of a real team board, on the database that it was made for.

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
