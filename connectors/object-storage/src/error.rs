//! From the file system's errors to those of the contract.

use std::io;

use adieu_core::{ConnectorError, ErrorKind};

/// Classifies an error of the file system. Its own text is left out: it may name a path.
pub(crate) fn from_io(doing: &'static str, error: &io::Error) -> ConnectorError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Forbidden,
        io::ErrorKind::TimedOut => ErrorKind::TimedOut,
        io::ErrorKind::Unsupported => ErrorKind::Unsupported,
        _ => ErrorKind::Unavailable,
    };
    let what = match error.raw_os_error() {
        Some(code) => format!("{doing} failed (OS error {code})"),
        None => format!("{doing} failed"),
    };
    ConnectorError::new(kind, what)
}

/// Whether an error says that there is nothing of this name.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}

/// A thread that works on the files was lost.
pub(crate) fn lost() -> ConnectorError {
    ConnectorError::new(ErrorKind::Internal, "the work on the folder was broken off")
}
