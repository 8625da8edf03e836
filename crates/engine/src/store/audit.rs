//! The audit log's own table, a chain of hashes.

use jiff::Timestamp;
use sqlx::{QueryBuilder, Row as _, Sqlite, Transaction};

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
    append_all(tx, about, tenant, at, [event]).await
}

/// Adds entries to the log in one go.
pub(super) async fn append_all(
    tx: &mut Transaction<'_, Sqlite>,
    about: &str,
    tenant: Option<Vec<u8>>,
    at: Timestamp,
    events: impl IntoIterator<Item = &str>,
) -> Result<(), EngineError> {
    let mut events = events.into_iter().peekable();
    if events.peek().is_none() {
        return Ok(());
    }
    let mut last =
        sqlx::query("SELECT sequence, hash FROM adieu_audit ORDER BY sequence DESC LIMIT 1")
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
    let mut insert = QueryBuilder::new(
        "INSERT INTO adieu_audit (sequence, at, request_id, event, tenant_hash, previous, hash) ",
    );
    insert.push_values(events, |mut row, event| {
        let (about, event) = (about.to_owned(), event.to_owned());
        let entry = AuditEntry::following(last.take(), at, about, tenant.clone(), event);
        last = Some((entry.sequence, entry.hash.clone()));
        row.push_bind(entry.sequence.cast_signed())
            .push_bind(entry.at.as_millisecond())
            .push_bind(entry.request_id)
            .push_bind(entry.event)
            .push_bind(entry.tenant)
            .push_bind(entry.previous)
            .push_bind(entry.hash);
    });
    insert.build().execute(&mut **tx).await?;
    Ok(())
}
