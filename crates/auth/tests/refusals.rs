//! Every way in that does not belong, by what the token says.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adieu_auth::{Claim, Denied, Scope};
use common::*;
use serde_json::{Value, json};

#[test]
fn a_good_token_says_who_what_and_when() {
    let grant = judge_hs256(&hs256(&claims())).unwrap();
    let identities: Vec<(&str, &str)> = grant
        .subject()
        .identities()
        .map(|it| (it.kind().as_str(), it.value().expose()))
        .collect();
    assert_eq!(
        identities,
        [("email", "ada@example.com"), ("user_id", "ada-4711")]
    );
    assert_eq!(grant.identity().kind().as_str(), "user_id");
    assert_eq!(grant.issuer(), ISSUER);
    assert_eq!(grant.auth_time().unwrap().as_second(), NOW - 60);
    assert_eq!(grant.expires_at().as_second(), NOW + 600);
    assert!(grant.subject().tenant().is_none());
    grant.require(&Scope::EXPORT).unwrap();
    let again = judge_hs256(&hs256(&claims())).unwrap();
    assert_eq!(grant.token_hash(), again.token_hash());
    let other = judge_claim("jti", json!("1")).unwrap();
    assert_ne!(grant.token_hash(), other.token_hash());
}

#[test]
fn a_token_for_another_audience_is_refused() {
    for aud in [
        json!("other"),
        json!(["other"]),
        json!([]),
        json!("API"),
        json!("api "),
        json!(""),
    ] {
        assert_eq!(judge_claim("aud", aud).unwrap_err(), Denied::WrongAudience);
    }
    for aud in [json!(7), json!({"api": 1}), json!(["api", 7]), json!(true)] {
        let denied = judge_claim("aud", aud).unwrap_err();
        assert_eq!(denied, Denied::MalformedClaim(Claim::Audience));
    }
    let denied = judge_claim("aud", Value::Null).unwrap_err();
    assert_eq!(denied, Denied::MissingClaim(Claim::Audience));
    judge_claim("aud", json!(["other", "api"])).unwrap();
}

#[test]
fn a_token_of_another_issuer_is_refused() {
    for iss in [
        "https://evil.example",
        "https://id.example.com/",
        "https://ID.example.com",
        "https://id.examp\u{13be}e.com",
        "",
    ] {
        assert_eq!(
            judge_claim("iss", json!(iss)).unwrap_err(),
            Denied::WrongIssuer
        );
    }
    let denied = judge_claim("iss", json!([ISSUER])).unwrap_err();
    assert_eq!(denied, Denied::MalformedClaim(Claim::Issuer));
    let denied = judge_claim("iss", Value::Null).unwrap_err();
    assert_eq!(denied, Denied::MissingClaim(Claim::Issuer));
}

#[test]
fn a_key_of_one_issuer_signs_nothing_for_another() {
    let mut two = config(given(&RSA.public_pem).of_issuer(ISSUER));
    two.issuer.push("https://partner.example".to_owned());
    two.keys
        .push(given(&P256.public_pem).of_issuer("https://partner.example"));
    let partner = claims_with("iss", json!("https://partner.example"));
    judge(two.clone(), &RSA.token("any")).unwrap();
    judge(two.clone(), &P256.sign(&json!({"alg": "ES256"}), &partner)).unwrap();
    assert_eq!(
        judge(two.clone(), &P256.sign(&json!({"alg": "ES256"}), &claims())).unwrap_err(),
        Denied::WrongIssuer
    );
    assert_eq!(
        judge(two, &RSA.sign(&json!({"alg": "RS256"}), &partner)).unwrap_err(),
        Denied::WrongIssuer
    );
}

#[test]
fn an_expired_token_is_refused_to_the_second() {
    for (exp, good) in [
        (NOW - 600, false),
        (NOW - 5, false),
        (NOW - 4, true),
        (NOW, true),
    ] {
        let result = judge_claim("exp", json!(exp));
        assert_eq!(result.is_ok(), good, "exp = now {:+}", exp - NOW);
        if !good {
            assert_eq!(result.unwrap_err(), Denied::Expired);
        }
    }
    let fraction = judge_claim("exp", json!(NOW as f64 - 4.5));
    assert!(fraction.is_ok());
    for exp in [json!(-1), json!(0), json!(-1e10)] {
        assert_eq!(judge_claim("exp", exp).unwrap_err(), Denied::Expired);
    }
}

#[test]
fn a_token_that_never_expires_or_says_so_oddly_is_refused() {
    let denied = judge_claim("exp", Value::Null).unwrap_err();
    assert_eq!(denied, Denied::MissingClaim(Claim::Expiry));
    for exp in [
        json!("1767323645"),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(true),
        json!([NOW + 600]),
    ] {
        let denied = judge_claim("exp", exp).unwrap_err();
        assert_eq!(denied, Denied::MalformedClaim(Claim::Expiry));
    }
}

#[test]
fn a_token_that_is_not_valid_yet_is_refused() {
    assert_eq!(
        judge_claim("nbf", json!(NOW + 6)).unwrap_err(),
        Denied::NotYetValid
    );
    assert_eq!(
        judge_claim("iat", json!(NOW + 6)).unwrap_err(),
        Denied::NotYetValid
    );
    judge_claim("nbf", json!(NOW + 5)).unwrap();
    let denied = judge_claim("nbf", json!("soon")).unwrap_err();
    assert_eq!(denied, Denied::MalformedClaim(Claim::NotBefore));
}

#[test]
fn nbf_is_needed_unless_the_operator_says_otherwise() {
    let token = hs256(&claims_with("nbf", Value::Null));
    assert_eq!(
        judge_hs256(&token).unwrap_err(),
        Denied::MissingClaim(Claim::NotBefore)
    );
    let mut lenient = config(given(SECRET));
    lenient.require_nbf = false;
    judge(lenient.clone(), &token).unwrap();
    let early = hs256(&claims_with("nbf", json!(NOW + 60)));
    assert_eq!(judge(lenient, &early).unwrap_err(), Denied::NotYetValid);
}

#[test]
fn a_token_of_nobody_is_refused() {
    let denied = judge_claim("sub", Value::Null).unwrap_err();
    assert_eq!(denied, Denied::MissingClaim(Claim::Subject));
    for sub in [
        json!(""),
        json!(" "),
        json!("\u{3000}"),
        json!(4711),
        json!(0),
        json!(true),
        json!(["ada-4711"]),
        json!({"id": "ada-4711"}),
        json!("ada-4711 "),
        json!("\u{a0}ada-4711"),
        json!("ada\u{0}4711"),
        json!("ada\r\n4711"),
        json!("a".repeat(1025)),
    ] {
        let denied = judge_claim("sub", sub.clone()).unwrap_err();
        assert_eq!(denied, Denied::MalformedClaim(Claim::Subject), "{sub}");
    }
}

#[test]
fn another_spelling_is_another_person() {
    for sub in [
        "Ada-4711",
        "ada-4711\u{200b}",
        "аda-4711",
        "ada\u{2010}4711",
        "ada-\u{ff14}711",
    ] {
        let grant = judge_claim("sub", json!(sub)).unwrap();
        assert_eq!(grant.identity().value().expose(), sub);
    }
    let only_case = claims_with("sub", Value::Null);
    let mut only_case = only_case.clone();
    only_case["Sub"] = json!("ada-4711");
    assert_eq!(
        judge_hs256(&hs256(&only_case)).unwrap_err(),
        Denied::MissingClaim(Claim::Subject)
    );
}

#[test]
fn an_identity_that_is_not_verified_is_left_out() {
    let email = adieu_core::IdentityKind::new("email").unwrap();
    for flag in [
        Value::Null,
        json!(false),
        json!("true"),
        json!(1),
        json!("yes"),
        json!([true]),
    ] {
        let grant = judge_claim("email_verified", flag).unwrap();
        assert!(!grant.subject().knows(&email));
        assert_eq!(grant.subject().identities().len(), 1);
    }
    let grant = judge_claim("email", Value::Null).unwrap();
    assert!(!grant.subject().knows(&email));
    for odd in [json!(["a@b", "c@d"]), json!(""), json!(" a@b"), json!(7)] {
        let denied = judge_claim("email", odd).unwrap_err();
        assert_eq!(denied, Denied::MalformedClaim(Claim::Identity));
    }
}

#[test]
fn identities_tenant_and_subject_come_from_the_configured_claims() {
    let config: adieu_auth::AuthConfig = toml::from_str(&format!(
        r#"
        issuer = "{ISSUER}"
        audience = "{AUDIENCE}"
        keys = "env:UNUSED"
        subject_claim = "uid"
        subject_kind = "customer_id"
        tenant_claim = "org_id"
        identities.phone = {{ claim = "phone_number", verified_by = "phone_number_verified" }}
        identities.stripe_customer = {{ claim = "stripe", assigned_by_issuer = true }}
        "#
    ))
    .unwrap();
    let mut config = config;
    config.keys = vec![given(SECRET)];
    let mut claims = claims();
    claims["uid"] = json!("c-1");
    claims["org_id"] = json!("acme");
    claims["phone_number"] = json!("+49 1");
    claims["phone_number_verified"] = json!(false);
    claims["stripe"] = json!("cus_1");
    let grant = judge(config.clone(), &hs256(&claims)).unwrap();
    let identities: Vec<(&str, &str)> = grant
        .subject()
        .identities()
        .map(|it| (it.kind().as_str(), it.value().expose()))
        .collect();
    assert_eq!(
        identities,
        [("customer_id", "c-1"), ("stripe_customer", "cus_1")]
    );
    assert_eq!(grant.subject().tenant().unwrap().expose(), "acme");

    for (tenant, denied) in [
        (Value::Null, Denied::MissingClaim(Claim::Tenant)),
        (json!(""), Denied::MalformedClaim(Claim::Tenant)),
        (json!("acme "), Denied::MalformedClaim(Claim::Tenant)),
        (json!(["acme"]), Denied::MalformedClaim(Claim::Tenant)),
        (json!(7), Denied::MalformedClaim(Claim::Tenant)),
    ] {
        claims["org_id"] = tenant;
        assert_eq!(judge(config.clone(), &hs256(&claims)).unwrap_err(), denied);
    }
}

#[test]
fn a_missing_scope_is_refused_and_named() {
    let denied = judge_hs256(&hs256(&claims()))
        .unwrap()
        .require(&Scope::OPERATOR)
        .unwrap_err();
    assert_eq!(denied.status(), 403);
    assert_eq!(
        denied.www_authenticate().unwrap(),
        "Bearer realm=\"privacy\", error=\"insufficient_scope\", \
         error_description=\"the token lacks the scope privacy:operator\", scope=\"privacy:operator\""
    );
    for scope in [
        Value::Null,
        json!(""),
        json!("privacy:erased"),
        json!("privacy"),
        json!("PRIVACY:ERASE"),
        json!("privacy:\u{435}rase"),
        json!("privacy\u{ff1a}erase"),
        json!("privacy:export\u{a0}privacy:erase"),
        json!("privacy:export\tprivacy:erase"),
        json!(["privacy:export privacy:erase"]),
        json!("*"),
    ] {
        let grant = judge_claim("scope", scope.clone()).unwrap();
        let denied = grant.require(&Scope::ERASE).unwrap_err();
        assert_eq!(denied, Denied::MissingScope(Scope::ERASE), "{scope}");
    }
    for scope in [
        json!(7),
        json!({"privacy:erase": true}),
        json!([["privacy:erase"]]),
    ] {
        let denied = judge_claim("scope", scope).unwrap_err();
        assert_eq!(denied, Denied::MalformedClaim(Claim::Scope));
    }
}

#[test]
fn scopes_come_from_scope_and_scp_as_text_or_list() {
    for (name, value) in [
        ("scope", json!("openid  privacy:erase")),
        ("scp", json!("openid privacy:erase")),
        ("scp", json!(["openid", "privacy:erase"])),
        ("scope", json!(["privacy:erase"])),
    ] {
        let mut claims = claims_with("scope", Value::Null);
        claims[name] = value;
        let grant = judge_hs256(&hs256(&claims)).unwrap();
        grant.require(&Scope::ERASE).unwrap();
        grant.require(&Scope::EXPORT).unwrap_err();
    }
    let mut both = claims();
    both["scp"] = json!(["privacy:operator"]);
    let grant = judge_hs256(&hs256(&both)).unwrap();
    assert_eq!(grant.scopes().len(), 3);
}

#[test]
fn a_login_that_is_too_old_is_challenged() {
    let max_age = seconds(600);
    for (login, fresh) in [
        (json!(NOW - 600), true),
        (json!(NOW - 601), false),
        (json!(0), false),
        (Value::Null, false),
    ] {
        let grant = judge_claim("auth_time", login).unwrap();
        let result = grant.require_fresh(max_age, now());
        assert_eq!(result.is_ok(), fresh);
        if let Err(denied) = result {
            assert_eq!(denied.status(), 401);
            assert_eq!(denied.code(), "insufficient_user_authentication");
            assert_eq!(
                denied.www_authenticate().unwrap(),
                "Bearer realm=\"privacy\", error=\"insufficient_user_authentication\", \
                 error_description=\"a login within the last 600 seconds is needed\", max_age=\"600\""
            );
        }
    }
    for odd in [json!("now"), json!(NOW + 3600), json!(1e300)] {
        let denied = judge_claim("auth_time", odd).unwrap_err();
        assert_eq!(denied, Denied::MalformedClaim(Claim::AuthTime));
    }
    let grant = judge_hs256(&hs256(&claims())).unwrap();
    assert!(
        grant
            .require_fresh(std::time::Duration::MAX, now())
            .is_err()
    );
}
