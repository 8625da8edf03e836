//! A database on one of the servers, looked into without the connector.

use std::path::{Path, PathBuf};

use adieu_core::{ConfigProblem, ConnectorName, Setting};
use adieu_sql::{SqlConfig, SqlConnector};

use crate::servers::{Speaker, mariadb, mysql, postgres};

/// A database of one's own.
pub(crate) struct Place {
    server: Server,
    database: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Postgres,
    MariaDb,
    MySql,
}

impl Server {
    /// Those that are there: MySQL may be missing, which is then said.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Self::Postgres].into_iter().chain(Self::alike())
    }

    /// MariaDB, and MySQL where it is there.
    pub(crate) fn alike() -> impl Iterator<Item = Self> {
        let mysql = mysql().map(|_| Self::MySql);
        [Self::MariaDb].into_iter().chain(mysql)
    }

    /// A server that speaks MySQL's protocol.
    fn speaker(self) -> Option<&'static Speaker> {
        match self {
            Self::Postgres => None,
            Self::MariaDb => Some(mariadb()),
            Self::MySql => mysql(),
        }
    }

    /// Sends statements one by one, whatever becomes of them.
    pub(crate) fn try_script(self, database: &str, script: &str) {
        match self.speaker() {
            None => postgres().try_script(database, script),
            Some(speaker) => speaker.try_script(database, script),
        }
    }

    /// The numbers from 1 to a number, as a table `n(i)`.
    pub(crate) fn numbers(self, count: u32) -> String {
        match self {
            Self::Postgres => format!("generate_series(1, {count}) AS n(i)"),
            Self::MariaDb => format!("(SELECT seq AS i FROM seq_1_to_{count}) AS n"),
            Self::MySql => {
                let all: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
                let all = all.join(",");
                format!("JSON_TABLE('[{all}]', '$[*]' COLUMNS (i INT PATH '$')) AS n")
            }
        }
    }
}

impl Place {
    /// An empty database.
    pub(crate) fn empty(server: Server) -> Self {
        let database = match server.speaker() {
            None => postgres().create(),
            Some(speaker) => speaker.create(),
        };
        Self { server, database }
    }

    /// A database with this content.
    pub(crate) fn new(server: Server, sql: &str) -> Self {
        let place = Self::empty(server);
        place.query(sql);
        place
    }

    /// Runs a long script.
    pub(crate) fn run(&self, script: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), script).unwrap();
        self.run_file(file.path());
    }

    pub(crate) fn run_file(&self, file: &Path) {
        match self.server.speaker() {
            None => postgres().run_file(&self.database, file),
            Some(speaker) => speaker.run_file(&self.database, file),
        }
    }

    /// What statements answer.
    pub(crate) fn query(&self, sql: &str) -> String {
        match self.server.speaker() {
            None => postgres().query(&self.database, sql),
            Some(speaker) => speaker.query(&self.database, sql),
        }
    }

    pub(crate) fn count(&self, query: &str) -> i64 {
        self.query(query).parse().unwrap()
    }

    /// Every row of every table: the table, and the whole row as text.
    pub(crate) fn rows(&self) -> Vec<(String, String)> {
        match self.server.speaker() {
            None => postgres().rows(&self.database),
            Some(speaker) => speaker
                .rows(&self.database)
                .into_iter()
                .map(|(table, row)| (table, row.join("\t")))
                .collect(),
        }
    }

    pub(crate) fn url(&self) -> String {
        match self.server.speaker() {
            None => postgres().url(&self.database),
            Some(speaker) => speaker.url(&self.database),
        }
    }

    pub(crate) fn server(&self) -> Server {
        self.server
    }

    pub(crate) fn name(&self) -> &str {
        &self.database
    }

    /// A connector over this database, with this mapping in TOML.
    pub(crate) fn connector(&self, mapping: &str) -> SqlConnector {
        self.try_connector(mapping).unwrap()
    }

    pub(crate) fn try_connector(&self, mapping: &str) -> Result<SqlConnector, Vec<ConfigProblem>> {
        connector_at(&self.url(), mapping)
    }
}

/// A connector over the database of a URL.
pub(crate) fn connector_at(url: &str, mapping: &str) -> Result<SqlConnector, Vec<ConfigProblem>> {
    let mut config: SqlConfig = toml::from_str(&format!("url = \"\"\n{mapping}")).unwrap();
    config.url = Setting::from(url.to_owned());
    let connector = SqlConnector::new(ConnectorName::new("shop").unwrap(), &config, ".".as_ref())?;
    Ok(connector.with_today(|| jiff::civil::date(2026, 11, 21)))
}

/// A file of the shared data; `None` where there is none.
pub(crate) fn data(file: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::var_os("ADIEU_TEST_DATA")
        .map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let file = folder.join(file);
    if file.is_file() {
        return Some(file.canonicalize().unwrap());
    }
    let why = "is not beside the project, and ADIEU_TEST_DATA does not lead to it";
    assert!(std::env::var_os("CI").is_none(), "{} {why}", file.display());
    println!("skipped: {} {why}", file.display());
    None
}

/// The rows that are not in the other state.
pub(crate) fn only_in(
    one: &[(String, String)],
    other: &[(String, String)],
) -> Vec<(String, String)> {
    one.iter()
        .filter(|row| !other.contains(row))
        .cloned()
        .collect()
}
