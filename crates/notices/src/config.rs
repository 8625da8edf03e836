//! The configuration: pure, checked before anything is read or called.

use std::path::PathBuf;

use adieu_core::{ConfigProblem, IdentityKind, Setting};
use lettre::message::Mailbox;
use serde::Deserialize;
use url::Url;

/// `[notices]`: the mail that people get about their requests.
///
/// `Debug` shows where the server's URL comes from and never a literal one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesConfig {
    /// The mail server: `smtps://USER:PASSWORD@HOST` (TLS from the start, port 465) or `smtp://USER:PASSWORD@HOST` (STARTTLS, which is
    /// required, port 587). A server on this machine needs neither.
    pub smtp: Setting,
    /// Who writes: `Example Ltd <privacy@example.com>`.
    pub from: String,
    /// Where people find the self-service page, from outside: `https://app.example.com/privacy`.
    pub url: String,
    /// The kind of identity that is an e-mail address in a token. Only a verified one is written to.
    #[serde(default = "email")]
    pub identity: String,
    /// A folder whose files replace the built-in templates of the same names.
    #[serde(default)]
    pub templates: Option<PathBuf>,
    /// A file with certificates in PEM that sign the server's own, besides those that the system knows.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

impl NoticesConfig {
    /// All mistakes at once.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut wrong = |key: &'static str, problem: &str| {
            problems.push(ConfigProblem::new([key], problem));
        };
        if let Setting::Literal(url) = &self.smtp
            && url.expose().contains('@')
        {
            wrong(
                "smtp",
                "a URL with a password does not belong into this file; write \"env:NAME\" or \"file:PATH\"",
            );
        }
        if self.from.parse::<Mailbox>().is_err() {
            wrong(
                "from",
                "is no address; write \"Example Ltd <privacy@example.com>\"",
            );
        }
        if let Err(problem) = page(&self.url) {
            wrong("url", problem);
        }
        if let Err(rule) = IdentityKind::new(self.identity.as_str()) {
            wrong("identity", &rule.to_string());
        }
        problems
    }
}

/// Where the page is. A notice's link leads there, so that it must not lead through plain text.
fn page(text: &str) -> Result<Url, &'static str> {
    let is_none = "is no URL; write https://HOST/privacy";
    let url = Url::parse(text).map_err(|_| is_none)?;
    let is_here = crate::smtp::is_loopback(&url);
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        _ => return Err("must begin with https:// (http:// is for this machine alone)"),
    }
    let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if is_bare {
        Ok(url)
    } else {
        Err("must end with its path")
    }
}

fn email() -> String {
    "email".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(toml: &str) -> Vec<String> {
        let config: NoticesConfig = toml::from_str(toml).unwrap();
        config.validate().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let toml = r#"
            smtp = "env:SMTP_URL"
            from = "Example Ltd <privacy@example.com>"
            url = "https://app.example.com/privacy"
            identity = "email"
            templates = "notices"
            ca = "mail-ca.pem"
        "#;
        assert_eq!(problems(toml), [""; 0]);
        let least = "smtp = \"smtp://127.0.0.1:25\"\nfrom = \"a@example.com\"\nurl = \"http://127.0.0.1:8080/privacy\"";
        assert_eq!(problems(least), [""; 0]);
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_password_is_repeated() {
        let found = problems(
            "smtp = \"smtps://u:hunter2@mail.example.com\"\nfrom = \"a@b\\r\\nBcc: x@example.com\"\nurl = \"http://example.com\"\nidentity = \"E\"",
        );
        for (place, words) in [
            ("smtp: ", "env:NAME"),
            ("from: ", "is no address"),
            ("url: ", "https://"),
            ("identity: ", "a-z"),
        ] {
            let told = found
                .iter()
                .any(|one| one.starts_with(place) && one.contains(words));
            assert!(told, "{place}{words} is missing in {found:#?}");
        }
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(found.iter().all(|one| !one.contains("hunter2")));
    }
}
