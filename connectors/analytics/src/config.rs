//! The configuration: pure, checked whole before anything is called.

use adieu_core::{ConfigProblem, IdentityKind, LegalBasis, Setting, Unreachable};
use adieu_http_client::HttpConfig;
use serde::Deserialize;

/// One property of Google Analytics: the content of a `[[connector]]` of kind `analytics`.
///
/// `Debug` shows where the key comes from and never a literal one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalyticsConfig {
    /// The property's number, such as `"123456789"`.
    pub property: String,
    /// The key file of a service account that may edit the property: `file:PATH`, or its content in a variable.
    pub key: Setting,
    /// Where the API is, when it is not where everybody finds it: a proxy, a test server.
    #[serde(default)]
    pub url: Option<Setting>,
    /// The kind of identity whose value is the User-ID that was sent to the property. `""` looks for none.
    #[serde(default = "user_id")]
    pub user_id: String,
    /// The kind of identity whose value is a client id: a browser. `""` looks for none.
    #[serde(default = "client_id")]
    pub client_id: String,
    /// The kind of identity whose value is an app instance id: an installed app. `""` looks for none.
    #[serde(default = "app_instance_id")]
    pub app_instance_id: String,
    /// The kind of identity whose value is an e-mail address. Only for a property that collects user-provided data: another one
    /// need not be told any address, so none is looked for unless this says so.
    #[serde(default)]
    pub email: String,
    /// The same for a telephone number, with its country code.
    #[serde(default)]
    pub phone: String,
    /// Within how many days the data is gone.
    #[serde(default = "days")]
    pub days: u16,
    /// Where the data lies, in words.
    #[serde(default)]
    pub location: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub purpose: Option<String>,
    /// On what ground it is processed.
    #[serde(default)]
    pub legal_basis: Option<LegalBasis>,
    /// What else an erasure does not reach.
    #[serde(default)]
    pub unreachable: Vec<Unreachable>,
    /// How the API is called.
    #[serde(default)]
    pub http: HttpConfig,
}

impl AnalyticsConfig {
    /// A property with this number and key, and everything else as it is when nothing is said.
    pub fn new(property: impl Into<String>, key: Setting) -> Self {
        Self {
            property: property.into(),
            key,
            url: None,
            user_id: user_id(),
            client_id: client_id(),
            app_instance_id: app_instance_id(),
            email: String::new(),
            phone: String::new(),
            days: days(),
            location: None,
            purpose: None,
            legal_basis: None,
            unreachable: Vec::new(),
            http: HttpConfig::default(),
        }
    }

    /// All mistakes at once, without calling anything.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, problem: &str| {
            problems.push(ConfigProblem::new([key], problem));
        };
        let is_number = self.property.bytes().all(|byte| byte.is_ascii_digit());
        if self.property.is_empty() || !is_number {
            wrong(
                "property",
                "is the number of a property, such as \"123456789\" (not a measurement id, G-…)",
            );
        }
        if matches!(self.key, Setting::Literal(_)) {
            wrong(
                "key",
                "a key does not belong into this file; write \"env:NAME\" or \"file:PATH\"",
            );
        }
        let kinds = [
            ("user_id", &self.user_id),
            ("client_id", &self.client_id),
            ("app_instance_id", &self.app_instance_id),
            ("email", &self.email),
            ("phone", &self.phone),
        ];
        let mut known: Vec<&str> = Vec::new();
        for (key, kind) in kinds.into_iter().filter(|(_, kind)| !kind.is_empty()) {
            match IdentityKind::new(kind.as_str()) {
                Err(rule) => wrong(key, &rule.to_string()),
                Ok(_) if known.contains(&kind.as_str()) => wrong(key, "is used twice"),
                Ok(_) => known.push(kind),
            }
        }
        if kinds.iter().all(|(_, kind)| kind.is_empty()) {
            wrong(
                "user_id",
                "nobody is found by anything; name a kind of identity",
            );
        }
        if self.days == 0 {
            wrong("days", "nothing is deleted at once; write at least 1");
        }
        problems
    }
}

fn user_id() -> String {
    "user_id".to_owned()
}

fn client_id() -> String {
    "ga_client_id".to_owned()
}

fn app_instance_id() -> String {
    "ga_app_instance_id".to_owned()
}

/// Google deletes in a process that runs every two months.
fn days() -> u16 {
    63
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(toml: &str) -> Vec<String> {
        let config: AnalyticsConfig = toml::from_str(toml).unwrap();
        config.validate().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let toml = r#"
            property = "123456789"
            key = "file:analytics.json"
            url = "env:ANALYTICS_URL"
            user_id = "user_id"
            client_id = "browser"
            app_instance_id = ""
            email = "email"
            phone = "phone"
            days = 90
            location = "USA and EU"
            purpose = "to see what is used"
            legal_basis = "consent"
            unreachable = [{ what = "reports we printed", why = "they are paper" }]

            [http]
            requests_per_second = 2
        "#;
        assert_eq!(problems(toml), [""; 0]);
        let least = "property = \"1\"\nkey = \"env:KEY\"";
        assert_eq!(problems(least), [""; 0]);
        assert!(toml::from_str::<AnalyticsConfig>(&format!("{least}\nhorizon = 3")).is_err());
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_key_is_repeated() {
        let toml = r#"
            property = "G-ABC"
            key = "{\"private_key\": \"hunter2\"}"
            user_id = "User"
            client_id = "email"
            email = "email"
            days = 0
        "#;
        let found = problems(toml);
        for (place, words) in [
            ("property: ", "number"),
            ("key: ", "file:PATH"),
            ("user_id: ", "a-z"),
            ("email: ", "twice"),
            ("days: ", "at least 1"),
        ] {
            let told = found
                .iter()
                .any(|one| one.starts_with(place) && one.contains(words));
            assert!(told, "{place}{words} is missing in {found:#?}");
        }
        assert_eq!(found.len(), 5, "{found:#?}");
        assert!(found.iter().all(|one| !one.contains("hunter2")));
        let nobody = "property = \"1\"\nkey = \"env:K\"\nuser_id = \"\"\nclient_id = \"\"\napp_instance_id = \"\"";
        assert!(problems(nobody)[0].contains("nobody"));
    }
}
