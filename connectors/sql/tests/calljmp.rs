//! One member out of a real team board, on SQLite.

#![allow(clippy::unwrap_used)]

#[path = "common/board.rs"]
mod board;
mod common;

use board::{GONE, MAPPING, ada_leaves, team_board};
use common::Shop;

#[tokio::test]
async fn one_member_leaves_with_her_posts_and_nobody_elses() {
    let Some(content) = team_board() else { return };
    let shop = Shop::new(&content);
    let before = shop.rows();
    ada_leaves(&shop.connector(MAPPING)).await;
    let after = shop.rows();
    let gone = before.iter().filter(|row| !after.contains(row));
    let gone = gone.map(|(table, row)| {
        let number = row[0].trim_start_matches("Integer(").trim_end_matches(')');
        format!("{table} {number}")
    });
    assert_eq!(gone.collect::<Vec<_>>(), GONE);
    assert!(after.iter().all(|row| before.contains(row)));
}
