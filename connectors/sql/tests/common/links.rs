//! Rows that hang on a table of links, in which one column alone names no row: they may be several people's.

#![allow(clippy::unwrap_used)]

use adieu_core::Connector as _;
use adieu_sql::SqlConnector;
use adieu_testkit::discover;

use crate::common::{erase_all, export, subject, survey};

/// Ada has two accounts. One device is hers alone, by both of them; one is Eve's too; one is Eve's; one leads nowhere.
pub(crate) const SCRIPT: &str = "
    CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(99) UNIQUE);
    CREATE TABLE accounts (id INT PRIMARY KEY, person INT NOT NULL);
    CREATE TABLE links (account INT, device INT, id INT PRIMARY KEY);
    CREATE TABLE readings (id INT PRIMARY KEY, device INT, place VARCHAR(20));
    CREATE TABLE remarks (id INT PRIMARY KEY, reading INT NOT NULL, body VARCHAR(20));
    INSERT INTO people VALUES (1, 'ada@example.com'), (2, 'eve@example.com');
    INSERT INTO accounts VALUES (10, 1), (11, 1), (20, 2);
    INSERT INTO links VALUES (10, 100, 1), (11, 100, 2), (10, 200, 3), (20, 200, 4), (20, 300, 5), (20, NULL, 6), (NULL, 400, 7), (10, 400, 8);
    INSERT INTO readings VALUES (1, 100, 'hers'), (2, 200, 'both'), (3, 300, 'eve'), (4, NULL, 'nobody'), (5, 500, 'unknown'), (6, 400, 'a stray link');
    INSERT INTO remarks VALUES (1, 1, 'hers'), (2, 2, 'both'), (3, 3, 'eve');";

pub(crate) const MAPPING: &str = r#"
    [table.people]
    subject = { email = "email" }
    erase = "delete"
    [table.accounts]
    references = { person = "people.id" }
    erase = "delete"
    [table.links]
    references = { account = "accounts.id" }
    erase = "delete"
    [table.readings]
    references = { device = "links.device" }
    shared = { basis = "contract", reason = "the device is others' too" }
    yields = { place = "place" }
    erase = "delete"
    [table.remarks]
    references = { reading = "readings.id" }
    erase = "delete""#;

/// Boxes with a list of devices each; hers, Eve's too, and hers by two of them.
pub(crate) fn boxes(list: &str, [one, both, two]: [&str; 3]) -> String {
    format!(
        "{SCRIPT} CREATE TABLE boxes (id INT PRIMARY KEY, devices {list});
         INSERT INTO boxes VALUES (1, '{one}'), (2, '{both}'), (3, '{two}');"
    )
}

/// Ada leaves, and of the boxes only the one goes that is hers alone.
pub(crate) async fn ada_leaves_her_boxes(connect: impl Fn(&str) -> SqlConnector) {
    let boxes = r#"
        [table.boxes]
        references = { "devices[]" = "links.device" }
        shared = { basis = "contract", reason = "others' devices are in it" }
        erase = "delete""#;
    let connector = connect(&format!("{MAPPING}{boxes}"));
    connector.check().await.unwrap();
    let done = erase_all(&connector, &subject(&["email=ada@example.com"])).await;
    let boxes = &done["boxes"];
    assert_eq!((boxes.erase(), boxes.retained()[0].records), (1, 2));
}

/// Ada exports and leaves. What is left of readings and remarks is for the caller to compare with [`LEFT`].
pub(crate) async fn ada_leaves(connector: &SqlConnector) {
    connector.check().await.unwrap();
    let ada = subject(&["email=ada@example.com"]);
    let known = discover(connector, ada.clone()).await.unwrap();
    let places = known
        .identities()
        .filter(|one| one.kind().as_str() == "place");
    let places: Vec<&str> = places.map(|one| one.value().expose()).collect();
    assert_eq!(places, ["hers"]);
    for (table, ids) in [("readings", vec![1, 2, 6]), ("remarks", vec![1])] {
        let records = export(connector, &ada, table).await.unwrap();
        let found = records.iter().map(|record| record["id"].as_i64().unwrap());
        assert_eq!(found.collect::<Vec<_>>(), ids, "{table}");
    }
    let would = survey(connector, &ada).await;
    let would = would["readings"].as_ref().unwrap();
    assert_eq!((would.erase(), would.retained()[0].records), (1, 2));
    let done = erase_all(connector, &ada).await;
    assert_eq!(done["readings"].erase(), 1);
    assert_eq!(done["readings"].retained()[0].records, 2);
    assert_eq!(done["remarks"].erase(), 1);
    assert_eq!(done["links"].erase(), 4);
}

/// Queries, and how many rows each counts when Ada has left.
pub(crate) const LEFT: [(&str, i64); 4] = [
    (
        "SELECT count(*) FROM readings WHERE id IN (2, 3, 4, 5, 6)",
        5,
    ),
    ("SELECT count(*) FROM readings", 5),
    ("SELECT count(*) FROM remarks WHERE id IN (2, 3)", 2),
    ("SELECT count(*) FROM links WHERE id IN (4, 5, 6, 7)", 4),
];
