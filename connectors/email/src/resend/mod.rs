//! Resend, by its own API: <https://resend.com/docs/api-reference/introduction>.

mod broadcast;
mod error;
mod record;

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;

use adieu_core::{ConfigProblem, ConnectorError, Setting, Unreachable};
use adieu_http_client::{Client, Credential, Rate};
use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::config::EmailConfig;
use crate::provider::{Entry, List, Outcome, Page, Provider};

/// A team bears five calls a second: <https://resend.com/docs/api-reference/rate-limit>. One of them is left to others.
const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// An account at Resend.
pub(crate) struct Resend {
    client: Client,
}

impl Resend {
    pub(crate) fn new(config: &EmailConfig, folder: &Path) -> Result<Self, Vec<ConfigProblem>> {
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
            None => Some("https://api.resend.com".to_owned()),
        };
        let (Some(secret), Some(url)) = (secret, url) else {
            return Err(problems);
        };
        let client = Client::builder("resend", url)
            .credential(Credential::Bearer(secret))
            .rate(Rate::per_second(CALLS_PER_SECOND))
            .judge(error::judge)
            .configured_by(&config.http, folder)
            .map_err(|problem| vec![problem.under(["http"])])?
            .build()
            .map_err(|problem| vec![problem])?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Provider for Resend {
    async fn check(&self) -> Result<(), ConnectorError> {
        record::check(&self.client).await?;
        broadcast::check(&self.client).await
    }

    async fn contact(&self, address: &str) -> Result<Option<Entry>, ConnectorError> {
        record::look(&self.client, "/contacts/{address}", address).await
    }

    async fn delete_contact(&self, id: &str) -> Result<Outcome, ConnectorError> {
        record::delete(&self.client, "/contacts/{id}", id).await
    }

    async fn list(
        &self,
        list: List,
        contact: &str,
        after: Option<&str>,
    ) -> Result<Page, ConnectorError> {
        record::belongings(&self.client, list, contact, after).await
    }

    async fn suppression(&self, address: &str) -> Result<Option<Entry>, ConnectorError> {
        record::look(&self.client, "/suppressions/{address}", address).await
    }

    async fn delete_suppression(&self, id: &str) -> Result<Outcome, ConnectorError> {
        record::delete(&self.client, "/suppressions/{id}", id).await
    }

    async fn broadcasts(&self, after: Option<&str>) -> Result<Page, ConnectorError> {
        broadcast::list(&self.client, after).await
    }

    async fn was_sent(&self, broadcast: &str, address: &str) -> Result<bool, ConnectorError> {
        let sent = broadcast::recipient(&self.client, broadcast, "sent", address).await?;
        Ok(sent.is_some())
    }

    async fn received(
        &self,
        broadcast: Entry,
        address: &str,
    ) -> Result<Map<String, Value>, ConnectorError> {
        broadcast::received(&self.client, broadcast, address).await
    }
}

impl fmt::Debug for Resend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resend").finish_non_exhaustive()
    }
}

/// What an erasure at Resend does not reach.
pub(crate) fn unreachable(config: &EmailConfig) -> Vec<Unreachable> {
    let lives_for = config.sent_mail_days.map(|days| match days {
        1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    });
    let unreachable = |what: &str, why: &str| Unreachable {
        what: what.to_owned(),
        why: why.to_owned(),
        lives_for: lives_for.clone(),
    };
    let mut all = vec![
        unreachable(
            "e-mails that were sent to you and received from you, with what became of them",
            "Resend has no call that finds them by their recipient, and none that deletes them; they go when the plan's retention is over",
        ),
        unreachable(
            "logs of calls to Resend's API",
            "Resend has no call that deletes them; they go when the plan's retention is over",
        ),
    ];
    if !config.broadcasts {
        all.push(Unreachable {
            what: "newsletters that were sent to you".to_owned(),
            why: "looking for them is switched off, and Resend has no way to delete them"
                .to_owned(),
            lives_for: None,
        });
    }
    all
}
