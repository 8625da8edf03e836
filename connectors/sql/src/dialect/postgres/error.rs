//! From PostgreSQL's errors to ours. Its messages are left out: they may quote a row.

use adieu_core::{ConnectorError, Effect, ErrorKind};
use sqlx::Error;

/// Classifies an error of a statement by its SQLSTATE alone: <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
pub(super) fn classified(error: &Error) -> ConnectorError {
    match error {
        Error::Database(_) => of_state(&state(error)),
        Error::Io(_) => {
            let what = "the database cannot be reached, or the connection to it broke";
            ConnectorError::new(ErrorKind::Unavailable, what)
        }
        Error::Tls(_) => {
            let what = "no TLS connection to the database could be made; see sslmode of the URL";
            ConnectorError::new(ErrorKind::Config, what)
        }
        Error::Configuration(_) => {
            let what = "the database's URL names a file or an option that cannot be used";
            ConnectorError::new(ErrorKind::Config, what)
        }
        _ => {
            let what = "PostgreSQL and the connector disagree about a statement";
            ConnectorError::new(ErrorKind::Internal, what)
        }
    }
}

/// Whether another transaction was in the way, so that the same one may succeed at once.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(state(error).as_str(), "40001" | "40P01")
}

/// Whether the error is about the rows that the statement worked on.
pub(super) fn refuses_a_row(error: &Error) -> bool {
    let state = state(error);
    // Data, integrity constraints, a trigger's RAISE, a view's check option.
    ["22", "23", "27", "44", "P0"].contains(&state.get(..2).unwrap_or_default())
}

fn state(error: &Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    code.unwrap_or_default().into_owned()
}

fn of_state(state: &str) -> ConnectorError {
    let of = |kind, what: &str| ConnectorError::new(kind, format!("{what} (SQLSTATE {state})"));
    match (state.get(..2).unwrap_or_default(), state) {
        (_, "40001" | "40P01") => of(ErrorKind::Unavailable, "another transaction was in the way"),
        (_, "55P03") => of(ErrorKind::Unavailable, "the rows are locked by another"),
        (_, "57014") => of(ErrorKind::Unavailable, "the statement was cancelled"),
        (_, "57P04") => of(ErrorKind::Config, "the database was dropped"),
        ("08" | "57", _) => {
            of(ErrorKind::Unavailable, "the database ended the connection").effect(Effect::Unknown)
        }
        ("53" | "58", _) => of(ErrorKind::Unavailable, "the database lacks resources"),
        (_, "40003") => of(
            ErrorKind::Unavailable,
            "it is not known how a statement ended",
        )
        .effect(Effect::Unknown),
        ("28", _) => of(
            ErrorKind::Unauthorized,
            "the database refuses the credentials",
        ),
        (_, "42501") => of(
            ErrorKind::Forbidden,
            "the database user may not do this, or a row security policy would hide rows from it",
        ),
        (_, "25006") => of(ErrorKind::Forbidden, "the database may not be written"),
        ("3D", _) => of(ErrorKind::Config, "there is no such database"),
        // In a query it can only come from a cursor or from the mapping.
        ("22", _) => of(
            ErrorKind::Protocol,
            "a value is not of the form that its type asks for",
        ),
        ("23" | "27" | "44" | "P0", _) => of(ErrorKind::Config, "the database refuses a row"),
        ("0A", _) => of(ErrorKind::Unsupported, "the database cannot do this"),
        ("3F" | "42", _) => of(
            ErrorKind::Config,
            "the database does not understand a statement of the mapping",
        ),
        _ => of(ErrorKind::Internal, "the database failed"),
    }
}
