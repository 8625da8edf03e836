//! `adieu archive`

use std::path::PathBuf;

use adieu::RequestId;
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::file::NewFile;
use crate::gateway::ConfigArgument;
use crate::outcome::write_archive;
use crate::table::number;
use crate::terminal::Terminal;

/// Write the archive of a finished export to a file again
#[derive(Args, Debug)]
pub(crate) struct Archive {
    #[command(flatten)]
    config: ConfigArgument,
    /// The request, as `adieu requests` shows it.
    id: String,
    /// The archive to write.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
}

impl Archive {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let (_, engine) = self.config.open().await?;
        let id: RequestId = self.id.parse()?;
        let request = engine.request(id).await?;
        let path =
            write_archive(&engine, &request, NewFile::create(&self.out, self.force)?).await?;
        terminal.json(&json!({ "request": request, "archive_file": path }));
        let bytes = request.archive_bytes.map(number).unwrap_or_default();
        terminal.say(&format!("Archive: {path} ({bytes} bytes)"));
        Ok(Exit::Done)
    }
}
