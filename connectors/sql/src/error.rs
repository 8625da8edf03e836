//! Errors of the mapping. Those of a database are classified in its dialect.

use adieu_core::{ConnectorError, ErrorKind};

/// The mapping does not fit the database.
pub(crate) fn misfit(problems: &[String]) -> ConnectorError {
    ConnectorError::new(ErrorKind::Config, problems.join("; "))
}
