//! The configuration: pure, checked whole before anything is called.

use std::collections::BTreeMap;

use adieu_core::{ConfigProblem, IdentityKind, LegalBasis, RetentionBasis, Setting, Unreachable};
use adieu_http_client::HttpConfig;
use serde::Deserialize;

/// One account at a billing provider: the content of a `[[connector]]` of kind `billing`.
///
/// `Debug` shows where the key comes from and never a literal one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillingConfig {
    /// Which provider: `stripe`.
    #[serde(default)]
    pub provider: ProviderName,
    /// The secret key of the account.
    pub key: Setting,
    /// Where the provider's API is, when it is not where everybody finds it: a proxy, a test server.
    #[serde(default)]
    pub url: Option<Setting>,
    /// The connected account that is meant, `acct_…`; the key's own when it is left out.
    #[serde(default)]
    pub account: Option<String>,
    /// The version of the API; the account's own when it is left out.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The kind of identity whose value is a customer's id.
    #[serde(default = "stripe_customer")]
    pub customer: String,
    /// The kind of identity whose value is a customer's e-mail address, compared exactly. `""` looks for no address.
    #[serde(default = "email")]
    pub email: String,
    /// By which other kinds of identity a customer is searched: the kind, and the key of the customer's metadata that holds it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What becomes of invoices that are still to be paid.
    #[serde(default)]
    pub open_invoices: OpenInvoices,
    /// For how long the law asks to keep finished invoices and payments. When it is left out, they are kept as the provider keeps
    /// them, or all go with `redaction`.
    #[serde(default)]
    pub retain: Option<RetainRule>,
    /// Whether what cannot be deleted is redacted by the provider. Irreversible; Stripe offers it as a preview.
    #[serde(default)]
    pub redaction: bool,
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

/// A billing provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProviderName {
    /// Stripe.
    #[default]
    Stripe,
}

/// What becomes of invoices that are still to be paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenInvoices {
    /// They keep the erasure from starting.
    #[default]
    Block,
    /// They are voided: nobody has to pay them any more.
    Void,
}

/// How long finished invoices and payments are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetainRule {
    /// The ground in law.
    pub basis: RetentionBasis,
    /// The reason, in words for the person.
    pub reason: String,
    /// For how many years from the day on which they were made.
    pub years: u16,
}

impl BillingConfig {
    /// An account with this key, and everything else as it is when nothing is said.
    pub fn new(key: Setting) -> Self {
        Self {
            provider: ProviderName::default(),
            key,
            url: None,
            account: None,
            api_version: None,
            customer: stripe_customer(),
            email: email(),
            metadata: BTreeMap::new(),
            open_invoices: OpenInvoices::default(),
            retain: None,
            redaction: false,
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
        let mut wrong = |path: &[&str], problem: &str| {
            problems.push(ConfigProblem::new(path.iter().copied(), problem));
        };
        if matches!(self.key, Setting::Literal(_)) {
            wrong(
                &["key"],
                "a key does not belong into this file; write \"env:NAME\" or \"file:PATH\"",
            );
        }
        if let Some(account) = &self.account
            && !account.starts_with("acct_")
        {
            wrong(&["account"], "is the id of a connected account, acct_…");
        }
        let mut kinds: Vec<&str> = Vec::new();
        let named = [("customer", &self.customer), ("email", &self.email)];
        let looked_for = named
            .iter()
            .filter(|(key, kind)| *key == "customer" || !kind.is_empty());
        for (key, kind) in looked_for {
            match IdentityKind::new(kind.as_str()) {
                Err(rule) => wrong(&[key], &rule.to_string()),
                Ok(_) if kinds.contains(&kind.as_str()) => wrong(&[key], "is used twice"),
                Ok(_) => kinds.push(kind),
            }
        }
        for (kind, key) in &self.metadata {
            let path = ["metadata", kind.as_str()];
            match IdentityKind::new(kind.as_str()) {
                Err(rule) => wrong(&path, &rule.to_string()),
                Ok(_) if kinds.contains(&kind.as_str()) => wrong(&path, "is used twice"),
                Ok(_) => {}
            }
            if key.is_empty() || key.len() > 40 || key.contains(['[', ']', '"', '\\']) {
                wrong(
                    &path,
                    "names a key of metadata: 1 to 40 characters without brackets and quotes",
                );
            }
        }
        if let Some(retain) = &self.retain {
            if retain.years == 0 {
                wrong(
                    &["retain", "years"],
                    "0 years keep nothing; write at least 1",
                );
            }
            if retain.reason.trim().is_empty() {
                wrong(
                    &["retain", "reason"],
                    "the person is told why; write it in words",
                );
            }
        }
        problems
    }
}

fn stripe_customer() -> String {
    "stripe_customer".to_owned()
}

fn email() -> String {
    "email".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(toml: &str) -> Vec<String> {
        let config: BillingConfig = toml::from_str(toml).unwrap();
        config.validate().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let toml = r#"
            provider = "stripe"
            key = "env:STRIPE_KEY"
            url = "env:STRIPE_URL"
            account = "acct_1"
            api_version = "2025-07-30.basil"
            customer = "stripe_customer"
            email = "email"
            metadata = { user_id = "account" }
            open_invoices = "void"
            retain = { basis = "legal_obligation", reason = "tax law", years = 10 }
            redaction = true
            location = "USA and EU"
            purpose = "payments"
            legal_basis = "contract"
            unreachable = [{ what = "exports to the ledger", why = "they are files of ours" }]

            [http]
            requests_per_second = 50
        "#;
        assert_eq!(problems(toml), [""; 0]);
        assert_eq!(problems("key = \"env:STRIPE_KEY\"\nemail = \"\""), [""; 0]);
        assert!(toml::from_str::<BillingConfig>("key = \"env:K\"\nredact = true").is_err());
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_key_is_repeated() {
        let toml = r#"
            key = "sk_live_hunter2"
            account = "hunter"
            customer = "Customer"
            metadata = { email = "e", User = "x", user_id = "a[b" }
            retain = { basis = "legal_obligation", reason = " ", years = 0 }
        "#;
        let found = problems(toml);
        for (place, words) in [
            ("key: ", "env:NAME"),
            ("account: ", "acct_"),
            ("customer: ", "a-z"),
            ("metadata.email: ", "used twice"),
            ("metadata.User: ", "a-z"),
            ("metadata.user_id: ", "brackets"),
            ("retain.years: ", "at least 1"),
            ("retain.reason: ", "in words"),
        ] {
            let told = found
                .iter()
                .any(|one| one.starts_with(place) && one.contains(words));
            assert!(told, "{place}{words} is missing in {found:#?}");
        }
        assert_eq!(found.len(), 8, "{found:#?}");
        assert!(found.iter().all(|one| !one.contains("hunter2")));
    }
}
