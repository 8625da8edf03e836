//! An API declared in `adieu.toml`: its mistakes are told with their lines, and the README's declaration has none.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use adieu::config::Config;

const HEAD: &str = "[store]\nurl = \"sqlite:adieu.db\"\nkey = \"env:ADIEU_KEY\"\n\n";

#[test]
fn the_declaration_of_the_tutorial_is_right() {
    let tutorial = include_str!("../../../connectors/http/tests/tutorial.toml");
    Config::from_toml(&format!("{HEAD}{tutorial}"), "adieu.toml").unwrap();
}

#[test]
fn each_mistake_of_a_declaration_has_its_line() {
    let text = format!(
        "{HEAD}{}",
        r#"[[connector]]
name = "directory"
kind = "http"
url = "https://api.example.com"
settings = { key = "env:KEY" }
auth = { bearer = "{kee}" }
check = [{ call = "GET /me" }]

[[connector.collection]]
name = "users"
key = "{$.id}"
no_erase = "there is no call"

[[connector.collection.find]]
needs = ["email"]
call = "GET /users"
querry = { email = "{email}" }
records = "$.users[*]"

[[connector]]
name = "analytics"
kind = "http"
provider = "posthog"
settings = { project = "42", key = "phx_hunter2" }
"#
    );
    let told = Config::from_toml(&text, "adieu.toml")
        .unwrap_err()
        .to_string();
    for line in [
        "adieu.toml:10:10: connector.directory.auth.bearer: `{kee}` stands for nothing",
        "adieu.toml:21:1: connector.directory.collection[0].find[0].querry: unknown key; did you mean `query`?",
        "adieu.toml:18:1: connector.directory.collection[0].find[0].where: a record must be checked for `{email}`",
        "adieu.toml:28:30: connector.analytics.settings.key: a secret does not belong into this file",
    ] {
        assert!(told.contains(line), "{line} is missing in\n{told}");
    }
    assert_eq!(told.lines().count(), 4, "{told}");
    assert!(!told.contains("hunter2"));
}
