//! An account at an e-mail provider in `adieu.toml`: its mistakes are told with their lines.

#![cfg(feature = "email")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use adieu::Config;

#[test]
fn an_account_of_mail_is_read_and_its_mistakes_have_lines() {
    let toml = |more: &str| {
        format!(
            "[store]\nurl = \"sqlite:adieu.db\"\nkey = \"env:ADIEU_KEY\"\n\n\
             [[connector]]\nname = \"resend\"\nkind = \"email\"\n{more}"
        )
    };
    let good = toml(
        "key = \"env:RESEND_KEY\"\nsuppression = \"delete\"\nsent_mail_days = 30\nhttp = { requests_per_second = 2 }\n",
    );
    Config::from_toml(&good, "adieu.toml").unwrap();
    let bad =
        toml("key = \"re_hunter2\"\nsupression = \"keep\"\nsent_mail_days = 0\nbroadcasts = 3\n");
    let told = Config::from_toml(&bad, "adieu.toml")
        .unwrap_err()
        .to_string();
    for line in [
        "adieu.toml:8:1: connector.resend.key: a key does not belong into this file",
        "adieu.toml:9:1: connector.resend.supression: unknown key; did you mean `suppression`?",
        "adieu.toml:10:1: connector.resend.sent_mail_days: sent mail is kept for a day at least",
        "connector.resend.broadcasts: is a whole number; true or false is expected",
    ] {
        assert!(told.contains(line), "{line} is missing in\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn the_example_of_the_readme_is_right() {
    let readme = include_str!("../../../connectors/email/README.md");
    let example = readme.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let head = "[store]\nurl = \"sqlite:adieu.db\"\nkey = \"env:ADIEU_KEY\"\n\n";
    Config::from_toml(&format!("{head}{example}"), "adieu.toml").unwrap();
}
