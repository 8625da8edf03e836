//! Stripe, by its own API: <https://docs.stripe.com/api>.

mod end;
mod error;
mod find;
mod list;
mod redaction;

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;

use adieu_core::{ConfigProblem, ConnectorError, Setting, Subject, Unreachable};
use adieu_http_client::http::HeaderName;
use adieu_http_client::{Client, Credential, Rate};
use async_trait::async_trait;
use serde_json::Value;

use crate::config::BillingConfig;
use crate::descriptor::Kinds;
use crate::provider::{Found, Kind, Listed, Outcome, Progress, Provider, Record, Redaction};

/// Each endpoint bears 25 calls a second (and so does the whole of test mode).
const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// The version that has redaction jobs, a preview.
const WITH_REDACTION: &str = "2026-04-22.preview";

/// An account at Stripe.
pub(crate) struct Stripe {
    client: Client,
    kinds: Kinds,
}

impl Stripe {
    pub(crate) fn new(
        config: &BillingConfig,
        kinds: Kinds,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let mut resolve = |key: &'static str, setting: &Setting| {
            let value = setting.resolve(folder);
            value
                .map_err(|problem| problems.push(ConfigProblem::new([key], problem)))
                .ok()
        };
        let secret = resolve("key", &config.key);
        let url = match &config.url {
            Some(setting) => resolve("url", setting).map(|url| url.expose().to_owned()),
            None => Some("https://api.stripe.com".to_owned()),
        };
        let (Some(secret), Some(url)) = (secret, url) else {
            return Err(problems);
        };
        let mut builder = Client::builder("stripe", url)
            .credential(Credential::Bearer(secret))
            .rate(Rate::per_second(CALLS_PER_SECOND))
            .judge(error::judge);
        let preview = config.redaction.then(|| WITH_REDACTION.to_owned());
        if let Some(version) = config.api_version.clone().or(preview) {
            builder = builder.header(HeaderName::from_static("stripe-version"), version);
        }
        if let Some(account) = &config.account {
            builder = builder.header(HeaderName::from_static("stripe-account"), account);
        }
        let client = builder
            .configured_by(&config.http, folder)
            .map_err(|problem| vec![problem.under(["http"])])?
            .build()
            .map_err(|problem| vec![problem])?;
        Ok(Self { client, kinds })
    }
}

#[async_trait]
impl Provider for Stripe {
    async fn check(&self) -> Result<(), ConnectorError> {
        list::check(self).await
    }

    async fn find(&self, subject: &Subject) -> Result<Vec<Found>, ConnectorError> {
        find::find(self, subject).await
    }

    async fn customer(&self, id: &str) -> Result<Option<Value>, ConnectorError> {
        find::customer(self, id).await
    }

    async fn has_heard_of(&self, id: &str) -> Result<bool, ConnectorError> {
        Ok(find::look(self, id).await?.is_some())
    }

    async fn delete_customer(&self, id: &str) -> Result<Outcome, ConnectorError> {
        end::delete_customer(self, id).await
    }

    async fn list(
        &self,
        kind: Kind,
        customer: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Listed, ConnectorError> {
        list::list(self, kind, customer, after, limit).await
    }

    async fn end(&self, customer: &str, record: &Record) -> Result<Outcome, ConnectorError> {
        end::end(self, customer, record).await
    }

    async fn redaction(&self, customer: &str) -> Result<Option<Redaction>, ConnectorError> {
        redaction::last(self, customer).await
    }

    async fn ask_for_redaction(&self, customer: &str) -> Result<Redaction, ConnectorError> {
        redaction::ask(self, customer).await
    }

    async fn advance(&self, redaction: &str) -> Result<Progress, ConnectorError> {
        redaction::advance(self, redaction).await
    }
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stripe").finish_non_exhaustive()
    }
}

/// What an erasure at Stripe does not reach.
pub(crate) fn unreachable(redaction: bool) -> Vec<Unreachable> {
    let unreachable = |what: &str, why: &str, lives_for: Option<&str>| Unreachable {
        what: what.to_owned(),
        why: why.to_owned(),
        lives_for: lives_for.map(str::to_owned),
    };
    let mut all = vec![
        unreachable(
            "what Stripe keeps as a controller of its own: fraud prevention, its legal obligations",
            "Stripe answers for it itself; see its privacy policy",
            None,
        ),
        unreachable(
            "e-mails with receipts and invoices that Stripe has sent",
            "they are with whoever got them",
            None,
        ),
    ];
    if !redaction {
        all.push(unreachable(
            "names and addresses within finished invoices and payments, and in payment methods that were detached",
            "Stripe does not delete these; its redaction removes them and is not switched on here",
            None,
        ));
        all.push(unreachable(
            "events and logs of the API",
            "Stripe offers no way to delete them",
            Some("events can be read for 30 days"),
        ));
    }
    all
}
