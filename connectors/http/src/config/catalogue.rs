//! The catalogue: declarations of known providers, of which an operator fills in the settings.

use std::collections::BTreeMap;

use adieu_core::{ConfigProblem, Setting};
use adieu_http_client::HttpConfig;
use serde::Deserialize;

use super::HttpConnectorConfig;

/// The entries by name, as they lie in the folder `catalogue`.
const ENTRIES: &[(&str, &str)] = &[
    ("amplitude", include_str!("../../catalogue/amplitude.toml")),
    ("auth0", include_str!("../../catalogue/auth0.toml")),
    ("clerk", include_str!("../../catalogue/clerk.toml")),
    ("hubspot", include_str!("../../catalogue/hubspot.toml")),
    ("intercom", include_str!("../../catalogue/intercom.toml")),
    ("mailchimp", include_str!("../../catalogue/mailchimp.toml")),
    ("mixpanel", include_str!("../../catalogue/mixpanel.toml")),
    ("okta", include_str!("../../catalogue/okta.toml")),
    ("openai", include_str!("../../catalogue/openai.toml")),
    ("posthog", include_str!("../../catalogue/posthog.toml")),
    ("segment", include_str!("../../catalogue/segment.toml")),
    ("sendgrid", include_str!("../../catalogue/sendgrid.toml")),
    ("zendesk", include_str!("../../catalogue/zendesk.toml")),
];

/// A provider of the catalogue.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The provider's pages that the entry was written from.
    pub documentation: Vec<String>,
    /// What it was run against.
    pub proof: String,
    /// Against what the provider publishes its calls and fields were compared by hand, and what could not be found there.
    pub checked: Vec<String>,
    /// What the operator fills in.
    pub settings: BTreeMap<String, SettingHelp>,
    /// The declaration, without settings.
    pub declaration: HttpConnectorConfig,
}

/// What a setting of an entry means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingHelp {
    /// What it is.
    pub what: String,
    /// What it is when it is left out.
    pub default: Option<String>,
}

/// What an entry says of itself, besides its declaration.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    documentation: Vec<String>,
    proof: String,
    #[serde(default)]
    checked: Vec<String>,
    settings: BTreeMap<String, SettingHelp>,
}

/// The names of all entries.
pub fn catalogue() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|(name, _)| *name)
}

/// The entry of a provider.
pub fn entry(provider: &str) -> Option<Entry> {
    let (_, text) = ENTRIES.iter().find(|(name, _)| *name == provider)?;
    parse(text).ok()
}

fn parse(text: &str) -> Result<Entry, toml::de::Error> {
    let mut table: toml::Table = toml::from_str(text)?;
    let head = table
        .remove("catalogue")
        .unwrap_or(toml::Value::Boolean(false));
    let Head {
        documentation,
        proof,
        checked,
        settings,
    } = head.try_into()?;
    let declaration = toml::Value::Table(table).try_into()?;
    Ok(Entry {
        documentation,
        proof,
        checked,
        settings,
        declaration,
    })
}

impl HttpConnectorConfig {
    /// The declaration with everything in it: its own, or the catalogue's with the operator's settings.
    pub(crate) fn whole(&self) -> Result<Self, Vec<ConfigProblem>> {
        let Some(provider) = &self.provider else {
            return Ok(self.clone());
        };
        let Some(entry) = entry(provider) else {
            let known: Vec<&str> = catalogue().collect();
            let problem = format!(
                "`{provider}` is not in the catalogue; it has {}",
                known.join(", ")
            );
            return Err(vec![ConfigProblem::new(["provider"], problem)]);
        };
        let mut problems = self.not_both();
        let settings = self.filled(&entry, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut whole = entry.declaration;
        whole.settings = settings;
        whole.location = self.location.clone().or(whole.location);
        whole.about.clone_from(&self.about);
        whole.http = over(&whole.http, &self.http);
        for server in whole.server.values_mut() {
            server.http = over(&server.http, &self.http);
        }
        Ok(whole)
    }

    /// What the entry says already.
    fn not_both(&self) -> Vec<ConfigProblem> {
        let said = [
            ("processor", self.processor.is_some()),
            ("url", self.url.is_some()),
            ("auth", self.auth.is_some()),
            ("headers", !self.headers.is_empty()),
            ("server", !self.server.is_empty()),
            ("check", !self.check.is_empty()),
            ("collection", !self.collection.is_empty()),
            ("unreachable", !self.unreachable.is_empty()),
            ("first", self.first),
        ];
        let problem = "is said by the catalogue's entry; leave it out, or leave `provider` out and declare everything";
        said.into_iter()
            .filter(|(_, said)| *said)
            .map(|(key, _)| ConfigProblem::new([key], problem))
            .collect()
    }

    fn filled(
        &self,
        entry: &Entry,
        problems: &mut Vec<ConfigProblem>,
    ) -> BTreeMap<String, Setting> {
        let known: Vec<&str> = entry.settings.keys().map(String::as_str).collect();
        for name in self.settings.keys() {
            if !entry.settings.contains_key(name) {
                let problem = format!("unknown setting; the entry has {}", known.join(", "));
                problems.push(ConfigProblem::new(["settings", name.as_str()], problem));
            }
        }
        let mut filled = BTreeMap::new();
        for (name, help) in &entry.settings {
            let default = || help.default.clone().map(Setting::from);
            match self.settings.get(name).cloned().or_else(default) {
                Some(setting) => {
                    filled.insert(name.clone(), setting);
                }
                None => {
                    let problem = format!("`{name}` is missing: {}", help.what);
                    problems.push(ConfigProblem::new(["settings", name.as_str()], problem));
                }
            }
        }
        filled
    }
}

/// The one, but where the other says something.
fn over(base: &HttpConfig, other: &HttpConfig) -> HttpConfig {
    HttpConfig {
        requests_per_second: other.requests_per_second.or(base.requests_per_second),
        concurrent_requests: other.concurrent_requests.or(base.concurrent_requests),
        attempts: other.attempts.or(base.attempts),
        answer_timeout_ms: other.answer_timeout_ms.or(base.answer_timeout_ms),
        body_timeout_ms: other.body_timeout_ms.or(base.body_timeout_ms),
        max_body_bytes: other.max_body_bytes.or(base.max_body_bytes),
        proxy: other.proxy.clone().or_else(|| base.proxy.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_right_once_its_settings_are_filled_in() {
        for (name, text) in ENTRIES {
            let entry = parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(
                !entry.documentation.is_empty() && !entry.proof.is_empty(),
                "{name}"
            );
            let config = HttpConnectorConfig {
                provider: Some((*name).to_owned()),
                settings: entry
                    .settings
                    .iter()
                    .map(|(name, help)| {
                        let value = help
                            .default
                            .clone()
                            .unwrap_or_else(|| format!("env:{name}"));
                        (name.clone(), Setting::from(value))
                    })
                    .collect(),
                ..HttpConnectorConfig::default()
            };
            let problems: Vec<String> = config.validate().iter().map(ToString::to_string).collect();
            assert_eq!(problems, [""; 0], "{name}");
            assert!(!entry.declaration.collection.is_empty(), "{name}");
            let described = entry
                .declaration
                .collection
                .iter()
                .all(|one| one.title.is_some() && one.purpose.is_some());
            assert!(described && entry.declaration.processor.is_some(), "{name}");
        }
    }

    #[test]
    fn an_entry_says_by_what_it_is_proved_and_against_what_it_was_compared() {
        for name in catalogue() {
            let entry = entry(name).unwrap();
            assert!(
                ["documentation", "schema"].contains(&&*entry.proof),
                "{name}"
            );
        }
        for compared in [
            "amplitude",
            "auth0",
            "clerk",
            "hubspot",
            "mixpanel",
            "segment",
            "zendesk",
        ] {
            let checked = entry(compared).unwrap().checked;
            assert!(!checked.is_empty(), "{compared}");
            // Each with a version or a name under which it is found.
            assert!(checked.iter().all(|one| one.len() > 40), "{compared}");
        }
    }

    #[test]
    fn what_is_missing_unknown_or_said_twice_is_told() {
        let config: HttpConnectorConfig = toml::from_str(
            "provider = \"okta\"\nfirst = true\nsettings = { domain = \"x\", token = \"env:OKTA\" }",
        )
        .unwrap();
        let problems: Vec<String> = config.validate().iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 3, "{problems:#?}");
        for words in [
            "first: is said by the catalogue",
            "settings.domain: unknown setting",
            "settings.url: `url` is missing",
        ] {
            assert!(
                problems.iter().any(|one| one.starts_with(words)),
                "{words}: {problems:#?}"
            );
        }
        let config: HttpConnectorConfig = toml::from_str("provider = \"oktta\"").unwrap();
        assert!(config.validate()[0].problem.contains("okta, openai"));
    }

    #[test]
    fn a_secret_in_the_file_is_refused_without_repeating_it() {
        let config: HttpConnectorConfig = toml::from_str(
            "provider = \"okta\"\nsettings = { url = \"https://example.okta.com\", token = \"hunter2\" }",
        )
        .unwrap();
        let problems: Vec<String> = config.validate().iter().map(ToString::to_string).collect();
        assert!(
            problems.len() == 1 && problems[0].starts_with("settings.token: a secret"),
            "{problems:?}"
        );
        assert!(!problems[0].contains("hunter2"));
    }
}
