//! What an operator may write, and what each mistake is told.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adieu_auth::{Algorithm, AuthConfig, Authenticator, Cookie, KeySource};
use common::*;
use serde_json::json;

fn problems(config: &AuthConfig) -> Vec<String> {
    config.validate().iter().map(ToString::to_string).collect()
}

#[test]
fn three_lines_are_enough() {
    let config: AuthConfig = toml::from_str(
        r#"
        issuer = "https://id.example.com"
        audience = "api"
        keys = "https://id.example.com/jwks.json"
        "#,
    )
    .unwrap();
    assert_eq!(problems(&config), [""; 0]);
    assert_eq!(config.leeway_seconds, 5);
    assert!(config.require_nbf);
    assert_eq!(config.erasure_max_age_seconds, 600);
    let in_code = AuthConfig::new(
        "https://id.example.com",
        "api",
        KeySource::url("https://id.example.com/jwks.json"),
    );
    assert_eq!(format!("{config:?}"), format!("{in_code:?}"));
}

#[test]
fn everything_can_be_written() {
    let config: AuthConfig = toml::from_str(
        r#"
        issuer = ["https://a.example", "https://b.example"]
        audience = ["api", "web"]
        algorithms = ["ES256", "EdDSA", "PS256"]
        leeway_seconds = 0
        require_nbf = false
        subject_claim = "uid"
        subject_kind = "customer_id"
        tenant_claim = "org"
        scope_claims = ["permissions"]
        max_token_bytes = 4096
        erasure_max_age_seconds = 300

        [[keys]]
        from = "https://a.example/jwks.json"
        issuer = "https://a.example"

        [[keys]]
        from = "file:b.pem"
        issuer = "https://b.example"
        algorithm = "PS256"
        kid = "2026"

        [identities.email]
        claim = "mail"
        verified_by = "mail_verified"

        [cookie]
        name = "__Host-session"
        origins = ["https://app.example.com", "http://localhost:3000"]

        [jwks]
        refresh_seconds = 300
        min_refresh_seconds = 10
        max_age_seconds = 3600
        max_bytes = 65536
        timeout_seconds = 2
        "#,
    )
    .unwrap();
    assert_eq!(problems(&config), [""; 0]);
    assert_eq!(config.jwks.min_refresh_seconds, 10);
}

#[test]
fn every_mistake_is_named_at_once() {
    let config: AuthConfig = toml::from_str(
        r#"
        issuer = ""
        audience = []
        keys = ["hunter2-hunter2-hunter2-hunter2-hunter2", "http://id.example.com/jwks.json", "https://u:p@id.example.com/jwks.json"]
        algorithms = []
        leeway_seconds = 3600
        subject_claim = ""
        subject_kind = "User Id"
        tenant_claim = ""
        scope_claims = []
        max_token_bytes = 1000000
        erasure_max_age_seconds = 0
        identities.email = { claim = "email" }
        identities.phone = { claim = "", verified_by = "x", assigned_by_issuer = true }
        cookie = { name = "a b", origins = ["*"] }
        jwks = { min_refresh_seconds = 0, refresh_seconds = 10, max_age_seconds = 5, max_bytes = 1, timeout_seconds = 0 }
        "#,
    )
    .unwrap();
    let problems = problems(&config);
    let paths: Vec<&str> = problems
        .iter()
        .map(|it| it.split_once(": ").unwrap().0)
        .collect();
    assert_eq!(
        paths,
        [
            "issuer",
            "audience",
            "keys.0",
            "keys.1",
            "keys.2",
            "algorithms",
            "leeway_seconds",
            "subject_claim",
            "subject_kind",
            "identities.email",
            "identities.phone",
            "identities.phone",
            "tenant_claim",
            "scope_claims",
            "max_token_bytes",
            "erasure_max_age_seconds",
            "cookie.name",
            "cookie.origins",
            "jwks.min_refresh_seconds",
            "jwks.max_age_seconds",
            "jwks.max_bytes",
            "jwks.timeout_seconds",
        ]
    );
    assert!(!format!("{problems:?}{config:?}").contains("hunter2"));
}

#[test]
fn an_unknown_key_or_algorithm_is_refused() {
    for line in [
        "leeway = 5",
        "algorithms = [\"none\"]",
        "algorithms = [\"HS512\"]",
        "keys = { from = \"env:X\", alg = \"ES256\" }",
        "keys = 7",
        "cookie = { name = \"session\" }",
        "identities.Email = { claim = \"email\", verified_by = \"x\" }",
        "jwks = { max_age = 5 }",
    ] {
        assert!(toml::from_str::<AuthConfig>(line).is_err(), "{line}");
    }
}

#[test]
fn a_weak_secret_is_refused_wherever_it_comes_from() {
    let short = "0123456789012345678901234567890";
    assert_eq!(short.len(), 31);
    let given_problems = problems(&config(given(short)));
    assert_eq!(given_problems.len(), 1);
    assert!(
        given_problems[0].contains("32 random bytes"),
        "{given_problems:?}"
    );
    assert!(!given_problems[0].contains(short));

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), short).unwrap();
    let from_file = config(KeySource::file("secret"));
    let refused = Authenticator::new(from_file.clone(), folder.path(), None).unwrap_err();
    assert!(refused[0].problem.contains("32 random bytes"));
    std::fs::write(folder.path().join("secret"), format!("{SECRET}\n")).unwrap();
    let accepted = Authenticator::new(from_file, folder.path(), None).unwrap();
    block_on(accepted.authenticate_token(&hs256(&claims()), now())).unwrap();
}

#[test]
fn keys_are_read_from_files_and_each_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("set.json", &json!({"keys": [P256.jwk("k1")]}).to_string());
    write("public.pem", &format!("\u{feff}\n{}", ED25519.public_pem));
    write("private.pem", &RSA.private_pem);
    write("two.pem", &format!("{}{}", RSA.public_pem, P256.public_pem));
    write("cert.pem", &pem("CERTIFICATE", &RSA.public_der));
    write("base64.txt", RSA.public_pem.split("-----").nth(2).unwrap());
    write("commented.pem", &format!("# our key\n{}", RSA.public_pem));
    write("broken.pem", &pem("PUBLIC KEY", b"nonsense"));
    write("empty.json", r#"{"keys":[]}"#);
    write(
        "oct.json",
        &json!({"keys": [{"kty": "oct", "k": b64(SECRET)}]}).to_string(),
    );
    write("array.json", &json!([P256.jwk("k1")]).to_string());
    write("broken.json", r#"{"keys":"#);

    let mut good = config(KeySource::file("set.json"));
    good.keys.push(KeySource::file("public.pem"));
    let good = Authenticator::new(good, folder.path(), None).unwrap();
    for token in [P256.token("k1"), ED25519.token("any")] {
        block_on(good.authenticate_token(&token, now())).unwrap();
    }

    let wrong = [
        ("missing.pem", "cannot be read"),
        ("private.pem", "private key"),
        ("two.pem", "more than one"),
        ("cert.pem", "certificate"),
        ("base64.txt", "public key"),
        ("commented.pem", "public key"),
        ("broken.pem", "no public key"),
        ("empty.json", "no key"),
        ("oct.json", "no key"),
        ("array.json", "public key"),
        ("broken.json", "no key set"),
    ];
    let mut bad = config(KeySource::file(wrong[0].0));
    bad.keys
        .extend(wrong[1..].iter().map(|(name, _)| KeySource::file(*name)));
    let problems = Authenticator::new(bad, folder.path(), None).unwrap_err();
    assert_eq!(problems.len(), wrong.len());
    for (index, ((name, words), problem)) in wrong.iter().zip(&problems).enumerate() {
        assert_eq!(problem.path, ["keys".to_owned(), index.to_string()]);
        assert!(problem.problem.contains(words), "{name}: {problem}");
    }
}

#[test]
fn a_key_that_fits_no_allowed_algorithm_is_refused() {
    let mut config = config(given(SECRET));
    config.algorithms = vec![Algorithm::ES256];
    let refused = build(config.clone()).unwrap_err();
    assert!(refused[0].problem.contains("fits none"));
    config.keys = vec![given(&RSA.public_pem).for_algorithm(Algorithm::PS256)];
    assert!(problems(&config)[0].contains("PS256 is not among"));
    config.algorithms = Algorithm::ALL.to_vec();
    config.keys = vec![given(&RSA.public_pem).for_algorithm(Algorithm::HS256)];
    assert!(build(config).unwrap_err()[0].problem.contains("fits none"));
}

#[test]
fn several_issuers_with_several_keys_must_say_whose_each_is() {
    let mut config = config(given(&RSA.public_pem));
    config.issuer.push("https://partner.example".to_owned());
    assert_eq!(problems(&config), [""; 0]);
    config.keys.push(given(&P256.public_pem));
    assert_eq!(problems(&config).len(), 2);
    config.keys = vec![
        given(&RSA.public_pem).of_issuer(ISSUER),
        given(&P256.public_pem).of_issuer("https://stranger.example"),
    ];
    assert_eq!(
        problems(&config),
        ["keys.1: this issuer is not among the accepted ones"]
    );
}

#[test]
fn a_url_without_a_fetcher_is_told() {
    let refused = build(config(KeySource::url("https://id.example.com/jwks.json"))).unwrap_err();
    assert!(refused[0].problem.contains("KeyFetcher"));
}

#[test]
fn only_origins_as_browsers_write_them_are_accepted() {
    let with = |origin: &str| {
        let mut config = config(given(SECRET));
        config.cookie = Some(Cookie {
            name: "session".to_owned(),
            origins: vec![origin.to_owned()],
        });
        problems(&config).is_empty()
    };
    for good in [
        "https://app.example.com",
        "https://app.example.com:8443",
        "http://localhost:3000",
        "http://127.0.0.1",
        "http://[::1]:3000",
    ] {
        assert!(with(good), "{good}");
    }
    for bad in [
        "",
        "*",
        "null",
        "https://",
        "https://*.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://App.example.com",
        "https://app.example.com:443",
        "https://u@app.example.com",
        "http://app.example.com",
        "app.example.com",
        "ftp://app.example.com",
    ] {
        assert!(!with(bad), "{bad}");
    }
}
