//! From the errors of MariaDB and MySQL to ours. Their messages are left out: they may quote a row.

use adieu_core::{ConnectorError, Effect, ErrorKind};
use sqlx::Error;
use sqlx::mysql::MySqlDatabaseError;

/// Classifies an error of a statement by its number alone: <https://mariadb.com/kb/en/mariadb-error-codes/>,
/// <https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>.
pub(super) fn classified(error: &Error) -> ConnectorError {
    match error {
        Error::Database(_) => of_number(number(error)),
        Error::Io(_) => {
            let what = "the database cannot be reached, or the connection to it broke";
            ConnectorError::new(ErrorKind::Unavailable, what)
        }
        Error::Tls(_) => {
            let what = "no TLS connection to the database could be made; see ssl-mode of the URL";
            ConnectorError::new(ErrorKind::Config, what)
        }
        // The driver brings no RSA, by which alone such a password could be sent otherwise.
        Error::Configuration(problem) if problem.to_string().starts_with("RSA") => {
            let what = "MySQL asks for the password itself, which is sent over TLS alone; see ssl-mode of the URL";
            ConnectorError::new(ErrorKind::Config, what)
        }
        Error::Configuration(_) => {
            let what = "the database's URL names a file or an option that cannot be used";
            ConnectorError::new(ErrorKind::Config, what)
        }
        _ => {
            let what = "the database and the connector disagree about a statement";
            ConnectorError::new(ErrorKind::Internal, what)
        }
    }
}

/// Whether another transaction was in the way, so that the same one may succeed at once.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(number(error), 1020 | 1213 | 3101)
}

/// Whether the error is about the rows that the statement worked on.
pub(super) fn refuses_a_row(error: &Error) -> bool {
    matches!(
        number(error),
        // Constraints: not null, unique, foreign keys, check; a trigger's SIGNAL; values that do not fit.
        1048 | 1062
            | 1169
            | 1216
            | 1217
            | 1364
            | 1451
            | 1452
            | 1557
            | 1586
            | 1761
            | 1762
            | 3819
            | 4025
            | 1644
            | 1264
            | 1265
            | 1292
            | 1366
            | 1367
            | 1406
            | 1441
            | 1526
            | 3140
            | 3988
    )
}

fn number(error: &Error) -> u16 {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>())
        .map_or(0, MySqlDatabaseError::number)
}

fn of_number(number: u16) -> ConnectorError {
    let of = |kind, what: &str| ConnectorError::new(kind, format!("{what} (error {number})"));
    match number {
        1020 | 1213 | 3101 => of(ErrorKind::Unavailable, "another transaction was in the way"),
        1205 => of(ErrorKind::Unavailable, "the rows are locked by another"),
        1317 | 1907 | 1969 | 3024 => of(ErrorKind::Unavailable, "the statement was interrupted"),
        1053 | 1077 | 1079 | 1158..=1161 | 1184 | 1927 | 4031 => {
            of(ErrorKind::Unavailable, "the database ended the connection").effect(Effect::Unknown)
        }
        1021 | 1037 | 1038 | 1040 | 1041 | 1114 | 1129 | 1203 | 1226 => {
            of(ErrorKind::Unavailable, "the database lacks resources")
        }
        1045 | 1698 | 1820 | 1862 | 3118 | 4151 => of(
            ErrorKind::Unauthorized,
            "the database refuses the credentials",
        ),
        1036 | 1044 | 1095 | 1142 | 1143 | 1227 | 1290 | 1370 | 1792 | 1836 => {
            of(ErrorKind::Forbidden, "the database user may not do this")
        }
        1049 => of(ErrorKind::Config, "there is no such database"),
        1052 | 1054 | 1060 | 1064 | 1066 | 1091 | 1109 | 1128 | 1146 | 1235 | 1241 | 1305
        | 1582 => of(
            ErrorKind::Config,
            "the database does not understand a statement of the mapping",
        ),
        3157 => of(
            ErrorKind::Protocol,
            "a text of JSON is nested more deeply than the database reads",
        ),
        1264 | 1265 | 1292 | 1366 | 1367 | 1411 | 1525 | 3140 | 3141 | 3988 => of(
            ErrorKind::Protocol,
            "a value is not of the form that its type asks for",
        ),
        1048 | 1062 | 1216 | 1217 | 1364 | 1406 | 1451 | 1452 | 1644 | 3819 | 4025 => {
            of(ErrorKind::Config, "the database refuses a row")
        }
        _ => of(ErrorKind::Internal, "the database failed"),
    }
}
