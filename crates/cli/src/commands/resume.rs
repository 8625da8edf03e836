//! `adieu resume`

use std::path::PathBuf;

use adieu::{Engine, RequestId, Status};
use clap::Args;

use crate::exit::{Exit, Failure};
use crate::file::NewFile;
use crate::gateway::{ConfigArgument, Interrupt, carry_on};
use crate::outcome::{Delivery, conclude};
use crate::terminal::Terminal;

/// Go on with a request that was interrupted or ended with exceptions
///
/// Without an id: everything that was interrupted or has become due. A request that ended with exceptions, failed or was
/// blocked is only taken up by its id.
#[derive(Args, Debug)]
pub(crate) struct Resume {
    #[command(flatten)]
    config: ConfigArgument,
    /// The request, as `adieu requests` shows it.
    id: Option<String>,
    /// Where to write the archive of an export.
    #[arg(long, short, value_name = "FILE", requires = "id")]
    out: Option<PathBuf>,
    /// Where to write the signed receipt.
    #[arg(long, value_name = "FILE", requires = "id")]
    receipt: Option<PathBuf>,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
}

impl Resume {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let (_, engine) = self.config.open().await?;
        let Some(id) = &self.id else {
            return all(&engine, terminal).await;
        };
        let id: RequestId = id.parse()?;
        let mut request = engine.request(id).await?;
        let archive = self
            .out
            .map(|path| NewFile::create(&path, self.force))
            .transpose()?;
        let receipt = self
            .receipt
            .map(|path| NewFile::create(&path, self.force))
            .transpose()?;
        let mut interrupt = Interrupt::listen()?;
        if request.status.is_resumable() {
            request = engine.resume(id).await?;
        }
        if !request.status.is_final() {
            request = carry_on(&engine, id, &mut interrupt, terminal).await?;
        }
        let delivery = Delivery {
            archive,
            receipt,
            taken_up: true,
        };
        conclude(&engine, terminal, request, delivery).await
    }
}

/// How many requests are taken up in one run.
const AT_ONCE: u32 = 1_000;

async fn all(engine: &Engine, terminal: &Terminal) -> Result<Exit, Failure> {
    let expired = engine.expire().await?;
    let mut interrupt = Interrupt::listen()?;
    let mut worst = Exit::Done;
    let mut requests = Vec::new();
    for id in engine.due(AT_ONCE).await? {
        let request = carry_on(engine, id, &mut interrupt, terminal).await?;
        terminal.say(&format!(
            "{} {id}: {}",
            request.kind.as_str(),
            request.status.as_str().replace('_', " ")
        ));
        worst = worst.max(Exit::of(request.status));
        requests.push(request);
    }
    terminal.json(&requests);
    if requests.is_empty() {
        terminal.say("Nothing was interrupted, and nothing is due.");
    } else {
        terminal.say(
            "\nArchives and receipts are written with: adieu resume ID --out FILE --receipt FILE",
        );
    }
    if expired > 0 {
        terminal.note(&format!(
            "{expired} archives had passed their time and were deleted."
        ));
    }
    let newest = engine.requests(AT_ONCE).await?;
    let waiting = newest
        .iter()
        .filter(|one| one.status.is_resumable())
        .count();
    if waiting > 0 {
        terminal.note(&format!(
            "{waiting} requests ended with exceptions, failed or were blocked; `adieu requests` lists them."
        ));
    }
    let scheduled = newest
        .iter()
        .filter(|one| one.status == Status::Scheduled)
        .count();
    if scheduled > 0 {
        terminal.note(&format!(
            "{scheduled} erasures wait for the end of their grace period."
        ));
    }
    Ok(worst)
}
