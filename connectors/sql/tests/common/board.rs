//! A real team board's schema, which was made for D1 and runs on SQLite: what lies in it, what is declared, and what must come of
//! it wherever it runs.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stdout)]

use std::path::PathBuf;

use adieu_core::Connector;
use adieu_sql::SqlConnector;
use adieu_testkit::discover;

use crate::common::{erase_all, export, subject, survey};

/// A board with two members, who wrote to each other. Files have no column for their owner; a member names hers.
const CONTENT: &str = "
    INSERT INTO users VALUES (1, 'ada@example.com', 'Ada', 'users/1/face.png', '[\"admin\"]', '2026-01-01'), (2, 'eve@example.com', 'Eve', 'users/2/face.png', '[]', '2026-01-02');
    INSERT INTO users_auth_providers (user_id, auth_provider, provider_user_id, email, password_hash)
      VALUES (1, 'github', 'gh-1', 'ada@work.example', NULL), (1, 'email', '1', 'ada@example.com', 'secret-hash'), (2, 'email', '2', 'eve@example.com', 'other-hash');
    INSERT INTO posts (id, title, content, author) VALUES (1, 'Hello', 'I am Ada', 1), (2, 'Hi', 'I am Eve', 2);
    INSERT INTO reactions (id, post_id, user_id, type) VALUES (1, 2, 1, 'like'), (2, 1, 2, 'like'), (3, 2, 2, 'like'), (4, 1, 1, 'laugh');
    INSERT INTO buckets (id, name) VALUES (1, 'pictures');
    INSERT INTO buckets_file (key, size, bucket_id) VALUES ('users/1/face.png', 1, 1), ('users/2/face.png', 1, 1), ('users/1/face.png.bak', 1, 1);
";

/// A reaction to her post is part of the post, and goes with it. The key of a file leads whoever keeps files to it.
pub(crate) const MAPPING: &str = r#"
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
    [table.buckets_file]
    references = { key = "users.avatar" }
    shared = { basis = "contract", reason = "another member has the same picture" }
    yields = { file = "key" }
    erase = "delete"
    [table.reactions]
    references = [{ user_id = "users.id" }, { post_id = "posts.id" }]
    columns = { user_id = { mask = "it may be about somebody else" } }
    erase = "delete"
"#;

/// What Ada's erasure takes: table and number.
pub(crate) const GONE: [&str; 8] = [
    "buckets_file 1",
    "posts 1",
    "reactions 1",
    "reactions 2",
    "reactions 4",
    "users 1",
    "users_auth_providers 1",
    "users_auth_providers 2",
];

/// Schema and content; `None` when the schema is not there, which is said.
pub(crate) fn team_board() -> Option<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("ADIEU_TEST_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    match std::fs::read_to_string(folder.join("calljmp/team-board-d1.sql")) {
        Ok(schema) => Some(format!("{schema}\n{CONTENT}")),
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

/// Ada looks at what there is of her, and leaves.
pub(crate) async fn ada_leaves(connector: &SqlConnector) {
    connector.check().await.unwrap();
    let ada = discover(connector, subject(&["user_id=1"])).await.unwrap();
    let known: Vec<String> = ada
        .identities()
        .map(|one| format!("{}={}", one.kind(), one.value().expose()))
        .collect();
    for identity in [
        "user_id=1",
        "email=ada@example.com",
        "email=ada@work.example",
        "file=users/1/face.png",
    ] {
        assert!(known.iter().any(|one| one == identity), "{known:?}");
    }
    assert_eq!(known.len(), 4, "{known:?}");
    let users = export(connector, &ada, "users").await.unwrap();
    assert_eq!((users.len(), &users[0]["name"]), (1, &"Ada".into()));
    let logins = export(connector, &ada, "users_auth_providers")
        .await
        .unwrap();
    assert_eq!(logins.len(), 2);
    assert!(logins.iter().all(|one| one.get("password_hash").is_none()));
    let files = export(connector, &ada, "buckets_file").await.unwrap();
    assert_eq!(files.len(), 1);
    let reactions = export(connector, &ada, "reactions").await.unwrap();
    assert_eq!(reactions.len(), 3);
    let preview = survey(connector, &ada).await;
    let done = erase_all(connector, &ada).await;
    for (collection, tally) in &done {
        assert_eq!(preview[collection].as_ref().unwrap(), tally, "{collection}");
    }
    let after = survey(connector, &ada).await;
    assert!(after.values().all(|one| one.as_ref().unwrap().is_empty()));
}
