//! No value of an identity reaches a record of anybody but the person whose value it is, whatever the provider makes of it.

use crate::common::{Cast, Provider, providers, step};
use adieu_core::{Connector, Identity, Subject};
use adieu_testkit::{Collector, Fixture};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// What ways of finding people mean something by: paths, queries, languages of filters, numbers.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "ada",
        "user1",
        "user10",
        "old1",
        "101",
        "104",
        "me",
        "search",
        "@example.com",
        "example.com.au",
        "00u-",
        "auth0|",
        "%",
        "*",
        "?",
        "#",
        "&",
        "=",
        "+",
        "-",
        "/",
        "\\",
        "\"",
        "'",
        ".",
        "..",
        "%2F",
        "%2e%2e",
        "{",
        "}",
        "{email}",
        "$",
        "|",
        ";",
        ",",
        ":",
        "(",
        ")",
        " or ",
        " eq ",
        "[]",
        "null",
        "0",
        "_",
        "Ä",
        "＠",
        "\u{200d}",
        " ",
    ]);
    prop::collection::vec(pieces, 1..6).prop_map(|pieces| pieces.concat())
}

/// Tries values of every kind by which this provider knows people.
fn reaches_only_whose_value_it_is(provider: Provider, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let cast = runtime.block_on(Cast::of(provider));
    let connector = cast.real();
    let kinds = known_kinds(&connector);
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = (prop::sample::select(kinds), hostile());
    let result = runner.run(&strategy, |(kind, value)| {
        let Ok(identity) = Identity::new(kind.clone(), value.clone()) else {
            return Ok(());
        };
        let everything = runtime.block_on(cast.state());
        let known = [everything.of_subject.clone(), everything.of_others.clone()].concat();
        // A value that really is somebody's finds them.
        let quoted = serde_json::to_string(&value).unwrap().to_lowercase();
        prop_assume!(
            !known
                .iter()
                .any(|text| text.to_lowercase().contains(&quoted)
                    || text.contains(&format!(":{value},")))
        );
        let stranger = Subject::new([identity]);
        runtime.block_on(async {
            for collection in &connector.descriptor().collections {
                if !collection.is_reached_by(&stranger) {
                    continue;
                }
                let first = step(collection.name.as_str(), &stranger, None);
                let mut collector = Collector::new(collection).full_after(100);
                collector.export(&connector, &first).await.unwrap();
                assert_eq!(
                    collector.records().count(),
                    0,
                    "{kind} {value:?} reads of {}",
                    collection.name
                );
                if collection.erasure.is_offered() {
                    let tally = connector.erase(&first).await.unwrap().tally;
                    assert!(
                        tally.is_empty(),
                        "{kind} {value:?} erases of {}: {tally:?}",
                        collection.name
                    );
                }
            }
        });
        let after = runtime.block_on(cast.state());
        prop_assert!(after == everything, "{kind} {value:?} changed something");
        Ok(())
    });
    result.unwrap();
    assert!(
        cast.fake
            .world()
            .calls
            .iter()
            .all(|call| call.starts_with("GET")
                || call.contains("search")
                || call.contains("engage")
                || call.contains("oauth/token"))
    );
}

fn known_kinds(connector: &dyn Connector) -> Vec<String> {
    let needs = connector
        .descriptor()
        .collections
        .iter()
        .flat_map(|collection| &collection.needs);
    needs
        .flat_map(|need| &need.all_of)
        .map(ToString::to_string)
        .collect()
}

#[test]
fn in_a_filter_of_a_query() {
    reaches_only_whose_value_it_is(providers::OKTA, 600);
}

#[test]
fn in_a_path() {
    reaches_only_whose_value_it_is(providers::HUBSPOT, 400);
    reaches_only_whose_value_it_is(providers::AUTH0, 400);
    reaches_only_whose_value_it_is(providers::SEGMENT, 400);
    reaches_only_whose_value_it_is(providers::OPENAI, 400);
}

#[test]
fn in_a_parameter_of_a_query() {
    reaches_only_whose_value_it_is(providers::POSTHOG, 400);
    reaches_only_whose_value_it_is(providers::CLERK, 400);
    reaches_only_whose_value_it_is(providers::AMPLITUDE, 400);
}

#[test]
fn in_a_language_of_words_and_stars() {
    reaches_only_whose_value_it_is(providers::ZENDESK, 600);
    reaches_only_whose_value_it_is(providers::MAILCHIMP, 400);
}

#[test]
fn in_a_body() {
    reaches_only_whose_value_it_is(providers::INTERCOM, 400);
    reaches_only_whose_value_it_is(providers::SENDGRID, 400);
    reaches_only_whose_value_it_is(providers::MIXPANEL, 400);
}
