//! `adieu jwks`

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Exit, Failure};
use crate::file::NewFile;
use crate::gateway::ConfigArgument;
use crate::terminal::Terminal;

/// Print the public keys with which anybody can verify receipts (a JWK Set)
#[derive(Args, Debug)]
pub(crate) struct Jwks {
    #[command(flatten)]
    config: ConfigArgument,
    /// Write them to a file instead.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

impl Jwks {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let (_, engine) = self.config.open().await?;
        let text = format!("{:#}", engine.jwks());
        match &self.out {
            None => terminal.print(&text),
            Some(path) => {
                NewFile::create(path, self.force)?.fill(&mut format!("{text}\n").as_bytes())?;
                terminal.say(&format!("Keys: {}", path.display()));
            }
        }
        Ok(Exit::Done)
    }
}
