//! From SQLite's errors to ours. Its messages are left out: they may quote a row.

use adieu_core::{ConnectorError, Effect, ErrorKind, Retry};
use rusqlite::{Error, ErrorCode};

/// Classifies an error of a statement, by its code alone.
pub(super) fn classified(error: &Error) -> ConnectorError {
    let code = match error {
        Error::SqliteFailure(code, _) | Error::SqlInputError { error: code, .. } => code,
        _ => {
            return ConnectorError::new(
                ErrorKind::Internal,
                "SQLite and the connector disagree about a statement",
            );
        }
    };
    let number = code.extended_code;
    let of = |kind, what: &str| ConnectorError::new(kind, format!("{what} (SQLite {number})"));
    match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            of(ErrorKind::Unavailable, "the database is locked by another")
        }
        ErrorCode::OperationInterrupted => {
            of(ErrorKind::Unavailable, "the statement was interrupted")
        }
        ErrorCode::DiskFull => of(ErrorKind::Unavailable, "the disk is full"),
        ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed => of(
            ErrorKind::Unavailable,
            "the database file could not be read or written",
        )
        .effect(Effect::Unknown),
        ErrorCode::OutOfMemory => of(ErrorKind::Unavailable, "there was not enough memory"),
        ErrorCode::SchemaChanged => of(ErrorKind::Unavailable, "the schema changed meanwhile"),
        ErrorCode::CannotOpen => of(ErrorKind::Config, "the database file cannot be opened"),
        ErrorCode::NotADatabase => of(ErrorKind::Config, "the file is not an SQLite database"),
        ErrorCode::ReadOnly => of(ErrorKind::Forbidden, "the database may not be written"),
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
            of(ErrorKind::Forbidden, "the database may not be used")
        }
        ErrorCode::DatabaseCorrupt => of(ErrorKind::Protocol, "the database file is damaged"),
        ErrorCode::ConstraintViolation => {
            of(ErrorKind::Config, "a constraint of the database refuses it")
        }
        ErrorCode::Unknown => of(
            ErrorKind::Config,
            "the database does not understand a statement of the mapping",
        ),
        _ => of(ErrorKind::Internal, "the database failed").retry(Retry::WithBackoff),
    }
}

/// Whether the error is about the one row that the statement worked on.
pub(super) fn refuses_a_row(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch)
    )
}
