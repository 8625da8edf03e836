//! What a declaration can say, as it stands in TOML.

mod catalogue;
mod read;
mod read_auth;
mod read_call;
mod read_collection;

use std::collections::BTreeMap;

use adieu_core::{ConfigProblem, LegalBasis, RetentionBasis, Setting, Unreachable};
use adieu_http_client::HttpConfig;
use serde::Deserialize;

pub use catalogue::{Entry, SettingHelp, catalogue, entry};
pub(crate) use read::read;

/// One API and how a person's records are found and erased in it: the content of a `[[connector]]` of kind `http`.
///
/// Either `provider` names an entry of the [catalogue], or everything is declared here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConnectorConfig {
    /// The entry of the catalogue: `posthog`, `okta`, …
    pub provider: Option<String>,
    /// What stands for `{name}` in the declaration. What goes into `auth` comes from the environment or a file.
    pub settings: BTreeMap<String, Setting>,
    /// Where the data lies, in words.
    pub location: Option<String>,
    /// What collections are to the person they are about, by their names: instead of, or besides, what they say themselves.
    pub about: BTreeMap<String, AboutConfig>,
    /// How often and how patiently the API is called.
    pub http: HttpConfig,
    /// The company that runs the system; the controller itself when it is left out.
    pub processor: Option<String>,
    /// Where the API is.
    pub url: Option<String>,
    /// How it is told who calls.
    pub auth: Option<AuthConfig>,
    /// Headers that go with every call.
    pub headers: BTreeMap<String, String>,
    /// Other servers of the same provider, or the same with another credential, by name.
    pub server: BTreeMap<String, ServerConfig>,
    /// Calls that succeed when everything is set up, and read nothing personal.
    pub check: Vec<CheckConfig>,
    /// The collections, in the order in which they are erased.
    pub collection: Vec<CollectionConfig>,
    /// What the API cannot reach.
    pub unreachable: Vec<Unreachable>,
    /// Whether it is erased before other systems, as sessions and log-ins are.
    pub first: bool,
}

/// Another server of the same provider.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Where it is.
    pub url: String,
    /// How it is told who calls.
    pub auth: Option<AuthConfig>,
    /// Headers that go with every call to it.
    pub headers: BTreeMap<String, String>,
    /// How often and how patiently it is called.
    pub http: HttpConfig,
}

/// How a server is told who calls: one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// `Authorization: Bearer …`
    pub bearer: Option<String>,
    /// `Authorization: Basic …`
    pub basic: Option<BasicConfig>,
    /// A header of the provider's own.
    pub header: Option<HeaderConfig>,
    /// OAuth 2.0 client credentials (RFC 6749, section 4.4).
    pub oauth: Option<OauthConfig>,
    /// A service account that signs a JWT for a token (RFC 7523).
    pub service_account: Option<ServiceAccountConfig>,
}

/// A name and a password.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicConfig {
    /// The name.
    pub user: String,
    /// The password.
    #[serde(default)]
    pub password: String,
}

/// A header and what stands in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderConfig {
    /// The header's name.
    pub name: String,
    /// What stands in it.
    pub value: String,
}

/// Where a token is had for a client's credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthConfig {
    /// The token endpoint.
    pub url: String,
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// What else the endpoint wants to know: `scope`, `audience`.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// A service account's key file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountConfig {
    /// The key file's JSON, with `client_email`, `private_key` and `token_uri`.
    pub key: String,
    /// What the token is for.
    pub scope: String,
}

/// A call that proves that credentials work.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckConfig {
    /// Method and path: `GET /me`.
    pub call: String,
    /// Which `server`; the API's own `url` when it is left out.
    #[serde(default)]
    pub server: Option<String>,
    /// The query.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Which refusals prove that credentials work: that nobody is not there.
    #[serde(default)]
    pub absent: Vec<SignConfig>,
}

/// A named set of records.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectionConfig {
    /// Its name.
    pub name: String,
    /// What it is to the person it is about.
    pub title: Option<String>,
    /// What the data is for.
    pub purpose: Option<String>,
    /// Which categories of personal data it holds.
    pub categories: Vec<String>,
    /// On what ground it is processed.
    pub legal_basis: Option<LegalBasis>,
    /// How long it is stored, in words.
    pub storage_period: Option<String>,
    /// What tells one record from another, such as `{$.id}`.
    pub key: String,
    /// Fields that get a column of their own in CSV; the rest lies together in a last one.
    pub fields: Vec<String>,
    /// Which identities a record gives away, and where they lie in it.
    pub yields: BTreeMap<String, String>,
    /// How a person's records are found: each of these is asked.
    pub find: Vec<FindConfig>,
    /// The record whole, when what was found is not.
    pub get: Option<GetConfig>,
    /// A file that belongs to each record.
    pub content: Option<ContentConfig>,
    /// The calls that erase a record, one after the other.
    pub erase: Vec<EraseConfig>,
    /// That what was accepted for deletion is deleted later.
    pub later: Option<LaterConfig>,
    /// That records stay, and why.
    pub keep: Option<KeepConfig>,
    /// With what the provider deletes records by itself, in words: nothing is sent for them.
    pub erased_with: Option<String>,
    /// Why records cannot be erased, in words.
    pub no_erase: Option<String>,
}

/// What a collection is to the person it is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AboutConfig {
    /// What it is.
    pub title: Option<String>,
    /// What the data is for.
    pub purpose: Option<String>,
    /// On what ground it is processed.
    pub legal_basis: Option<LegalBasis>,
    /// How long it is stored, in words.
    pub storage_period: Option<String>,
}

/// One way to find a person's records.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FindConfig {
    /// The identities that it needs, all together.
    pub needs: Vec<String>,
    /// Method and path: `GET /users/{user_id}`.
    pub call: String,
    /// Which `server`.
    pub server: Option<String>,
    /// The query.
    pub query: BTreeMap<String, String>,
    /// The body, as JSON.
    pub json: Option<toml::Table>,
    /// The body, as a form.
    pub form: BTreeMap<String, String>,
    /// Where the records lie in the answer: `$.data[*]`. `$` is a single one.
    pub records: String,
    /// What must be true of a record: places, and the texts (or one of several texts) that must be there.
    #[serde(rename = "where")]
    pub only: BTreeMap<String, toml::Value>,
    /// Whether `where` takes `A` for `a`.
    pub ignore_case: bool,
    /// The call that shows whose the list is, where its records do not say it themselves.
    pub confirm: Option<ConfirmConfig>,
    /// How the next page is asked for.
    pub next: Option<NextConfig>,
    /// Which answers mean that there is nothing.
    pub absent: Vec<SignConfig>,
    /// Which refusals pass, besides those that every client knows.
    pub retry: Vec<SignConfig>,
}

/// The call that reads what a list belongs to, before the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConfirmConfig {
    /// Method and path: `GET /users/{okta_user}`.
    pub call: String,
    /// Which `server`.
    pub server: Option<String>,
    /// The query.
    pub query: BTreeMap<String, String>,
    /// What must be true of its answer.
    #[serde(rename = "where")]
    pub only: BTreeMap<String, toml::Value>,
    /// Which answers mean that there is nothing.
    pub absent: Vec<SignConfig>,
}

/// How the next page is asked for: one of `link`, `url`, `cursor`, `page` and `offset`, and what belongs to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NextConfig {
    /// By the URL of the header `Link` with `rel="next"`.
    pub link: bool,
    /// By the URL that lies here.
    pub url: Option<String>,
    /// By the word that lies here, which goes into the parameter `query` or the body's place `json`.
    pub cursor: Option<String>,
    /// Only when this place holds `true`.
    pub more: Option<String>,
    /// The parameter for the word.
    pub query: Option<String>,
    /// The place in the body for the word, as a JSON Pointer: `/pagination/starting_after`.
    pub json: Option<String>,
    /// By number, in this parameter.
    pub page: Option<String>,
    /// The number of the first page.
    pub from: u64,
    /// By how many came before, in this parameter.
    pub offset: Option<String>,
    /// The parameter for how many a page holds, with `page` and `offset`.
    pub limit: Option<String>,
    /// How many a page holds, with `page` and `offset`; a shorter one is the last.
    pub size: u64,
}

/// An answer by its status, and by what lies in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignConfig {
    /// The status.
    pub status: u16,
    /// A place in the answer …
    #[serde(default)]
    pub at: Option<String>,
    /// … and what must be there.
    #[serde(default)]
    pub is: Option<String>,
}

/// The call that reads a record whole.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GetConfig {
    /// Method and path: `GET /conversations/{$.id}`.
    pub call: String,
    /// Which `server`.
    pub server: Option<String>,
    /// The query.
    pub query: BTreeMap<String, String>,
    /// Where the record lies in the answer.
    pub record: Option<String>,
    /// Which answers mean that it is gone, although it was listed.
    pub absent: Vec<SignConfig>,
    /// Which refusals pass.
    pub retry: Vec<SignConfig>,
}

/// The call that reads a record's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentConfig {
    /// Method and path: `GET /files/{$.id}/content`.
    pub call: String,
    /// Which `server`.
    #[serde(default)]
    pub server: Option<String>,
    /// What the file is called: `{$.filename}`.
    pub name: String,
    /// The longest file that is taken.
    pub max_bytes: u64,
}

/// One call of an erasure.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EraseConfig {
    /// Method and path: `DELETE /users/{$.id}`.
    pub call: String,
    /// Which `server`.
    pub server: Option<String>,
    /// The query.
    pub query: BTreeMap<String, String>,
    /// The body, as JSON.
    pub json: Option<toml::Table>,
    /// How many records go into one call.
    pub batch: Option<u32>,
    /// Which answers mean that the record is gone already.
    pub absent: Vec<SignConfig>,
    /// Which refusals pass.
    pub retry: Vec<SignConfig>,
    /// The job that the call begins, which is waited for.
    pub job: Option<JobConfig>,
}

/// A job that a deletion begins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobConfig {
    /// Where its number lies in the answer to the deletion.
    pub id: String,
    /// The call that asks how it stands: `GET /jobs/{job}`.
    pub call: String,
    /// Where its state lies in the answer.
    pub state: String,
    /// The states in which everything is deleted.
    pub done: Vec<String>,
    /// The states in which nothing more will happen.
    pub failed: Vec<String>,
    /// How long it is asked before the step is sent again later.
    #[serde(default)]
    pub wait_seconds: Option<u64>,
}

/// That what was accepted for deletion is deleted later.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LaterConfig {
    /// Within how many days, if the provider says so.
    pub days: Option<u16>,
    /// Where the provider lists what it has accepted.
    pub listed: Option<ListedConfig>,
}

/// A list of deletions that the provider has accepted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListedConfig {
    /// Method and path.
    pub call: String,
    /// Which `server`.
    pub server: Option<String>,
    /// The query.
    pub query: BTreeMap<String, String>,
    /// Where they lie in the answer.
    pub records: String,
    /// What must be true of one to be that of a record.
    #[serde(rename = "where")]
    pub only: BTreeMap<String, toml::Value>,
    /// Where the day lies from which the days count.
    pub since: Option<String>,
    /// How the next page is asked for.
    pub next: Option<NextConfig>,
}

/// That records stay, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepConfig {
    /// The ground in law.
    pub basis: RetentionBasis,
    /// The reason, in words for the person.
    pub reason: String,
}

impl HttpConnectorConfig {
    /// All mistakes at once, without fetching a setting or calling anybody.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        match self.whole() {
            Ok(whole) => read(&whole).err().unwrap_or_default(),
            Err(problems) => problems,
        }
    }
}
