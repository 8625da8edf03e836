//! Every way in that does not belong, by the form of the token.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adieu_auth::Denied;
use common::*;
use serde_json::json;

#[test]
fn a_giant_token_is_refused_before_it_is_read() {
    let big = hs256(&claims_with("padding", json!("x".repeat(1_000_000))));
    assert_eq!(judge_hs256(&big).unwrap_err(), Denied::TooLarge);
    let mut exact = config(given(SECRET));
    let token = hs256(&claims());
    exact.max_token_bytes = token.len();
    judge(exact.clone(), &token).unwrap();
    exact.max_token_bytes -= 1;
    assert_eq!(judge(exact, &token).unwrap_err(), Denied::TooLarge);
}

#[test]
fn deeply_nested_claims_are_refused() {
    let mut wide = config(given(SECRET));
    wide.max_token_bytes = 65_536;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let depth = 5_000;
        let core = if open == "[" { "" } else { "1" };
        let nested = format!("{}{core}{}", open.repeat(depth), close.repeat(depth));
        let payload = format!(r#"{{"nested":{nested},"sub":"ada-4711"}}"#);
        let token = hs256_raw(r#"{"alg":"HS256"}"#, &payload);
        assert_eq!(judge(wide.clone(), &token).unwrap_err(), Denied::Malformed);
        let header = format!(r#"{{"alg":"HS256","nested":{nested}}}"#);
        let token = hs256_raw(&header, &claims().to_string());
        assert_eq!(judge(wide.clone(), &token).unwrap_err(), Denied::Malformed);
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let good = hs256(&claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let malformed = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.to_owned(),
        message.to_owned(),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!(".{good}"),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}="),
        format!("{good}A!"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}\u{200b}.{signature}"),
        format!("{header}.{}.{signature}", b64("[]")),
        format!("{header}.{}.{signature}", b64("null")),
        format!("{header}.{}.{signature}", b64("{} {}")),
        format!("{header}.{}.{signature}", b64(r#"{"sub":"ada"}x"#)),
        format!("{header}.{}.{signature}", b64(r#"{"sub":"\ud800"}"#)),
        format!("{header}.{}.{signature}", b64(r#"{"sub":'ada'}"#)),
        format!("{header}.{payload}.{signature}").replace('.', "\u{3002}"),
        "\u{feff}".to_owned() + &good,
        "{\"payload\":\"e30\",\"signatures\":[]}".to_owned(),
        "a.b.c.d.e".to_owned(),
    ];
    for token in malformed {
        assert_eq!(
            judge_hs256(&token).unwrap_err(),
            Denied::Malformed,
            "{token:?}"
        );
    }
    let with_both = (0..)
        .map(|id| hs256(&claims_with("jti", json!(id))))
        .find(|token| token.contains('-') && token.contains('_'))
        .unwrap();
    judge_hs256(&with_both).unwrap();
    for (url, standard) in [('-', "+"), ('_', "/")] {
        let token = with_both.replace(url, standard);
        assert_eq!(judge_hs256(&token).unwrap_err(), Denied::Malformed);
    }
}

#[test]
fn the_last_character_of_a_signature_has_one_spelling() {
    let good = hs256(&claims());
    let last = good.chars().last().unwrap();
    let alphabet = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(['-', '_']);
    let accepted: Vec<char> = alphabet
        .filter(|it| {
            let mut token = good.clone();
            token.pop();
            token.push(*it);
            judge_hs256(&token).is_ok()
        })
        .collect();
    assert_eq!(accepted, [last]);
}

#[test]
fn a_member_that_comes_twice_is_refused() {
    let body = claims().to_string();
    let inner = body.trim_matches(['{', '}']);
    for payload in [
        format!(r#"{{{inner},"sub":"eve"}}"#),
        format!(r#"{{"sub":"eve",{inner}}}"#),
        format!(r#"{{"\u0073ub":"eve",{inner}}}"#),
        format!(r#"{{{inner},"sub":"ada-4711"}}"#),
        format!(r#"{{{inner},"nested":{{"a":[{{"b":1,"b":2}}]}}}}"#),
    ] {
        let token = hs256_raw(r#"{"alg":"HS256"}"#, &payload);
        assert_eq!(judge_hs256(&token).unwrap_err(), Denied::Malformed);
    }
    for header in [
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
    ] {
        let token = hs256_raw(header, &body);
        assert_eq!(judge_hs256(&token).unwrap_err(), Denied::Malformed);
    }
}

#[test]
fn extensions_and_other_types_are_refused() {
    for header in [
        json!({"alg": "HS256", "crit": ["exp"]}),
        json!({"alg": "HS256", "crit": []}),
        json!({"alg": "HS256", "crit": null}),
        json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
        json!({"alg": "HS256", "typ": "logout+jwt"}),
        json!({"alg": "HS256", "typ": "dpop+jwt"}),
        json!({"alg": "HS256", "typ": 1}),
    ] {
        let token = hs256_raw(&header.to_string(), &claims().to_string());
        assert_eq!(judge_hs256(&token).unwrap_err(), Denied::Unsupported);
    }
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        let header = json!({"alg": "HS256", "typ": typ}).to_string();
        judge_hs256(&hs256_raw(&header, &claims().to_string())).unwrap();
    }
}

#[test]
fn a_kid_is_only_ever_compared() {
    let set = given(&json!({"keys": [P256.jwk("k1")]}).to_string());
    judge(config(set.clone()), &P256.token("k1")).unwrap();
    for kid in [
        "../../etc/passwd",
        "..%2f..%2fkey",
        "/dev/null",
        "k1\u{0}",
        "K1",
        "k1 ",
        "' OR 1=1 --",
        "http://evil.example/key",
        "",
    ] {
        assert_eq!(
            judge(config(set.clone()), &P256.token(kid)).unwrap_err(),
            Denied::UnknownKey
        );
    }
    let huge = P256.token(&"k".repeat(257));
    assert_eq!(
        judge(config(set.clone()), &huge).unwrap_err(),
        Denied::Malformed
    );
    for kid in [json!(1), json!(null), json!(["k1"])] {
        let token = P256.sign(&json!({"alg": "ES256", "kid": kid}), &claims());
        assert_eq!(
            judge(config(set.clone()), &token).unwrap_err(),
            Denied::Malformed
        );
    }
    let named = given(&P256.public_pem).with_kid("k1");
    judge(config(named.clone()), &P256.token("k1")).unwrap();
    assert_eq!(
        judge(config(named), &P256.token("k2")).unwrap_err(),
        Denied::UnknownKey
    );
}
