//! From D1's answers to our errors: <https://developers.cloudflare.com/d1/observability/debug-d1/>. Its messages are read for
//! the codes in them and left out: they may quote a row.

use adieu_core::{ConnectorError, Effect, ErrorKind};
use adieu_http_client::{Response, Verdict};

use super::api::{Act, Told};

/// A failed call.
pub(super) struct Failure {
    pub(super) error: ConnectorError,
    /// Whether the error is about the rows that a statement worked on. Nothing was changed then.
    pub(super) refuses_a_row: bool,
}

impl From<ConnectorError> for Failure {
    fn from(error: ConnectorError) -> Self {
        Self {
            error,
            refuses_a_row: false,
        }
    }
}

/// What D1 says of its own failures, and what it means. An overloaded database has not begun with a statement.
const PHRASES: &[(&str, ErrorKind, Effect, &str)] = {
    use Effect::{None, Unknown};
    use ErrorKind::{Forbidden, TimedOut, Unavailable};
    &[
        (
            "overloaded",
            Unavailable,
            None,
            "the database is overloaded",
        ),
        (
            "exceeded timeout",
            TimedOut,
            Unknown,
            "a statement took too long",
        ),
        (
            "CPU time limit",
            TimedOut,
            Unknown,
            "a statement took too long",
        ),
        (
            "memory limit",
            Unavailable,
            Unknown,
            "a statement needed too much memory",
        ),
        (
            "to be reset",
            Unavailable,
            Unknown,
            "the database was reset",
        ),
        ("was reset", Unavailable, Unknown, "the database was reset"),
        (
            "code was updated",
            Unavailable,
            Unknown,
            "the database was reset",
        ),
        (
            "connection lost",
            Unavailable,
            Unknown,
            "the database was lost sight of",
        ),
        (
            "transient issue",
            Unavailable,
            Unknown,
            "the database was lost sight of",
        ),
        (
            "client disconnected",
            Unavailable,
            Unknown,
            "the database was lost sight of",
        ),
        (
            "storage limit",
            Forbidden,
            None,
            "the account's storage is full",
        ),
        (
            "internal error",
            Unavailable,
            Unknown,
            "the database failed",
        ),
    ]
};

/// Classifies an answer that is no success. What was only read has no effect.
pub(super) fn classified(response: &Response, errors: &[Told], act: Act) -> Failure {
    let status = response.status().as_u16();
    let told = errors.first();
    let number = told.map_or(0, |told| told.code);
    let code = told.and_then(|told| sqlite_code(&told.message));
    let of = |kind, effect, what: &str, code: &str| {
        let what = format!("Cloudflare D1: {what} (HTTP {status}, {number}{code})");
        ConnectorError::new(kind, what).effect(match act {
            Act::Read => Effect::None,
            Act::Write => effect,
        })
    };
    if let Some(code) = code {
        let (kind, what) = of_sqlite(code);
        return Failure {
            error: of(kind, Effect::None, what, &format!(", {code}")),
            refuses_a_row: refuses_a_row(code),
        };
    }
    let phrase = |told: &Told| {
        let known = PHRASES.iter();
        known
            .copied()
            .find(|(phrase, ..)| told.message.contains(phrase))
    };
    if let Some((_, kind, effect, what)) = told.and_then(phrase) {
        return of(kind, effect, what, "").into();
    }
    let known = match number {
        6003 | 6111 | 9106 | 9109 | 10_000 => {
            Some((ErrorKind::Unauthorized, "the token is not accepted"))
        }
        7000 | 7003 | 7404 => Some((ErrorKind::Config, "there is no such account or database")),
        _ => None,
    };
    if let Some((kind, what)) = known {
        return of(kind, Effect::None, what, "").into();
    }
    let error = response.error();
    let effect = match act {
        Act::Read => Effect::None,
        Act::Write => error.effect_seen(),
    };
    error.effect(effect).into()
}

/// Whether another attempt may help and this one changed nothing: only what D1 says of itself that its status does not.
pub(super) fn judge(response: &Response) -> Verdict {
    let body = response.body();
    let says = |words: &[u8]| body.windows(words.len()).any(|part| part == words);
    if says(b"D1 DB is overloaded") && !says(b": SQLITE_") {
        Verdict::Again
    } else {
        Verdict::Usual
    }
}

/// The code that SQLite's errors end in: `…: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)`.
fn sqlite_code(message: &str) -> Option<&str> {
    let message = match message.rsplit_once(" (extended: ") {
        Some((message, _)) => message,
        None => message,
    };
    let (_, code) = message.rsplit_once(": ")?;
    let is_code = code.starts_with("SQLITE_")
        && code
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    is_code.then_some(code)
}

fn of_sqlite(code: &str) -> (ErrorKind, &'static str) {
    let is = |known: &str| code.starts_with(known);
    if refuses_a_row(code) {
        (ErrorKind::Config, "a constraint of the database refuses it")
    } else if is("SQLITE_ERROR") {
        let what = "the database does not understand a statement of the mapping";
        (ErrorKind::Config, what)
    } else if is("SQLITE_AUTH") || is("SQLITE_READONLY") || is("SQLITE_PERM") {
        (ErrorKind::Forbidden, "the database may not be used so")
    } else if is("SQLITE_CORRUPT") || is("SQLITE_NOTADB") {
        (ErrorKind::Protocol, "the database is damaged")
    } else {
        (ErrorKind::Unavailable, "the database failed")
    }
}

fn refuses_a_row(code: &str) -> bool {
    ["SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH"]
        .iter()
        .any(|known| code.starts_with(known))
}
