//! `adieu audit`

use clap::{Args, Subcommand};
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::gateway::ConfigArgument;
use crate::table::Table;
use crate::terminal::Terminal;

/// Read and verify the log of what happened to requests; nothing in it is personal
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    Show(Show),
    Verify(Verify),
}

/// Print the log
#[derive(Args, Debug)]
pub(crate) struct Show {
    #[command(flatten)]
    config: ConfigArgument,
    /// Only what comes after this entry.
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// How many entries.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

/// Verify that no entry was changed or removed
#[derive(Args, Debug)]
pub(crate) struct Verify {
    #[command(flatten)]
    config: ConfigArgument,
}

impl Audit {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        match self {
            Self::Show(command) => command.run(terminal).await,
            Self::Verify(command) => command.run(terminal).await,
        }
    }
}

impl Show {
    async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let (_, engine) = self.config.open().await?;
        let entries = engine.audit(self.after, self.limit).await?;
        terminal.json(&entries);
        let mut table = Table::new(["entry", "at", "request", "event"]);
        for entry in &entries {
            table.row([
                entry.sequence.to_string(),
                entry.at.to_string(),
                entry.request_id.clone(),
                entry.event.clone(),
            ]);
        }
        terminal.say(table.to_string().trim_end());
        Ok(Exit::Done)
    }
}

impl Verify {
    async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let (_, engine) = self.config.open().await?;
        let entries = engine.verify_audit().await?;
        terminal.json(&json!({ "valid": true, "entries": entries }));
        terminal.say(&format!(
            "The audit log is whole: {entries} entries, each chained to the one before."
        ));
        Ok(Exit::Done)
    }
}
