//! From the text of `adieu.toml` to a [`Config`], or to all its mistakes.

use std::collections::BTreeSet;
use std::path::Path;

use adieu_core::{ConfigProblem, ConnectorName};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{ConfigError, Mistake};
use super::outline::{Outline, line_and_column};
use super::repair::Block;
use super::words::{nearest, wrong_word};
use super::{Config, ConnectorConfig, RequestsConfig, Source, StoreConfig, SystemConfig};

/// The kinds of connector that this build knows.
const KINDS: &[&str] = &[
    #[cfg(feature = "analytics")]
    "analytics",
    #[cfg(feature = "billing")]
    "billing",
    #[cfg(feature = "email")]
    "email",
    #[cfg(feature = "http")]
    "http",
    #[cfg(feature = "object-storage")]
    "object-storage",
    #[cfg(feature = "remote")]
    "opendsr",
    #[cfg(feature = "remote")]
    "remote",
    #[cfg(feature = "sql")]
    "sql",
];

/// Everything but what belongs to the connectors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    controller: Option<String>,
    store: Option<StoreConfig>,
    #[cfg(feature = "object-storage")]
    archives: Option<crate::ArchivesConfig>,
    #[serde(default)]
    requests: RequestsConfig,
    #[cfg(feature = "auth")]
    auth: Option<adieu_auth::AuthConfig>,
    #[cfg(feature = "gateway")]
    #[serde(default)]
    server: super::ServerConfig,
    #[cfg(feature = "gateway")]
    #[serde(default)]
    page: adieu_gateway::PageConfig,
    #[cfg(feature = "notices")]
    notices: Option<adieu_notices::NoticesConfig>,
    #[serde(default, rename = "connector")]
    _connector: Option<IgnoredAny>,
}

/// What every connector has.
#[derive(Deserialize)]
struct ConnectorHead {
    name: ConnectorName,
    kind: String,
}

pub(super) fn read(text: &str, file: &Path) -> Result<Config, ConfigError> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(ConfigError::new(
            file,
            errors.iter().map(|error| not_toml(text, error)).collect(),
        ));
    }
    let span = tree.span();
    let tree = tree.into_inner();
    let mut reader = Reader {
        text,
        outline: Outline::new(text, &tree),
        mistakes: Vec::new(),
    };
    let mut root = Block::new(Spanned::new(span, DeValue::Table(tree)));
    let head: Option<Head> = root.read(&[]);
    let connectors = reader.connectors(&root);
    let store = match &head {
        Some(head) => reader.store(head, &root),
        None => None,
    };
    #[cfg(feature = "object-storage")]
    if let Some(archives) = head.as_ref().and_then(|head| head.archives.as_ref()) {
        let problems = archives
            .validate()
            .into_iter()
            .map(|one| one.under(["archives"]));
        reader.found_in(problems, &root);
    }
    #[cfg(feature = "auth")]
    if let Some(head) = &head {
        reader.auth(head, &root);
    }
    #[cfg(feature = "gateway")]
    if let Some(head) = &head {
        let problems = head.page.validate().into_iter();
        reader.found_in(problems.map(|one| one.under(["page"])), &root);
    }
    #[cfg(feature = "notices")]
    if let Some(notices) = head.as_ref().and_then(|head| head.notices.as_ref()) {
        let problems = notices.validate().into_iter();
        reader.found_in(problems.map(|one| one.under(["notices"])), &root);
    }
    reader.keep(&[], root);
    match (head, store) {
        (Some(head), Some(store)) if reader.mistakes.is_empty() => Ok(Config {
            controller: head.controller,
            store,
            #[cfg(feature = "object-storage")]
            archives: head.archives,
            requests: head.requests,
            #[cfg(feature = "auth")]
            auth: head.auth,
            #[cfg(feature = "gateway")]
            server: head.server,
            #[cfg(feature = "gateway")]
            page: head.page,
            #[cfg(feature = "notices")]
            notices: head.notices,
            connectors,
            source: Source {
                file: file.to_owned(),
                folder: file.parent().map(Path::to_owned).unwrap_or_default(),
                outline: reader.outline,
            },
        }),
        _ => Err(ConfigError::new(file, reader.mistakes)),
    }
}

/// The parser's words name what is expected and quote nothing of the text.
fn not_toml(text: &str, error: &toml::de::Error) -> Mistake {
    let (line, column) = line_and_column(text, &error.span().unwrap_or_default());
    Mistake {
        line,
        column,
        key: String::new(),
        problem: format!("is not TOML: {}", error.message().replace('\n', "; ")),
    }
}

struct Reader<'t> {
    text: &'t str,
    outline: Outline,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn problem<const N: usize>(&mut self, path: [&str; N], problem: impl Into<String>) {
        self.mistakes
            .push(self.outline.mistake(ConfigProblem::new(path, problem)));
    }

    fn store(&mut self, head: &Head, root: &Block<'_>) -> Option<StoreConfig> {
        let Some(store) = &head.store else {
            let path = ["store".to_owned()];
            if !root.is_consequence(&path) {
                self.problem(
                    ["store"],
                    "is missing; add [store] with url = \"sqlite:adieu.db\" and key = \"env:ADIEU_KEY\"",
                );
            }
            return None;
        };
        let problems = store.validate().into_iter().map(|one| one.under(["store"]));
        self.found_in(problems, root);
        Some(store.clone())
    }

    #[cfg(feature = "auth")]
    fn auth(&mut self, head: &Head, root: &Block<'_>) {
        let problems = head.auth.iter().flat_map(adieu_auth::AuthConfig::validate);
        self.found_in(problems.map(|one| one.under(["auth"])), root);
    }

    fn found_in(&mut self, problems: impl Iterator<Item = ConfigProblem>, root: &Block<'_>) {
        for problem in problems {
            if !root.is_consequence(&problem.path) {
                self.mistakes.push(self.outline.mistake(problem));
            }
        }
    }

    fn connectors(&mut self, root: &Block<'_>) -> Vec<ConnectorConfig> {
        let blocks = match root.get("connector").map(Spanned::get_ref) {
            Some(DeValue::Array(blocks)) => blocks.iter().cloned().collect(),
            Some(DeValue::Table(_)) => {
                self.problem(
                    ["connector"],
                    "there may be several; write [[connector]], with two brackets",
                );
                return Vec::new();
            }
            Some(_) => {
                self.problem(
                    ["connector"],
                    "is not a table; write [[connector]] and its keys below",
                );
                return Vec::new();
            }
            None => Vec::new(),
        };
        if blocks.is_empty() && !root.is_consequence(&["connector".to_owned()]) {
            self.problem(
                ["connector"],
                "no system is named; add a [[connector]] with `name` and `kind`",
            );
        }
        let mut names = BTreeSet::new();
        let mut connectors = Vec::new();
        for (index, block) in blocks.into_iter().enumerate() {
            let number = index.to_string();
            let connector = self.connector(&number, block);
            if let Some(name) = self.outline.connector(&number)
                && !names.insert(name.to_owned())
            {
                self.problem(
                    ["connector", number.as_str(), "name"],
                    "another connector has this name; give each a name of its own",
                );
            }
            connectors.extend(connector);
        }
        connectors
    }

    fn connector(&mut self, number: &str, block: Spanned<DeValue<'_>>) -> Option<ConnectorConfig> {
        let path = ["connector".to_owned(), number.to_owned()];
        if !block.get_ref().is_table() {
            self.problem(
                ["connector", number],
                "is not a table; write [[connector]] and its keys below",
            );
            return None;
        }
        let mut block = Block::new(block);
        let head: Option<ConnectorHead> = block.read(&[]);
        let kind_was_wrong = block.is_consequence(&["kind".to_owned()]);
        let kinds: Vec<String> = KINDS.iter().map(|&kind| kind.to_owned()).collect();
        let kind = head
            .as_ref()
            .filter(|_| !kind_was_wrong)
            .map(|head| head.kind.as_str());
        if let Some(kind) = kind
            && !KINDS.contains(&kind)
        {
            self.problem(["connector", number, "kind"], wrong_word(kind, &kinds));
        }
        // What was probably meant is read on, so that its own mistakes are told as well.
        let kind = kind.map(|kind| nearest(kind, &kinds).map_or(kind, String::as_str));
        let system: Option<SystemConfig> = match kind {
            #[cfg(feature = "analytics")]
            Some("analytics") => self
                .system(
                    &path,
                    &mut block,
                    adieu_analytics::AnalyticsConfig::validate,
                )
                .map(|config| SystemConfig::Analytics(Box::new(config))),
            #[cfg(feature = "billing")]
            Some("billing") => self
                .system(&path, &mut block, adieu_billing::BillingConfig::validate)
                .map(|config| SystemConfig::Billing(Box::new(config))),
            #[cfg(feature = "email")]
            Some("email") => self
                .system(&path, &mut block, adieu_email::EmailConfig::validate)
                .map(|config| SystemConfig::Email(Box::new(config))),
            #[cfg(feature = "http")]
            Some("http") => self
                .system(&path, &mut block, adieu_http::HttpConnectorConfig::validate)
                .map(|config| SystemConfig::Http(Box::new(config))),
            #[cfg(feature = "remote")]
            Some("opendsr") => self
                .system(&path, &mut block, adieu_remote::OpendsrConfig::validate)
                .map(|config| SystemConfig::Opendsr(Box::new(config))),
            #[cfg(feature = "remote")]
            Some("remote") => self
                .system(&path, &mut block, adieu_remote::RemoteConfig::validate)
                .map(|config| SystemConfig::Remote(Box::new(config))),
            #[cfg(feature = "sql")]
            Some("sql") => self
                .system(&path, &mut block, adieu_sql::SqlConfig::validate)
                .map(|config| SystemConfig::Sql(Box::new(config))),
            #[cfg(feature = "object-storage")]
            Some("object-storage") => self
                .system(
                    &path,
                    &mut block,
                    adieu_object_storage::ObjectStorageConfig::validate,
                )
                .map(|config| SystemConfig::ObjectStorage(Box::new(config))),
            _ => None,
        };
        self.keep(&path, block);
        Some(ConnectorConfig {
            name: head?.name,
            system: system?,
        })
    }

    /// Reads what is the connector's own, and lets it look for mistakes that only it can see.
    fn system<T: DeserializeOwned>(
        &mut self,
        path: &[String],
        block: &mut Block<'_>,
        validate: impl Fn(&T) -> Vec<ConfigProblem>,
    ) -> Option<T> {
        block.take("name");
        block.take("kind");
        let config: T = block.read(&["name", "kind"])?;
        for problem in validate(&config) {
            if !block.is_consequence(&problem.path) {
                let problem = problem.under(path.iter().cloned());
                self.mistakes.push(self.outline.mistake(problem));
            }
        }
        Some(config)
    }

    /// Takes over what was found in a block.
    fn keep(&mut self, path: &[String], block: Block<'_>) {
        for found in block.into_found() {
            let problem = ConfigProblem::new(found.path, found.problem).under(path.iter().cloned());
            let mut mistake = self.outline.mistake(problem);
            (mistake.line, mistake.column) = line_and_column(self.text, &found.span);
            self.mistakes.push(mistake);
        }
    }
}
