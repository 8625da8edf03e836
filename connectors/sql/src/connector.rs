//! The connector: a table of contents of this crate.

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::{
    ConfigProblem, Connector, ConnectorError, ConnectorName, Cursor, Descriptor, Erased,
    PageWriter, Secret, Step, Subject, Survey, async_trait,
};
use jiff::civil::Date;

use crate::catalogue::Catalogue;
use crate::compare::{self, Misfit};
use crate::config::{Mapping, Pseudonymizer, SqlConfig, TableRule};
use crate::descriptor::describe;
use crate::dialect::{Database, DatabaseUrl, Session, Sql, Transaction};
use crate::error::misfit;
use crate::inspect::{Uncovered, uncovered};
use crate::snapshot::Snapshots;
use crate::{erase, export, survey};

/// A relational database, and which rows in it belong to whom.
pub struct SqlConnector {
    pub(crate) descriptor: Descriptor,
    pub(crate) mapping: Mapping,
    pub(crate) database: Database,
    pub(crate) batch_rows: usize,
    pub(crate) snapshots: Snapshots,
    pub(crate) erase_rows: NonZeroU32,
    pub(crate) erase_lock: Duration,
    pub(crate) pseudonym_key: Option<Secret>,
    today: Arc<dyn Fn() -> Date + Send + Sync>,
}

impl SqlConnector {
    /// Makes a connector from its configuration. Relative paths begin at `folder`. Nothing is connected yet.
    ///
    /// # Errors
    /// With everything that is wrong with the configuration by itself, or with a setting that cannot be fetched.
    pub fn new(
        name: ConnectorName,
        config: &SqlConfig,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let mut problems = config.validate();
        // Code may hold a token itself; only a file may not.
        problems.retain(|problem| problem.path != ["token"]);
        let database = match config.url.resolve(folder) {
            Err(problem) => Err(problem),
            Ok(url) => DatabaseUrl::parse(url.expose()),
        };
        let database = database
            .map_err(|problem| ConfigProblem::new(["url"], problem))
            .and_then(|url| Database::new(url, config, folder));
        let key = config
            .pseudonym_key
            .as_ref()
            .map(|key| key.resolve(folder))
            .transpose();
        if let Err(problem) = &database
            && !problems.iter().any(|known| known.path == problem.path)
        {
            problems.push(problem.clone());
        }
        match &key {
            Err(problem) => problems.push(ConfigProblem::new(["pseudonym_key"], problem.clone())),
            Ok(Some(key)) if key.expose().len() < 16 => {
                problems.push(ConfigProblem::new(
                    ["pseudonym_key"],
                    "is shorter than 16 characters",
                ));
            }
            Ok(_) => {}
        }
        match (Mapping::parse(config), database, key) {
            (Ok(mapping), Ok(database), Ok(pseudonym_key)) if problems.is_empty() => Ok(Self {
                descriptor: describe(name, config, &mapping, &database),
                mapping,
                batch_rows: config.batch_rows.get() as usize,
                snapshots: Snapshots::new(
                    config.connections.get(),
                    Duration::from_secs(config.snapshot_seconds.into()),
                ),
                erase_rows: database.erase_rows(config.erase_rows),
                erase_lock: config.erase_lock_ms.map_or_else(
                    || database.erase_lock(),
                    |ms| Duration::from_millis(ms.get().into()),
                ),
                database,
                pseudonym_key,
                today: Arc::new(|| {
                    jiff::Timestamp::now()
                        .to_zoned(jiff::tz::TimeZone::UTC)
                        .date()
                }),
            }),
            _ => Err(problems),
        }
    }

    /// Takes the date from this clock instead of the system's (which is read in UTC): whether a row must still be kept
    /// depends on it.
    #[must_use]
    pub fn with_today(mut self, today: impl Fn() -> Date + Send + Sync + 'static) -> Self {
        self.today = Arc::new(today);
        self
    }

    /// Finds what looks personal in the database and is covered by nothing in the mapping: columns that outlive an erasure,
    /// and tables that refer to a person. What was decided, with a reason, is not told.
    ///
    /// # Errors
    /// When the catalogue cannot be read.
    pub async fn uncovered(&self) -> Result<Vec<Uncovered>, ConnectorError> {
        let mut session = self.database.session().await?;
        session.begin(Transaction::Read).await?;
        let catalogue = session.catalogue().await?;
        session.commit().await?;
        Ok(uncovered(&self.mapping, &catalogue))
    }

    pub(crate) fn today(&self) -> Date {
        (self.today)()
    }

    /// The rule of a step's collection.
    pub(crate) fn rule(&self, step: &Step) -> Result<&TableRule, ConnectorError> {
        self.mapping
            .table(step.collection())
            .ok_or_else(ConnectorError::unknown_collection)
    }

    /// Whether the database understands the conditions of the mapping's blockers.
    async fn misread_conditions(
        &self,
        session: &mut Session,
        catalogue: &Catalogue,
        misfits: &[Misfit],
    ) -> Result<Vec<String>, ConnectorError> {
        let mut problems = Vec::new();
        for rule in &self.mapping.tables {
            if misfits.iter().any(|misfit| {
                misfit.table == rule.name.as_str() && misfit.stops == compare::Stops::Everything
            }) {
                continue;
            }
            for blocker in &rule.blockers {
                let Some(table) = catalogue.table(rule.name.as_str()) else {
                    continue;
                };
                let query = format!(
                    "SELECT 1 FROM {} AS t WHERE ({}\n) LIMIT 1",
                    table.sql, blocker.condition
                );
                if !session.understands(Sql::text(query)).await? {
                    problems.push(format!(
                        "the database does not understand the condition of the blocker `{}` of `{}`",
                        blocker.code, rule.name
                    ));
                }
            }
        }
        Ok(problems)
    }

    /// Whether the database takes the constants of the mapping, where reading the types alone does not tell.
    async fn misfit_constants(
        &self,
        session: &mut Session,
        catalogue: &Catalogue,
    ) -> Result<Vec<String>, ConnectorError> {
        let mut problems = Vec::new();
        for rule in &self.mapping.tables {
            let Some(table) = catalogue.table(rule.name.as_str()) else {
                continue;
            };
            for (name, pseudonymizer) in rule.pseudonyms() {
                let (Pseudonymizer::Value(constant), Some(column)) =
                    (pseudonymizer, table.column(name))
                else {
                    continue;
                };
                if compare::unfit(pseudonymizer, column, table, catalogue).is_none()
                    && !session.can_hold(column, &constant.to_value()).await?
                {
                    problems.push(format!(
                        "`{}.{name}` cannot be pseudonymized so: the database does not take the value for its type",
                        rule.name
                    ));
                }
            }
        }
        Ok(problems)
    }
}

#[async_trait]
impl Connector for SqlConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        let mut session = self.database.session().await?;
        session.begin(Transaction::Read).await?;
        let catalogue = session.catalogue().await?;
        let misfits = compare::misfits(&self.mapping, &catalogue);
        let mut problems: Vec<String> = Vec::new();
        for misfit in &misfits {
            if !problems.contains(&misfit.problem) {
                problems.push(misfit.problem.clone());
            }
        }
        problems.extend(
            self.misread_conditions(&mut session, &catalogue, &misfits)
                .await?,
        );
        problems.extend(self.misfit_constants(&mut session, &catalogue).await?);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(misfit(&problems))
        }
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        survey::survey(self, subject).await
    }

    async fn export(
        &self,
        step: &Step,
        page: &mut PageWriter<'_>,
    ) -> Result<Option<Cursor>, ConnectorError> {
        export::export(self, step, page).await
    }

    async fn erase(&self, step: &Step) -> Result<Erased, ConnectorError> {
        erase::erase(self, step).await
    }
}

/// The database's address and the key are left out.
impl fmt::Debug for SqlConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlConnector")
            .field("name", &self.descriptor.name)
            .field("collections", &self.descriptor.collections.len())
            .finish_non_exhaustive()
    }
}
