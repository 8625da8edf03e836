//! `adieu demo`

mod files;
mod proof;
mod shop;
mod snapshot;

use std::path::{Path, PathBuf};

use adieu::engine::Kind;
use adieu::engine::receipt::Opening;
use adieu::{Engine, Format, Identity, NewRequest, Request, Subject};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::file::NewFile;
use crate::gateway::{ConfigArgument, carry_on};
use crate::outcome::{claims, write_archive};
use crate::report::{listed, preview_table, receipt_table, receipt_unreachable};
use crate::table::number;
use crate::terminal::Terminal;

use shop::Shop;
use snapshot::Snapshot;

/// Make a small shop, export one of its customers, erase her, and prove it
///
/// Everything happens in one folder: a database, a folder of files, the configuration, the archive and the receipt. They
/// stay there to be looked at.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// The folder to use; a new one among the temporary files by default.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Go the whole way once and end. There is no other way yet: this version has no server.
    #[arg(long)]
    once: bool,
}

/// The customer who leaves.
const ADA: &str = "ada.fairweather@example.com";
/// A customer of the same name.
const OTHER_ADA: &str = "ada.fairweather@example.org";

/// What was left behind by the demo, for the proof of it.
struct Left {
    export: Request,
    erasure: Request,
    jws: String,
    opening: Opening,
    before: Snapshot,
    after: Snapshot,
}

/// One thing that must be true in the end.
#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    holds: bool,
}

impl Demo {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let folder = shop::folder(self.dir.as_deref())?;
        let shop = Shop::make(&folder)?;
        let config = ConfigArgument {
            config: folder.join("adieu.toml"),
        };
        let (_, engine) = config.open().await?;
        if !self.once {
            terminal
                .note("This version has no server yet: the demo goes the whole way once and ends.");
        }
        let left = play(&shop, &engine, terminal).await?;
        let checks = proof::prove(&shop, &engine, &left).await?;
        let holds = checks.iter().all(|check| check.holds);
        terminal.say(
            "5  Checked in the database, the folder, the archive and the receipt themselves\n",
        );
        for check in &checks {
            terminal.say(&format!(
                "  {} {}",
                if check.holds { "✓" } else { "✗ NOT TRUE:" },
                check.what
            ));
        }
        terminal.say(&ending(&folder));
        terminal.json(&json!({
            "folder": folder,
            "export": left.export,
            "erasure": left.erasure,
            "receipt": claims(&engine, &left.jws)?,
            "opening": left.opening.to_string(),
            "checks": checks,
        }));
        if !holds {
            terminal.complain("the end state is not right");
        }
        Ok(if holds { Exit::Done } else { Exit::Failed })
    }
}

/// Export, preview, erasure: what the commands of the same names do.
async fn play(shop: &Shop, engine: &Engine, terminal: &Terminal) -> Result<Left, Failure> {
    let identity =
        Identity::new("email", ADA).map_err(|error| Failure::Fault(error.to_string()))?;
    let subject = Subject::new([identity]);
    let before = shop.snapshot()?;
    terminal.say(&format!(
        "1  The shop\n\n  {} rows in {} tables, {} files. Ada Fairweather wants to leave; a namesake and her brother stay.\n",
        before.rows(),
        before.tables(),
        before.files()
    ));
    let export = export(shop, engine, &subject, terminal).await?;
    let preview = engine.preview(&subject).await?;
    terminal.say("3  What an erasure would do: adieu preview\n");
    terminal.say(&preview_table(&preview).to_string());
    let (erasure, jws, opening) = erase(shop, engine, &subject, terminal).await?;
    Ok(Left {
        export,
        erasure,
        jws,
        opening,
        before,
        after: shop.snapshot()?,
    })
}

async fn export(
    shop: &Shop,
    engine: &Engine,
    subject: &Subject,
    terminal: &Terminal,
) -> Result<Request, Failure> {
    let (request, _) = engine
        .submit(NewRequest::export(subject.clone(), Format::Zip))
        .await?;
    let request = carry_on(engine, request.id, terminal).await?;
    must_be_complete(&request)?;
    let receipt = claims(engine, &engine.receipt(request.id).await?)?;
    terminal.say("2  Take your data with you: adieu export\n");
    terminal.say(&receipt_table(&receipt).to_string());
    write_archive(
        engine,
        &request,
        NewFile::create(&shop.path("archive.zip"), true)?,
    )
    .await?;
    let bytes = request.archive_bytes.map(number).unwrap_or_default();
    terminal.say(&format!(
        "  archive.zip, {bytes} bytes: CSV, JSON, the files, and a page to look at (index.html)\n"
    ));
    Ok(request)
}

async fn erase(
    shop: &Shop,
    engine: &Engine,
    subject: &Subject,
    terminal: &Terminal,
) -> Result<(Request, String, Opening), Failure> {
    let (request, _) = engine.submit(NewRequest::erasure(subject.clone())).await?;
    let request = carry_on(engine, request.id, terminal).await?;
    must_be_complete(&request)?;
    let jws = engine.receipt(request.id).await?;
    let receipt = claims(engine, &jws)?;
    terminal.say("4  Be forgotten: adieu erase --yes\n");
    terminal.say(&receipt_table(&receipt).to_string());
    let unreachable = listed(
        "  Out of reach, as the systems themselves say:",
        &receipt_unreachable(&receipt),
    );
    terminal.say(unreachable.trim_start_matches('\n'));
    let opening = engine.opening(request.id).await?;
    let opening =
        opening.ok_or_else(|| Failure::Fault("the receipt cannot be opened".to_owned()))?;
    write(shop, "receipt.jws", &jws)?;
    write(shop, "receipt.opening", &opening.to_string())?;
    write(shop, "jwks.json", &format!("{:#}", engine.jwks()))?;
    engine.forget(request.id).await?;
    Ok((request, jws, opening))
}

fn write(shop: &Shop, name: &str, text: &str) -> Result<(), Failure> {
    NewFile::create(&shop.path(name), true)?.fill(&mut format!("{text}\n").as_bytes())
}

fn must_be_complete(request: &Request) -> Result<(), Failure> {
    if request.status == adieu::Status::Completed {
        return Ok(());
    }
    let noun = match request.kind {
        Kind::Export => "the export",
        Kind::Erasure => "the erasure",
    };
    let exceptions: Vec<String> = request.exceptions.iter().map(ToString::to_string).collect();
    let status = request.status.as_str();
    Err(Failure::Fault(format!(
        "{noun} ended as {status}: {}",
        exceptions.join("; ")
    )))
}

fn ending(folder: &Path) -> String {
    let here = folder.display();
    let program = std::env::current_exe().unwrap_or_else(|_| "adieu".into());
    let program = program.display();
    format!(
        "
Everything is in {here}:
  archive.zip      what Ada takes with her; unzip it and open index.html
  receipt.jws      what was done, signed; it names nobody
  receipt.opening  what proves whom the receipt is about: hers to keep
  jwks.json        the keys to verify it with
  adieu.toml       the configuration, with comments
  shop.db uploads  the shop as it is now

Go on from here:
  cd {here} && alias adieu={program}
  adieu receipt verify receipt.jws --jwks jwks.json --subject email={ADA} --opening $(cat receipt.opening)
  adieu export --subject email=bob.mercer@example.com --out bob.zip
  adieu erase --subject email=alan.fairweather@example.com     # blocked: he has not paid yet
  adieu check"
    )
}
