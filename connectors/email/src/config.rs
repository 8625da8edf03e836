//! The configuration: pure, checked whole before anything is called.

use adieu_core::{ConfigProblem, IdentityKind, LegalBasis, Setting, Unreachable};
use adieu_http_client::HttpConfig;
use serde::Deserialize;

/// One account at an e-mail provider: the content of a `[[connector]]` of kind `email`.
///
/// `Debug` shows where the key comes from and never a literal one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// Which provider: `resend`.
    #[serde(default)]
    pub provider: ProviderName,
    /// The secret key of the account.
    pub key: Setting,
    /// Where the provider's API is, when it is not where everybody finds it: a proxy, a test server.
    #[serde(default)]
    pub url: Option<Setting>,
    /// The kind of identity whose value is an e-mail address, compared exactly.
    #[serde(default = "email")]
    pub email: String,
    /// What becomes of the entry that keeps an address from being mailed.
    #[serde(default)]
    pub suppression: SuppressionPolicy,
    /// Whether the broadcasts that a person received are looked for. That is one call for each broadcast that was ever sent and each
    /// address.
    #[serde(default = "yes")]
    pub broadcasts: bool,
    /// For how many days the provider keeps mail that was sent, by the account's plan: told to the person, because no call deletes it.
    #[serde(default)]
    pub sent_mail_days: Option<u16>,
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
    /// How the provider is called.
    #[serde(default)]
    pub http: HttpConfig,
}

/// An e-mail provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProviderName {
    /// Resend.
    #[default]
    Resend,
}

/// What becomes of the entry that keeps an address from being mailed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionPolicy {
    /// It stays: without it, the next list that is imported would be mailed to somebody who objected.
    #[default]
    Keep,
    /// It is deleted, once there is no contact any more.
    Delete,
}

impl EmailConfig {
    /// An account with this key, and everything else as it is when nothing is said.
    pub fn new(key: Setting) -> Self {
        Self {
            provider: ProviderName::default(),
            key,
            url: None,
            email: email(),
            suppression: SuppressionPolicy::default(),
            broadcasts: true,
            sent_mail_days: None,
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
        if matches!(self.key, Setting::Literal(_)) {
            let problem =
                "a key does not belong into this file; write \"env:NAME\" or \"file:PATH\"";
            problems.push(ConfigProblem::new(["key"], problem));
        }
        if let Err(rule) = IdentityKind::new(self.email.as_str()) {
            problems.push(ConfigProblem::new(["email"], rule.to_string()));
        }
        if self.sent_mail_days == Some(0) {
            let problem = "sent mail is kept for a day at least; leave it out when you do not know";
            problems.push(ConfigProblem::new(["sent_mail_days"], problem));
        }
        problems
    }
}

fn email() -> String {
    "email".to_owned()
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(toml: &str) -> Vec<String> {
        let config: EmailConfig = toml::from_str(toml).unwrap();
        config.validate().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let toml = r#"
            provider = "resend"
            key = "env:RESEND_KEY"
            url = "env:RESEND_URL"
            email = "email"
            suppression = "delete"
            broadcasts = false
            sent_mail_days = 30
            location = "USA"
            purpose = "the newsletter"
            legal_basis = "consent"
            unreachable = [{ what = "replies", why = "they are in a mailbox of ours" }]

            [http]
            requests_per_second = 2
        "#;
        assert_eq!(problems(toml), [""; 0]);
        assert_eq!(problems("key = \"env:RESEND_KEY\""), [""; 0]);
        assert!(toml::from_str::<EmailConfig>("key = \"env:K\"\nsupression = \"keep\"").is_err());
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_key_is_repeated() {
        let found = problems("key = \"re_hunter2\"\nemail = \"E-Mail\"\nsent_mail_days = 0");
        for (place, words) in [
            ("key: ", "env:NAME"),
            ("email: ", "a-z"),
            ("sent_mail_days: ", "at least"),
        ] {
            let told = found
                .iter()
                .any(|one| one.starts_with(place) && one.contains(words));
            assert!(told, "{place}{words} is missing in {found:#?}");
        }
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found.iter().all(|one| !one.contains("hunter2")));
    }
}
