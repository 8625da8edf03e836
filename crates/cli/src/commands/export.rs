//! `adieu export`

use std::path::PathBuf;

use adieu::engine::Kind;
use adieu::{Format, NewRequest};
use clap::{Args, ValueEnum};

use crate::direct;
use crate::exit::{Exit, Failure};
use crate::file::NewFile;
use crate::gateway::{ConfigArgument, Interrupt, carry_on};
use crate::outcome::{Delivery, conclude};
use crate::subject::SubjectArguments;
use crate::terminal::Terminal;

/// Export everything about one person into an archive
///
/// An export of the same person that was not finished is taken up instead of beginning a second one.
#[derive(Args, Debug)]
pub(crate) struct Export {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    subject: SubjectArguments,
    /// The archive to write.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// In which form.
    #[arg(long, value_enum, default_value_t = FormatArgument::Zip)]
    format: FormatArgument,
    /// Also write the signed receipt, which states the archive's hash.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Write straight from the systems into the file, and keep nothing: faster for large files, and not taken up again when it breaks off.
    #[arg(long, conflicts_with = "receipt")]
    direct: bool,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
}

/// The form of an archive, as it is written on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatArgument {
    /// Everything: CSV, JSON, files, a page to look at, a machine-readable description.
    Zip,
    /// One JSON document.
    Json,
    /// A ZIP of CSV files and their description.
    Csv,
}

impl Export {
    pub(crate) async fn run(self, terminal: &Terminal) -> Result<Exit, Failure> {
        let subject = self.subject.subject()?;
        let (_, engine) = self.config.open().await?;
        let archive = NewFile::create(&self.out, self.force)?;
        let format = match self.format {
            FormatArgument::Zip => Format::Zip,
            FormatArgument::Json => Format::Json,
            FormatArgument::Csv => Format::Csv,
        };
        if self.direct {
            return direct::export(&engine, terminal, subject, format, archive).await;
        }
        let receipt = self
            .receipt
            .map(|path| NewFile::create(&path, self.force))
            .transpose()?;
        let mut interrupt = Interrupt::listen()?;
        let unfinished = engine.unfinished(Kind::Export, &subject).await?;
        let unfinished = unfinished.filter(|request| request.format == format);
        let taken_up = unfinished.is_some();
        let request = match unfinished {
            Some(request) => {
                terminal.note(&format!("Taking up the unfinished export {}.", request.id));
                request
            }
            None => {
                let new = NewRequest::export(subject, format).approved();
                engine.submit(new).await?.0
            }
        };
        let request = carry_on(&engine, request.id, &mut interrupt, terminal).await?;
        let delivery = Delivery {
            archive: Some(archive),
            receipt,
            taken_up,
        };
        conclude(&engine, terminal, request, delivery).await
    }
}
