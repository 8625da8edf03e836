//! One customer out of Pagila on PostgreSQL: partitions, addresses in capitals, RESTRICT.

use adieu_core::Connector;
use adieu_testkit::discover;
use serde_json::json;

use crate::common::{erase_all, export, subject, survey};
use crate::place::{Place, Server, data, only_in};

const MAPPING: &str = r#"
    [table.customer]
    subject = { customer_id = "customer_id", email = "email" }
    yields = { email = "email" }
    erase = { pseudonymize = { first_name = { value = "ERASED" }, last_name = { value = "CUSTOMER" }, email = "unique" } }
    [table.address]
    references = { address_id = "customer.address_id" }
    shared = { basis = "contract", reason = "others live there" }
    erase = { pseudonymize = { address = { value = "" }, address2 = "null", district = { value = "" }, postal_code = "null", phone = { value = "" } } }
    [table.payment]
    references = { customer_id = "customer.customer_id" }
    erase = "delete"
    [table.rental]
    references = { customer_id = "customer.customer_id" }
    erase = "delete"
"#;

pub(crate) fn pagila() -> Option<Place> {
    let (schema, rows) = (
        data("pagila/pagila-schema.sql")?,
        data("pagila/pagila-data.sql")?,
    );
    let place = Place::empty(Server::Postgres);
    // The script gives everything to this user.
    place.query("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postgres') THEN CREATE ROLE postgres SUPERUSER; END IF; END $$");
    place.run_file(&schema);
    place.run_file(&rows);
    Some(place)
}

#[tokio::test]
async fn one_customer_leaves_seven_partitions_and_nobody_else_does() {
    let Some(place) = pagila() else { return };
    let connector = place.connector(MAPPING);
    connector.check().await.unwrap();
    // An address is compared letter by letter, so whoever types it in small letters is not taken for her.
    let small = discover(
        &connector,
        subject(&["email=mary.smith@sakilacustomer.org"]),
    )
    .await
    .unwrap();
    assert_eq!(small.identities().len(), 1);
    let mary = discover(
        &connector,
        subject(&["email=MARY.SMITH@sakilacustomer.org"]),
    )
    .await
    .unwrap();
    assert_eq!(mary.identities().len(), 2);

    let customer = export(&connector, &mary, "customer").await.unwrap();
    assert_eq!(
        (
            &customer[0]["customer_id"],
            &customer[0]["activebool"],
            &customer[0]["create_date"]
        ),
        (&json!(1), &json!(true), &json!("2022-02-14"))
    );
    let payments = export(&connector, &mary, "payment").await.unwrap();
    let rentals = export(&connector, &mary, "rental").await.unwrap();
    let address = export(&connector, &mary, "address").await.unwrap();
    assert_eq!((payments.len(), rentals.len(), address.len()), (32, 32, 1));
    assert_eq!(address[0]["address"], "1913 Hanoi Way");
    assert!(payments.iter().all(|payment| payment["customer_id"] == 1));
    let sum = place.query("SELECT sum(amount) FROM payment WHERE customer_id = 1");
    let cents = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
    let exported: i64 = payments
        .iter()
        .map(|one| cents(one["amount"].to_string().trim_matches('"')))
        .sum();
    assert_eq!(exported, cents(&sum));

    let before = place.rows();
    let preview = survey(&connector, &mary).await;
    assert_eq!(place.rows(), before);
    let done = erase_all(&connector, &mary).await;
    for (collection, tally) in &done {
        assert_eq!(preview[collection].as_ref().unwrap(), tally, "{collection}");
    }
    assert_eq!((done["payment"].erase(), done["rental"].erase()), (32, 32));
    let after = place.rows();
    let (gone, new) = (only_in(&before, &after), only_in(&after, &before));
    let of = |rows: &[(String, String)], name: &str| {
        rows.iter()
            .filter(|(table, _)| table.starts_with(name))
            .count()
    };
    assert_eq!(
        (
            of(&gone, "payment_p2022"),
            of(&gone, "rental"),
            of(&gone, "customer"),
            of(&gone, "address")
        ),
        (32, 32, 1, 1)
    );
    assert_eq!((gone.len(), new.len()), (66, 2), "{new:?}");
    let partitions: std::collections::BTreeSet<&str> = gone
        .iter()
        .map(|(table, _)| table.as_str())
        .filter(|table| table.starts_with("payment"))
        .collect();
    assert!(partitions.len() > 4, "{partitions:?}");
    for (_, row) in &new {
        for word in ["MARY", "SMITH", "Hanoi", "28303384290", "35200"] {
            assert!(!row.contains(word), "{row}");
        }
    }
    for tally in survey(&connector, &mary).await.into_values() {
        assert_eq!(tally.unwrap().pending(), 0);
    }
}
