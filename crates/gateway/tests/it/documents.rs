use adieu_gateway::Limits;
use http::Method;
use serde_json::{Value, json};

use crate::world::{ALL, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_data_map_says_who_holds_what() {
    let world = World::new().await;
    let map = world
        .get("/privacy/v1/data-map", &world.token("ada", &[]))
        .await
        .expect(200)
        .json();
    assert_eq!(map["connectors"][0]["name"], "shop");
    assert_eq!(map["connectors"][0]["collections"][0]["name"], "orders");
    assert_eq!(map["processors"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_and_the_keys_are_there_without_a_token() {
    let world = World::new().await;
    let document = world.get("/privacy/openapi.json", "").await.expect(200);
    assert_eq!(document.header("content-type"), "application/json");
    assert_eq!(document.json()["openapi"], "3.1.0");
    let keys = world
        .get("/privacy/.well-known/jwks.json", "")
        .await
        .expect(200)
        .json();
    assert_eq!(keys["keys"][0]["crv"], "Ed25519");
    assert_eq!(
        keys["keys"][0].get("d"),
        None,
        "a private key is never published"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_has_the_headers_of_the_get_and_no_body() {
    let world = World::new().await;
    let whole = world.get("/privacy/openapi.json", "").await.expect(200);
    let head = world
        .call(Method::HEAD, "/privacy/openapi.json", "", Value::Null)
        .await
        .expect(200);
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), whole.body.len().to_string());
    assert_eq!(head.header("content-type"), whole.header("content-type"));
}

/// Goes through every place and call of the document and compares what is answered with what it says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_answers_with_a_status_and_a_type_that_the_document_names() {
    let limits = Limits {
        calls_per_minute: 100_000,
        asks_per_minute: 100_000,
        ..Limits::default()
    };
    let world = World::with(|builder| builder.grace_days(7).limits(limits)).await;
    let document = world
        .get("/privacy/openapi.json", "")
        .await
        .expect(200)
        .json();
    let operator = adieu_auth::Scope::OPERATOR;
    let ada = world.token("ada", &[ALL[0].clone(), ALL[1].clone(), operator]);
    let export = world.exported(&ada).await;
    let erasure = world
        .erase(&ada, &world.plan_token(&ada).await)
        .await
        .expect(202)
        .json();
    let mut seen = Vec::new();
    for (template, calls) in document["paths"].as_object().unwrap() {
        for (method, operation) in calls
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| *key != "parameters")
        {
            let method: Method = method.to_uppercase().parse().unwrap();
            for id in [
                &export["id"],
                &erasure["id"],
                &json!("01890a5d-ac96-774b-bcce-b302099a8057"),
            ] {
                let path = format!("/privacy{}", template.replace("{id}", id.as_str().unwrap()));
                for token in ["", &ada] {
                    for body in [Value::Null, json!({}), json!({"kind": "export"})] {
                        let answer = world.call(method.clone(), &path, token, body).await;
                        let named = &operation["responses"][answer.status.as_str()];
                        assert!(
                            named.is_object(),
                            "{method} {path} answered {}",
                            answer.status
                        );
                        let media = answer.header("content-type");
                        assert!(
                            named["content"].get(media).is_some(),
                            "{method} {path} answered with {media}"
                        );
                        seen.push(answer.status.as_u16());
                    }
                }
            }
        }
    }
    for status in [200, 202, 400, 401, 404, 409, 415] {
        assert!(seen.contains(&status), "{status} was never answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_is_one_document_with_a_strict_policy() {
    let world = World::new().await;
    let page = world.get("/privacy", "").await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    let policy = page.header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "script-src 'sha256-",
        "style-src 'sha256-",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains('*'),
        "{policy}"
    );
    let html = std::str::from_utf8(&page.body).unwrap();
    assert_eq!(
        html.matches("http://").count(),
        1,
        "the namespace of the icon"
    );
    assert!(!html.contains(" src=") && !html.contains("https://"));
    let etag = ("if-none-match", page.header("etag"));
    let known = world
        .call_with(Method::GET, "/privacy", "", etag, Value::Null)
        .await
        .expect(304);
    assert!(known.body.is_empty());
    assert_eq!(world.get("/privacy/", "").await.expect(200).body, page.body);
}
