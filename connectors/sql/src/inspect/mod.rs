//! Reading a database's catalogue and proposing a mapping that a person edits. No row is read.

mod coverage;
mod personal;
mod proposal;
mod pseudonyms;
mod remarks;
mod routes;
mod text;
mod way;
mod words;

use std::path::Path;

use adieu_core::{ConnectorError, ErrorKind, IdentityKind, Setting};

use crate::catalogue::Catalogue;
use crate::config::SqlConfig;
use crate::dialect::{Database, DatabaseUrl, Transaction};
use crate::error::misfit;
use proposal::{Draft, Given};

pub use coverage::Uncovered;
pub(crate) use coverage::uncovered;

/// What a mapping is to be proposed for: the table that holds the persons, and by which columns they are known.
#[derive(Clone, Debug)]
pub struct Inspection {
    database: SqlConfig,
    subject: String,
    identities: Vec<(IdentityKind, String)>,
}

/// A proposed mapping.
#[derive(Clone, Debug)]
pub struct Proposal {
    toml: String,
    mapped: Vec<String>,
    omitted: Vec<String>,
    guesses: usize,
}

impl Inspection {
    /// Asks about the persons in a table of a database. What its configuration says of tables is of no account.
    pub fn new(database: SqlConfig, subject: impl Into<String>) -> Self {
        Self {
            database,
            subject: subject.into(),
            identities: Vec::new(),
        }
    }

    /// By which column of that table a person is known.
    #[must_use]
    pub fn identity(mut self, kind: IdentityKind, column: impl Into<String>) -> Self {
        self.identities.push((kind, column.into()));
        self
    }

    /// Reads the catalogue and proposes a mapping. A relative path in the URL begins at `folder`.
    ///
    /// # Errors
    /// When the database cannot be reached, or has no such table or column: then with the names that are near.
    pub async fn propose(&self, folder: &Path) -> Result<Proposal, ConnectorError> {
        let wrong = |problem: String| {
            ConnectorError::new(ErrorKind::Config, format!("the database's URL {problem}"))
        };
        let url = self
            .database
            .url
            .resolve(folder)
            .map_err(|problem| ConnectorError::new(ErrorKind::Config, problem))?;
        let url = DatabaseUrl::parse(url.expose()).map_err(wrong)?;
        let database = Database::new(url, &self.database, folder)
            .map_err(|problem| ConnectorError::new(ErrorKind::Config, problem.to_string()))?;
        let mut session = database.session().await?;
        session.begin(Transaction::Read).await?;
        let catalogue = session.catalogue().await?;
        let tables: Vec<&str> = catalogue.tables.keys().map(String::as_str).collect();
        let around = session.surroundings(catalogue.dialect, &tables).await?;
        session.commit().await?;
        self.fits(&catalogue)?;
        let Some(subject) = catalogue.table(&self.subject) else {
            return Err(misfit(&["the table has gone".to_owned()]));
        };
        let draft = Draft::of(&Given {
            catalogue: &catalogue,
            around: &around,
            subject,
            identities: &self.identities,
        });
        Ok(self.written(&draft))
    }

    /// Whether the table and the columns are there.
    fn fits(&self, catalogue: &Catalogue) -> Result<(), ConnectorError> {
        let Some(table) = catalogue.table(&self.subject) else {
            let problem = match catalogue.others.get(&self.subject) {
                Some(what) => format!(
                    "`{}` is not a plain table but {what}; name the table behind it",
                    self.subject
                ),
                None => format!(
                    "there is no table `{}`{}",
                    self.subject,
                    near(&self.subject, catalogue.tables.keys())
                ),
            };
            return Err(misfit(&[problem]));
        };
        let mut problems: Vec<String> = Vec::new();
        if self.identities.is_empty() {
            problems.push("name at least one identity, such as email=email".to_owned());
        }
        for (kind, column) in &self.identities {
            if table.column(column).is_none() {
                let known = table.columns.iter().map(|column| &column.name);
                problems.push(format!(
                    "the table `{}` has no column `{column}` for the identity `{kind}`{}",
                    table.name,
                    near(column, known)
                ));
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(misfit(&problems))
        }
    }

    fn written(&self, draft: &Draft<'_>) -> Proposal {
        let toml = format!(
            "[[connector]]\nname = \"database\"\nkind = \"sql\"\nurl = {}\n{}{}",
            text::string(&self.shown_url()),
            self.shown_token(),
            text::tables(draft)
        );
        let active = || draft.tables.iter().filter(|table| table.active);
        Proposal {
            toml,
            mapped: active().map(|table| table.table.name.clone()).collect(),
            omitted: draft
                .omitted
                .iter()
                .map(|(table, _)| table.name.clone())
                .collect(),
            guesses: active()
                .filter(|table| table.remarks.iter().any(|one| one.starts_with("GUESS")))
                .count(),
        }
    }

    /// Where the mapping says that the database is: never the URL of a server, which may hold a password.
    fn shown_url(&self) -> String {
        match &self.database.url {
            Setting::Literal(url)
                if ["sqlite:", "d1:"]
                    .iter()
                    .any(|of| url.expose().starts_with(of)) =>
            {
                url.expose().to_owned()
            }
            url => named(url, "DATABASE_URL"),
        }
    }

    #[cfg(feature = "d1")]
    fn shown_token(&self) -> String {
        let token = self.database.token.as_ref();
        token.map_or_else(String::new, |token| {
            format!("token = {}\n", text::string(&named(token, "D1_TOKEN")))
        })
    }

    #[cfg(not(feature = "d1"))]
    fn shown_token(&self) -> &'static str {
        ""
    }
}

/// Where a secret is expected: as it was named, or in this variable of the environment.
fn named(setting: &Setting, variable: &str) -> String {
    match setting {
        Setting::Env(name) => format!("env:{name}"),
        Setting::File(path) => format!("file:{}", path.display()),
        Setting::Literal(_) => format!("env:{variable}"),
    }
}

impl Proposal {
    /// The `[[connector]]` of the proposal, with comments.
    pub fn toml(&self) -> &str {
        &self.toml
    }

    /// The tables that are mapped.
    pub fn mapped(&self) -> &[String] {
        &self.mapped
    }

    /// The tables that refer to the person and are left out, each with a reason in the text.
    pub fn omitted(&self) -> &[String] {
        &self.omitted
    }

    /// How many tables are mapped by a guess.
    pub fn guesses(&self) -> usize {
        self.guesses
    }
}

/// The names that were probably meant.
fn near<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> String {
    let small = name.to_lowercase();
    let mut likely: Vec<(f64, &String)> = known
        .map(|one| {
            let other = one.to_lowercase();
            let within = other.contains(&small) || small.contains(&other);
            (
                strsim::jaro_winkler(&small, &other) + if within { 0.2 } else { 0.0 },
                one,
            )
        })
        .filter(|(likeness, _)| *likeness >= 0.8)
        .collect();
    likely.sort_by(|one, other| other.0.total_cmp(&one.0));
    let names: Vec<String> = likely
        .iter()
        .take(3)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}
