//! `adieu.toml`: what it can say, and what is wrong with it.

mod mistake;
mod outline;
mod read;
mod repair;
#[cfg(feature = "gateway")]
mod server;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "analytics")]
use adieu_analytics::{AnalyticsConfig, AnalyticsConnector};
#[cfg(feature = "billing")]
use adieu_billing::{BillingConfig, BillingConnector};
use adieu_core::{ConfigProblem, Connector, ConnectorName, Setting};
#[cfg(feature = "email")]
use adieu_email::{EmailConfig, EmailConnector};
use adieu_engine::{Deadline, Engine, EngineError, Kind, MasterKey, RetryPolicy};
#[cfg(feature = "http")]
use adieu_http::{HttpConnector, HttpConnectorConfig};
#[cfg(feature = "object-storage")]
use adieu_object_storage::{ObjectStorageConfig, ObjectStorageConnector};
#[cfg(feature = "remote")]
use adieu_remote::{OpendsrConfig, OpendsrConnector, RemoteConfig, RemoteConnector};
#[cfg(feature = "sql")]
use adieu_sql::{SqlConfig, SqlConnector};
use serde::Deserialize;

use crate::Builder;
use outline::Outline;

pub use mistake::{ConfigError, Mistake};
#[cfg(feature = "gateway")]
pub use server::{LimitsConfig, NoOrigin, Origin, ServerConfig};

/// A configuration without mistakes that can be found by reading it alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who answers for the data.
    pub controller: Option<String>,
    /// Where requests are kept.
    pub store: StoreConfig,
    /// Where finished archives are kept, when not beside the store.
    #[cfg(feature = "object-storage")]
    pub archives: Option<crate::ArchivesConfig>,
    /// How requests are treated.
    pub requests: RequestsConfig,
    /// Which tokens a layer accepts.
    #[cfg(feature = "auth")]
    pub auth: Option<adieu_auth::AuthConfig>,
    /// How people reach the gateway.
    #[cfg(feature = "gateway")]
    pub server: ServerConfig,
    /// What the self-service page says.
    #[cfg(feature = "gateway")]
    pub page: adieu_gateway::PageConfig,
    /// The mail that people get about their requests.
    #[cfg(feature = "notices")]
    pub notices: Option<adieu_notices::NoticesConfig>,
    /// The systems that hold personal data.
    pub connectors: Vec<ConnectorConfig>,
    source: Source,
}

/// `[store]`: where requests are kept, and the key that seals what is personal in them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// The database: `sqlite:PATH` or `sqlite://PATH`; a relative path begins at the configuration's folder.
    pub url: Setting,
    /// 32 random bytes in base64 or hexadecimal: `env:NAME` or `file:PATH`.
    pub key: Setting,
}

/// `[requests]`: how requests are treated.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestsConfig {
    /// Days between asking for an erasure and its start.
    pub grace_days: u16,
    /// Which law sets the time to answer: `gdpr` or `ccpa`.
    pub deadline: Deadline,
    /// Which kinds of request an operator has to approve before they begin: `export`, `erasure`.
    pub approval: Vec<Kind>,
    /// For how many days an archive can be fetched.
    pub archive_days: u16,
    /// How much work a crash may cost, in milliseconds: how often a running request is written down.
    pub checkpoint_ms: u32,
    /// When failed steps are sent again.
    pub retry: RetryConfig,
}

/// `[requests.retry]`: when failed steps are sent again.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryConfig {
    /// How often a step is sent in a row before it has to wait.
    pub quick_attempts: u32,
    /// How long after the first of these, in milliseconds; doubled each time.
    pub quick_delay_ms: u64,
    /// How long it then waits, in seconds; doubled each time.
    pub first_wait_seconds: u64,
    /// The longest it waits, in seconds.
    pub longest_wait_seconds: u64,
    /// For how many hours it is tried before it counts as failed.
    pub give_up_after_hours: u32,
}

/// One `[[connector]]`.
#[derive(Clone, Debug)]
pub struct ConnectorConfig {
    /// Its name, unique in the file.
    pub name: ConnectorName,
    /// What it is, and what its kind wants to know.
    pub system: SystemConfig,
}

/// What a connector of each kind wants to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SystemConfig {
    /// `kind = "analytics"`
    #[cfg(feature = "analytics")]
    Analytics(Box<AnalyticsConfig>),
    /// `kind = "billing"`
    #[cfg(feature = "billing")]
    Billing(Box<BillingConfig>),
    /// `kind = "email"`
    #[cfg(feature = "email")]
    Email(Box<EmailConfig>),
    /// `kind = "http"`
    #[cfg(feature = "http")]
    Http(Box<HttpConnectorConfig>),
    /// `kind = "opendsr"`
    #[cfg(feature = "remote")]
    Opendsr(Box<OpendsrConfig>),
    /// `kind = "remote"`
    #[cfg(feature = "remote")]
    Remote(Box<RemoteConfig>),
    /// `kind = "sql"`
    #[cfg(feature = "sql")]
    Sql(Box<SqlConfig>),
    /// `kind = "object-storage"`
    #[cfg(feature = "object-storage")]
    ObjectStorage(Box<ObjectStorageConfig>),
}

/// Where a configuration was read from.
#[derive(Clone, Debug)]
struct Source {
    file: PathBuf,
    folder: PathBuf,
    outline: Outline,
}

/// Why a gateway could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The configuration is wrong, or something that it names is missing.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The layer cannot be made.
    #[cfg(feature = "gateway")]
    #[error(transparent)]
    Gateway(#[from] adieu_gateway::SetupError),
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// When the file cannot be read; or all mistakes in it at once, each with its line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| ConfigError::unreadable(path, &std::io::ErrorKind::InvalidData.into()))?;
        Self::from_toml(&text, path)
    }

    /// Reads a configuration from its text. `file` is how mistakes name it, and relative paths begin at its folder.
    ///
    /// # Errors
    /// All mistakes at once, each with its line.
    pub fn from_toml(text: &str, file: impl AsRef<Path>) -> Result<Self, ConfigError> {
        read::read(text, file.as_ref())
    }

    /// The folder at which relative paths begin.
    pub fn folder(&self) -> &Path {
        &self.source.folder
    }

    /// Fetches what the configuration only names (environment variables, files) and makes the connectors. Connects to
    /// nothing.
    ///
    /// # Errors
    /// Everything that is missing at once, each with its line.
    pub fn builder(&self) -> Result<Builder, ConfigError> {
        let mut problems = Vec::new();
        let builder = self.assemble(&mut problems);
        self.unless(problems, builder)
    }

    fn assemble(&self, problems: &mut Vec<ConfigProblem>) -> Option<Builder> {
        let store = self.store.path(self.folder(), problems);
        let key = self.store.master_key(self.folder(), problems);
        #[cfg(feature = "object-storage")]
        let archives = self.archives.as_ref().and_then(|archives| {
            let under = |one: ConfigProblem| one.under(["archives"]);
            let opened = archives.open(self.folder());
            opened
                .map_err(|found| problems.extend(found.into_iter().map(under)))
                .ok()
        });
        let mut connectors = Vec::new();
        for (index, connector) in self.connectors.iter().enumerate() {
            match connector.connect(self.folder()) {
                Ok(connector) => connectors.push(connector),
                Err(found) => {
                    let at = ["connector".to_owned(), index.to_string()];
                    problems.extend(found.into_iter().map(|one| one.under(at.clone())));
                }
            }
        }
        let mut builder = Builder::new(store?, key?)
            .deadline(self.requests.deadline)
            .approval(self.requests.approval.iter().copied())
            .retry(self.requests.retry.policy())
            .archive_days(self.requests.archive_days)
            .checkpoint_every(Duration::from_millis(self.requests.checkpoint_ms.into()));
        #[cfg(feature = "object-storage")]
        if let Some(archives) = archives {
            builder = builder.archives(archives);
        }
        if let Some(controller) = &self.controller {
            builder = builder.controller(controller);
        }
        Some(
            connectors
                .into_iter()
                .fold(builder, Builder::shared_connector),
        )
    }

    /// What was made, unless there are problems.
    fn unless<T>(&self, problems: Vec<ConfigProblem>, made: Option<T>) -> Result<T, ConfigError> {
        match made {
            Some(made) if problems.is_empty() => Ok(made),
            _ => Err(ConfigError::new(&self.source.file, self.located(problems))),
        }
    }

    /// Makes the engine that the configuration describes.
    ///
    /// # Errors
    /// As [`Config::builder`] and [`Builder::engine`].
    pub async fn engine(&self) -> Result<Engine, SetupError> {
        Ok(self.builder()?.engine().await?)
    }

    /// Makes what accepts the tokens of `[auth]`. `fetcher` is needed when keys come from a URL and the feature
    /// `key-url` is off; otherwise they are fetched by `HttpKeyFetcher`.
    ///
    /// # Errors
    /// Everything that is missing at once, each with its line.
    #[cfg(feature = "auth")]
    pub fn authenticator(
        &self,
        fetcher: Option<Arc<dyn adieu_auth::KeyFetcher>>,
    ) -> Result<adieu_auth::Authenticator, ConfigError> {
        let mut problems = Vec::new();
        let made = self.accept(fetcher, &mut problems);
        self.unless(problems, made)
    }

    #[cfg(feature = "auth")]
    fn accept(
        &self,
        fetcher: Option<Arc<dyn adieu_auth::KeyFetcher>>,
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<adieu_auth::Authenticator> {
        let Some(auth) = self.auth.clone() else {
            let missing = "is missing; add [auth] with `issuer`, `audience` and `keys`, so that people can be told apart";
            problems.push(ConfigProblem::new(["auth"], missing));
            return None;
        };
        #[cfg(feature = "key-url")]
        let fetcher = fetcher.or_else(|| Some(Arc::new(crate::HttpKeyFetcher::new())));
        adieu_auth::Authenticator::new(auth, self.folder(), fetcher)
            .map_err(|found| problems.extend(found.into_iter().map(|one| one.under(["auth"]))))
            .ok()
    }

    /// Makes the gateway that the configuration describes, to be mounted in a service.
    ///
    /// # Errors
    /// Everything that is missing at once, each with its line; or when the store cannot be opened.
    #[cfg(feature = "gateway")]
    pub async fn gateway(&self) -> Result<adieu_gateway::Gateway, SetupError> {
        Ok(self.gateway_builder(None).await?.build()?)
    }

    /// The same, for a host that has more to say. `fetcher` is needed when keys come from a URL and the feature
    /// `key-url` is off; otherwise they are fetched by `HttpKeyFetcher`.
    ///
    /// # Errors
    /// As [`Config::gateway`].
    #[cfg(feature = "gateway")]
    pub async fn gateway_builder(
        &self,
        fetcher: Option<Arc<dyn adieu_auth::KeyFetcher>>,
    ) -> Result<adieu_gateway::GatewayBuilder, SetupError> {
        let mut problems = Vec::new();
        let builder = self.assemble(&mut problems);
        let authenticator = self.accept(fetcher, &mut problems);
        #[cfg(feature = "notices")]
        let courier = self.bring_notices(&mut problems);
        let (builder, authenticator) = self.unless(problems, builder.zip(authenticator))?;
        let gateway = adieu_gateway::Gateway::builder(builder.engine().await?, authenticator)
            .grace_days(self.requests.grace_days)
            .page(self.page.clone());
        #[cfg(feature = "notices")]
        let gateway = match courier {
            Some(courier) => {
                let kind = courier.kind().clone();
                gateway.notices(Arc::new(courier), kind)
            }
            None => gateway,
        };
        Ok(self.server.applied_to(gateway))
    }

    /// Makes what brings the notices of `[notices]` to people; `None` when there is no such section.
    ///
    /// # Errors
    /// Everything that is missing or wrong at once, each with its line; what is wrong in a template also with its own file and line.
    #[cfg(feature = "notices")]
    pub fn courier(&self) -> Result<Option<adieu_notices::SmtpCourier>, ConfigError> {
        let mut problems = Vec::new();
        let made = self.bring_notices(&mut problems);
        self.unless(problems, Some(made))
    }

    #[cfg(feature = "notices")]
    fn bring_notices(
        &self,
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<adieu_notices::SmtpCourier> {
        let notices = self.notices.as_ref()?;
        let controller = self.controller.as_deref();
        adieu_notices::SmtpCourier::new(notices, controller, self.folder())
            .map_err(|found| problems.extend(found.into_iter().map(|one| one.under(["notices"]))))
            .ok()
    }

    /// What looks personal in the databases and is covered by nothing in the file, by connector. Databases that cannot be read
    /// are left out: checking the engine tells of them.
    ///
    /// # Errors
    /// Everything that is missing in the configuration at once, each with its line.
    #[cfg(feature = "sql")]
    pub async fn uncovered(
        &self,
    ) -> Result<Vec<(ConnectorName, adieu_sql::Uncovered)>, ConfigError> {
        let mut problems = Vec::new();
        let mut uncovered = Vec::new();
        for (index, connector) in self.connectors.iter().enumerate() {
            #[cfg_attr(
                not(any(feature = "billing", feature = "http", feature = "object-storage")),
                allow(irrefutable_let_patterns)
            )]
            let SystemConfig::Sql(config) = &connector.system else {
                continue;
            };
            match SqlConnector::new(connector.name.clone(), config, self.folder()) {
                Err(found) => {
                    let at = ["connector".to_owned(), index.to_string()];
                    problems.extend(found.into_iter().map(|one| one.under(at.clone())));
                }
                Ok(database) => {
                    let found = database.uncovered().await.unwrap_or_default();
                    uncovered.extend(found.into_iter().map(|one| (connector.name.clone(), one)));
                }
            }
        }
        self.unless(problems, Some(uncovered))
    }

    fn located(&self, problems: Vec<ConfigProblem>) -> Vec<Mistake> {
        let located = problems
            .into_iter()
            .map(|one| self.source.outline.mistake(one));
        located.collect()
    }
}

impl StoreConfig {
    fn path(&self, folder: &Path, problems: &mut Vec<ConfigProblem>) -> Option<PathBuf> {
        let url = self.url.resolve(folder);
        let path = url.and_then(|url| sqlite_path(url.expose()).map(|path| folder.join(path)));
        path.map_err(|problem| problems.push(ConfigProblem::new(["store", "url"], problem)))
            .ok()
    }

    fn master_key(&self, folder: &Path, problems: &mut Vec<ConfigProblem>) -> Option<MasterKey> {
        let text = self.key.resolve(folder);
        let key = text
            .and_then(|text| MasterKey::parse(text.expose()).map_err(|error| error.to_string()));
        key.map_err(|problem| problems.push(ConfigProblem::new(["store", "key"], problem)))
            .ok()
    }

    /// What is wrong with it by itself.
    fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        if let Setting::Literal(url) = &self.url
            && let Err(problem) = sqlite_path(url.expose())
        {
            problems.push(ConfigProblem::new(["url"], problem));
        }
        if matches!(self.key, Setting::Literal(_)) {
            let problem =
                "a key does not belong into this file; write \"env:NAME\" or \"file:PATH\"";
            problems.push(ConfigProblem::new(["key"], problem));
        }
        problems
    }
}

/// The path of a `sqlite:` URL. Nothing of a wrong one is repeated: it may hold a password.
fn sqlite_path(url: &str) -> Result<&str, String> {
    let Some(path) = url.strip_prefix("sqlite:") else {
        return Err(
            "is not a URL that requests can be kept at; write \"sqlite:adieu.db\"".to_owned(),
        );
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains(":memory:") || path.contains(['?', '\0']) {
        return Err("must name a file and nothing else; write \"sqlite:adieu.db\"".to_owned());
    }
    Ok(path)
}

impl ConnectorConfig {
    fn connect(&self, folder: &Path) -> Result<Arc<dyn Connector>, Vec<ConfigProblem>> {
        let name = self.name.clone();
        match self.system {
            #[cfg(feature = "analytics")]
            SystemConfig::Analytics(ref config) => {
                Ok(Arc::new(AnalyticsConnector::new(name, config, folder)?))
            }
            #[cfg(feature = "billing")]
            SystemConfig::Billing(ref config) => {
                Ok(Arc::new(BillingConnector::new(name, config, folder)?))
            }
            #[cfg(feature = "email")]
            SystemConfig::Email(ref config) => {
                Ok(Arc::new(EmailConnector::new(name, config, folder)?))
            }
            #[cfg(feature = "http")]
            SystemConfig::Http(ref config) => {
                Ok(Arc::new(HttpConnector::new(name, config, folder)?))
            }
            #[cfg(feature = "remote")]
            SystemConfig::Opendsr(ref config) => {
                Ok(Arc::new(OpendsrConnector::new(name, config, folder)?))
            }
            #[cfg(feature = "remote")]
            SystemConfig::Remote(ref config) => {
                Ok(Arc::new(RemoteConnector::new(name, config, folder)?))
            }
            #[cfg(feature = "sql")]
            SystemConfig::Sql(ref config) => Ok(Arc::new(SqlConnector::new(name, config, folder)?)),
            #[cfg(feature = "object-storage")]
            SystemConfig::ObjectStorage(ref config) => {
                Ok(Arc::new(ObjectStorageConnector::new(name, config, folder)?))
            }
        }
    }
}

impl Default for RequestsConfig {
    fn default() -> Self {
        Self {
            grace_days: 0,
            deadline: Deadline::default(),
            approval: Vec::new(),
            archive_days: 7,
            checkpoint_ms: 2000,
            retry: RetryConfig::default(),
        }
    }
}

impl RetryConfig {
    fn policy(&self) -> RetryPolicy {
        RetryPolicy {
            quick_attempts: self.quick_attempts,
            quick_delay: Duration::from_millis(self.quick_delay_ms),
            first_wait: Duration::from_secs(self.first_wait_seconds),
            longest_wait: Duration::from_secs(self.longest_wait_seconds),
            give_up_after: Duration::from_secs(u64::from(self.give_up_after_hours) * 3600),
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            quick_attempts: 3,
            quick_delay_ms: 200,
            first_wait_seconds: 60,
            longest_wait_seconds: 3600,
            give_up_after_hours: 24,
        }
    }
}
