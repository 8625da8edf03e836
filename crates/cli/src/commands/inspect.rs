//! `adieu inspect`

use std::path::PathBuf;

use adieu::core::{ConnectorError, ErrorKind, IdentityKind, Setting};
use adieu::sql::SqlConfig;
use adieu::sql::inspect::{Inspection, Proposal};
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::file::NewFile;
use crate::terminal::Terminal;

/// Read a database's catalogue and propose a configuration
///
/// Follows foreign keys, and columns that are named like one, from the table that holds the persons, and proposes what is exported and
/// what an erasure does; guesses are marked, and what cannot be decided from a catalogue stands in comments. No row is read.
#[derive(Args)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct Inspect {
    /// Where the database is: sqlite:PATH, postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE or d1://ACCOUNT/DATABASE; better env:NAME or file:PATH,
    /// so that no password stands on the command line.
    url: String,
    /// The table that holds the persons.
    #[arg(long, value_name = "TABLE")]
    subject: String,
    /// What a person is known by, and the column that holds it; may be given several times.
    #[arg(long = "identity", value_name = "KIND=COLUMN", required = true)]
    identities: Vec<String>,
    /// The token that Cloudflare D1 is called with: env:NAME or file:PATH.
    #[arg(long, value_name = "SETTING")]
    token: Option<String>,
    /// Where to write the configuration; otherwise it is printed.
    #[arg(long, short)]
    out: Option<PathBuf>,
    /// Replace a file that is there.
    #[arg(long, requires = "out")]
    force: bool,
}

const EXAMPLE: &str = "\
Example:
  export DATABASE_URL=postgres://app:…@db.example.com/shop
  adieu inspect env:DATABASE_URL --subject users --identity email=email --out adieu.toml
  adieu check          # after reading and editing it
  adieu preview --subject email=ada@example.com";

const HEAD: &str = "\
# Proposed from the catalogue of the database. Read it before anybody is erased by it: what a line says is what will happen.
# GUESS marks what no foreign key says. Adjust or delete lines; `adieu check` tells what does not fit any more.

# controller = \"Example Ltd\"       # who answers for the data: the issuer of receipts

[store]
url = \"sqlite:adieu.db\"           # requests are kept here; made when it is not there
key = \"env:ADIEU_KEY\"             # 32 random bytes: openssl rand -base64 32

";

impl Inspect {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let mut database = SqlConfig::new(Setting::from(self.url));
        database.token = self.token.map(Setting::from);
        let mut inspection = Inspection::new(database, self.subject);
        for text in &self.identities {
            let (kind, column) = identity(text)?;
            inspection = inspection.identity(kind, column);
        }
        let file = self
            .out
            .as_deref()
            .map(|out| NewFile::create(out, self.force))
            .transpose()?;
        let proposal = inspection
            .propose(".".as_ref())
            .await
            .map_err(|error| told(&error))?;
        let text = format!("{HEAD}{}", proposal.toml());
        let out = file.as_ref().map(|file| file.path().display().to_string());
        if let Some(file) = file {
            file.fill(&mut text.as_bytes())?;
        }
        terminal.json(&json!({
            "mapped": proposal.mapped(),
            "omitted": proposal.omitted(),
            "guesses": proposal.guesses(),
            "out": &out,
            "toml": &text,
        }));
        match &out {
            None => terminal.say(text.trim_end()),
            Some(out) => {
                terminal.say(&format!("{} in {out}.", summary(&proposal)));
                terminal.say("Read it, edit it, and then: adieu check");
            }
        }
        Ok(Exit::Done)
    }
}

fn identity(text: &str) -> Result<(IdentityKind, String), Failure> {
    let usage = |why: &dyn std::fmt::Display| Failure::Usage(format!("--identity: {why}"));
    let (kind, column) = text
        .split_once('=')
        .filter(|(_, column)| !column.is_empty())
        .ok_or_else(|| usage(&"write KIND=COLUMN, such as email=email"))?;
    let kind = IdentityKind::new(kind).map_err(|error| usage(&error))?;
    Ok((kind, column.to_owned()))
}

fn told(error: &ConnectorError) -> Failure {
    match error.kind() {
        ErrorKind::Config => Failure::Usage(error.what().to_owned()),
        _ => Failure::Fault(format!("the database cannot be read: {error}")),
    }
}

fn summary(proposal: &Proposal) -> String {
    let count = |count: usize, one: &str, more: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {more}"),
    };
    let mut text = format!(
        "{} mapped",
        count(proposal.mapped().len(), "table is", "tables are")
    );
    if proposal.guesses() > 0 {
        text += &format!(", {} by a guess", proposal.guesses());
    }
    if !proposal.omitted().is_empty() {
        text += &format!(
            ", {} left out with a reason",
            count(proposal.omitted().len(), "table is", "tables are")
        );
    }
    text
}

/// The URL may hold a password.
impl std::fmt::Debug for Inspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspect")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}
