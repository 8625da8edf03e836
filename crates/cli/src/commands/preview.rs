//! `adieu preview`

use adieu::Engine;
use adieu::core::Subject;
use clap::Args;

use crate::exit::{Exit, Failure};
use crate::gateway::ConfigArgument;
use crate::report::{listed, preview_table, preview_unreachable};
use crate::subject::SubjectArguments;
use crate::terminal::Terminal;

/// Show what is held about one person and what an erasure would do
///
/// Changes nothing, and nothing of it is kept.
#[derive(Args, Debug)]
pub(crate) struct Preview {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    subject: SubjectArguments,
}

impl Preview {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let subject = self.subject.subject()?;
        let (_, engine) = self.config.open().await?;
        show(&engine, &subject, terminal).await
    }
}

/// Shows what an erasure would do; says whether it could.
pub(crate) async fn show(
    engine: &Engine,
    subject: &Subject,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let preview = engine.preview(subject).await?;
    terminal.json(&preview);
    let blockers = preview
        .blockers
        .iter()
        .map(|one| format!("{}: {}", one.code, one.advice));
    let mut text = preview_table(&preview).to_string();
    text.push_str(&listed(
        "In the way of an erasure:",
        &blockers.collect::<Vec<_>>(),
    ));
    text.push_str(&listed(
        "Out of reach, as the systems themselves say:",
        &preview_unreachable(&preview),
    ));
    if !preview.complete {
        text.push_str("\nNot everything could be counted, so an erasure would not begin now.\n");
    }
    terminal.say(text.trim_end());
    Ok(match (preview.blockers.is_empty(), preview.complete) {
        (false, _) => Exit::Blocked,
        (true, false) => Exit::Exceptions,
        (true, true) => Exit::Done,
    })
}
