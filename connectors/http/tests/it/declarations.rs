//! What is wrong with a declaration is told at once, each with its place; and what else one can say.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::common::fake::{Ask, Fake, Reply, World};
use crate::common::{erase, made, person};
use adieu_core::{Connector, ErrorKind};
use adieu_http::HttpConnectorConfig;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

fn problems(toml: &str) -> Vec<String> {
    let config: HttpConnectorConfig = toml::from_str(toml).unwrap();
    config.validate().iter().map(ToString::to_string).collect()
}

#[test]
fn every_mistake_is_told_at_once_with_its_place_and_what_would_be_right() {
    let found = problems(
        r#"
        url = "https://{host}"
        auth = { bearer = "{key}", basic = { user = "x" } }
        settings = { key = "env:KEY" }
        headers = { "bad name" = "x" }
        check = [{ call = "me" }]

        [about.posts]
        title = "x"

        [[collection]]
        name = "users"
        key = "{$.id}"
        yields = { Bad = "$.id" }
        later = { days = 3 }

        [[collection.find]]
        needs = ["email"]
        call = "GET /users?mail={email}"
        server = "other"
        query = { q = "{mail}", x = "{email|lower}" }
        records = "data[*]"
        where = { "$.email" = 3 }
        next = { link = true, page = "page" }
        absent = [{ status = 200 }, { status = 400, at = "$.code" }]

        [[collection]]
        name = "users"
        key = ""
        no_erase = " "

        [[collection.find]]
        needs = []
        call = "GET /all"
        records = "$"

        [[collection.erase]]
        call = "DELETE /users/{$.id}"
        batch = 10

        [[collection]]
        name = "open"
        key = "{$.id}"
        keep = { basis = "security", reason = "fraud" }

        [[collection.find]]
        needs = ["email"]
        call = "GET /search"
        query = { q = "{email}" }
        records = "$.data[*]"
        "#,
    );
    for (place, words) in [
        ("url: ", "`{host}` stands for nothing; known here: key"),
        ("auth: ", "exactly one of"),
        ("headers.bad name: ", "no name of a header"),
        ("check.0.call: ", "method and path"),
        ("about.posts: ", "no such collection"),
        ("collection.0.yields.Bad: ", "a-z"),
        ("collection.0.later: ", "there is no `erase`"),
        ("collection.0.erase: ", "is missing"),
        ("collection.0.find.0.call: ", "write it as `query`"),
        (
            "collection.0.find.0.server: ",
            "no [connector.server.other]",
        ),
        ("collection.0.find.0.query.q: ", "known here: key, email"),
        ("collection.0.find.0.query.x: ", "only `quoted`"),
        ("collection.0.find.0.records: ", "names no place"),
        ("collection.0.find.0.where.$.email: ", "a list of texts"),
        ("collection.0.find.0.next: ", "exactly one of"),
        (
            "collection.0.find.0.absent.0: ",
            "a success alone says nothing",
        ),
        ("collection.0.find.0.absent.1: ", "belong together"),
        ("collection.1.name: ", "another collection"),
        ("collection.1.key: ", "is missing"),
        ("collection.1.find.0.needs: ", "is missing"),
        ("collection.1.erase.0.batch: ", "do not fit into one path"),
        ("collection.1.erase: ", "only one of"),
        ("collection.1.erase: ", "in words"),
        (
            "collection.2.find.0.where: ",
            "must be checked for `{email}`",
        ),
    ] {
        assert!(
            found
                .iter()
                .any(|one| one.starts_with(place) && one.contains(words)),
            "{place}{words} is missing in {found:#?}"
        );
    }
    assert_eq!(found.len(), 25, "{found:#?}");
}

#[test]
fn a_batch_that_would_name_only_its_first_record_is_refused() {
    let with = |erase: &str| {
        problems(&format!(
            "url = \"https://a.example\"\ncheck = [{{ call = \"GET /me\" }}]\n[[collection]]\nname = \"users\"\nkey = \"{{$.id}}\"\n[[collection.find]]\nneeds = [\"email\"]\ncall = \"GET /users\"\nrecords = \"$\"\nwhere = {{ \"$.email\" = \"{{email}}\" }}\n[[collection.erase]]\nbatch = 5\n{erase}"
        ))
    };
    for good in [
        "call = \"DELETE /users\"\nquery = { ids = \"{$.id}\" }",
        "call = \"POST /gone\"\njson = { ids = [\"{$.id}\"] }",
        "call = \"POST /gone\"\njson = { items = [{ id = \"{$.id}\" }] }",
    ] {
        assert_eq!(with(good), [""; 0], "{good}");
    }
    for bad in [
        "call = \"DELETE /users\"\nquery = { ids = \"id:{$.id}\" }",
        "call = \"POST /gone\"\njson = { id = \"{$.id}\" }",
        "call = \"POST /gone\"\njson = { ids = [\"{$.id}\"], id = \"{$.id}\" }",
        "call = \"POST /gone\"",
    ] {
        assert_eq!(with(bad).len(), 1, "{bad}");
    }
}

#[test]
fn an_identity_in_a_path_is_checked_unless_a_word_stands_before_it() {
    let with = |find: &str| {
        problems(&format!(
            "url = \"https://a.example\"\ncheck = [{{ call = \"GET /me\" }}]\n[[collection]]\nname = \"users\"\nkey = \"{{$.id}}\"\nyields = {{ own_id = \"$.id\" }}\nno_erase = \"there is no call\"\n[[collection.find]]\nrecords = \"$\"\n{find}"
        ))
    };
    for good in [
        "needs = [\"own_id\"]\ncall = \"GET /users/{own_id}/groups\"\nconfirm = { call = \"GET /users/{own_id}\", where = { \"$.id\" = \"{own_id}\" } }",
        "needs = [\"user_id\"]\ncall = \"GET /users/user_id:{user_id}\"",
        "needs = [\"user_id\"]\ncall = \"GET /users/{user_id}\"\nwhere = { \"$.id\" = \"{user_id}\" }",
    ] {
        assert_eq!(with(good), [""; 0], "{good}");
    }
    for bad in [
        "needs = [\"user_id\"]\ncall = \"GET /users/{user_id}\"",
        "needs = [\"own_id\"]\ncall = \"GET /users/{own_id}\"",
        "needs = [\"own_id\"]\ncall = \"GET /users/{own_id}/groups\"\nconfirm = { call = \"GET /users/{own_id}\" }",
        "needs = [\"user_id\"]\ncall = \"GET /users/x:{user_id}/{user_id}\"",
        "needs = [\"user_id\"]\ncall = \"GET /users/{user_id}\"\nwhere = { \"$.id\" = [\"{user_id}\", \"x\"] }",
        "needs = [\"own_id\"]\ncall = \"GET /users\"\nquery = { id = \"{own_id}\" }",
    ] {
        assert_eq!(with(bad).len(), 1, "{bad}");
    }
}

const ACCOUNT: &str = r#"
    url = "{url}"
    auth = { service_account = { key = "{key}", scope = "users.read" } }
    check = [{ call = "GET /me" }]
    [[collection]]
    name = "users"
    key = "{$.id}"
    no_erase = "there is no call that deletes"
    [[collection.find]]
    needs = ["email"]
    call = "GET /users"
    query = { email = "{email}" }
    records = "$.users[*]"
    where = { "$.email" = "{email}" }
"#;

/// Grants a token for a statement that is signed and says what it must.
fn account(world: &mut World, ask: &Ask) -> Reply {
    match ask.line() {
        ("POST", path) if path == ["token"] => {
            assert_eq!(
                ask.form("grant_type").as_deref(),
                Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
            );
            let assertion = ask.form("assertion").unwrap();
            let key = world.one("keys", "public").unwrap();
            let key =
                jsonwebtoken::DecodingKey::from_rsa_pem(key.as_str().unwrap().as_bytes()).unwrap();
            let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
            validation.set_audience(&[format!("{}/token", world.url)]);
            validation.set_issuer(&["adieu@project.example"]);
            let claims = jsonwebtoken::decode::<serde_json::Value>(&assertion, &key, &validation)
                .unwrap()
                .claims;
            assert_eq!(claims["scope"], "users.read");
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs();
            assert!(claims["exp"].as_u64().unwrap() <= now + 3600);
            Reply::ok(json!({"access_token": "granted", "expires_in": 3600}))
        }
        _ if ask.authorization != "Bearer granted" => Reply::empty(401),
        ("GET", path) if path == ["me"] => Reply::ok(json!({})),
        _ => Reply::ok(
            json!({"users": [{"id": 1, "email": "ada@example.com"}, {"id": 2, "email": "eve@example.com"}]}),
        ),
    }
}

#[tokio::test]
async fn a_service_account_signs_for_its_token() {
    let fake = Fake::start(account, |_| {}).await;
    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let private = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let public =
        AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
    fake.world().put(
        "keys",
        "public",
        crate::common::fake::Whose::Nobody,
        json!(pem("PUBLIC KEY", public.as_ref())),
    );
    let folder = tempfile::tempdir().unwrap();
    let key = json!({
        "type": "service_account", "client_email": "adieu@project.example",
        "private_key": pem("PRIVATE KEY", private.as_ref()), "token_uri": format!("{}/token", fake.url),
    });
    std::fs::write(folder.path().join("key.json"), key.to_string()).unwrap();
    let settings = format!(
        "settings = {{ url = \"{}\", key = \"file:key.json\" }}\n{ACCOUNT}",
        fake.url
    );
    let config: HttpConnectorConfig = toml::from_str(&settings).unwrap();
    let connector = made(&config, folder.path());
    connector.check().await.unwrap();
    let survey = connector
        .survey(&person(&[("email", "ada@example.com")]))
        .await
        .unwrap();
    assert_eq!(survey.holdings[0].tally.as_ref().unwrap().held(), 1);
    assert!(!connector.descriptor().collections[0].erasure.is_offered());
    assert_eq!(
        fake.world()
            .calls
            .iter()
            .filter(|call| call.starts_with("POST /token"))
            .count(),
        1
    );

    std::fs::write(
        folder.path().join("key.json"),
        "{\"private_key\": \"hunter2\"}",
    )
    .unwrap();
    let name = adieu_core::ConnectorName::new("x").unwrap();
    let problems = adieu_http::HttpConnector::new(name, &config, folder.path()).unwrap_err();
    assert!(
        problems[0].to_string().contains("no key file"),
        "{problems:?}"
    );
    assert!(!format!("{problems:?}").contains("hunter2"));
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

#[tokio::test]
async fn a_find_that_needs_two_kinds_takes_them_only_when_it_is_known_which_belong_together() {
    let fake = Fake::start(
        |_, ask| match ask.line() {
            ("GET", path) if path == ["orgs", "o:1", "users", "u:7"] => Reply::ok(json!({"id": 7})),
            ("DELETE", path) if path == ["users", "7"] => Reply::empty(204),
            _ => Reply::empty(404),
        },
        |_| {},
    )
    .await;
    let config: HttpConnectorConfig = toml::from_str(&format!(
        r#"
        url = "{}"
        check = [{{ call = "GET /me" }}]
        [[collection]]
        name = "users"
        key = "{{org}}/{{$.id}}"
        [[collection.find]]
        needs = ["org", "user_id"]
        call = "GET /orgs/o:{{org}}/users/u:{{user_id}}"
        records = "$"
        absent = [{{ status = 404 }}]
        [[collection.erase]]
        call = "DELETE /users/{{$.id}}"
        "#,
        fake.url
    ))
    .unwrap();
    let connector = made(&config, std::path::Path::new("."));
    let ada = person(&[("org", "1"), ("user_id", "7")]);
    assert_eq!(erase(&connector, "users", &ada).await.erase(), 1);
    let both = person(&[("org", "1"), ("org", "2"), ("user_id", "7")]);
    let error = connector.survey(&both).await.unwrap().holdings[0]
        .tally
        .clone()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // Without what is absent being said, a missing page is a mistake of the configuration and not an empty system.
    assert_eq!(
        connector.check().await.unwrap_err().kind(),
        ErrorKind::Config
    );
}
