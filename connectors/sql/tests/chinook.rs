//! One customer out of a real database, with the mapping of `examples/chinook/adieu.toml`.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::path::PathBuf;

use adieu_core::{Connector, ConnectorName, DateRange, Setting};
use adieu_sql::{SqlConfig, SqlConnector};
use adieu_testkit::discover;
use common::{Shop, erase_all, export, subject, survey};
use jiff::civil::date;

/// A copy of the database; `None` where there is none.
fn chinook() -> Option<Shop> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("ADIEU_TEST_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let file = folder.join("chinook/Chinook_Sqlite.sqlite");
    if file.is_file() {
        return Some(Shop::copy_of(&file));
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the Chinook database is missing: set ADIEU_TEST_DATA"
    );
    println!(
        "skipped: the Chinook database is not beside the project, and ADIEU_TEST_DATA does not lead to it"
    );
    None
}

/// The connector of the example, over this database.
fn connector(shop: &Shop) -> SqlConnector {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/chinook/adieu.toml");
    let mut whole: toml::Table = toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut table = whole.remove("connector").unwrap().as_array().unwrap()[0]
        .as_table()
        .unwrap()
        .clone();
    assert_eq!(table.remove("name").unwrap().as_str(), Some("shop"));
    assert_eq!(table.remove("kind").unwrap().as_str(), Some("sql"));
    let mut config: SqlConfig = table.try_into().unwrap();
    assert_eq!(config.url, Setting::Env("DATABASE_URL".to_owned()));
    config.url = Setting::from(format!("sqlite:{}", shop.path().display()));
    SqlConnector::new(
        ConnectorName::new("shop").unwrap(),
        &config,
        std::path::Path::new("."),
    )
    .unwrap()
    .with_today(|| date(2026, 11, 21))
}

#[tokio::test]
async fn the_mapping_fits_the_database() {
    let Some(shop) = chinook() else { return };
    connector(&shop).check().await.unwrap();
}

#[tokio::test]
async fn one_customer_is_exported_with_seven_invoices_and_nothing_of_anyone_else() {
    let Some(shop) = chinook() else { return };
    let connector = connector(&shop);
    let luis = discover(&connector, subject(&["email=luisg@embraer.com.br"]))
        .await
        .unwrap();
    assert_eq!(luis.identities().len(), 2, "the e-mail leads to the number");
    let customers = export(&connector, &luis, "Customer").await.unwrap();
    let invoices = export(&connector, &luis, "Invoice").await.unwrap();
    let lines = export(&connector, &luis, "InvoiceLine").await.unwrap();
    assert_eq!((customers.len(), invoices.len(), lines.len()), (1, 7, 38));
    assert_eq!(customers[0]["FirstName"], "Luís");
    assert_eq!(
        customers[0]["Company"],
        "Embraer - Empresa Brasileira de Aeronáutica S.A."
    );
    assert!(invoices.iter().all(|invoice| invoice["CustomerId"] == 1));
    assert_eq!(invoices[0]["Total"], serde_json::json!(3.98));
    let own: Vec<_> = invoices
        .iter()
        .map(|invoice| &invoice["InvoiceId"])
        .collect();
    assert!(lines.iter().all(|line| own.contains(&&line["InvoiceId"])));
}

#[tokio::test]
async fn erasing_one_customer_leaves_every_other_row_as_it_was() {
    let Some(shop) = chinook() else { return };
    let connector = connector(&shop);
    let luis = discover(&connector, subject(&["customer_id=1"]))
        .await
        .unwrap();
    let before = shop.rows();
    let preview = survey(&connector, &luis).await;
    assert_eq!(shop.rows(), before);
    let done = erase_all(&connector, &luis).await;
    for (collection, tally) in &done {
        assert_eq!(preview[collection].as_ref().unwrap(), tally, "{collection}");
    }
    assert_eq!(
        (done["Customer"].pseudonymize(), done["Customer"].erase()),
        (1, 0)
    );
    let invoices = &done["Invoice"].retained()[0];
    assert_eq!((invoices.records, invoices.pseudonymize), (7, 7));
    assert_eq!(
        invoices.until,
        Some(DateRange {
            first: date(2032, 3, 11),
            last: date(2035, 8, 7)
        })
    );
    let lines = &done["InvoiceLine"].retained()[0];
    assert_eq!(
        (lines.records, lines.pseudonymize, lines.until),
        (38, 0, invoices.until)
    );

    let after = shop.rows();
    let theirs = |(table, row): &&(String, Vec<String>)| {
        !(table == "Customer" && row[0] == "Integer(1)"
            || table == "Invoice" && row[1] == "Integer(1)")
    };
    assert_eq!(
        before.iter().filter(theirs).collect::<Vec<_>>(),
        after.iter().filter(theirs).collect::<Vec<_>>(),
        "another row was changed"
    );
    assert_eq!(before.len(), after.len());
    let customer = &shop
        .table("Customer")
        .into_iter()
        .find(|row| row[0] == "Integer(1)")
        .unwrap();
    assert!(
        customer[3..11].iter().all(|value| value == "Null"),
        "{customer:?}"
    );
    let invoices: Vec<_> = shop
        .table("Invoice")
        .into_iter()
        .filter(|row| row[1] == "Integer(1)")
        .collect();
    assert_eq!(invoices.len(), 7);
    for invoice in invoices {
        assert!(
            [3, 4, 5, 7].iter().all(|&i| invoice[i] == "Null"),
            "{invoice:?}"
        );
        assert_ne!(invoice[8], "Null", "the total stays");
    }
    // Nobody is left who could be read in the file, not even in pages that are free.
    let bytes = std::fs::read(shop.path()).unwrap();
    for gone in ["luisg@embraer.com.br", "Gonçalves", "12227-000"] {
        assert!(
            !bytes
                .windows(gone.len())
                .any(|window| window == gone.as_bytes()),
            "{gone} is still in the file"
        );
    }
}

#[tokio::test]
async fn a_second_erasure_finds_nothing_to_do() {
    let Some(shop) = chinook() else { return };
    let connector = connector(&shop);
    let luis = discover(&connector, subject(&["email=luisg@embraer.com.br"]))
        .await
        .unwrap();
    erase_all(&connector, &luis).await;
    let after = shop.rows();
    for tally in survey(&connector, &luis).await.into_values() {
        assert_eq!(tally.unwrap().pending(), 0);
    }
    for (collection, tally) in erase_all(&connector, &luis).await {
        assert_eq!(tally.pending(), 0, "{collection}");
    }
    assert_eq!(shop.rows(), after);
    // Whoever asks with the old e-mail alone is nobody any more.
    let stranger = discover(&connector, subject(&["email=luisg@embraer.com.br"]))
        .await
        .unwrap();
    assert_eq!(stranger.identities().len(), 1);
    for tally in survey(&connector, &stranger).await.into_values() {
        assert_eq!(tally.unwrap().held(), 0);
    }
}
