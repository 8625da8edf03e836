//! One customer out of Chinook, on PostgreSQL, MariaDB and MySQL, with the mapping of `examples/chinook/adieu.toml`.

use adieu_core::Connector;
use adieu_sql::SqlConnector;
use adieu_testkit::discover;
use serde_json::json;

use crate::common::{erase_all, export, subject, survey};
use crate::place::{Place, Server, data, only_in};

/// The database, without the statements that choose another one.
pub(crate) fn chinook(server: Server) -> Option<Place> {
    let file = match server {
        Server::Postgres => "chinook/Chinook_PostgreSql.sql",
        Server::MariaDb | Server::MySql => "chinook/Chinook_MySql.sql",
    };
    let script = std::fs::read_to_string(data(file)?).unwrap();
    let chooses = |line: &&str| {
        ["DROP DATABASE", "CREATE DATABASE", "\\c ", "USE "]
            .iter()
            .any(|word| line.trim_start_matches('\u{feff}').starts_with(word))
    };
    let kept: Vec<&str> = script.lines().filter(|line| !chooses(line)).collect();
    let place = Place::empty(server);
    place.run(&kept.join("\n"));
    Some(place)
}

/// The mapping of the example, with names as this database spells them.
fn connector(place: &Place, server: Server) -> SqlConnector {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/chinook/adieu.toml"
    );
    let text = std::fs::read_to_string(file).unwrap();
    let (_, mapping) = text.split_once("url = \"env:DATABASE_URL\"").unwrap();
    let mut mapping = mapping.replace("[connector.table", "[table");
    if server == Server::Postgres {
        for name in [
            "CustomerId",
            "FirstName",
            "LastName",
            "BillingPostalCode",
            "PostalCode",
            "InvoiceLine",
            "InvoiceId",
            "InvoiceDate",
            "BillingAddress",
            "BillingCity",
            "BillingState",
            "BillingCountry",
            "Customer]",
            "Customer.",
            "Invoice]",
            "Invoice.",
        ] {
            mapping = mapping.replace(name, &snake_case(name));
        }
        for name in [
            "Company", "Address", "City", "State", "Country", "Phone", "Fax", "Email",
        ] {
            mapping = mapping.replace(
                &format!("\n{name} "),
                &format!("\n{} ", name.to_lowercase()),
            );
        }
        mapping = mapping.replace("\"Email\"", "\"email\"");
    }
    place.connector(&mapping)
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[tokio::test]
async fn one_customer_is_exported_whole_and_erased_without_touching_another_row() {
    for server in Server::all() {
        let Some(place) = chinook(server) else {
            return;
        };
        let connector = connector(&place, server);
        connector.check().await.unwrap();
        let luis = discover(&connector, subject(&["email=luisg@embraer.com.br"]))
            .await
            .unwrap();
        assert_eq!(luis.identities().len(), 2, "the e-mail leads to the number");
        let names: Vec<String> = connector
            .descriptor()
            .collections
            .iter()
            .map(|collection| collection.name.to_string())
            .collect();
        let [lines, invoices, customers] = names.as_slice() else {
            panic!("{names:?}");
        };
        let customer = export(&connector, &luis, customers).await.unwrap();
        let invoice = export(&connector, &luis, invoices).await.unwrap();
        let line = export(&connector, &luis, lines).await.unwrap();
        assert_eq!((customer.len(), invoice.len(), line.len()), (1, 7, 38));
        let text = serde_json::to_string(&customer).unwrap();
        assert!(
            text.contains("Luís") && text.contains("Empresa Brasileira de Aeronáutica S.A."),
            "{text}"
        );
        let first = invoice[0].as_object().unwrap();
        let (date, total) = match server {
            Server::Postgres => (&first["invoice_date"], &first["total"]),
            Server::MariaDb | Server::MySql => (&first["InvoiceDate"], &first["Total"]),
        };
        assert!(date.as_str().unwrap().starts_with("2022-03-11"), "{date}");
        assert_eq!(total, &json!(3.98));

        let before = place.rows();
        let preview = survey(&connector, &luis).await;
        assert_eq!(place.rows(), before);
        let done = erase_all(&connector, &luis).await;
        for (collection, tally) in &done {
            assert_eq!(preview[collection].as_ref().unwrap(), tally, "{collection}");
        }
        assert_eq!(done[customers].pseudonymize(), 1);
        let kept = &done[invoices].retained()[0];
        assert_eq!((kept.records, kept.pseudonymize), (7, 7));
        assert_eq!(done[lines].retained()[0].records, 38);

        // One customer and seven invoices are other rows than before; all that is left is the same.
        let after = place.rows();
        assert_eq!(after.len(), before.len());
        let (gone, new) = (only_in(&before, &after), only_in(&after, &before));
        assert_eq!((gone.len(), new.len()), (8, 8), "{new:?}");
        for (table, row) in &new {
            assert!(table == customers || table == invoices, "{table}");
            for word in [
                "luisg",
                "Gonçalves",
                "Luís",
                "12227-000",
                "Faria Lima",
                "Embraer",
            ] {
                assert!(!row.contains(word), "{word} is still there: {row}");
            }
        }
        for tally in survey(&connector, &luis).await.into_values() {
            assert_eq!(tally.unwrap().pending(), 0);
        }
        erase_all(&connector, &luis).await;
        assert_eq!(place.rows(), after, "a second erasure finds nothing to do");
    }
}
