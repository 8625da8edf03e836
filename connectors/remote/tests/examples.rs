//! The examples are as short as they are said to be, and believe nobody whom they should not.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by it, and says so when it is skipped"
)]

mod common;

use adieu_core::Connector as _;
use adieu_http_client::Client;
use adieu_http_client::http::HeaderName;
use common::signing::{now, question};
use common::{Example, Language, connector};

fn languages() -> Vec<Language> {
    let all = [Language::Python, Language::Node].into_iter();
    all.filter(|language| match language.is_there() {
        Ok(()) => true,
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "{why}");
            println!("skipped: {why}");
            false
        }
    })
    .collect()
}

#[test]
fn an_example_is_forty_lines_of_code_and_needs_no_package() {
    for (text, import) in [
        (include_str!("../examples/server.py"), "import "),
        (include_str!("../examples/server.mjs"), "from 'node:"),
    ] {
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 40, "{lines} lines");
        assert!(text.contains(import));
        assert!(!text.contains("pip install") && !text.contains("npm install"));
    }
}

#[tokio::test]
async fn an_example_answers_a_signed_question_once_and_no_other() {
    for language in languages() {
        let example = Example::start(language);
        let client = Client::builder("raw", &*example.url).build().unwrap();
        let body = b"{\"collection\": \"readers\", \"subject\": {\"identities\": []}}";
        let ask = async |path: &'static str, body: &'static [u8], headers: &(String, String)| {
            let call = client
                .post(path)
                .body("application/json", body)
                .header(HeaderName::from_static("signature-input"), &headers.0)
                .header(HeaderName::from_static("signature"), &headers.1);
            call.send().await.unwrap().status().as_u16()
        };
        let key = &example.key;
        let good = question(key, "/survey", body, now(), "0123456789abcdefghijkl");
        assert_eq!(ask("/survey", body, &good).await, 200, "{language:?}");
        assert_eq!(
            ask("/survey", body, &good).await,
            401,
            "{language:?}: a question sent again"
        );
        let nonce = std::cell::Cell::new(0);
        let fresh = |key: &str, path: &str, body: &[u8], created: u64| {
            nonce.set(nonce.get() + 1);
            question(
                key,
                path,
                body,
                created,
                &format!("0123456789abcdefgh{:04}", nonce.get()),
            )
        };
        let other = "YW5vdGhlciBrZXkgb2YgdGhlIHNhbWUgbGVuZ3RoISE=";
        for (what, headers) in [
            ("another key", fresh(other, "/survey", body, now())),
            ("another call", fresh(key, "/erase", body, now())),
            ("another body", fresh(key, "/survey", b"{}", now())),
            ("an old question", fresh(key, "/survey", body, now() - 301)),
            (
                "a question to come",
                fresh(key, "/survey", body, now() + 310),
            ),
            ("no signature", (String::new(), String::new())),
            (
                "a half signature",
                (fresh(key, "/survey", body, now()).0, "adieu=:".to_owned()),
            ),
        ] {
            assert_eq!(
                ask("/survey", body, &headers).await,
                401,
                "{language:?}: {what}"
            );
        }
        // What was refused has not used up a nonce that is still to come.
        let late = question(key, "/survey", body, now(), "0123456789abcdefghABCD");
        assert_eq!(ask("/survey", b"{}", &late).await, 401, "{language:?}");
        assert_eq!(ask("/survey", body, &late).await, 200, "{language:?}");
    }
}

#[tokio::test]
async fn what_a_service_says_of_itself_must_be_what_was_declared() {
    for language in languages() {
        let example = Example::start(language);
        connector(&example.config()).check().await.unwrap();
        for (key, change) in [
            (
                "needs",
                (|one| one.needs[0].push("shop".to_owned()))
                    as fn(&mut adieu_remote::RemoteCollection),
            ),
            ("tenant", |one| one.tenant = true),
            ("yields", |one| one.yields.clear()),
            ("no_export", |one| one.no_export = Some("no".to_owned())),
            ("no_erase", |one| one.no_erase = Some("no".to_owned())),
        ] {
            let mut config = example.config();
            change(&mut config.collection[0]);
            let error = connector(&config).check().await.unwrap_err();
            assert!(error.to_string().contains(&format!("`{key}`")), "{error}");
        }
    }
}
