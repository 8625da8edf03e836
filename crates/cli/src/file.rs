//! Files that a command writes: whole or not at all.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use crate::exit::Failure;

/// A file that appears under its name when it is whole.
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    unfinished: PathBuf,
    file: Option<File>,
    force: bool,
}

impl NewFile {
    /// Begins a file, before the work that fills it: a folder that is missing or a file that is in the way is found early.
    pub(crate) fn create(path: &Path, force: bool) -> Result<Self, Failure> {
        let shown = path.display();
        if path.is_dir() {
            return Err(Failure::Usage(format!("{shown} is a folder; name a file")));
        }
        if !force && path.symlink_metadata().is_ok() {
            return Err(Failure::Usage(format!(
                "{shown} is there already; name another file, or add --force"
            )));
        }
        let mut name = OsString::from(".");
        name.push(
            path.file_name()
                .ok_or_else(|| Failure::Usage(format!("{shown} names no file")))?,
        );
        name.push(".unfinished");
        let unfinished = path.with_file_name(name);
        // What a killed run has left.
        let _ = std::fs::remove_file(&unfinished);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&unfinished).map_err(|error| {
            Failure::Usage(format!("{shown} cannot be written ({})", error.kind()))
        })?;
        Ok(Self {
            path: path.to_owned(),
            unfinished,
            file: Some(file),
            force,
        })
    }

    /// Fills the file and makes it appear.
    pub(crate) fn fill(mut self, content: &mut (impl Read + Send)) -> Result<(), Failure> {
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let failed = |error: std::io::Error| {
            Failure::Fault(format!(
                "{} could not be written ({})",
                self.path.display(),
                error.kind()
            ))
        };
        write_and_sync(&mut file, content).map_err(failed)?;
        if !self.force && self.path.symlink_metadata().is_ok() {
            return Err(Failure::Usage(format!(
                "{} has appeared meanwhile",
                self.path.display()
            )));
        }
        std::fs::rename(&self.unfinished, &self.path).map_err(failed)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After `fill` there is nothing of this name.
        let _ = std::fs::remove_file(&self.unfinished);
    }
}

/// How much is written before the disk is asked to take it.
const SYNC_BYTES: usize = 32 << 20;
/// How much is read at a time, and how many such pieces may wait to be written.
const PIECE_BYTES: u64 = 256 << 10;
const WAITING: usize = 4;

/// Writes the content while more of it is read, and has the disk take what is written while more comes, so that the end does not
/// wait for all of it.
fn write_and_sync(file: &mut File, content: &mut (impl Read + Send)) -> std::io::Result<()> {
    let written = file.try_clone()?;
    let (more, turns) = mpsc::sync_channel::<()>(1);
    let (pieces, read) = mpsc::sync_channel(WAITING);
    std::thread::scope(|threads| {
        // A failure is told once for a file, so what is told here must not be lost.
        let syncing =
            threads.spawn(move || turns.into_iter().try_for_each(|()| written.sync_data()));
        threads.spawn(move || read_ahead(content, &pieces));
        // Dropped also when something fails: then the other threads end.
        let (more, read) = (more, read);
        let mut unsynced = 0;
        for piece in read {
            let piece = piece?;
            file.write_all(&piece)?;
            unsynced += piece.len();
            if unsynced >= SYNC_BYTES {
                unsynced = 0;
                // When the disk is behind, it takes more at its next turn.
                let _ = more.try_send(());
            }
        }
        drop(more);
        syncing
            .join()
            .map_err(|_| std::io::Error::other("the disk was not waited for"))??;
        file.flush()?;
        file.sync_all()
    })
}

/// Reads to the end, or to what went wrong, or until nobody takes it any more.
fn read_ahead(content: &mut impl Read, pieces: &mpsc::SyncSender<std::io::Result<Vec<u8>>>) {
    loop {
        let mut piece = Vec::new();
        let read = content.by_ref().take(PIECE_BYTES).read_to_end(&mut piece);
        let (is_end, piece) = match read {
            Ok(bytes) => (bytes == 0, Ok(piece)),
            Err(error) => (true, Err(error)),
        };
        if pieces.send(piece).is_err() || is_end {
            return;
        }
    }
}

/// Reads a text file that the command line names.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!(
            "{} cannot be read ({})",
            path.display(),
            error.kind()
        ))
    })
}
