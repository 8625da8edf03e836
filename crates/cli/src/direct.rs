//! An export straight from the systems into a file: nothing of it is kept anywhere else.

use std::io::{self, Read};
use std::time::Duration;

use adieu::engine::{DirectExport, ExportBrokeOff};
use adieu::{Engine, Format, RequestId, Subject};
use bytes::Bytes;
use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::exit::{Exit, Failure};
use crate::file::NewFile;
use crate::gateway::Interrupt;
use crate::table::number;
use crate::terminal::Terminal;

/// How long the file may take nothing before the systems are let go.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is told of it.
#[derive(Debug, Serialize)]
struct Document {
    export: RequestId,
    archive_file: String,
    archive_bytes: u64,
    /// How many systems and collections could not be gone through.
    exceptions: usize,
}

/// Fills the file. What breaks off leaves nothing behind.
pub(crate) async fn export(
    engine: &Engine,
    terminal: &Terminal,
    subject: Subject,
    format: Format,
    file: NewFile,
) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen()?;
    let export = engine.export_directly(subject, format, PATIENCE).await?;
    let id = export.id();
    let archive_file = file.path().display().to_string();
    let progress = terminal.is_watched().then(progress);
    let (stop, stopped) = oneshot::channel();
    let mut pieces = Pieces {
        export,
        stopped,
        runtime: Handle::current(),
        piece: Bytes::new(),
        bytes: 0,
        is_broken: false,
        progress: progress.clone(),
    };
    let mut filling = tokio::task::spawn_blocking(move || {
        let filled = file.fill(&mut pieces);
        (pieces, filled)
    });
    let (filled, interrupted) = tokio::select! {
        filled = &mut filling => (filled, false),
        () = interrupt.comes() => {
            drop(stop);
            (filling.await, true)
        }
    };
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    let (pieces, filled) =
        filled.map_err(|_| Failure::Fault("the archive could not be written".to_owned()))?;
    match filled {
        Err(_) if interrupted => return Err(Failure::BrokenOff),
        Err(_) if pieces.is_broken => {
            let what = "the export broke off, and nothing is left of it; ADIEU_LOG=info says why";
            return Err(Failure::Fault(what.to_owned()));
        }
        filled => filled?,
    }
    let document = Document {
        export: id,
        archive_file,
        archive_bytes: pieces.bytes,
        exceptions: pieces.export.exceptions().unwrap_or_default(),
    };
    terminal.json(&document);
    terminal.say(&tell(&document));
    Ok(match document.exceptions {
        0 => Exit::Done,
        _ => Exit::Exceptions,
    })
}

fn tell(document: &Document) -> String {
    let bytes = number(document.archive_bytes);
    let archive = format!("Archive: {} ({bytes} bytes)", document.archive_file);
    match document.exceptions {
        0 => format!("Export {} is complete.\n\n{archive}", document.export),
        some => format!(
            "Export {} is not whole: {some} systems or collections could not be gone through. The archive says which and \
             why.\n\n{archive}\n\nWithout --direct they are tried again, also later.",
            document.export
        ),
    }
}

fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {bytes} written, {bytes_per_sec}, {elapsed}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// The export as a file is read, on a thread that may wait.
struct Pieces {
    export: DirectExport,
    /// Ends when a person interrupts.
    stopped: oneshot::Receiver<()>,
    runtime: Handle,
    piece: Bytes,
    bytes: u64,
    is_broken: bool,
    progress: Option<ProgressBar>,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let (export, stopped) = (&mut self.export, &mut self.stopped);
            let piece = self.runtime.block_on(async move {
                tokio::select! {
                    piece = export.next() => piece,
                    _ = stopped => Some(Err(ExportBrokeOff)),
                }
            });
            match piece {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(broken)) => {
                    self.is_broken = true;
                    return Err(io::Error::other(broken));
                }
                None => return Ok(0),
            }
        }
        let taken = self.piece.split_to(self.piece.len().min(buffer.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        self.bytes += taken.len() as u64;
        if let Some(progress) = &self.progress {
            progress.set_position(self.bytes);
        }
        Ok(taken.len())
    }
}
