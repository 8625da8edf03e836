//! Making a gateway.

use std::sync::Arc;
use std::time::Duration;

use adieu_auth::Authenticator;
use adieu_core::{ConfigProblem, IdentityKind};
use adieu_engine::{Clock, Courier, Engine, EngineError, SystemClock};

use crate::gateway::{Gateway, Inner};
use crate::page::PageConfig;

/// Makes a [`Gateway`]; every option has a default.
#[derive(Clone)]
pub struct GatewayBuilder {
    pub(crate) engine: Engine,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) prefix: String,
    pub(crate) grace_days: u16,
    pub(crate) erasure_max_age: Duration,
    pub(crate) operator_tenant: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) reader_patience: Duration,
    pub(crate) page: PageConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) notices: Option<Notices>,
}

/// Who brings notices to people, and which identity of a token is where they go.
#[derive(Clone, Debug)]
pub(crate) struct Notices {
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) kind: IdentityKind,
}

/// What one caller may ask of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a body may be: 16,384.
    pub max_body_bytes: usize,
    /// How long a body may take: 10 seconds.
    pub body_timeout: Duration,
    /// How often one person may call, on each node: 240 times a minute.
    pub calls_per_minute: u32,
    /// How often one person may ask for a preview, an export or an erasure, on each node: 12 times a minute.
    pub asks_per_minute: u32,
    /// How many unfinished exports one person may have: 1.
    pub exports_at_once: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 << 10,
            body_timeout: Duration::from_secs(10),
            calls_per_minute: 240,
            asks_per_minute: 12,
            exports_at_once: 1,
        }
    }
}

/// Why a gateway cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The prefix is none.
    #[error(
        "a prefix begins with a slash and does not end with one, such as /privacy; it is made of a-z, 0-9, -, _, . and /"
    )]
    Prefix,
    /// What is said about the page is wrong: every mistake.
    #[error("page.{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; page."))]
    Page(Vec<ConfigProblem>),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl GatewayBuilder {
    pub(crate) fn new(engine: Engine, authenticator: Authenticator) -> Self {
        let erasure_max_age = authenticator.erasure_max_age();
        Self {
            engine,
            authenticator: Arc::new(authenticator),
            prefix: "/privacy".to_owned(),
            grace_days: 0,
            erasure_max_age,
            operator_tenant: None,
            limits: Limits::default(),
            reader_patience: Duration::from_secs(30),
            page: PageConfig::default(),
            clock: Arc::new(SystemClock),
            notices: None,
        }
    }

    /// Under which path the API lies: `/privacy`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Days between asking for an erasure and its start, in which it can be cancelled: 0.
    #[must_use]
    pub fn grace_days(mut self, days: u16) -> Self {
        self.grace_days = days;
        self
    }

    /// How long ago the login may be when an erasure is asked for: what the authenticator's configuration says.
    #[must_use]
    pub fn erasure_max_age(mut self, max_age: Duration) -> Self {
        self.erasure_max_age = max_age;
        self
    }

    /// The tenant whose operators work for all tenants: that of the house itself, where every token has one. An operator of
    /// another tenant sees that tenant's requests and holds alone, and one without a tenant all.
    #[must_use]
    pub fn operator_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.operator_tenant = Some(tenant.into());
        self
    }

    /// What one caller may ask.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What the self-service page says and where it leads.
    #[must_use]
    pub fn page(mut self, page: PageConfig) -> Self {
        self.page = page;
        self
    }

    /// For how long the reader of an export that is being sent directly may take nothing before it is broken off, so that nobody
    /// keeps a system's connection open: 30 seconds.
    #[must_use]
    pub fn reader_patience(mut self, patience: Duration) -> Self {
        self.reader_patience = patience;
        self
    }

    /// Writes to people about their requests: to the identity of this kind in the token that they asked with, when it was verified.
    /// A worker delivers.
    #[must_use]
    pub fn notices(mut self, courier: Arc<dyn Courier>, kind: IdentityKind) -> Self {
        self.notices = Some(Notices { courier, kind });
        self
    }

    /// Another clock than the system's, by which tokens are judged.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the gateway.
    ///
    /// # Errors
    /// When the prefix is none, the page's configuration has mistakes, or the engine cannot derive a key.
    pub fn build(self) -> Result<Gateway, SetupError> {
        if !is_prefix(&self.prefix) {
            return Err(SetupError::Prefix);
        }
        let problems = self.page.validate();
        if !problems.is_empty() {
            return Err(SetupError::Page(problems));
        }
        Ok(Gateway::from_inner(Inner::new(self)?))
    }
}

/// Whether the API can lie under this path. Every segment has something in it, so that two spellings never mean one place.
pub fn is_prefix(prefix: &str) -> bool {
    prefix.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|segment| {
            !matches!(segment, "" | "." | "..")
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
        })
    })
}

impl std::fmt::Debug for GatewayBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayBuilder")
            .field("engine", &self.engine)
            .field("prefix", &self.prefix)
            .field("grace_days", &self.grace_days)
            .field("erasure_max_age", &self.erasure_max_age)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_one_spelling() {
        for good in ["/privacy", "/api/privacy", "/p-1/x_2.3"] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "privacy",
            "/privacy/",
            "//privacy",
            "/a//b",
            "/../a",
            "/A",
            "/a?b",
            "/ä",
            "/%70",
        ] {
            assert!(!is_prefix(bad), "{bad}");
        }
    }
}
