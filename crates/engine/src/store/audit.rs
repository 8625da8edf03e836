//! The audit log's own table, a chain of hashes.

use jiff::Timestamp;
use sqlx::{Row as _, Sqlite, Transaction};

use super::rows::to_timestamp;
use crate::audit::AuditEntry;
use crate::error::EngineError;

/// Adds an entry to the log, as part of the transaction that it tells of.
pub(super) async fn append(
    tx: &mut Transaction<'_, Sqlite>,
    about: &str,
    tenant: Option<Vec<u8>>,
    at: Timestamp,
    event: &str,
) -> Result<(), EngineError> {
    let last = sqlx::query("SELECT sequence, hash FROM adieu_audit ORDER BY sequence DESC LIMIT 1")
        .fetch_optional(&mut **tx)
        .await?
        .map(|row| {
            (
                row.get::<i64, _>("sequence").cast_unsigned(),
                row.get::<Vec<u8>, _>("hash"),
            )
        });
    // The table keeps milliseconds, so the hash is taken over them.
    let at = to_timestamp(at.as_millisecond())?;
    let entry = AuditEntry::following(last, at, about.to_owned(), tenant, event.to_owned());
    sqlx::query(
        "INSERT INTO adieu_audit (sequence, at, request_id, event, tenant_hash, previous, hash)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(entry.sequence.cast_signed())
    .bind(entry.at.as_millisecond())
    .bind(&entry.request_id)
    .bind(&entry.event)
    .bind(&entry.tenant)
    .bind(&entry.previous)
    .bind(&entry.hash)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
