use std::path::Path;
use std::sync::Arc;

use adieu_auth::sign::TokenDraft;
use adieu_auth::{AuthConfig, Authenticator, Cookie, KeySource, Scope};
use adieu_core::Secret;
use adieu_gateway::Gateway;
use adieu_testkit::memory::MemorySystem;
use http::Method;
use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::world::{ALL, Ahead, ISSUER, SECRET, World, engine, fill, host, serve};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_persons_request_is_not_there() {
    let world = World::new().await;
    let (ada, eve) = (world.token("ada", &ALL), world.token("eve", &ALL));
    let request = world.exported(&ada).await;
    let link = request["links"]["self"].as_str().unwrap();
    let unknown = "/privacy/v1/requests/01890a5d-ac96-774b-bcce-b302099a8057";
    for suffix in ["", "/events", "/archive", "/receipt"] {
        let theirs = world
            .get(&format!("{link}{suffix}"), &eve)
            .await
            .expect(404);
        let nobodys = world
            .get(&format!("{unknown}{suffix}"), &eve)
            .await
            .expect(404);
        assert_eq!(theirs.body, nobodys.body, "both answers say the same");
        assert_eq!(theirs.problem(), "not_found");
    }
    assert_eq!(
        world.delete(link, &eve).await.expect(404).problem(),
        "not_found"
    );
    let list = world
        .get("/privacy/v1/requests", &eve)
        .await
        .expect(200)
        .json();
    assert_eq!(list["requests"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_name_in_another_tenant_is_another_person() {
    let folder = tempfile::tempdir().unwrap();
    let shop = MemorySystem::new();
    fill(&shop);
    let clock = Ahead::default();
    let mut config = AuthConfig::new(ISSUER, "api", KeySource::given(Secret::new(SECRET)));
    config.tenant_claim = Some("org".to_owned());
    let authenticator = Authenticator::new(config, Path::new("."), None).unwrap();
    let engine = engine(folder.path(), &shop, &clock).await;
    let gateway = Gateway::builder(engine, authenticator)
        .clock(Arc::new(clock))
        .operator_tenant("house")
        .build()
        .unwrap();
    let address = serve(host().layer(gateway.layer())).await;
    let signer = adieu_auth::sign::Signer::from_secret(&Secret::new(SECRET)).unwrap();
    let token = |org: &str, scopes: Vec<Scope>| {
        let draft = TokenDraft::new(ISSUER, "api", "ada")
            .scopes(scopes)
            .claim("org", org);
        signer
            .sign(&draft, jiff::Timestamp::now())
            .unwrap()
            .expose()
            .to_owned()
    };
    let call = async |method: Method, path: &str, token: &str, body: Value| {
        Answer::read(client::open(address, client::request(method, path, token, &body)).await).await
    };
    let (acme, globex) = (token("acme", ALL.to_vec()), token("globex", ALL.to_vec()));
    let asked = call(
        Method::POST,
        "/privacy/v1/requests",
        &acme,
        json!({"kind": "export"}),
    )
    .await
    .expect(202);
    let link = asked.header("location");
    call(Method::GET, link, &acme, Value::Null)
        .await
        .expect(200);
    assert_eq!(
        call(Method::GET, link, &globex, Value::Null)
            .await
            .expect(404)
            .problem(),
        "not_found"
    );
    let preview = call(Method::POST, "/privacy/v1/preview", &acme, Value::Null)
        .await
        .expect(200)
        .json();
    let ask = json!({"kind": "erasure", "plan_token": preview["plan_token"]});
    let refused = call(Method::POST, "/privacy/v1/requests", &globex, ask)
        .await
        .expect(403);
    assert_eq!(refused.problem(), "plan_token_invalid");
    // The operators of the house see all tenants, and those of a tenant its requests alone.
    let id = asked.json()["id"].clone();
    let one = format!("/privacy/v1/operator/requests/{}", id.as_str().unwrap());
    let operator = |org: &str| token(org, vec![Scope::OPERATOR]);
    let listed = async |org: &str| {
        let path = "/privacy/v1/operator/requests";
        let listed = call(Method::GET, path, &operator(org), Value::Null).await;
        listed.expect(200).json()["requests"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        [
            listed("house").await,
            listed("acme").await,
            listed("globex").await
        ],
        [1, 1, 0]
    );
    for (org, status) in [("house", 200), ("acme", 200), ("globex", 404)] {
        let seen = call(Method::GET, &one, &operator(org), Value::Null).await;
        seen.expect(status);
    }
    let theirs = operator("globex");
    for (method, suffix, body) in [
        (Method::DELETE, "", Value::Null),
        (Method::POST, "/resume", Value::Null),
        (Method::POST, "/approve", Value::Null),
        (Method::POST, "/refuse", json!({"code": "excessive"})),
        (Method::POST, "/extend", json!({"reason": "complexity"})),
    ] {
        let refused = call(method, &format!("{one}{suffix}"), &theirs, body).await;
        assert_eq!(refused.expect(404).problem(), "not_found", "{suffix}");
    }
    let logged = async |org: &str| {
        let path = "/privacy/v1/operator/audit";
        let log = call(Method::GET, path, &operator(org), Value::Null).await;
        log.expect(200).json()["entries"].as_array().unwrap().len()
    };
    assert_eq!(
        [
            logged("house").await,
            logged("acme").await,
            logged("globex").await
        ],
        [1, 1, 0]
    );

    let holds = "/privacy/v1/operator/holds";
    let ask = |tenant: Value| {
        let identities = json!([{"kind": "user_id", "value": "ada"}]);
        match tenant {
            Value::Null => json!({"subject": {"identities": identities}, "reason": "court"}),
            tenant => {
                json!({"subject": {"tenant": tenant, "identities": identities}, "reason": "court"})
            }
        }
    };
    let refused = call(Method::POST, holds, &theirs, ask(json!("acme"))).await;
    assert_eq!(refused.expect(422).problem(), "request_refused");
    let hold = call(Method::POST, holds, &operator("acme"), ask(Value::Null)).await;
    let hold = hold.expect(201).json();
    assert_eq!(hold["tenant"], "acme");
    let seen = call(Method::GET, holds, &theirs, Value::Null).await;
    assert_eq!(seen.expect(200).json()["holds"], json!([]));
    let release = format!("{holds}/{}", hold["id"].as_str().unwrap());
    call(Method::DELETE, &release, &theirs, Value::Null)
        .await
        .expect(404);
    let preview = "/privacy/v1/preview";
    let held = call(Method::POST, preview, &acme, Value::Null).await;
    assert_eq!(held.expect(200).json()["blockers"][0]["code"], "legal_hold");
    let free = call(Method::POST, preview, &globex, Value::Null).await;
    assert_eq!(free.expect(200).json()["blockers"], json!([]));
    call(Method::DELETE, &release, &operator("house"), Value::Null)
        .await
        .expect(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_is_had_without_a_good_token() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    let request = world.exported(&ada).await;
    let link = request["links"]["self"].as_str().unwrap();
    let mut places = vec![
        (Method::GET, "/privacy/v1/data-map".to_owned()),
        (Method::POST, "/privacy/v1/preview".to_owned()),
        (Method::GET, "/privacy/v1/requests".to_owned()),
        (Method::POST, "/privacy/v1/requests".to_owned()),
        (Method::GET, "/privacy/v1/operator/requests".to_owned()),
        (Method::POST, "/privacy/v1/operator/requests".to_owned()),
        (Method::GET, "/privacy/v1/operator/audit".to_owned()),
        (Method::GET, "/privacy/v1/operator/holds".to_owned()),
        (Method::POST, "/privacy/v1/operator/holds".to_owned()),
        (Method::DELETE, link.to_owned()),
    ];
    places.extend(
        ["", "/events", "/archive", "/receipt"]
            .map(|suffix| (Method::GET, format!("{link}{suffix}"))),
    );
    let forged = {
        let signer = adieu_auth::sign::Signer::from_secret(&Secret::new(
            "another-secret-of-32-random-bytes",
        ))
        .unwrap();
        let draft = TokenDraft::new(ISSUER, "api", "ada").scopes(ALL);
        signer
            .sign(&draft, jiff::Timestamp::now())
            .unwrap()
            .expose()
            .to_owned()
    };
    for (method, path) in places {
        let nobody = world
            .call(method.clone(), &path, "", Value::Null)
            .await
            .expect(401);
        assert_eq!(nobody.problem(), "token_missing", "{method} {path}");
        assert_eq!(
            nobody.header("www-authenticate"),
            "Bearer realm=\"privacy\""
        );
        let forged = world
            .call(method.clone(), &path, &forged, Value::Null)
            .await
            .expect(401);
        assert_eq!(forged.problem(), "signature_wrong", "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_allows_what_its_scopes_say_and_no_more() {
    let world = World::new().await;
    let (export, erase) = (
        world.token("ada", &[Scope::EXPORT]),
        world.token("ada", &[Scope::ERASE]),
    );
    let request = world.exported(&export).await;
    let archive = request["links"]["archive"].as_str().unwrap();
    let plan_token = world.plan_token(&erase).await;
    let refused = [
        world
            .post("/privacy/v1/requests", &erase, json!({"kind": "export"}))
            .await,
        world
            .post("/privacy/v1/preview", &export, Value::Null)
            .await,
        world.erase(&export, &plan_token).await,
        world.get(archive, &erase).await,
        world.get("/privacy/v1/operator/requests", &export).await,
        world.get("/privacy/v1/operator/audit", &erase).await,
    ];
    for answer in refused {
        let answer = answer.expect(403);
        assert_eq!(answer.problem(), "insufficient_scope");
        assert!(
            answer
                .header("www-authenticate")
                .contains("insufficient_scope")
        );
    }
    world
        .get("/privacy/v1/data-map", &world.token("ada", &[]))
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_place_is_a_problem_and_a_wrong_method_says_what_is_allowed() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    for path in [
        "/privacy//",
        "/privacy/v1",
        "/privacy/v1/requests/",
        "/privacy/v1/requests/1",
        "/privacy/v2/requests",
    ] {
        assert_eq!(
            world.get(path, &ada).await.expect(404).problem(),
            "not_found",
            "{path}"
        );
    }
    for (method, path, allow) in [
        (Method::PUT, "/privacy/v1/requests", "GET, HEAD, POST"),
        (Method::GET, "/privacy/v1/preview", "POST"),
        (Method::OPTIONS, "/privacy/v1/data-map", "GET, HEAD"),
        (
            Method::PATCH,
            "/privacy/v1/requests/01890a5d-ac96-774b-bcce-b302099a8057",
            "GET, HEAD, DELETE",
        ),
    ] {
        let refused = world
            .call(method, path, &ada, Value::Null)
            .await
            .expect(405);
        assert_eq!(refused.problem(), "method_not_allowed");
        assert_eq!(refused.header("allow"), allow);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_forbids_to_be_kept_and_to_be_run() {
    let world = World::new().await;
    let ada = world.token("ada", &ALL);
    for (path, token) in [
        ("/privacy/nowhere", ""),
        ("/privacy/v1/requests", ""),
        ("/privacy/v1/requests", &*ada),
        ("/privacy/openapi.json", ""),
    ] {
        let answer = world.get(path, token).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'")
        );
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_is_taken_from_the_hosts_own_pages_alone() {
    let folder = tempfile::tempdir().unwrap();
    let shop = MemorySystem::new();
    fill(&shop);
    let clock = Ahead::default();
    let mut config = AuthConfig::new(ISSUER, "api", KeySource::given(Secret::new(SECRET)));
    config.cookie = Some(Cookie {
        name: "session".to_owned(),
        origins: vec!["https://app.example.com".to_owned()],
    });
    let authenticator = Authenticator::new(config, Path::new("."), None).unwrap();
    let engine = engine(folder.path(), &shop, &clock).await;
    let gateway = Gateway::builder(engine, authenticator).build().unwrap();
    let address = serve(host().layer(gateway.layer())).await;
    let signer = adieu_auth::sign::Signer::from_secret(&Secret::new(SECRET)).unwrap();
    let draft = TokenDraft::new(ISSUER, "api", "ada").scopes(ALL);
    let token = signer.sign(&draft, jiff::Timestamp::now()).unwrap();
    let ask = async |headers: &[(&'static str, &str)]| {
        let body = json!({"kind": "export"});
        let mut request = client::request(Method::POST, "/privacy/v1/requests", "", &body);
        let cookie = format!("theme=dark; session={}", token.expose());
        request
            .headers_mut()
            .insert("cookie", cookie.parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        Answer::read(client::open(address, request).await).await
    };
    for stranger in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(ask(stranger).await.expect(403).problem(), "origin_refused");
    }
    let bearer = format!("Bearer {}", token.expose());
    let twice = [
        ("origin", "https://app.example.com"),
        ("authorization", &*bearer),
    ];
    assert_eq!(ask(&twice).await.expect(400).problem(), "token_twice");
    let mine = gateway.engine().requests(10).await.unwrap();
    assert!(mine.is_empty(), "nothing was asked for");
    ask(&[("origin", "https://app.example.com")])
        .await
        .expect(202);
}
