//! The benchmark's database, small: what is proposed for it is right as it stands.

use adieu_testkit::discover;

use crate::common::{erase_all, export, subject, survey};
use crate::place::{Place, Server, data, only_in};
use crate::proposals::{mapping, proposed};

/// So many of the ordinary people of `bench/people.sql`, and nobody heavy.
pub(crate) fn people(users: u32) -> Option<Place> {
    let script = std::fs::read_to_string(data("bench/people.sql")?).unwrap();
    let (ordinary, heavy) = script.split_once("-- ---- heavy users").unwrap();
    let indexes: Vec<&str> = heavy
        .lines()
        .filter(|line| line.starts_with("create index"))
        .collect();
    assert!(!indexes.is_empty(), "the script is not what it was");
    let place = Place::empty(Server::Postgres);
    place.run(&format!(
        "\\set users {users}\n{ordinary}\n{}",
        indexes.join("\n")
    ));
    Some(place)
}

#[tokio::test]
async fn what_is_proposed_exports_and_erases_one_person_unedited() {
    let Some(place) = people(3) else { return };
    let proposal = proposed(&place, "users", "email=email").await;
    let connector = place.connector(&mapping(&proposal));
    let second = discover(&connector, subject(&["email=user2@example.com"]))
        .await
        .unwrap();
    let before = place.rows();
    let preview = survey(&connector, &second).await;
    let expected = [
        ("users", 1),
        ("addresses", 2),
        ("orders", 4),
        ("order_items", 8),
        ("payments", 2),
        ("events", 3),
    ];
    for (table, rows) in expected {
        assert_eq!(
            export(&connector, &second, table).await.unwrap().len(),
            rows,
            "{table}"
        );
    }
    let done = erase_all(&connector, &second).await;
    assert_eq!(done.len(), expected.len());
    for (table, rows) in expected {
        assert_eq!(done[table].erase(), rows as u64, "{table}");
        assert_eq!(preview[table].as_ref().unwrap(), &done[table], "{table}");
    }
    let after = place.rows();
    assert_eq!(only_in(&after, &before), [], "nothing was changed");
    assert_eq!(only_in(&before, &after).len(), 20);
    assert_eq!(
        place.count("SELECT count(*) FROM users WHERE id IN (1, 3)"),
        2
    );
    for tally in survey(&connector, &second).await.into_values() {
        assert_eq!(tally.unwrap().pending(), 0);
    }
}
