//! One member out of a real team board's schema, which was made for D1 and runs on SQLite.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::path::PathBuf;

use adieu_core::Connector;
use adieu_testkit::discover;
use common::{Shop, erase_all, export, subject, survey};

/// A board with two members, who wrote to each other. Files have no column for their owner: the key begins with the number.
const CONTENT: &str = "
    INSERT INTO users VALUES (1, 'ada@example.com', 'Ada', NULL, '[\"admin\"]', '2026-01-01'), (2, 'eve@example.com', 'Eve', NULL, '[]', '2026-01-02');
    INSERT INTO users_auth_providers (user_id, auth_provider, provider_user_id, email, password_hash)
      VALUES (1, 'github', 'gh-1', 'ada@work.example', NULL), (1, 'email', '1', 'ada@example.com', 'secret-hash'), (2, 'email', '2', 'eve@example.com', 'other-hash');
    INSERT INTO posts (id, title, content, author) VALUES (1, 'Hello', 'I am Ada', 1), (2, 'Hi', 'I am Eve', 2);
    INSERT INTO reactions (id, post_id, user_id, type) VALUES (1, 2, 1, 'like'), (2, 1, 2, 'like'), (3, 2, 2, 'like'), (4, 1, 1, 'laugh');
    INSERT INTO buckets (id, name) VALUES (1, 'pictures');
    INSERT INTO buckets_file (key, size, bucket_id) VALUES ('users/1/face.png', 1, 1), ('users/2/face.png', 1, 1);
";

/// A reaction to her post is part of the post, and goes with it.
const MAPPING: &str = r#"
    [table.users]
    subject = { user_id = "id", email = "email" }
    erase = "delete"
    [table.users_auth_providers]
    references = { user_id = "users.id" }
    yields = { email = "email" }
    columns = { password_hash = { omit = "it would help whoever wants to guess the password" } }
    erase = "delete"
    [table.posts]
    references = { author = "users.id" }
    erase = "delete"
    [table.reactions]
    references = [{ user_id = "users.id" }, { post_id = "posts.id" }]
    columns = { user_id = { mask = "it may be about somebody else" } }
    erase = "delete"
"#;

fn board() -> Option<Shop> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("ADIEU_TEST_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    match std::fs::read_to_string(folder.join("calljmp/team-board-d1.sql")) {
        Ok(schema) => Some(Shop::new(&format!("{schema}\n{CONTENT}"))),
        Err(_) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "the team board's schema is missing: set ADIEU_TEST_DATA"
            );
            println!(
                "skipped: the team board's schema is not beside the project, and ADIEU_TEST_DATA does not lead to it"
            );
            None
        }
    }
}

#[tokio::test]
async fn one_member_leaves_with_her_posts_and_nobody_elses() {
    let Some(shop) = board() else { return };
    let connector = shop.connector(MAPPING);
    connector.check().await.unwrap();
    let ada = discover(&connector, subject(&["user_id=1"])).await.unwrap();
    assert_eq!(
        ada.identities().len(),
        3,
        "her number, her address and the one at work"
    );
    let users = export(&connector, &ada, "users").await.unwrap();
    assert_eq!((users.len(), &users[0]["name"]), (1, &"Ada".into()));
    let logins = export(&connector, &ada, "users_auth_providers")
        .await
        .unwrap();
    assert_eq!(logins.len(), 2);
    assert!(logins.iter().all(|one| one.get("password_hash").is_none()));
    assert_eq!(
        export(&connector, &ada, "reactions").await.unwrap().len(),
        3
    );

    let before = shop.rows();
    let preview = survey(&connector, &ada).await;
    let done = erase_all(&connector, &ada).await;
    for (collection, tally) in &done {
        assert_eq!(preview[collection].as_ref().unwrap(), tally, "{collection}");
    }
    let after = shop.rows();
    let gone: Vec<String> = before
        .iter()
        .filter(|row| !after.contains(row))
        .map(|(table, row)| format!("{table} {}", row[0]))
        .collect();
    assert_eq!(
        gone,
        [
            "posts Integer(1)",
            "reactions Integer(1)",
            "reactions Integer(2)",
            "reactions Integer(4)",
            "users Integer(1)",
            "users_auth_providers Integer(1)",
            "users_auth_providers Integer(2)"
        ]
    );
    assert!(after.iter().all(|row| before.contains(row)));
    assert_eq!(
        shop.count("SELECT count(*) FROM buckets_file"),
        2,
        "files are erased by the connector of their bucket"
    );
}
