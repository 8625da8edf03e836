use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::routing::get;
use http::Method;
use serde_json::Value;

use crate::client::{self, Answer};
use crate::world::{ALL, World, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_an_erased_person_stops_working_on_the_hosts_routes() {
    let world = World::new().await;
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let orders = get(move || async move {
        counted.fetch_add(1, Ordering::SeqCst);
        "orders"
    });
    let app = Router::new()
        .route("/orders", orders)
        .layer(world.gateway.erased_guard())
        .layer(world.gateway.layer());
    let address = serve(app).await;
    let call = async |token: &str| {
        let request = client::request(Method::GET, "/orders", token, &Value::Null);
        Answer::read(client::open(address, request).await).await
    };
    let (ada, eve) = (world.token("ada", &ALL), world.token("eve", &ALL));
    assert_eq!(call(&ada).await.expect(200).body, "orders");
    let asked = world
        .erase(&ada, &world.plan_token(&ada).await)
        .await
        .expect(202);
    world.ended(asked.header("location"), &ada).await;

    let refused = call(&ada).await.expect(401);
    assert_eq!(refused.problem(), "subject_erased");
    assert!(
        refused
            .header("www-authenticate")
            .contains("error=\"invalid_token\"")
    );
    assert_eq!(
        calls.load(Ordering::SeqCst),
        1,
        "the refused call did not reach the host"
    );
    call(&eve).await.expect(200);
    // Whoever has no token, or one of another kind, is the host's business.
    call("").await.expect(200);
    call("an-opaque-token").await.expect(200);
    // The person still gets at their receipt.
    let receipt = format!("{}/receipt", asked.header("location"));
    let request = client::request(Method::GET, &receipt, &ada, &Value::Null);
    Answer::read(client::open(address, request).await)
        .await
        .expect(200);
}
