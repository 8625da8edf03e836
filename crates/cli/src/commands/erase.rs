//! `adieu erase`

use std::path::PathBuf;

use adieu::NewRequest;
use adieu::engine::Kind;
use clap::Args;

use super::preview;
use crate::exit::{Exit, Failure};
use crate::file::NewFile;
use crate::gateway::{ConfigArgument, Interrupt, carry_on};
use crate::outcome::{Delivery, conclude};
use crate::subject::SubjectArguments;
use crate::terminal::Terminal;

/// Erase everything about one person, and prove it
///
/// Without --yes it only shows what would be done. An erasure of the same person that was not finished is taken up instead
/// of beginning a second one.
#[derive(Args, Debug)]
pub(crate) struct Erase {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    subject: SubjectArguments,
    /// Really do it. It cannot be undone.
    #[arg(long)]
    yes: bool,
    /// Where to write the signed receipt.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// How many days it can still be cancelled before it begins; by default what the configuration says, else none.
    #[arg(long, value_name = "DAYS")]
    grace_days: Option<u16>,
    /// Replace a receipt that is there.
    #[arg(long)]
    force: bool,
}

impl Erase {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let subject = self.subject.subject()?;
        let (config, engine) = self.config.open().await?;
        if !self.yes {
            preview::show(&engine, &subject, terminal).await?;
            terminal.note(
                "\nNothing was erased. Say --yes to erase, and --receipt FILE to keep the proof.",
            );
            return Ok(Exit::Blocked);
        }
        let receipt = self
            .receipt
            .map(|path| NewFile::create(&path, self.force))
            .transpose()?;
        let mut interrupt = Interrupt::listen()?;
        let unfinished = engine.unfinished(Kind::Erasure, &subject).await?;
        let taken_up = unfinished.is_some();
        let request = match unfinished {
            Some(request) => {
                terminal.note(&format!("Taking up the unfinished erasure {}.", request.id));
                request
            }
            None => {
                let grace_days = self.grace_days.unwrap_or(config.requests.grace_days);
                engine
                    .submit(
                        NewRequest::erasure(subject)
                            .after_days(grace_days)
                            .approved(),
                    )
                    .await?
                    .0
            }
        };
        let request = carry_on(&engine, request.id, &mut interrupt, terminal).await?;
        let delivery = Delivery {
            archive: None,
            receipt,
            taken_up,
        };
        conclude(&engine, terminal, request, delivery).await
    }
}
