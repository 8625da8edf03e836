//! One colleague out of an account that several people share, in the schema of jambonz on MariaDB and MySQL.

use adieu_core::Connector;
use adieu_testkit::discover;

use crate::common::{erase_all, export, subject, survey};
use crate::place::{Place, Server, data, only_in};

/// What is Ada's own. The account, its numbers, its trunk and its subscription serve Eve as well and are not mapped.
const MAPPING: &str = r#"
    [table.users]
    subject = { user_id = "user_sid", email = ["email", "pending_email"] }
    yields = { email = ["email", "pending_email"] }
    columns = { hashed_password = { omit = "it would help whoever wants to guess the password" } }
    erase = "delete"
    [table.user_permissions]
    references = { user_sid = "users.user_sid" }
    erase = "delete"
    [table.signup_history]
    subject = { email = "email" }
    erase = "delete"
"#;

#[tokio::test]
async fn erasing_ada_leaves_eve_bob_and_the_service_of_their_account() {
    for server in Server::alike() {
        let Some(file) = data("jambonz/jambones-loaded-dump.sql") else {
            return;
        };
        let place = Place::empty(server);
        place.run_file(&file);
        let connector = place.connector(MAPPING);
        connector.check().await.unwrap();
        let before = place.rows();

        let ada = discover(&connector, subject(&["user_id=usr-ada-1"]))
            .await
            .unwrap();
        assert_eq!(
            ada.identities().len(),
            3,
            "her number, her address and the one she asked for"
        );
        let user = export(&connector, &ada, "users").await.unwrap();
        assert_eq!(user.len(), 1);
        assert_eq!(
            (&user[0]["name"], &user[0]["email_validated"]),
            (&"Ada Lovelace".into(), &true.into())
        );
        assert!(user[0].get("hashed_password").is_none());
        assert_eq!(
            export(&connector, &ada, "user_permissions")
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(
            export(&connector, &ada, "signup_history")
                .await
                .unwrap()
                .len(),
            1
        );
        assert_eq!(place.rows(), before);

        let preview = survey(&connector, &ada).await;
        let done = erase_all(&connector, &ada).await;
        for (collection, tally) in &done {
            assert_eq!(
                (preview[collection].as_ref().unwrap(), tally.erase()),
                (tally, 1),
                "{collection}"
            );
        }
        let after = place.rows();
        assert_eq!(only_in(&after, &before), [], "nothing was changed");
        let mut gone: Vec<String> = only_in(&before, &after)
            .into_iter()
            .map(|(table, row)| format!("{table}: {}", row.split('\t').next().unwrap()))
            .collect();
        gone.sort();
        assert_eq!(
            gone,
            [
                "signup_history: ada@example.com",
                "user_permissions: up-ada-1",
                "users: usr-ada-1"
            ]
        );
        for (query, left) in [
            (
                "SELECT count(*) FROM users WHERE user_sid IN ('usr-eve-1', 'usr-bob-1')",
                2,
            ),
            (
                "SELECT count(*) FROM signup_history WHERE email = 'bob@example.com'",
                1,
            ),
            (
                "SELECT count(*) FROM accounts WHERE account_sid LIKE 'acc-ada%'",
                1,
            ),
            (
                "SELECT count(*) FROM phone_numbers WHERE account_sid LIKE 'acc-ada%'",
                1,
            ),
            (
                "SELECT count(*) FROM account_subscriptions WHERE account_sid LIKE 'acc-ada%'",
                1,
            ),
            (
                "SELECT count(*) FROM clients WHERE account_sid LIKE 'acc-ada%'",
                1,
            ),
        ] {
            assert_eq!(place.count(query), left, "{query}");
        }
    }
}

#[tokio::test]
async fn a_mapping_that_would_take_the_permissions_along_is_refused() {
    for server in Server::alike() {
        let Some(file) = data("jambonz/jambones-loaded-dump.sql") else {
            return;
        };
        let place = Place::empty(server);
        place.run_file(&file);
        let connector = place
            .connector("[table.users]\nsubject = { user_id = \"user_sid\" }\nerase = \"delete\"");
        let problem = connector.check().await.unwrap_err().to_string();
        assert!(
            problem.contains("user_permissions.user_sid") && problem.contains("map it"),
            "{problem}"
        );
        let before = place.rows();
        let ada = subject(&["user_id=usr-ada-1"]);
        assert!(survey(&connector, &ada).await["users"].is_err());
        assert!(
            crate::common::erase(&connector, &ada, "users", 10)
                .await
                .is_err()
        );
        assert_eq!(place.rows(), before);
    }
}
