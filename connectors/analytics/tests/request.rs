//! A property in `adieu.toml`, and what a request makes of a system that tells nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::time::Duration;

use adieu::{Builder, Config, MasterKey, NewRequest, Status};
use common::{Google, Whose, ada, connector};
use serde_json::Value;

#[test]
fn a_property_is_read_and_its_mistakes_have_lines() {
    let toml = |more: &str| {
        format!(
            "[store]\nurl = \"sqlite:adieu.db\"\nkey = \"env:ADIEU_KEY\"\n\n\
             [[connector]]\nname = \"analytics\"\nkind = \"analytics\"\n{more}"
        )
    };
    let good = toml("property = \"123456789\"\nkey = \"file:analytics.json\"\nemail = \"email\"\n");
    Config::from_toml(&good, "adieu.toml").unwrap();
    let bad = toml("property = \"G-ABC\"\nkey = \"hunter2\"\nclient = \"x\"\n");
    let told = Config::from_toml(&bad, "adieu.toml")
        .unwrap_err()
        .to_string();
    for line in [
        "adieu.toml:8:1: connector.analytics.property: is the number of a property",
        "adieu.toml:9:1: connector.analytics.key: a key does not belong into this file",
        "adieu.toml:10:1: connector.analytics.client: unknown key; did you mean `client_id`?",
    ] {
        assert!(told.contains(line), "{line} is missing in\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_ends_with_what_was_promised_and_claims_no_proof_of_it() {
    let google = Google::start().await;
    let folder = tempfile::tempdir().unwrap();
    let key = MasterKey::generate().unwrap();
    let engine = Builder::new(folder.path().join("adieu.db"), key)
        .connector(connector(&google.config()))
        .engine()
        .await
        .unwrap();
    let preview = engine.preview(&ada()).await.unwrap();
    let tally = preview.connectors[0].collections[0].tally.as_ref().unwrap();
    assert_eq!(tally.scheduled().unwrap().records, 6);

    let (request, _) = engine.submit(NewRequest::erasure(ada())).await.unwrap();
    let done = engine
        .run(request.id, Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(done.status, Status::Completed, "{:?}", done.exceptions);
    // There is nothing to come back for: Google would not say whether it has kept its word.
    assert_eq!(done.next_at, None);
    assert_eq!(google.world().submitted.len(), 6);
    assert_eq!(google.left(Whose::Ada), [""; 0]);

    let receipt = engine.receipt(done.id).await.unwrap();
    let claims = adieu::engine::receipt::verify(&receipt, &engine.jwks().to_string()).unwrap();
    let claims = claims.claims();
    let visitors = &claims["connectors"][0]["collections"][0];
    assert_eq!(visitors["outcomes"][0]["outcome"], "scheduled");
    assert_eq!(visitors["outcomes"][0]["records"], 6);
    for proof in ["found", "pending", "scheduled_left"] {
        assert_eq!(visitors.get(proof), None::<&Value>, "{proof}: {visitors}");
    }
}
