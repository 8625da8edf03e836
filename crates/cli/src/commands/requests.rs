//! `adieu requests`

use adieu::engine::Kind;
use clap::Args;

use crate::exit::{Exit, Failure};
use crate::gateway::ConfigArgument;
use crate::table::{Table, number};
use crate::terminal::Terminal;

/// List the newest requests
#[derive(Args, Debug)]
pub(crate) struct Requests {
    #[command(flatten)]
    config: ConfigArgument,
    /// How many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

impl Requests {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let (_, engine) = self.config.open().await?;
        let requests = engine.requests(self.limit).await?;
        terminal.json(&requests);
        if requests.is_empty() {
            terminal.say("There are no requests.");
            return Ok(Exit::Done);
        }
        let mut table = Table::new([
            "request",
            "kind",
            "asked at",
            "answer by",
            "records",
            "status",
        ]);
        for request in &requests {
            let records: u64 = request.connectors.iter().map(|one| one.records).sum();
            let kind = match request.kind {
                Kind::Export => format!("export ({})", request.format),
                Kind::Erasure => "erasure".to_owned(),
            };
            table.row([
                request.id.to_string(),
                kind,
                request
                    .created_at
                    .strftime("%Y-%m-%d %H:%M:%SZ")
                    .to_string(),
                request.due_at.strftime("%Y-%m-%d").to_string(),
                number(records),
                request.status.as_str().replace('_', " "),
            ]);
        }
        terminal.say(table.to_string().trim_end());
        Ok(Exit::Done)
    }
}
