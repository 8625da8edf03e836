//! What went wrong in the engine itself; what went wrong in a connector is a [`ConnectorError`].

use std::borrow::Cow;

use adieu_core::ConnectorError;

/// A failure of the engine. Its text says what to do, and never for whom.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// What the operator configured does not fit.
    #[error("{0}")]
    Config(Cow<'static, str>),
    /// There is no such request, or it is not the caller's.
    #[error("there is no such request")]
    NotFound,
    /// The request's state does not allow this.
    #[error("{0}")]
    Conflict(Cow<'static, str>),
    /// Another executor has taken the request over; nothing was written.
    #[error("another executor has taken this request over")]
    Superseded,
    /// The engine's tables could not be read or written.
    #[error("the store: {0}")]
    Store(Cow<'static, str>),
    /// The archive could not be read or written.
    #[error("the archive: {0}")]
    Archive(#[from] adieu_archive::ArchiveError),
    /// A fault of adieu.
    #[error("{0}")]
    Internal(Cow<'static, str>),
}

impl EngineError {
    pub(crate) fn config(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Config(what.into())
    }

    pub(crate) fn internal(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Internal(what.into())
    }

    pub(crate) fn conflict(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Conflict(what.into())
    }
}

/// Only what kind of failure it was and its code pass on: a database's own text may quote a row.
impl From<sqlx::Error> for EngineError {
    fn from(error: sqlx::Error) -> Self {
        let what: Cow<'static, str> = match &error {
            sqlx::Error::Database(database) => match database.code() {
                Some(code) => format!("the database answered with code {code}").into(),
                None => "the database answered with an error".into(),
            },
            sqlx::Error::Io(io) => format!("input or output failed ({})", io.kind()).into(),
            sqlx::Error::PoolTimedOut => "no connection was free in time".into(),
            sqlx::Error::RowNotFound => "a row is missing".into(),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                "a column holds what it should not".into()
            }
            _ => "the database cannot be used".into(),
        };
        Self::Store(what)
    }
}

impl From<std::io::Error> for EngineError {
    fn from(error: std::io::Error) -> Self {
        Self::Store(format!("input or output failed ({})", error.kind()).into())
    }
}

/// Why nothing came of a discovery: at least one connector could not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The connector, by name.
    pub connector: adieu_core::ConnectorName,
    /// The collection, where a single one failed.
    pub collection: Option<adieu_core::CollectionName>,
    /// What it said.
    pub error: ConnectorError,
}
