//! The configuration: pure, checked whole before anything is called.

use std::collections::BTreeMap;

use adieu_core::{ConfigProblem, IdentityKind, LegalBasis, Setting, Unreachable};
use adieu_http_client::HttpConfig;
use serde::Deserialize;

/// One processor that speaks OpenDSR: the content of a `[[connector]]` of kind `opendsr`.
///
/// `Debug` shows where secrets come from and never a literal one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpendsrConfig {
    /// Where the processor's API is, with its version: `https://opendsr.processor.example/v2`.
    pub url: Setting,
    /// Which version it speaks: 2, or 1 with the names of OpenGDPR.
    #[serde(default = "two")]
    pub version: u8,
    /// The domain that the processor signs for. No other one is believed.
    pub domain: String,
    /// The bearer token for the processor's API, when it wants one.
    #[serde(default)]
    pub token: Option<Setting>,
    /// A secret of your own, 32 characters or more, from which requests get their numbers, so that they are found again.
    pub key: Setting,
    /// Which law a request is made under.
    #[serde(default)]
    pub regulation: Regulation,
    /// Which kinds of identity the processor is told, and as what.
    pub identities: BTreeMap<String, OpendsrIdentity>,
    /// Within how many days a request is done, until the processor has said when.
    #[serde(default = "month")]
    pub days: u16,
    /// Certificates (PEM) of the authorities that may have issued the processor's; Mozilla's when it is left out.
    #[serde(default)]
    pub roots: Option<Setting>,
    /// The URL at which you take callbacks, when you do.
    #[serde(default)]
    pub callback: Option<String>,
    /// What else the processor wants to know, such as the number of a project.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
    /// The company; the domain when it is left out.
    #[serde(default)]
    pub processor: Option<String>,
    /// Where the data lies, in words.
    #[serde(default)]
    pub location: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub purpose: Option<String>,
    /// On what ground it is processed.
    #[serde(default)]
    pub legal_basis: Option<LegalBasis>,
    /// What a request does not reach.
    #[serde(default)]
    pub unreachable: Vec<Unreachable>,
    /// How the processor is called.
    #[serde(default)]
    pub http: HttpConfig,
}

/// As what a processor knows an identity.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpendsrIdentity {
    /// `identity_type`: `email`, `controller_customer_id`, `ios_advertising_id`, …
    #[serde(rename = "type")]
    pub name: String,
    /// `identity_format`: `raw` or `sha256`.
    #[serde(default = "raw")]
    pub format: String,
}

/// Which law a request is made under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regulation {
    /// The GDPR.
    #[default]
    Gdpr,
    /// The CCPA.
    Ccpa,
}

impl Regulation {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Gdpr => "gdpr",
            Self::Ccpa => "ccpa",
        }
    }
}

impl OpendsrConfig {
    /// All mistakes at once, without calling anything.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut wrong = |path: &[&str], problem: &str| {
            problems.push(ConfigProblem::new(path.iter().copied(), problem));
        };
        let literal =
            "a secret does not belong into this file; write \"env:NAME\" or \"file:PATH\"";
        if matches!(self.key, Setting::Literal(_)) {
            wrong(&["key"], literal);
        }
        if matches!(self.token, Some(Setting::Literal(_))) {
            wrong(&["token"], literal);
        }
        if !(1..=2).contains(&self.version) {
            wrong(&["version"], "is 1 or 2");
        }
        if super::proof::name_of(&self.domain).is_none() {
            wrong(
                &["domain"],
                "is the name of a host, such as opendsr.processor.example",
            );
        }
        if self.days == 0 {
            wrong(&["days"], "nothing is deleted at once; write at least 1");
        }
        if self.identities.is_empty() {
            wrong(
                &["identities"],
                "nobody is found by anything; write { email = { type = \"email\" } }",
            );
        }
        for (kind, identity) in &self.identities {
            if let Err(rule) = IdentityKind::new(&**kind) {
                wrong(&["identities", kind], &rule.to_string());
            }
            if !["raw", "sha256"].contains(&&*identity.format) {
                wrong(&["identities", kind, "format"], "is \"raw\" or \"sha256\"");
            }
        }
        problems
    }
}

fn two() -> u8 {
    2
}

fn month() -> u16 {
    30
}

fn raw() -> String {
    "raw".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        url = "https://opendsr.processor.example/v2"
        version = 2
        domain = "opendsr.processor.example"
        token = "env:PROCESSOR_TOKEN"
        key = "env:PROCESSOR_KEY"
        regulation = "ccpa"
        identities = { email = { type = "email", format = "sha256" }, user_id = { type = "controller_customer_id" } }
        days = 45
        roots = "file:roots.pem"
        callback = "https://shop.example/opendsr_callbacks"
        extensions = { property_id = "123456" }
        processor = "Processor Ltd"
        location = "EU"
        purpose = "advertising"
        legal_basis = "consent"
        unreachable = [{ what = "what was sold on", why = "others have it" }]
        http = { requests_per_second = 5 }
    "#;

    fn problems(toml: &str) -> Vec<String> {
        let config: OpendsrConfig = toml::from_str(toml).unwrap();
        config.validate().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_configuration_is_read_and_its_mistakes_are_told_at_once() {
        assert_eq!(problems(WHOLE), [""; 0]);
        assert!(toml::from_str::<OpendsrConfig>(&format!("{WHOLE}\nx = 1")).is_err());
        let wrong = WHOLE
            .replace("version = 2", "version = 3")
            .replace("domain = \"opendsr", "domain = \"https://opendsr")
            .replace("env:PROCESSOR_TOKEN", "hunter2")
            .replace("env:PROCESSOR_KEY", "hunter2")
            .replace("days = 45", "days = 0")
            .replace("sha256", "md5")
            .replace("user_id =", "User =");
        let found = problems(&wrong);
        for place in [
            "key: ",
            "token: ",
            "version: ",
            "domain: ",
            "days: ",
            "identities.email.format: ",
            "identities.User: ",
        ] {
            assert!(
                found.iter().any(|one| one.starts_with(place)),
                "{place} is missing in {found:#?}"
            );
        }
        assert_eq!(found.len(), 7, "{found:#?}");
        assert!(found.iter().all(|one| !one.contains("hunter2")));
    }
}
