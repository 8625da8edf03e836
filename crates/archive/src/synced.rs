//! A file that goes to the disk while it is written.

use std::fs::File;
use std::io::{self, Write};
use std::thread::{self, JoinHandle};

/// How much is written before the disk is asked to take it.
const SYNC_BYTES: u64 = 8 << 20;

/// A file of which the disk takes what is written while more comes, on another thread, so that the end does not wait for all of it.
#[derive(Debug)]
pub struct SyncedFile {
    file: File,
    /// How much was written since the disk was asked.
    unasked: u64,
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl SyncedFile {
    /// Writes to this file, from where it stands.
    pub fn new(file: File) -> Self {
        Self {
            file,
            unasked: 0,
            syncing: None,
        }
    }

    /// The file itself.
    pub fn get_ref(&self) -> &File {
        &self.file
    }

    /// Waits until everything that was written survives a loss of power.
    ///
    /// # Errors
    /// When any of it does not.
    pub fn sync_all(&mut self) -> io::Result<()> {
        self.unasked = 0;
        self.wait()?;
        self.file.sync_all()
    }

    /// Has the disk take what was written so far. While it is still at work it takes more at its next turn; where no thread can be
    /// had, the end waits for all of it.
    fn ask(&mut self) -> io::Result<()> {
        let is_at_work = |syncing: &JoinHandle<_>| !syncing.is_finished();
        if self.syncing.as_ref().is_some_and(is_at_work) {
            return Ok(());
        }
        self.wait()?;
        self.unasked = 0;
        let thread = thread::Builder::new().name("adieu-sync".to_owned());
        let file = self.file.try_clone();
        self.syncing = file
            .and_then(|file| thread.spawn(move || file.sync_data()))
            .ok();
        Ok(())
    }

    /// A failure is told once for a file, so what a thread was told must not be lost.
    fn wait(&mut self) -> io::Result<()> {
        let failed = |_| io::Error::other("the disk was not waited for");
        match self.syncing.take() {
            Some(syncing) => syncing.join().map_err(failed)?,
            None => Ok(()),
        }
    }
}

impl Write for SyncedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unasked >= SYNC_BYTES {
            self.ask()?;
        }
        let written = self.file.write(bytes)?;
        self.unasked += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_in_order_while_the_disk_takes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = SyncedFile::new(File::create(&path).unwrap());
        let pieces = (0..50_u8).map(|number| vec![number; 1 << 20]);
        for piece in pieces.clone() {
            file.write_all(&piece).unwrap();
        }
        assert!(file.syncing.is_some());
        file.sync_all().unwrap();
        assert!(file.syncing.is_none());
        assert!(std::fs::read(&path).unwrap() == pieces.collect::<Vec<_>>().concat());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_disk_refuses_is_told_however_late() {
        // Nothing that is written there can be synced.
        let null = || File::options().write(true).open("/dev/null").unwrap();
        let piece = vec![0; 1 << 20];
        let mut file = SyncedFile::new(null());
        while file.syncing.is_none() {
            file.write_all(&piece).unwrap();
        }
        assert!(file.wait().is_err());
        let mut file = SyncedFile::new(null());
        while file.write_all(&piece).is_ok() {}
        assert!(file.sync_all().is_err());
    }
}
