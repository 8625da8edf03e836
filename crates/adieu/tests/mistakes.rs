//! A wrong configuration is told whole: every mistake with its line, its key and what would be right.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use adieu::Config;
use proptest::prelude::*;

fn report(toml: &str) -> String {
    match Config::from_toml(toml, "adieu.toml") {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

const RIGHT: &str = r#"controller = "Example Ltd"

[store]
url = "sqlite:adieu.db"
key = "env:ADIEU_KEY"

[requests]
grace_days = 14
deadline = "ccpa"

[[connector]]
name = "shop"
kind = "sql"
url = "env:DATABASE_URL"

[connector.table.customers]
subject = { customer_id = "id", email = "email" }
erase = "delete"

[[connector]]
name = "uploads"
kind = "object-storage"
url = "folder:uploads"
prefixes = ["users/{customer_id}/"]
"#;

#[test]
fn a_right_configuration_is_read() {
    assert_eq!(report(RIGHT), "");
    let config = Config::from_toml(RIGHT, "/etc/adieu/adieu.toml").unwrap();
    assert_eq!(config.controller.as_deref(), Some("Example Ltd"));
    assert_eq!(config.requests.grace_days, 14);
    assert_eq!(config.requests.archive_days, 7);
    assert_eq!(config.folder().to_str(), Some("/etc/adieu"));
    let names: Vec<&str> = config.connectors.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["shop", "uploads"]);
}

#[test]
fn every_mistake_in_a_file_is_told_at_once() {
    let toml = r#"controler = "Example Ltd"

[store]
url = "postgres://adieu:hunter2@db/adieu"
key = "hunter2hunter2hunter2"

[requests]
grace_days = "fourteen"
deadline = "gdrp"
archive_weeks = 3

[requests.retry]
quick_attempts = -1

[[connector]]
name = "Shop"
kind = "sql"
url = 12
batch_rows = 0

[connector.table.customers]
subjct = { customer_id = "id" }
erase = "delte"

[connector.table.invoices]
references = { customer_id = "customer.id" }
erase = { retain = { basis = "tax", reason = "tax law", years = 10, from = "issued_at" }, pseudonymise = { address = "null" } }

[connector.table.sessions]
references = { customer_id = "customers.id" }
erase = { pseudonymize = { ip = "trunkate", agent = "hash" } }

[[connector]]
nmae = "uploads"
kind = "object-storge"
url = "folder:uploads"

[[connector]]
name = "files"
kind = "object-storage"
prefixes = ["users/{customer_id}", 7, "tmp/"]
url = "folder:uploads"

[[connector]]
name = "files"
kind = "object-storage"
url = "s3://key:hunter2@bucket"
keys = ["file_key"]
"#;
    let report = report(toml);
    let expected = "\
adieu.toml:1:1: controler: unknown key; did you mean `controller`?
adieu.toml:4:1: store.url: is not a URL that requests can be kept at; write \"sqlite:adieu.db\"
adieu.toml:5:1: store.key: a key does not belong into this file; write \"env:NAME\" or \"file:PATH\"
adieu.toml:8:14: requests.grace_days: is a text; a whole number from 0 on, not too large, is expected
adieu.toml:9:12: requests.deadline: `gdrp` is not known here; did you mean `gdpr`?
adieu.toml:10:1: requests.archive_weeks: unknown key; known here: grace_days, deadline, archive_days, retry";
    for line in expected.lines() {
        assert!(report.lines().any(|found| found == line), "missing: {line}\nin:\n{report}");
    }
    println!("{report}");
    assert!(!report.contains("hunter2"), "{report}");
    panic!("{report}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = report(&text);
    }

    #[test]
    fn no_change_of_a_right_configuration_makes_it_panic(
        at in 0..RIGHT.len(),
        length in 0..40_usize,
        put in prop_oneof![
            Just(String::new()), "[a-z\"{}\\[\\]=.,0-9\n ]{0,12}", Just("[[connector]]\n".to_owned()),
            Just("= {".to_owned()), Just("\u{1F600}é".to_owned()), Just("\n[connector.table]\n".to_owned()),
        ],
    ) {
        let mut text: Vec<char> = RIGHT.chars().collect();
        let end = (at + length).min(text.len());
        text.splice(at.min(end)..end, put.chars());
        let _ = report(&text.into_iter().collect::<String>());
    }
}
