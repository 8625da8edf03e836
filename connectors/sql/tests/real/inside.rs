//! References inside of JSON and arrays, on servers.

use adieu_core::Connector as _;

use crate::common::{erase_all, export, subject};
use crate::links;
use crate::place::{Place, Server, only_in};
use crate::whose::{self, Kind};

#[tokio::test]
async fn rows_inside_of_json_are_found_and_nobody_elses() {
    let kinds = Server::all().flat_map(|server| {
        let kinds: &[Kind] = match server {
            Server::Postgres => &[Kind::Jsonb, Kind::Json],
            Server::MariaDb => &[Kind::MariaDb],
            // Texts that hold JSON, and its own type.
            Server::MySql => &[Kind::MariaDb, Kind::MySql],
        };
        kinds.iter().map(move |kind| (server, *kind))
    });
    for (server, kind) in kinds {
        let place = Place::empty(server);
        place.run(&whose::script(kind));
        let connector = place.connector(whose::MAPPING);
        connector.check().await.unwrap();
        let before = place.rows();
        whose::ada_leaves(&connector).await;
        whose::compare(&before, &place.rows());
    }
}

#[tokio::test]
async fn rows_inside_of_arrays_are_found_and_nobody_elses() {
    let place = Place::new(
        Server::Postgres,
        "CREATE TABLE people (id bigint PRIMARY KEY, code uuid UNIQUE, email text UNIQUE);
         CREATE TABLE teams (id int PRIMARY KEY, member_ids int[]);
         CREATE TABLE rooms (id int PRIMARY KEY, guests uuid[]);
         CREATE TABLE lists (id int PRIMARY KEY, addresses text[], numbers numeric[]);
         INSERT INTO people VALUES (1, '00000000-0000-0000-0000-000000000001', 'ada@example.com'), (2, '00000000-0000-0000-0000-000000000002', 'eve@example.com'), (10, NULL, NULL);
         INSERT INTO teams VALUES (1, '{1}'), (2, '{1,2}'), (3, '{2}'), (4, '{10}'), (5, NULL), (6, '{}'), (7, '{1,NULL}'), (8, '{{1,2},{3,4}}'), (9, '{1,1}');
         INSERT INTO rooms VALUES (1, '{00000000-0000-0000-0000-000000000001}'), (2, '{00000000-0000-0000-0000-000000000002}');
         INSERT INTO lists VALUES (1, '{ada@example.com}', NULL), (2, '{ADA@example.com}', NULL), (3, '{\"ada@example.com,eve@example.com\"}', NULL), (4, NULL, '{1}'), (5, NULL, '{1.0}'), (6, '{eve@example.com}', '{1}');",
    );
    let connector = place.connector(
        r#"[table.people]
           subject = { person_id = "id", email = "email" }
           erase = "delete"
           [table.teams]
           references = { "member_ids[]" = "people.id" }
           shared = { basis = "contract", reason = "the team goes on" }
           erase = "delete"
           [table.rooms]
           references = { "guests[]" = "people.code" }
           shared = { basis = "contract", reason = "others were there" }
           erase = "delete"
           [table.lists]
           references = [{ "addresses[]" = "people.email" }, { "numbers[]" = "people.id" }]
           shared = { basis = "contract", reason = "others are on it" }
           erase = "delete""#,
    );
    connector.check().await.unwrap();
    let before = place.rows();
    let ada = subject(&["person_id=1", "email=ada@example.com"]);
    for (table, ids) in [
        ("teams", vec![1, 2, 7, 8, 9]),
        ("rooms", vec![1]),
        ("lists", vec![1, 4, 6]),
    ] {
        let records = export(&connector, &ada, table).await.unwrap();
        let found = records.iter().map(|record| record["id"].as_i64().unwrap());
        assert_eq!(found.collect::<Vec<_>>(), ids, "{table}");
    }
    let done = erase_all(&connector, &ada).await;
    assert_eq!(done["teams"].retained()[0].records, 4);
    let after = place.rows();
    assert_eq!(only_in(&after, &before), [], "nothing was changed");
    let gone = only_in(&before, &after).into_iter();
    let gone: Vec<String> = gone.map(|(table, row)| format!("{table} {row}")).collect();
    assert_eq!(gone.len(), 5, "{gone:?}");
    for (table, id) in [
        ("teams", 1),
        ("rooms", 1),
        ("lists", 1),
        ("lists", 4),
        ("people", 1),
    ] {
        let count = place.count(&format!("SELECT count(*) FROM {table} WHERE id = {id}"));
        assert_eq!(count, 0, "{table} {id}");
    }
}

#[tokio::test]
async fn check_names_every_column_that_cannot_be_looked_into() {
    for server in Server::all() {
        let (columns, told) = match server {
            Server::Postgres => (
                "number int, names text, list int[], meta jsonb",
                "`list -> $.id` does not lead into `things.list`: it is an array; write COLUMN[] for its elements; \
             `names -> $.id` does not lead into `things.names`: it is text, of which PostgreSQL cannot tell whether it is JSON; make it json or jsonb; \
             `number -> $.id` does not lead into `things.number`: it holds neither JSON nor an array",
            ),
            Server::MariaDb | Server::MySql => (
                "number int, names text, list date, meta json",
                "`list -> $.id` does not lead into `things.list`: it holds neither JSON nor an array; \
             `number -> $.id` does not lead into `things.number`: it holds neither JSON nor an array",
            ),
        };
        let place = Place::new(
            server,
            &format!(
                "CREATE TABLE people (id int PRIMARY KEY); CREATE TABLE things (id int PRIMARY KEY, {columns});"
            ),
        );
        let connector = place.connector(
            r#"[table.people]
               subject = { person_id = "id" }
               erase = "delete"
               [table.things]
               references = [{ "list -> $.id" = "people.id" }, { "meta -> $.id" = "people.id" }, { "names -> $.id" = "people.id" }, { "number -> $.id" = "people.id" }]
               erase = "delete""#,
        );
        assert_eq!(connector.check().await.unwrap_err().what(), told);
    }
}

#[tokio::test]
async fn a_row_that_leads_to_several_people_is_not_hers_alone() {
    for server in Server::all() {
        let place = Place::new(server, links::SCRIPT);
        links::ada_leaves(&place.connector(links::MAPPING)).await;
        for (query, count) in links::LEFT {
            assert_eq!(place.count(query), count, "{query}");
        }
    }
}

#[tokio::test]
async fn an_element_that_leads_to_several_people_makes_nothing_hers_alone() {
    for server in Server::all() {
        let list = match server {
            Server::Postgres => ("int[]", ["{100}", "{200}", "{100,400}"]),
            Server::MariaDb | Server::MySql => ("JSON", ["[100]", "[200]", "[100,400]"]),
        };
        let place = Place::new(server, &links::boxes(list.0, list.1));
        links::ada_leaves_her_boxes(|mapping| place.connector(mapping)).await;
        let left = "SELECT count(*) FROM boxes WHERE id IN (2, 3)";
        assert_eq!(place.count(left), 2);
    }
}

/// Beyond 64 rows the database joins instead of comparing with what was fetched.
#[tokio::test]
async fn many_rows_that_are_referred_to_are_joined_as_exactly() {
    let kinds = Server::all().flat_map(|server| {
        let kinds: &[&str] = match server {
            Server::Postgres => &["jsonb", "json"],
            Server::MariaDb => &["varchar(50)"],
            Server::MySql => &["varchar(50)", "json"],
        };
        kinds.iter().map(move |json| (server, *json))
    });
    for (server, json) in kinds {
        let orders: Vec<String> = (1..=100).map(|i| format!("({i}, 1, 'no{i}')")).collect();
        let place = Place::new(
            server,
            &format!(
                "CREATE TABLE people (id int PRIMARY KEY);
                 CREATE TABLE orders (id int PRIMARY KEY, person int, code varchar(20));
                 CREATE TABLE events (id int PRIMARY KEY, payload {json});
                 CREATE TABLE parcels (id int PRIMARY KEY, codes {json});
                 INSERT INTO people VALUES (1), (2);
                 INSERT INTO orders VALUES {}, (200, 2, 'NO1');
                 INSERT INTO events VALUES (1, '{{\"order\":7}}'), (2, '{{\"order\":\"07\"}}'), (3, '{{\"order\":200}}'), (4, '{{\"order\":\"8\"}}'), (5, NULL);
                 INSERT INTO parcels VALUES (1, '[\"no1\"]'), (2, '[\"no1\",\"NO1\"]'), (3, '[\"NO1\"]'), (4, '[\"no1 \"]'), (5, '[\"no100\"]'), (6, '[\"no1\"]');",
                orders.join(", ")
            ),
        );
        let connector = place.connector(
            r#"[table.people]
               subject = { person_id = "id" }
               erase = "delete"
               [table.orders]
               references = { person = "people.id" }
               erase = "delete"
               [table.events]
               references = { "payload -> $.order" = "orders.id" }
               erase = "delete"
               [table.parcels]
               references = { "codes[]" = "orders.code" }
               shared = { basis = "contract", reason = "others' orders are in it" }
               erase = "delete""#,
        );
        let before = place.rows();
        let done = erase_all(&connector, &subject(&["person_id=1"])).await;
        assert_eq!(done["events"].erase(), 2, "{server:?} {json}");
        assert_eq!(done["parcels"].erase(), 3, "{server:?} {json}");
        assert_eq!(done["parcels"].retained()[0].records, 1);
        let after = place.rows();
        assert_eq!(only_in(&after, &before), [], "nothing was changed");
        let left = "SELECT count(*) FROM parcels WHERE id IN (2, 3, 4)";
        assert_eq!(place.count(left), 3);
        let left = "SELECT count(*) FROM events WHERE id IN (2, 3, 5)";
        assert_eq!(place.count(left), 3);
    }
}
