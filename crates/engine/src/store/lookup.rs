//! What a server in front of the engine asks the tables.

use adieu_core::Tenant;
use jiff::Timestamp;
use sqlx::Row as _;

use super::audit::append;
use super::rows::{RECORD_COLUMNS, read_record};
use super::{Store, json};
use crate::error::EngineError;
use crate::extend::{Extension, ExtensionReason};
use crate::host::Search;
use crate::keys::hex;
use crate::request::{NewRequest, RequestId, Status};
use crate::state::Record;

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

    /// Ids of the requests that are looked for, the newest first.
    pub(crate) async fn matching(
        &self,
        search: &Search,
        limit: u32,
    ) -> Result<Vec<RequestId>, EngineError> {
        sqlx::query(
            "SELECT id FROM adieu_request WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR due_at <= ?2)
             AND (?3 IS NULL OR id < ?3) AND (?4 IS NULL OR tenant_hash = ?4) ORDER BY id DESC LIMIT ?5",
        )
        .bind(search.status.map(Status::as_str))
        .bind(search.due_by.map(Timestamp::as_millisecond))
        .bind(search.before.map(|id| id.to_string()))
        .bind(self.tenant_hash(search.tenant.as_ref()))
        .bind(limit)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| row.get::<&str, _>("id").parse())
        .collect()
    }

    /// Whether the request is one of this tenant.
    pub(crate) async fn is_within(
        &self,
        id: RequestId,
        tenant: &Tenant,
    ) -> Result<bool, EngineError> {
        let row = sqlx::query("SELECT 1 FROM adieu_request WHERE id = ? AND tenant_hash = ?")
            .bind(id.to_string())
            .bind(self.tenant_hash(Some(tenant)))
            .fetch_optional(&self.reader)
            .await?;
        Ok(row.is_some())
    }

    /// Gives a request more time, whoever works on it meanwhile. `change` says until when, or no.
    pub(crate) async fn extend(
        &self,
        id: RequestId,
        now: Timestamp,
        reason: ExtensionReason,
        change: impl FnOnce(&Record) -> Result<Timestamp, EngineError> + Send,
    ) -> Result<(), EngineError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(RECORD_COLUMNS)
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(EngineError::NotFound)?;
        let record = read_record(&row)?;
        let due_at = change(&record)?;
        let extension = Extension {
            at: now,
            reason,
            due_before: record.due_at,
        };
        sqlx::query("UPDATE adieu_request SET due_at = ?, extension = ? WHERE id = ?")
            .bind(due_at.as_millisecond())
            .bind(json(&extension)?)
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        let event = format!("extended {}", reason.as_str());
        append(&mut tx, &id.to_string(), record.tenant, now, &event).await?;
        tx.commit().await?;
        Ok(())
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

    /// Writes into the audit log what belongs to no request that is kept.
    pub(crate) async fn note(
        &self,
        id: RequestId,
        tenant: Option<Vec<u8>>,
        at: Timestamp,
        event: &str,
    ) -> Result<(), EngineError> {
        let mut tx = self.begin().await?;
        append(&mut tx, &id.to_string(), tenant, at, event).await?;
        tx.commit().await?;
        Ok(())
    }

    /// A tenant as the tables know it.
    pub(crate) fn tenant_hash(&self, tenant: Option<&Tenant>) -> Option<Vec<u8>> {
        tenant.map(|tenant| self.hasher.parts(&["tenant", tenant.expose()]))
    }
}
