//! Notices in the tables: each with its address sealed, until it was delivered.

use std::time::Duration;

use adieu_core::IdentityValue;
use jiff::Timestamp;
use sqlx::{Row as _, Sqlite, Transaction};

use super::Store;
use super::rows::to_timestamp;
use crate::error::EngineError;
use crate::notice::Occasion;
use crate::request::{RequestId, word};

/// No notice is kept longer, also when nobody delivers any.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// A notice that was taken up.
pub(crate) struct Taken {
    pub(crate) request: RequestId,
    pub(crate) occasion: Occasion,
    pub(crate) created_at: Timestamp,
    /// How often it was taken up, with this time.
    pub(crate) attempts: u32,
    pub(crate) address: IdentityValue,
}

impl Store {
    /// Writes a notice down, as part of the transaction that it tells of.
    pub(super) async fn add_notice(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        request: RequestId,
        occasion: Occasion,
        address: &IdentityValue,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let sealed = self.sealer.seal(&place(request), address)?;
        sqlx::query(
            "INSERT INTO adieu_notice (request_id, occasion, created_at, next_at, sealed) VALUES (?1, ?2, ?3, ?3, ?4)",
        )
        .bind(request.to_string())
        .bind(occasion.as_str())
        .bind(at.as_millisecond())
        .bind(sealed)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Notices that are due and that nobody has, the oldest first.
    pub(crate) async fn due_notices(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<i64>, EngineError> {
        let rows = sqlx::query(
            "SELECT id FROM adieu_notice WHERE next_at <= ?1 AND lease_until <= ?1 ORDER BY next_at, id LIMIT ?2",
        )
        .bind(now.as_millisecond())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?;
        Ok(rows.iter().map(|row| row.get("id")).collect())
    }

    /// Takes a notice up, unless somebody else has. The attempt is counted first: whoever takes it up may not live to count.
    pub(crate) async fn take_notice(
        &self,
        id: i64,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<Taken>, EngineError> {
        let until = now.checked_add(lease).unwrap_or(now);
        let row = sqlx::query(
            "UPDATE adieu_notice SET lease_until = ?3, attempts = attempts + 1
             WHERE id = ?1 AND next_at <= ?2 AND lease_until <= ?2
             RETURNING request_id, occasion, created_at, attempts, sealed",
        )
        .bind(id)
        .bind(now.as_millisecond())
        .bind(until.as_millisecond())
        .fetch_optional(&self.writer)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let request = row.get::<&str, _>("request_id").parse()?;
        Ok(Some(Taken {
            request,
            occasion: word(row.get("occasion"))?,
            created_at: to_timestamp(row.get("created_at"))?,
            attempts: row.get("attempts"),
            address: self
                .sealer
                .open(&place(request), row.get::<&[u8], _>("sealed"))?,
        }))
    }

    /// Gives a notice back, to be tried again at this time.
    pub(crate) async fn postpone_notice(
        &self,
        id: i64,
        next_at: Timestamp,
    ) -> Result<(), EngineError> {
        sqlx::query("UPDATE adieu_notice SET next_at = ?, lease_until = 0 WHERE id = ?")
            .bind(next_at.as_millisecond())
            .bind(id)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Removes a notice with its address, once it was delivered or given up.
    pub(crate) async fn end_notice(&self, id: i64) -> Result<(), EngineError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM adieu_notice WHERE id = ?")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes notices that have grown old.
    pub(crate) async fn forget_notices(&self, now: Timestamp) -> Result<(), EngineError> {
        let before = now.checked_sub(FORGOTTEN_AFTER).unwrap_or(now);
        let old = sqlx::query("SELECT 1 FROM adieu_notice WHERE created_at < ? LIMIT 1")
            .bind(before.as_millisecond())
            .fetch_optional(&self.reader)
            .await?;
        if old.is_some() {
            sqlx::query("DELETE FROM adieu_notice WHERE created_at < ?")
                .bind(before.as_millisecond())
                .execute(&self.writer)
                .await?;
        }
        Ok(())
    }
}

/// What the address of a notice belongs to.
fn place(request: RequestId) -> String {
    format!("notice/{request}")
}
