//! Putting an archive together from what lies in the spool.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::ArchiveError;
use crate::format::Format;
use crate::spool::Spool;

mod contents;
mod datapackage;
mod direct;
mod document;
mod index;
mod json;
mod outlet;
mod part;
mod pieces;
mod table_schema;
mod text;
mod words;
mod zip;

pub use contents::{CollectionContents, ConnectorContents, Contents, Missing, MissingReason};
pub use direct::{Direct, DirectPage, Outflow};

use outlet::Outlet;

/// A complete archive.
#[derive(Debug)]
#[non_exhaustive]
pub struct Assembled<W> {
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Where it was written to.
    pub out: W,
}

/// Says that an archive is not wanted any more, or went wrong: nothing of it is written from then on.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn when_dropped(self) -> StopWhenDropped {
        StopWhenDropped(self)
    }

    fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn check(&self) -> Result<(), ArchiveError> {
        if self.is_now() {
            Err(ArchiveError::Stopped)
        } else {
            Ok(())
        }
    }
}

pub(crate) struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.now();
    }
}

pub(crate) fn run<W: Write>(
    spool: &Spool,
    contents: &Contents,
    out: W,
    stop: &Stop,
) -> Result<Assembled<W>, ArchiveError> {
    let parts = part::parts(spool, contents)?;
    let outlet = Outlet::new(out, stop.clone());
    match spool.format() {
        Format::Zip | Format::Csv => zip::write(spool, contents, &parts, outlet, stop),
        Format::Json => json::write(contents, &parts, outlet, stop),
    }
}
