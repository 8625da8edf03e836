//! The commands, one file each.

mod archive;
mod audit;
mod cancel;
mod check;
mod completions;
mod demo;
mod erase;
mod export;
mod inspect;
mod jwks;
mod preview;
mod receipt;
mod requests;
mod resume;
mod serve;
mod token;

use clap::Subcommand;

use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Export(export::Export),
    Preview(preview::Preview),
    Erase(erase::Erase),
    Requests(requests::Requests),
    Resume(resume::Resume),
    Cancel(cancel::Cancel),
    Archive(archive::Archive),
    #[command(subcommand)]
    Receipt(receipt::Receipt),
    Jwks(jwks::Jwks),
    Token(token::Token),
    Check(check::Check),
    Inspect(inspect::Inspect),
    #[command(subcommand)]
    Audit(audit::Audit),
    Completions(completions::Completions),
}

impl Command {
    /// What is traced when `ADIEU_LOG` does not say: a server has nobody who watches it.
    pub(crate) fn default_log(&self) -> &'static str {
        match self {
            Self::Serve(_) => "warn,adieu=info",
            _ => "off",
        }
    }

    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        match self {
            Self::Demo(command) => command.run(terminal).await,
            Self::Serve(command) => command.run(terminal).await,
            Self::Export(command) => command.run(terminal).await,
            Self::Preview(command) => command.run(terminal).await,
            Self::Erase(command) => command.run(terminal).await,
            Self::Requests(command) => command.run(terminal).await,
            Self::Resume(command) => command.run(terminal).await,
            Self::Cancel(command) => command.run(terminal).await,
            Self::Archive(command) => command.run(terminal).await,
            Self::Receipt(command) => command.run(terminal),
            Self::Jwks(command) => command.run(terminal).await,
            Self::Token(command) => command.run(terminal).await,
            Self::Check(command) => command.run(terminal).await,
            Self::Inspect(command) => command.run(terminal).await,
            Self::Audit(command) => command.run(terminal).await,
            Self::Completions(command) => command.run(terminal),
        }
    }
}
