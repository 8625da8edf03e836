//! What can go wrong with a spool or an archive.

use std::io;

use adieu_core::{ConnectorError, ErrorKind, Retry};

/// A failure of the spool, of the archive that is made of it, or of where it is written to.
///
/// It names what was being done and the operating system's code, never a name, a value or a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Reading or writing storage failed; it may succeed later.
    #[error("{doing} failed: {kind}")]
    Storage {
        /// What was being done.
        doing: &'static str,
        /// The operating system's answer.
        kind: io::ErrorKind,
    },
    /// What was committed is not there any more, or was changed. The export has to begin anew with a new spool.
    #[error("the archive's storage is damaged: {0}")]
    Damaged(&'static str),
    /// The key is not one, or not the one of this archive.
    #[error("the archive's key does not fit")]
    Key,
    /// What was asked for makes no sense; a fault of the caller.
    #[error("{0}")]
    Misused(&'static str),
    /// Where archives are kept did not do what it should.
    #[error("the place for archives: {0}")]
    Vault(#[from] ConnectorError),
    /// The work was stopped before it was done.
    #[error("stopped before the archive was complete")]
    Stopped,
}

impl ArchiveError {
    /// Turns an error of the operating system into ours, for a call that was doing this.
    pub(crate) fn storage(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |error| Self::from_io(doing, &error)
    }

    /// The same; one of ours that travelled inside an [`io::Error`] comes out as it was.
    pub(crate) fn from_io(doing: &'static str, error: &io::Error) -> Self {
        match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
        {
            Some(ours) => ours.clone(),
            None => Self::Storage {
                doing,
                kind: error.kind(),
            },
        }
    }
}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Storage { kind, .. } => Self::new(kind, error),
            ArchiveError::Damaged(_) => Self::new(io::ErrorKind::InvalidData, error),
            _ => Self::other(error),
        }
    }
}

impl From<ArchiveError> for ConnectorError {
    fn from(error: ArchiveError) -> Self {
        let retry = match error {
            ArchiveError::Vault(error) => return error,
            ArchiveError::Storage { .. } | ArchiveError::Stopped => Retry::WithBackoff,
            ArchiveError::Damaged(_) | ArchiveError::Key | ArchiveError::Misused(_) => Retry::Never,
        };
        Self::new(ErrorKind::Internal, error.to_string()).retry(retry)
    }
}
