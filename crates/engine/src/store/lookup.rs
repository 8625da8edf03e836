//! What a server in front of the engine asks the tables.

use jiff::Timestamp;
use sqlx::Row as _;

use super::Store;
use crate::error::EngineError;
use crate::keys::hex;
use crate::request::{NewRequest, RequestId, Status};

impl Store {
    /// The request that was submitted under the same idempotency key.
    pub(crate) async fn submitted(
        &self,
        new: &NewRequest,
    ) -> Result<Option<RequestId>, EngineError> {
        let Some(key) = &new.idempotency_key else {
            return Ok(None);
        };
        let tenant = new.subject.tenant().map(|tenant| tenant.expose());
        let owner = new
            .owner
            .as_ref()
            .map(|owner| hex(&self.hasher.identity(tenant, owner)))
            .unwrap_or_default();
        let row = sqlx::query("SELECT id FROM adieu_request WHERE idempotency_hash = ?")
            .bind(self.hasher.parts(&["idempotency", &owner, key]))
            .fetch_optional(&self.reader)
            .await?;
        row.map(|row| row.get::<&str, _>("id").parse()).transpose()
    }

    /// Ids of the requests with this status, due by then, asked for before that one; the newest first.
    pub(crate) async fn matching(
        &self,
        status: Option<Status>,
        due_by: Option<Timestamp>,
        before: Option<RequestId>,
        limit: u32,
    ) -> Result<Vec<RequestId>, EngineError> {
        sqlx::query(
            "SELECT id FROM adieu_request WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR due_at <= ?2)
             AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4",
        )
        .bind(status.map(Status::as_str))
        .bind(due_by.map(Timestamp::as_millisecond))
        .bind(before.map(|id| id.to_string()))
        .bind(limit)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| row.get::<&str, _>("id").parse())
        .collect()
    }

    /// Writes down that a token was used; `false` when it was before.
    pub(crate) async fn spend(
        &self,
        token: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, EngineError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM adieu_spent WHERE expires_at < ?")
            .bind(now.as_millisecond())
            .execute(&mut *tx)
            .await?;
        let written = sqlx::query(
            "INSERT INTO adieu_spent (hash, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(self.hasher.parts(&["spent", token]))
        .bind(expires_at.as_millisecond())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(written.rows_affected() == 1)
    }
}
