//! `adieu cancel`

use adieu::RequestId;
use clap::Args;

use crate::exit::{Exit, Failure};
use crate::gateway::ConfigArgument;
use crate::terminal::Terminal;

/// Cancel an erasure that has not begun
#[derive(Args, Debug)]
pub(crate) struct Cancel {
    #[command(flatten)]
    config: ConfigArgument,
    /// The request, as `adieu requests` shows it.
    id: String,
}

impl Cancel {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let (_, engine) = self.config.open().await?;
        let id: RequestId = self.id.parse()?;
        let request = engine.cancel(id).await?;
        terminal.json(&request);
        terminal.say(&format!("Request {id} is cancelled. Nothing was done."));
        Ok(Exit::Done)
    }
}
