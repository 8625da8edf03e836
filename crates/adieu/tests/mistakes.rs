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
    let names: Vec<&str> = config
        .connectors
        .iter()
        .map(|one| one.name.as_str())
        .collect();
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
    let expected = r#"adieu.toml:1:1: controler: unknown key; did you mean `controller`?
adieu.toml:4:1: store.url: is not a URL that requests can be kept at; write "sqlite:adieu.db"
adieu.toml:5:1: store.key: a key does not belong into this file; write "env:NAME" or "file:PATH"
adieu.toml:8:14: requests.grace_days: is a text; a whole number from 0 on, not too large, is expected
adieu.toml:9:12: requests.deadline: `gdrp` is not known here; did you mean `gdpr`?
adieu.toml:10:1: requests.archive_weeks: unknown key; did you mean `archive_days`?
adieu.toml:13:18: requests.retry.quick_attempts: is a whole number that does not fit; a whole number from 0 on, not too large, is expected
adieu.toml:16:8: connector[0].name: a connector's name is 1 to 64 of a-z, 0-9, - and _, beginning with a letter
adieu.toml:18:7: connector[0].url: is a whole number; a text in quotes is expected
adieu.toml:19:14: connector[0].batch_rows: is a whole number that does not fit; a whole number from 1 on is expected
adieu.toml:22:1: connector[0].table.customers.subjct: unknown key; did you mean `subject`?
adieu.toml:23:9: connector[0].table.customers.erase: `delte` is not known here; did you mean `delete`?
adieu.toml:26:16: connector[0].table.invoices.references.customer_id: `customer.id` is not TABLE.COLUMN of a mapped table
adieu.toml:27:30: connector[0].table.invoices.erase.retain.basis: is not known here; write "freedom_of_expression", "legal_obligation", "public_health", "archiving", "legal_claims", "contract" or "security"
adieu.toml:27:91: connector[0].table.invoices.erase.pseudonymise: unknown key; did you mean `pseudonymize`?
adieu.toml:31:11: connector[0].table.sessions.erase.pseudonymize: `hash` needs a key; add pseudonym_key = "env:NAME" to the connector
adieu.toml:31:33: connector[0].table.sessions.erase.pseudonymize.ip: `trunkate` is not known here; did you mean `truncate`?
adieu.toml:33:1: connector[1].prefixes: nothing says which objects are a person's; name a prefix such as `users/{customer_id}/`, or `keys`
adieu.toml:34:1: connector[1].nmae: unknown key; did you mean `name`?
adieu.toml:35:1: connector[1].kind: `object-storge` is not known here; did you mean `object-storage`?
adieu.toml:41:13: connector.files.prefixes[0]: `users/{customer_id}` must end in `/`: without it `users/1` would also reach `users/10`; write `users/{customer_id}/`
adieu.toml:41:36: connector.files.prefixes[1]: is a whole number; a text in quotes is expected
adieu.toml:41:39: connector.files.prefixes[2]: `tmp/` would reach everybody's objects; name an identity in it, such as `users/{customer_id}/`
adieu.toml:45:1: connector.files.name: another connector has this name; give each a name of its own
adieu.toml:47:1: connector.files.url: no secret belongs into a URL; put it into `credentials` or the environment"#;
    assert_eq!(report(toml), expected);
}

#[cfg(feature = "auth")]
#[test]
fn the_rules_for_tokens_are_read_and_checked() {
    let auth = "[auth]\nissuer = \"https://id.example.com\"\naudience = \"api\"\nkeys = \"https://id.example.com/jwks.json\"\n";
    let config = Config::from_toml(&format!("{RIGHT}\n{auth}"), "adieu.toml").unwrap();
    assert_eq!(config.auth.unwrap().audience, ["api"]);
    let wrong = auth
        .replace("audience", "audiense")
        .replace("https://id.example.com/jwks", "http://id.example.com/jwks");
    let report = report(&format!("{RIGHT}\n{wrong}"));
    assert!(
        report.contains("auth.audiense: unknown key; did you mean `audience`?"),
        "{report}"
    );
    assert!(report.contains("auth.keys"), "{report}");
}

#[test]
fn what_is_missing_is_told_with_what_to_write() {
    assert_eq!(
        report(""),
        "adieu.toml:1:1: connector: no system is named; add a [[connector]] with `name` and `kind`\n\
         adieu.toml:1:1: store: is missing; add [store] with url = \"sqlite:adieu.db\" and key = \"env:ADIEU_KEY\""
    );
    let report = report("[store]\n[connector]\nname = \"shop\"\n");
    for line in [
        "adieu.toml:1:1: store.key: is missing",
        "adieu.toml:1:1: store.url: is missing",
        "adieu.toml:2:2: connector: there may be several; write [[connector]], with two brackets",
    ] {
        assert!(
            report.lines().any(|found| found == line),
            "{line} is not in\n{report}"
        );
    }
}

#[test]
fn what_is_no_toml_is_told_without_quoting_it() {
    let report = report("[store]\nkey = hunter2\nurl = \"sqlite:\n");
    assert!(
        report.starts_with("adieu.toml:2:7: is not TOML: "),
        "{report}"
    );
    assert!(
        report.contains("adieu.toml:3:"),
        "only the first mistake: {report}"
    );
    assert!(!report.contains("hunter2"), "{report}");
}

#[tokio::test]
async fn what_a_file_only_names_is_told_with_its_line_when_it_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adieu.toml");
    let toml = RIGHT
        .replace("env:ADIEU_KEY", "file:no-such-key")
        .replace("DATABASE_URL", "ADIEU_TEST_IS_NOT_SET");
    std::fs::write(&file, toml).unwrap();
    let error = Config::from_file(&file)
        .unwrap()
        .engine()
        .await
        .unwrap_err()
        .to_string();
    let lines: Vec<&str> = error
        .lines()
        .map(|line| line.split("adieu.toml:").nth(1).unwrap())
        .collect();
    assert!(
        lines[0].starts_with("5:1: store.key: the file ") && lines[0].contains("no-such-key"),
        "{error}"
    );
    assert!(
        lines[1].starts_with(
            "14:1: connector.shop.url: the environment variable ADIEU_TEST_IS_NOT_SET"
        ),
        "{error}"
    );
    assert!(
        !folder.path().join("adieu.db").exists(),
        "something was opened"
    );
}

#[test]
fn a_missing_file_says_how_to_name_another() {
    let error = Config::from_file("no/such/adieu.toml")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "no/such/adieu.toml: there is no such file; name one with --config"
    );
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

#[cfg(feature = "gateway")]
#[test]
fn what_the_page_says_is_read_and_checked() {
    let page = "[page]\ntitle = \"Mine\"\nlogin_url = \"/login\"\n[page.words]\n\"confirm.word\" = \"GOODBYE\"\n";
    let config = Config::from_toml(&format!("{RIGHT}\n{page}"), "adieu.toml").unwrap();
    assert_eq!(config.page.title.as_deref(), Some("Mine"));
    let wrong = page
        .replace("title", "titel")
        .replace("/login", "javascript:alert(1)")
        .replace("confirm.word", "confirm.wrod");
    let report = report(&format!("{RIGHT}\n{wrong}"));
    for part in [
        "page.titel: unknown key; did you mean `title`?",
        "page.login_url: is an https:// URL",
        "page.words.confirm.wrod: the page has no such word",
    ] {
        assert!(report.contains(part), "{report}");
    }
}

#[cfg(feature = "gateway")]
#[test]
fn how_it_is_served_is_read_and_checked() {
    let server = "[server]\nlisten = \"0.0.0.0:80\"\nprefix = \"/me\"\nupstream = \"http://[::1]:3000/\"\nmetrics = \"127.0.0.1:9464\"\n[server.limits]\nexports_at_once = 2\n[page]\ntitle = \"You\"\n";
    let config = Config::from_toml(&format!("{RIGHT}\n{server}"), "adieu.toml").unwrap();
    assert_eq!(config.server.listen.port(), 80);
    assert_eq!(config.server.prefix, "/me");
    assert!(config.server.upstream.is_some() && config.server.metrics.is_some());
    assert_eq!(config.server.limits.exports_at_once, 2);
    assert_eq!(config.server.limits.calls_per_minute, 240);
    let wrong = "[server]\nlisten = \"localhost\"\nprefix = \"/me/\"\nupstream = \"https://user:hunter2@shop\"\nlimit = 3\n[page]\nlanguage = \"plain English\"\n";
    let report = report(&format!("{RIGHT}\n{wrong}"));
    for told in [
        "server.listen: is not an address; write \"127.0.0.1:8080\"",
        "server.prefix: is no prefix",
        "server.upstream: is not the address of a service",
        "server.limit: unknown key; did you mean `limits`?",
        "page.language: is no language tag",
    ] {
        assert!(report.contains(told), "{told}: {report}");
    }
    assert!(!report.contains("hunter2"), "{report}");
}
