//! What the configuration of one database says: where it is, and how its tables hang on a person.

mod local;
mod parse;
mod reference;
mod table;
mod text;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};

use adieu_core::{ConfigProblem, Precedence, Setting, Unreachable};
#[cfg(feature = "d1")]
use adieu_http_client::HttpConfig;
use serde::Deserialize;

use crate::dialect::DatabaseUrl;

pub use local::Local;
pub(crate) use parse::{EraseRule, Fact, Mapping, TableRule};
pub(crate) use reference::ReferenceRule;
pub use table::{
    BlockerMapping, ColumnMapping, Columns, Constant, DatePrecision, EraseMapping, Pseudonymizer,
    Reference, References, RetainMapping, SharedMapping, TableMapping,
};

/// One database and its mapping: the content of a `[[connector]]` of kind `sql`.
///
/// All fields are public and all but `url` have defaults, so that Rust can say whatever TOML can.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlConfig {
    /// Where the database is: `postgres://USER@HOST/DATABASE`, `mysql://USER@HOST/DATABASE`, `sqlite:PATH` or, with the feature
    /// `d1`, `d1://ACCOUNT/DATABASE`. A relative path begins at the configuration's folder.
    pub url: Setting,
    /// The token that D1 is called with; of no use elsewhere.
    #[cfg(feature = "d1")]
    #[serde(default)]
    pub token: Option<Setting>,
    /// Where D1's API is, when it is not where everybody finds it: a proxy, a test server.
    #[cfg(feature = "d1")]
    #[serde(default)]
    pub api: Option<Setting>,
    /// How D1 is called.
    #[cfg(feature = "d1")]
    #[serde(default)]
    pub http: HttpConfig,
    /// The company that runs the database; the controller itself when left out, and Cloudflare where it is D1.
    #[serde(default)]
    pub processor: Option<String>,
    /// Where the data lies, in words: "EU (Frankfurt)".
    #[serde(default)]
    pub location: Option<String>,
    /// What cannot be reached, such as backups. The connector adds what it knows itself.
    #[serde(default)]
    pub unreachable: Vec<Unreachable>,
    /// `first` when this database must be erased before other systems, such as one that holds sessions.
    #[serde(default)]
    pub precedence: Precedence,
    /// The secret under which `hash` pseudonyms are made: at least 16 characters.
    #[serde(default)]
    pub pseudonym_key: Option<Setting>,
    /// How many rows pass from the database's thread at a time.
    #[serde(default = "default_batch_rows")]
    pub batch_rows: NonZeroU32,
    /// How long an export may keep one transaction open, so that all its pages show one moment; 0 gives each page its own.
    #[serde(default = "default_snapshot_seconds")]
    pub snapshot_seconds: u32,
    /// How long one transaction of an erasure should hold its locks at most, in milliseconds: it takes as many rows as that allows. When
    /// left out, 2,000 where others wait only for the rows themselves, 500 in SQLite, where they wait for the database, and without
    /// end in D1, where each call is a transaction of its own.
    #[serde(default)]
    pub erase_lock_ms: Option<NonZeroU32>,
    /// How many rows one transaction of an erasure may delete or change, however fast that goes.
    #[serde(default = "default_erase_rows")]
    pub erase_rows: NonZeroU32,
    /// How many connections may be open at once.
    #[serde(default = "default_connections")]
    pub connections: NonZeroUsize,
    /// How long to wait for another's lock before the step is put off, in milliseconds.
    #[serde(default = "default_busy_timeout_ms")]
    pub busy_timeout_ms: u32,
    /// The tables that hold something about a person, by name as the database spells it.
    #[serde(default, rename = "table")]
    pub tables: BTreeMap<String, TableMapping>,
    /// The tables that refer to a person and are left out all the same, each with its reason.
    #[serde(default)]
    pub omit: BTreeMap<String, String>,
}

impl SqlConfig {
    /// A database at this URL without a table yet.
    pub fn new(url: Setting) -> Self {
        Self {
            url,
            #[cfg(feature = "d1")]
            token: None,
            #[cfg(feature = "d1")]
            api: None,
            #[cfg(feature = "d1")]
            http: HttpConfig::default(),
            processor: None,
            location: None,
            unreachable: Vec::new(),
            precedence: Precedence::default(),
            pseudonym_key: None,
            batch_rows: default_batch_rows(),
            snapshot_seconds: default_snapshot_seconds(),
            erase_lock_ms: None,
            erase_rows: default_erase_rows(),
            connections: default_connections(),
            busy_timeout_ms: default_busy_timeout_ms(),
            tables: BTreeMap::new(),
            omit: BTreeMap::new(),
        }
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, name: impl Into<String>, mapping: TableMapping) -> Self {
        self.tables.insert(name.into(), mapping);
        self
    }

    /// Leaves out a table that refers to a person, for a reason.
    #[must_use]
    pub fn omit(mut self, table: impl Into<String>, reason: impl Into<String>) -> Self {
        self.omit.insert(table.into(), reason.into());
        self
    }

    /// Finds what is wrong with the configuration by itself: every mistake at once, without any I/O.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = self.url_problems();
        #[cfg(feature = "d1")]
        problems.extend(self.token_problem());
        if let Err(more) = Mapping::parse(self) {
            problems.extend(more);
        }
        problems
    }

    #[cfg(feature = "d1")]
    fn token_problem(&self) -> Option<ConfigProblem> {
        matches!(self.token, Some(Setting::Literal(_))).then(|| {
            let problem =
                "a token does not belong into this file; write \"env:NAME\" or \"file:PATH\"";
            ConfigProblem::new(["token"], problem)
        })
    }

    fn url_problems(&self) -> Vec<ConfigProblem> {
        match &self.url {
            Setting::Literal(url) if DatabaseUrl::has_password(url.expose()) => {
                let problem =
                    "holds a password; put the URL into the environment and write \"env:NAME\"";
                vec![ConfigProblem::new(["url"], problem)]
            }
            Setting::Literal(url) => DatabaseUrl::parse(url.expose())
                .err()
                .map(|problem| ConfigProblem::new(["url"], problem))
                .into_iter()
                .collect(),
            Setting::Env(_) | Setting::File(_) => Vec::new(),
        }
    }
}

fn default_batch_rows() -> NonZeroU32 {
    NonZeroU32::new(1024).unwrap_or(NonZeroU32::MIN)
}

fn default_erase_rows() -> NonZeroU32 {
    NonZeroU32::new(1_000_000).unwrap_or(NonZeroU32::MIN)
}

fn default_snapshot_seconds() -> u32 {
    300
}

fn default_connections() -> NonZeroUsize {
    NonZeroUsize::new(4).unwrap_or(NonZeroUsize::MIN)
}

fn default_busy_timeout_ms() -> u32 {
    5_000
}
