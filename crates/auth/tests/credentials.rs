//! Where a request carries its token, and where it does not.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use adieu_auth::{AuthConfig, Cookie, Denied, Grant};
use common::*;
use http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn ask(config: AuthConfig, method: &Method, pairs: &[(HeaderName, &str)]) -> Result<Grant, Denied> {
    let authenticator = build(config).unwrap();
    block_on(authenticator.authenticate(method, &headers(pairs), now()))
}

fn bearer_only() -> AuthConfig {
    config(given(SECRET))
}

fn with_cookie() -> AuthConfig {
    let mut config = bearer_only();
    config.cookie = Some(Cookie {
        name: "session".to_owned(),
        origins: vec!["https://app.example.com".to_owned()],
    });
    config
}

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

#[test]
fn a_request_without_a_token_is_nobodys() {
    let token = hs256(&claims());
    let basic = format!("Basic {token}");
    let none: [&[(HeaderName, &str)]; 6] = [
        &[],
        &[(AUTHORIZATION, "")],
        &[(AUTHORIZATION, &token)],
        &[(AUTHORIZATION, &basic)],
        &[(COOKIE, &format!("session={token}"))],
        &[(HeaderName::from_static("x-access-token"), &token)],
    ];
    for pairs in none {
        let denied = ask(bearer_only(), &Method::GET, pairs).unwrap_err();
        assert_eq!(denied, Denied::NoToken);
        assert_eq!(denied.status(), 401);
        assert_eq!(
            denied.www_authenticate().unwrap(),
            "Bearer realm=\"privacy\""
        );
    }
}

#[test]
fn the_bearer_scheme_may_be_written_in_any_case() {
    let token = hs256(&claims());
    for scheme in ["Bearer ", "bearer ", "BEARER ", "Bearer  "] {
        let value = format!("{scheme}{token}");
        ask(bearer_only(), &Method::GET, &[(AUTHORIZATION, &value)]).unwrap();
    }
}

#[test]
fn a_malformed_authorization_header_is_a_bad_request() {
    let token = hs256(&claims());
    for value in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {token} {token}"),
        format!("Bearer {token},{token}"),
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer \"{token}\""),
        format!("Bearer {token}\u{e9}"),
        format!("Bearer\u{a0}{token}"),
    ] {
        let denied = ask(bearer_only(), &Method::GET, &[(AUTHORIZATION, &value)]).unwrap_err();
        assert_eq!(denied, Denied::MalformedHeader, "{value:?}");
        assert_eq!(denied.status(), 400);
        assert_eq!(denied.oauth_error(), Some("invalid_request"));
    }
    let kelvin = format!("Bea\u{280}er {token}");
    ask(bearer_only(), &Method::GET, &[(AUTHORIZATION, &kelvin)]).unwrap_err();
}

#[test]
fn two_tokens_are_refused_even_when_they_are_the_same() {
    let token = hs256(&claims());
    let bearer = format!("Bearer {token}");
    let cookie = format!("session={token}");
    let twice = format!("a=b; session={token}; session={token}");
    let two: [&[(HeaderName, &str)]; 5] = [
        &[(AUTHORIZATION, &bearer), (AUTHORIZATION, &bearer)],
        &[(AUTHORIZATION, &bearer), (AUTHORIZATION, "Basic YTpi")],
        &[(AUTHORIZATION, &bearer), (COOKIE, &cookie)],
        &[(COOKIE, &cookie), (COOKIE, &cookie)],
        &[(COOKIE, &twice)],
    ];
    for pairs in two {
        let denied = ask(with_cookie(), &Method::GET, pairs).unwrap_err();
        assert_eq!(denied, Denied::TwoTokens);
        assert_eq!(denied.status(), 400);
    }
    // A cookie that is not configured is not looked at.
    let pairs: &[(HeaderName, &str)] = &[(AUTHORIZATION, &bearer), (COOKIE, &cookie)];
    ask(bearer_only(), &Method::GET, pairs).unwrap();
}

#[test]
fn the_cookie_is_found_among_others() {
    let token = hs256(&claims());
    let origin = (ORIGIN, "https://app.example.com");
    for value in [
        format!("session={token}"),
        format!("a=b; session={token}; c=d"),
        format!("a=b;session={token}"),
        format!("xsession=no; session={token}; sessionx=no; session=; ;=;"),
        format!("name=J\u{f6}rg; session={token}"),
    ] {
        ask(
            with_cookie(),
            &Method::POST,
            &[(COOKIE, &value), origin.clone()],
        )
        .unwrap();
    }
    for value in [
        "Session=x.y.z",
        "session",
        "session=",
        "mysession=x.y.z",
        "=session",
    ] {
        let denied = ask(
            with_cookie(),
            &Method::POST,
            &[(COOKIE, value), origin.clone()],
        )
        .unwrap_err();
        assert_eq!(denied, Denied::NoToken, "{value}");
    }
    let split = format!("session={token}");
    ask(
        with_cookie(),
        &Method::POST,
        &[(COOKIE, "a=b"), (COOKIE, &split), origin],
    )
    .unwrap();
}

#[test]
fn a_cookie_counts_only_from_an_allowed_origin() {
    let cookie = format!("session={}", hs256(&claims()));
    let ours = "https://app.example.com";
    let evil = "https://evil.example";
    // (method, other headers, whether the cookie counts)
    type Case<'a> = (Method, &'a [(HeaderName, &'a str)], bool);
    let cases: &[Case<'_>] = &[
        (Method::POST, &[(ORIGIN, ours)], true),
        (
            Method::DELETE,
            &[(ORIGIN, ours), (SITE, "cross-site")],
            true,
        ),
        (Method::POST, &[(SITE, "same-origin")], true),
        (Method::POST, &[], false),
        (Method::POST, &[(ORIGIN, evil)], false),
        (Method::POST, &[(ORIGIN, "null")], false),
        (Method::POST, &[(ORIGIN, "")], false),
        (
            Method::POST,
            &[(ORIGIN, "https://app.example.com.evil.example")],
            false,
        ),
        (
            Method::POST,
            &[(ORIGIN, "https://app.example.com:8443")],
            false,
        ),
        (Method::POST, &[(ORIGIN, "http://app.example.com")], false),
        (Method::POST, &[(ORIGIN, "https://APP.example.com")], false),
        (Method::POST, &[(ORIGIN, ours), (ORIGIN, evil)], false),
        (
            Method::POST,
            &[(ORIGIN, evil), (SITE, "same-origin")],
            false,
        ),
        (Method::POST, &[(SITE, "same-site")], false),
        (Method::POST, &[(SITE, "cross-site")], false),
        (Method::POST, &[(SITE, "none")], false),
        (
            Method::POST,
            &[(SITE, "cross-site"), (MODE, "navigate")],
            false,
        ),
        (Method::TRACE, &[], false),
        (Method::from_bytes(b"get").unwrap(), &[], false),
        (Method::GET, &[], true),
        (Method::GET, &[(SITE, "same-origin")], true),
        (Method::GET, &[(SITE, "none")], true),
        (
            Method::GET,
            &[(SITE, "cross-site"), (MODE, "navigate")],
            true,
        ),
        (
            Method::GET,
            &[(SITE, "cross-site"), (MODE, "no-cors")],
            false,
        ),
        (
            Method::GET,
            &[(SITE, "same-site"), (MODE, "no-cors")],
            false,
        ),
        (Method::GET, &[(ORIGIN, evil)], false),
        (Method::GET, &[(ORIGIN, ours)], true),
    ];
    for (method, others, counts) in cases {
        let mut pairs = vec![(COOKIE, cookie.as_str())];
        pairs.extend(others.iter().cloned());
        let result = ask(with_cookie(), method, &pairs);
        assert_eq!(result.is_ok(), *counts, "{method} {others:?}");
        if let Err(denied) = result {
            assert_eq!(denied, Denied::WrongOrigin);
            assert_eq!(denied.status(), 403);
            assert!(denied.www_authenticate().is_none());
        }
    }
    // A bearer header is never sent by a browser on its own; it needs no origin.
    let bearer = format!("Bearer {}", hs256(&claims()));
    let pairs: &[(HeaderName, &str)] = &[(AUTHORIZATION, &bearer), (ORIGIN, evil)];
    ask(with_cookie(), &Method::POST, pairs).unwrap();
}
