//! The two calls of the Analytics Admin API, v1alpha.

use std::path::Path;

use adieu_core::{ConfigProblem, ConnectorError, ErrorKind};
use adieu_http_client::{Client, HttpConfig, Rate, ServiceAccount, Tokens};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::config::AnalyticsConfig;
use crate::visitor::Visitor;

const URL: &str = "https://analyticsadmin.googleapis.com";

/// May submit deletions, and nothing less may.
const SCOPE: &str = "https://www.googleapis.com/auth/analytics.edit";

/// A property, and the client that may edit it.
pub(crate) struct Property {
    client: Client,
    number: String,
}

/// What became of a visitor.
pub(crate) enum Submitted {
    /// Accepted on this day (UTC): everything before is deleted, later.
    Accepted(Date),
    /// Google takes no such value; the others may go on.
    Refused(ErrorKind),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    deletion_request_time: Timestamp,
}

#[derive(Deserialize)]
struct Described {
    name: String,
}

impl Property {
    /// # Errors
    /// When the key, a URL or a proxy cannot be used.
    pub(crate) fn new(config: &AnalyticsConfig, folder: &Path) -> Result<Self, Vec<ConfigProblem>> {
        let at = |problem: ConfigProblem, key: &str| vec![problem.under([key])];
        let fetched = |setting: &adieu_core::Setting, key: &str| {
            let value = setting.resolve(folder);
            value.map_err(|problem| vec![ConfigProblem::new([key], problem)])
        };
        let key = fetched(&config.key, "key")?;
        let account = ServiceAccount::parse(&key).map_err(|problem| at(problem, "key"))?;
        let url = match &config.url {
            Some(url) => fetched(url, "url")?.expose().to_owned(),
            None => URL.to_owned(),
        };
        let endpoint = begin(account.token_uri(), &config.http, folder)?;
        let tokens = Tokens::for_service_account(endpoint, account, SCOPE);
        let client = begin(&url, &config.http, folder)?
            .tokens(tokens.map_err(|problem| at(problem, "key"))?)
            .build()
            .map_err(|problem| vec![problem])?;
        Ok(Self {
            client,
            number: config.property.clone(),
        })
    }

    /// Reads the property's own description, which tells of nobody.
    ///
    /// # Errors
    /// When the account may not, or there is no such property.
    pub(crate) async fn check(&self) -> Result<(), ConnectorError> {
        let call = self.client.get("/v1alpha/properties/{property}");
        let answer = call
            .fill("property", &self.number)
            .send()
            .await?
            .success()?;
        let described: Described = answer.parse()?;
        match described.name.strip_prefix("properties/") {
            Some(number) if number == self.number => Ok(()),
            _ => Err(answer.makes_no_sense("another property was described")),
        }
    }

    /// Asks for the deletion of a visitor. To ask twice is to ask once, with a later time.
    ///
    /// # Errors
    /// When it is not known that it was accepted.
    pub(crate) async fn submit(&self, visitor: &Visitor) -> Result<Submitted, ConnectorError> {
        let route = "/v1alpha/properties/{property}:submitUserDeletion";
        let call = self.client.post(route).fill("property", &self.number);
        let body = serde_json::json!({ visitor.name.as_str(): visitor.value });
        let answer = call.json(&body).repeatable().send().await?;
        if answer.status().as_u16() == 400 {
            return Ok(Submitted::Refused(answer.error().kind()));
        }
        let answer: Answer = answer.success()?.parse()?;
        let accepted = answer.deletion_request_time.to_zoned(TimeZone::UTC);
        Ok(Submitted::Accepted(accepted.date()))
    }
}

fn begin(
    url: &str,
    http: &HttpConfig,
    folder: &Path,
) -> Result<adieu_http_client::ClientBuilder, Vec<ConfigProblem>> {
    Client::builder("google-analytics", url.to_owned())
        .rate(Rate::per_second(std::num::NonZeroU32::MIN))
        .configured_by(http, folder)
        .map_err(|problem| vec![problem.under(["http"])])
}
