//! Files that a command writes: whole or not at all.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use adieu::archive::SyncedFile;

use crate::exit::Failure;

/// A file that appears under its name when it is whole.
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    unfinished: PathBuf,
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
        options.open(&unfinished).map_err(|error| {
            Failure::Usage(format!("{shown} cannot be written ({})", error.kind()))
        })?;
        Ok(Self {
            path: path.to_owned(),
            unfinished,
            force,
        })
    }

    /// Fills the file and makes it appear.
    pub(crate) fn fill(self, content: &mut (impl Read + Send)) -> Result<(), Failure> {
        self.fill_side_by_side(vec![(0, content)])
    }

    /// Fills the file with what several read at once, each of them from an offset on, and makes it appear.
    pub(crate) fn fill_side_by_side(
        self,
        parts: Vec<(u64, impl Read + Send)>,
    ) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::Fault(format!(
                "{} could not be written ({})",
                self.path.display(),
                error.kind()
            ))
        };
        let unfinished = &self.unfinished;
        let written = std::thread::scope(|threads| {
            let write =
                |(offset, part)| threads.spawn(move || write_part(unfinished, offset, part));
            let writing: Vec<_> = parts.into_iter().map(write).collect();
            let stopped = |_| std::io::Error::other("a thread stopped");
            let ended = writing
                .into_iter()
                .map(|part| part.join().map_err(stopped)?);
            ended.collect::<Result<Vec<()>, _>>()
        });
        written.map_err(failed)?;
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

/// How much is read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// Writes what is read to a file that is there, from an offset on.
fn write_part(path: &Path, offset: u64, mut part: impl Read) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut file = SyncedFile::new(file);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match part.read(&mut piece) {
            Ok(0) => return file.sync_all(),
            Ok(bytes) => file.write_all(&piece[..bytes])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
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
