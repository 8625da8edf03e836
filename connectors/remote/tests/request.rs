//! Services and processors in `adieu.toml`, and a person's whole way out of both.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by it, and says so when it is skipped"
)]

mod common;

use std::time::Duration;

use adieu::{Builder, Config, MasterKey, NewRequest, Status};
use common::processor::{Processor, openssl_is_there};
use common::{Example, Language, ada, connector};

const STORE: &str = "[store]\nurl = \"sqlite:adieu.db\"\nkey = \"env:ADIEU_KEY\"\n\n";

#[test]
fn both_kinds_are_read_and_their_mistakes_have_lines() {
    let good = format!(
        "{STORE}[[connector]]\nname = \"newsletter\"\nkind = \"remote\"\nurl = \"https://example.com\"\nkey = \"env:KEY\"\n\n\
         [[connector.collection]]\nname = \"readers\"\nneeds = [[\"email\"]]\n\n\
         [[connector]]\nname = \"ads\"\nkind = \"opendsr\"\nurl = \"https://example.com\"\ndomain = \"example.com\"\n\
         key = \"env:KEY\"\nidentities = {{ email = {{ type = \"email\" }} }}\n"
    );
    Config::from_toml(&good, "adieu.toml").unwrap();
    let bad = good
        .replace("needs = [[\"email\"]]", "needs = [[]]")
        .replace(
            "domain = \"example.com\"",
            "domain = \"https://example.com\"",
        )
        .replace("kind = \"remote\"\nurl", "kind = \"remote\"\nurls");
    let told = Config::from_toml(&bad, "adieu.toml")
        .unwrap_err()
        .to_string();
    for line in [
        "adieu.toml:8:1: connector.newsletter.urls: unknown key; did you mean `url`?",
        "connector.ads.domain: is the name of a host",
    ] {
        assert!(told.contains(line), "{line} is missing in\n{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_leaves_a_service_at_once_and_a_processor_by_its_day() {
    for missing in [Language::Python.is_there(), openssl_is_there()] {
        if let Err(why) = missing {
            assert!(std::env::var_os("CI").is_none(), "{why}");
            println!("skipped: {why}");
            return;
        }
    }
    let service = Example::start(Language::Python);
    let processor = Processor::start().await;
    let folder = tempfile::tempdir().unwrap();
    let key = MasterKey::generate().unwrap();
    let engine = Builder::new(folder.path().join("adieu.db"), key)
        .connector(connector(&service.config()))
        .connector(common::processor::connector(&processor.config()))
        .engine()
        .await
        .unwrap();
    let (request, _) = engine.submit(NewRequest::erasure(ada())).await.unwrap();
    let done = engine
        .run(request.id, Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);
    let left = service.readers();
    assert!(
        left.values()
            .all(|reader| reader["name"] == "Eve Moneypenny")
    );
    assert_eq!((left.len(), processor.left(false).len()), (2, 2));
    // The processor is asked again on the day after the one that it expects.
    assert!(done.next_at.is_some());

    let receipt = engine.receipt(done.id).await.unwrap();
    let receipt = adieu::engine::receipt::verify(&receipt, &engine.jwks().to_string()).unwrap();
    let systems = receipt.claims()["connectors"].as_array().unwrap();
    let readers = &systems[0]["collections"][0];
    assert_eq!(
        (&readers["outcomes"][0]["records"], &readers["pending"]),
        (&4.into(), &0.into())
    );
    let requests = &systems[1]["collections"][0];
    assert_eq!(requests["outcomes"][0]["outcome"], "scheduled");
    // Two addresses and a number of a customer, of which the processor takes them all.
    assert_eq!(requests["scheduled_left"], 3);
    assert_eq!(requests.get("found"), None);
}
