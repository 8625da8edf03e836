//! No bytes make it panic, and no token that was changed is accepted.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::LazyLock;

use adieu_auth::{Authenticator, Cookie};
use common::*;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;
use serde_json::json;

static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| {
    let mut config = config(given(SECRET));
    for pair in [&*RSA, &*P256, &*ED25519] {
        let set = json!({"keys": [pair.jwk("k1")]}).to_string();
        config.keys.push(given(&set));
    }
    config.cookie = Some(Cookie {
        name: "session".to_owned(),
        origins: vec!["https://app.example.com".to_owned()],
    });
    build(config).unwrap()
});

static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    vec![
        hs256(&claims()),
        RSA.token("k1"),
        P256.token("k1"),
        ED25519.token("k1"),
    ]
});

fn is_accepted(token: &str) -> bool {
    block_on(AUTHENTICATOR.authenticate_token(token, now())).is_ok()
}

#[test]
fn the_tokens_are_good_before_they_are_changed() {
    for token in TOKENS.iter() {
        assert!(is_accepted(token));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_changed_byte_spoils_a_token(which in 0..4_usize, at in any::<prop::sample::Index>(), byte in 0x20..0x7F_u8) {
        let token = &TOKENS[which];
        let mut changed = token.clone().into_bytes();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        prop_assert!(!is_accepted(&String::from_utf8(changed).unwrap()));
    }

    #[test]
    fn a_token_cut_or_lengthened_is_spoilt(which in 0..4_usize, at in any::<prop::sample::Index>(), more in "[A-Za-z0-9._=-]{1,8}") {
        let token = &TOKENS[which];
        let at = at.index(token.len());
        prop_assert!(!is_accepted(&token[..at]));
        prop_assert!(!is_accepted(&token[at + 1..]));
        let inserted = format!("{}{more}{}", &token[..at], &token[at..]);
        prop_assert!(!is_accepted(&inserted));
        let appended = format!("{token}{more}");
        prop_assert!(!is_accepted(&appended));
    }

    #[test]
    fn parts_of_two_tokens_make_no_third(first in 0..4_usize, second in 0..4_usize, claim in "[a-z]{1,8}") {
        let other = hs256_with(b"another-secret-of-32-bytes-abcdef", r#"{"alg":"HS256"}"#, &claims_with("sub", json!(claim)).to_string());
        let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
        let (a, b, c) = (parts(&TOKENS[first]), parts(&TOKENS[second]), parts(&other));
        prop_assert!(!is_accepted(&[&*a[0], &*c[1], &*b[2]].join(".")));
        prop_assert!(!is_accepted(&[&*c[0], &*c[1], &*a[2]].join(".")));
        prop_assert!(!is_accepted(&[&*a[0], &*b[1], &*c[2]].join(".")));
        if first != second {
            prop_assert!(!is_accepted(&[&*a[0], &*a[1], &*b[2]].join(".")));
        }
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in any::<String>()) {
        prop_assert!(!is_accepted(&text));
    }

    #[test]
    fn any_header_and_payload_are_judged_without_a_panic(header in any::<String>(), payload in any::<String>(), signature in any::<String>()) {
        let token = format!("{}.{}.{}", b64(&header), b64(&payload), b64(&signature));
        prop_assert!(!is_accepted(&token));
        // Even with the right signature, this is nobody's token.
        let signed = hs256_raw(r#"{"alg":"HS256"}"#, &payload);
        prop_assert!(!is_accepted(&signed));
        prop_assert!(!is_accepted(&hs256_raw(&header, &claims().to_string())));
    }

    #[test]
    fn any_claim_value_is_judged_without_a_panic(name in prop::sample::select(vec!["iss", "aud", "sub", "exp", "nbf", "iat", "auth_time", "scope", "scp", "email", "email_verified"]), number in any::<f64>(), integer in any::<i64>(), text in any::<String>()) {
        for value in [json!(number), json!(integer), json!(text), json!([text, number]), json!({ text.clone(): number })] {
            let accepted = is_accepted(&hs256(&claims_with(name, value.clone())));
            let must_be_text = matches!(name, "iss" | "aud" | "sub");
            prop_assert!(!(accepted && must_be_text && !value.is_string()));
        }
    }

    #[test]
    fn any_header_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for prefix in [&b""[..], b"Bearer ", b"session=", b"a=b; session="] {
            let Ok(value) = HeaderValue::from_bytes(&[prefix, &bytes].concat()) else {
                continue;
            };
            for name in [AUTHORIZATION, COOKIE] {
                let headers = HeaderMap::from_iter([(name, value.clone())]);
                let result = block_on(AUTHENTICATOR.authenticate(&Method::GET, &headers, now()));
                prop_assert!(result.is_err());
            }
        }
    }
}
