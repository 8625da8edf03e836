//! A key decides its algorithm; a token cannot.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adieu_auth::{Algorithm, Denied};
use common::*;
use serde_json::json;

#[test]
fn each_algorithm_accepts_a_token_signed_with_its_key() {
    let good = judge_hs256(&hs256(&claims())).unwrap();
    assert_eq!(good.identity().value().expose(), "ada-4711");
    for pair in [&*RSA, &*P256, &*ED25519] {
        let token = pair.sign(&json!({"alg": pair.algorithm.as_str()}), &claims());
        let grant = judge(config(given(&pair.public_pem)), &token).unwrap();
        assert_eq!(grant.identity().value().expose(), "ada-4711");
        let set = json!({"keys": [pair.jwk("k1")]}).to_string();
        judge(config(given(&set)), &pair.token("k1")).unwrap();
        judge(
            config(given(&pair.jwk("k1").to_string())),
            &pair.token("k1"),
        )
        .unwrap();
    }
    let pss = given(&PSS.public_pem).for_algorithm(Algorithm::PS256);
    judge(config(pss), &PSS.token("any")).unwrap();
    let set = json!({"keys": [PSS.jwk("k1")]}).to_string();
    judge(config(given(&set)), &PSS.token("k1")).unwrap();
}

#[test]
fn another_key_of_the_same_kind_is_refused() {
    let wrong = [
        (given("another-secret-of-32-bytes-abcdef"), hs256(&claims())),
        (given(&OTHER_RSA.public_pem), RSA.token("any")),
        (given(&OTHER_P256.public_pem), P256.token("any")),
        (given(&Pair::ed25519().public_pem), ED25519.token("any")),
    ];
    for (key, token) in wrong {
        assert_eq!(
            judge(config(key), &token).unwrap_err(),
            Denied::WrongSignature
        );
    }
}

#[test]
fn alg_none_is_refused_in_every_spelling() {
    let header_of = |alg: &str| json!({"alg": alg, "typ": "JWT"}).to_string();
    for alg in ["none", "None", "NONE", "nOnE", "nоne", "none ", "", "null"] {
        let unsigned = format!("{}.{}.", b64(&header_of(alg)), b64(&claims().to_string()));
        let signed = hs256_raw(&header_of(alg), &claims().to_string());
        for token in [unsigned, signed] {
            assert_eq!(
                judge_hs256(&token).unwrap_err(),
                Denied::Unsupported,
                "{alg}"
            );
        }
    }
    for header in [
        "{}",
        r#"{"alg":null}"#,
        r#"{"alg":["none"]}"#,
        r#"{"alg":0}"#,
    ] {
        let token = hs256_raw(header, &claims().to_string());
        assert_eq!(judge_hs256(&token).unwrap_err(), Denied::Malformed);
    }
    let unsigned = format!(
        "{}.{}.",
        b64(r#"{"alg":"HS256"}"#),
        b64(&claims().to_string())
    );
    assert_eq!(judge_hs256(&unsigned).unwrap_err(), Denied::WrongSignature);
}

#[test]
fn a_public_key_never_serves_as_a_shared_secret() {
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let payload = claims().to_string();
    for pair in [&*RSA, &*P256, &*ED25519] {
        let set = json!({"keys": [pair.jwk("k1")]}).to_string();
        let jwk = pair.jwk("k1");
        let modulus_or_point = jwk.get("n").or(jwk.get("x")).unwrap().as_str().unwrap();
        let known: [&[u8]; 6] = [
            pair.public_pem.as_bytes(),
            pair.public_pem.trim().as_bytes(),
            &pair.public_der,
            set.as_bytes(),
            modulus_or_point.as_bytes(),
            b"",
        ];
        for bytes in known {
            let token = hs256_with(bytes, header, &payload);
            for source in [&pair.public_pem, &set] {
                let denied = judge(config(given(source)), &token).unwrap_err();
                assert_eq!(denied, Denied::UnknownKey);
            }
        }
    }
}

#[test]
fn a_token_cannot_choose_another_algorithm_of_its_key() {
    let header = json!({"alg": "PS256"});
    let pss = RSA.sign_as(Algorithm::PS256, &header, &claims());
    let rs256_only = config(given(&RSA.public_pem));
    assert_eq!(
        judge(rs256_only, &pss).unwrap_err(),
        Denied::UnknownKey,
        "a key is bound to one algorithm"
    );
    let set = json!({"keys": [RSA.jwk("k1")]}).to_string();
    let renamed = RSA.sign(&json!({"alg": "PS256", "kid": "k1"}), &claims());
    assert!(judge(config(given(&set)), &renamed).is_err());

    let mut both = config(given(&RSA.public_pem));
    both.algorithms = vec![Algorithm::PS256, Algorithm::RS256];
    judge(both.clone(), &pss).unwrap();
    assert!(judge(both, &RSA.token("any")).is_err());
}

#[test]
fn algorithms_that_are_not_allowed_are_refused() {
    let mut narrow = config(given(
        &json!({"keys": [RSA.jwk("r"), P256.jwk("e")]}).to_string(),
    ));
    narrow.algorithms = vec![Algorithm::ES256];
    judge(narrow.clone(), &P256.token("e")).unwrap();
    assert_eq!(
        judge(narrow, &RSA.token("r")).unwrap_err(),
        Denied::UnknownKey
    );
    for alg in [
        "HS384", "HS512", "RS512", "ES384", "ES256K", "hs256", "HS256 ",
    ] {
        let token = hs256_raw(&json!({"alg": alg}).to_string(), &claims().to_string());
        assert_eq!(judge_hs256(&token).unwrap_err(), Denied::Unsupported);
    }
}

#[test]
fn a_token_cannot_bring_its_own_key() {
    let stranger = Pair::ed25519();
    let header = json!({
        "alg": "EdDSA", "kid": "k1",
        "jwk": stranger.jwk("k1"),
        "jku": "https://evil.example/jwks.json",
        "x5u": "https://evil.example/cert.pem",
        "x5c": ["MIIB"],
    });
    let set = json!({"keys": [ED25519.jwk("k1")]}).to_string();
    let forged = stranger.sign(&header, &claims());
    assert_eq!(
        judge(config(given(&set)), &forged).unwrap_err(),
        Denied::WrongSignature
    );
    // The same members in a token of the right key change nothing.
    judge(config(given(&set)), &ED25519.sign(&header, &claims())).unwrap();
}

#[test]
fn an_ecdsa_signature_in_der_or_of_zeros_is_refused() {
    let good = P256.token("any");
    let (message, _) = good.rsplit_once('.').unwrap();
    for signature in [vec![0_u8; 64], vec![0x30; 70], vec![0xFF; 64], Vec::new()] {
        use base64::Engine as _;
        let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature);
        let token = format!("{message}.{signature}");
        assert_eq!(
            judge(config(given(&P256.public_pem)), &token).unwrap_err(),
            Denied::WrongSignature
        );
    }
}
