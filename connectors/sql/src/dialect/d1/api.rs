//! D1's HTTP API: <https://developers.cloudflare.com/api/resources/d1/>.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use adieu_core::{ConfigProblem, Effect, Secret, Setting};
use adieu_http_client::{Client, Credential, Rate};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::error::{Failure, classified, judge};
use super::statement::Statement;
use crate::config::SqlConfig;

/// Where the API is when nothing else is said.
const CLOUDFLARE: &str = "https://api.cloudflare.com/client/v4";
/// A user may call 1,200 times in five minutes, and is then refused for five.
const CALLS: NonZeroU32 = NonZeroU32::new(1_200).unwrap();
const PER: Duration = Duration::from_secs(300);
/// How many of these may go at once after a pause.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(200).unwrap();
/// D1 ends a call after 30 seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);

/// One database, as the API names it.
pub(super) struct Api {
    client: Client,
    account: String,
    database: String,
}

/// What statements are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// They may be sent again whatever became of them.
    Read,
    Write,
}

/// An error of the API.
#[derive(Deserialize)]
pub(super) struct Told {
    pub(super) code: i64,
    pub(super) message: String,
}

/// The rows that a statement answers with.
pub(super) type Rows = Vec<Vec<Json>>;

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    One(&'a Statement),
    Batch { batch: &'a [Statement] },
}

#[derive(Deserialize)]
struct Envelope {
    success: bool,
    #[serde(default)]
    errors: Vec<Told>,
    #[serde(default)]
    result: Option<Vec<Outcome>>,
}

#[derive(Deserialize)]
struct Outcome {
    success: bool,
    results: Raw,
}

#[derive(Deserialize)]
struct Raw {
    rows: Rows,
}

impl Api {
    /// Nothing is called yet.
    pub(super) fn new(
        account: String,
        database: String,
        config: &SqlConfig,
        folder: &Path,
    ) -> Result<Self, ConfigProblem> {
        let under_http = |problem: ConfigProblem| problem.under(["http"]);
        let of = |key: &'static str, setting: &Setting| {
            let found = setting.resolve(folder);
            found.map_err(|problem| ConfigProblem::new([key], problem))
        };
        let missing = "is missing; write \"env:NAME\" or \"file:PATH\" of a token that may edit D1";
        let token = match &config.token {
            Some(token) => of("token", token)?,
            None => return Err(ConfigProblem::new(["token"], missing)),
        };
        let url = match &config.api {
            Some(url) => of("api", url)?,
            None => Secret::new(CLOUDFLARE),
        };
        let connections = u32::try_from(config.connections.get()).unwrap_or(u32::MAX);
        let client = Client::builder("Cloudflare D1", url.expose())
            .credential(Credential::Bearer(token))
            .rate(Rate::new(CALLS, PER).with_burst(AT_ONCE))
            .concurrent(NonZeroU32::new(connections).unwrap_or(NonZeroU32::MIN))
            .answer_timeout(ANSWER_TIMEOUT)
            .judge(judge)
            .configured_by(&config.http, folder)
            .map_err(under_http)?
            .build()
            .map_err(|problem| match problem.path.first().map(String::as_str) {
                Some("key") => ConfigProblem::new(["token"], problem.problem),
                Some("url") => ConfigProblem::new(["api"], problem.problem),
                _ => under_http(problem),
            })?;
        Ok(Self {
            client,
            account,
            database,
        })
    }

    /// Runs statements in one transaction, and answers with the rows of each.
    pub(super) async fn run(
        &self,
        statements: &[Statement],
        act: Act,
    ) -> Result<Vec<Rows>, Failure> {
        let body = match statements {
            [one] => Body::One(one),
            batch => Body::Batch { batch },
        };
        let call = self
            .client
            .post("/accounts/{account}/d1/database/{database}/raw")
            .fill("account", &self.account)
            .fill("database", &self.database)
            .json(&body);
        let sent = match act {
            Act::Read => call.repeatable().send().await,
            Act::Write => call.once().send().await,
        };
        let response = sent.map_err(|error| match act {
            Act::Read => error.effect(Effect::None),
            Act::Write => error,
        })?;
        let envelope = match response.parse::<Envelope>() {
            Ok(envelope) => envelope,
            Err(error) if response.status().is_success() => return Err(error.into()),
            // A page of whatever stands before the API.
            Err(_) => return Err(classified(&response, &[], act)),
        };
        if !response.status().is_success() || !envelope.success {
            return Err(classified(&response, &envelope.errors, act));
        }
        let outcomes = envelope.result.unwrap_or_default();
        if outcomes.len() != statements.len() || !outcomes.iter().all(|one| one.success) {
            let why = "the answer does not tell what became of every statement";
            return Err(response.makes_no_sense(why).into());
        }
        Ok(outcomes.into_iter().map(|one| one.results.rows).collect())
    }
}
