//! Rows of the tables, read into the engine's words.

use adieu_core::{CollectionName, ConnectorName};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::EngineError;
use crate::keys::Sealer;
use crate::request::{RequestId, word};
use crate::state::{Record, StepId, StepState};

/// Selects one request's row.
pub(super) const RECORD_COLUMNS: &str = "SELECT id, kind, format, status, phase, created_at, due_at, extension, tenant_hash, execute_at, next_at,
     finished_at, fence, lease_until, takeups, attempts, sealed, blockers, exceptions, archive_sha256, archive_bytes, archive_expires_at,
     receipt FROM adieu_request WHERE id = ?";

/// What a step's row shows without being opened.
pub(crate) struct StepRow {
    pub(crate) connector: String,
    pub(crate) is_done: bool,
    pub(crate) records: u64,
}

pub(super) fn read_record(row: &SqliteRow) -> Result<Record, EngineError> {
    let at = |column: &str| to_timestamp(row.get(column));
    let maybe_at = |column: &str| {
        row.get::<Option<i64>, _>(column)
            .map(to_timestamp)
            .transpose()
    };
    Ok(Record {
        id: row.get::<&str, _>("id").parse()?,
        kind: word(row.get("kind"))?,
        format: word(row.get("format"))?,
        status: word(row.get("status"))?,
        phase: word(row.get("phase"))?,
        created_at: at("created_at")?,
        due_at: at("due_at")?,
        extension: row
            .get::<Option<&str>, _>("extension")
            .map(json)
            .transpose()?,
        tenant: row.get("tenant_hash"),
        execute_at: at("execute_at")?,
        next_at: maybe_at("next_at")?,
        finished_at: maybe_at("finished_at")?,
        attempts: row.get("attempts"),
        blockers: json(row.get("blockers"))?,
        exceptions: json(row.get("exceptions"))?,
        archive_sha256: row.get("archive_sha256"),
        archive_bytes: row
            .get::<Option<i64>, _>("archive_bytes")
            .map(i64::cast_unsigned),
        archive_expires_at: maybe_at("archive_expires_at")?,
        receipt: row.get("receipt"),
    })
}

pub(super) fn read_step(
    sealer: &Sealer,
    id: RequestId,
    row: &SqliteRow,
) -> Result<(StepId, StepState), EngineError> {
    let name = |text: &str| -> Result<_, adieu_core::InvalidWord> { ConnectorName::new(text) };
    let connector = name(row.get("connector")).map_err(|_| odd())?;
    let collection = CollectionName::new(row.get::<String, _>("collection")).map_err(|_| odd())?;
    let sealed = row.get::<&[u8], _>("sealed");
    let state = if sealed.is_empty() {
        StepState::default()
    } else {
        sealer.open(
            &super::place(id, &format!("{connector}/{collection}")),
            sealed,
        )?
    };
    Ok(((connector, collection), state))
}

pub(super) fn read_step_row(row: &SqliteRow) -> StepRow {
    StepRow {
        connector: row.get("connector"),
        is_done: row.get::<&str, _>("state") == "done",
        records: row.get::<i64, _>("records").cast_unsigned(),
    }
}

pub(crate) fn to_timestamp(milliseconds: i64) -> Result<Timestamp, EngineError> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| odd())
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, EngineError> {
    serde_json::from_str(text).map_err(|_| odd())
}

fn odd() -> EngineError {
    EngineError::Store("a row holds what it should not".into())
}
