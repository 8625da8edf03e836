//! Reading the tables, beside whoever writes them.

use adieu_core::Tenant;
use jiff::Timestamp;
use sqlx::Row as _;

use super::rows::{self, RECORD_COLUMNS, read_record, to_timestamp};
use super::{Store, place};
use crate::audit::AuditEntry;
use crate::error::EngineError;
use crate::request::{Kind, RequestId};
use crate::state::{Record, Secrets};

impl Store {
    /// One request's row, with how each connector stands.
    pub(crate) async fn record(
        &self,
        id: RequestId,
    ) -> Result<(Record, Vec<rows::StepRow>), EngineError> {
        let row = sqlx::query(RECORD_COLUMNS)
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await?
            .ok_or(EngineError::NotFound)?;
        let steps = sqlx::query(
            "SELECT connector, collection, state, records FROM adieu_step WHERE request_id = ?",
        )
        .bind(id.to_string())
        .fetch_all(&self.reader)
        .await?;
        Ok((
            read_record(&row)?,
            steps.iter().map(rows::read_step_row).collect(),
        ))
    }

    /// What is sealed of a request, if it is still there.
    pub(crate) async fn secrets(&self, id: RequestId) -> Result<Option<Secrets>, EngineError> {
        let row = sqlx::query("SELECT sealed FROM adieu_request WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await?
            .ok_or(EngineError::NotFound)?;
        row.get::<Option<&[u8]>, _>("sealed")
            .map(|sealed| self.sealer.open(&place(id, ""), sealed))
            .transpose()
    }

    /// Ids of requests, the newest first; all, or those of one owner.
    pub(crate) async fn ids(
        &self,
        owner: Option<(Option<&str>, &adieu_core::Identity)>,
        limit: u32,
    ) -> Result<Vec<RequestId>, EngineError> {
        let rows =
            match owner {
                Some((tenant, identity)) => sqlx::query(
                    "SELECT id FROM adieu_request WHERE owner_hash = ? ORDER BY id DESC LIMIT ?",
                )
                .bind(self.hasher.identity(tenant, identity))
                .bind(limit)
                .fetch_all(&self.reader)
                .await?,
                None => {
                    sqlx::query("SELECT id FROM adieu_request ORDER BY id DESC LIMIT ?")
                        .bind(limit)
                        .fetch_all(&self.reader)
                        .await?
                }
            };
        rows.iter()
            .map(|row| row.get::<&str, _>("id").parse())
            .collect()
    }

    /// Whether the request belongs to this owner.
    pub(crate) async fn is_owned_by(
        &self,
        id: RequestId,
        tenant: Option<&str>,
        owner: &adieu_core::Identity,
    ) -> Result<bool, EngineError> {
        let row = sqlx::query("SELECT owner_hash FROM adieu_request WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await?;
        let expected = self.hasher.identity(tenant, owner);
        Ok(row.is_some_and(|row| {
            row.get::<Option<&[u8]>, _>("owner_hash")
                .is_some_and(|hash| {
                    aws_lc_rs::constant_time::verify_slices_are_equal(hash, &expected).is_ok()
                })
        }))
    }

    /// The unfinished request of a kind about exactly this subject.
    pub(crate) async fn unfinished(
        &self,
        kind: Kind,
        subject: &adieu_core::Subject,
    ) -> Result<Option<RequestId>, EngineError> {
        sqlx::query(
            "SELECT id FROM adieu_request WHERE subject_hash = ? AND kind = ?
             AND status IN ('running', 'scheduled', 'awaiting_confirmation') ORDER BY id LIMIT 1",
        )
        .bind(self.hasher.subject(subject))
        .bind(kind.as_str())
        .fetch_optional(&self.reader)
        .await?
        .map(|row| row.get::<&str, _>("id").parse())
        .transpose()
    }

    /// Requests that are due and that nobody is working on.
    pub(crate) async fn due(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<RequestId>, EngineError> {
        sqlx::query(
            "SELECT id FROM adieu_request WHERE next_at <= ? AND lease_until <= ? ORDER BY next_at LIMIT ?",
        )
        .bind(now.as_millisecond())
        .bind(now.as_millisecond())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| row.get::<&str, _>("id").parse())
        .collect()
    }

    /// Requests whose archive has passed its time.
    pub(crate) async fn expired(&self, now: Timestamp) -> Result<Vec<RequestId>, EngineError> {
        sqlx::query(
            "SELECT id FROM adieu_request WHERE archive_expires_at <= ? AND sealed IS NOT NULL AND kind = 'export'",
        )
        .bind(now.as_millisecond())
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| row.get::<&str, _>("id").parse())
        .collect()
    }

    /// Whether a person with this identity was erased.
    pub(crate) async fn is_suppressed(
        &self,
        tenant: Option<&str>,
        identity: &adieu_core::Identity,
    ) -> Result<bool, EngineError> {
        let row = sqlx::query("SELECT 1 FROM adieu_suppression WHERE hash = ?")
            .bind(self.suppression.identity(tenant, identity))
            .fetch_optional(&self.reader)
            .await?;
        Ok(row.is_some())
    }

    /// The audit log from an entry on; all of it, or what it says of one tenant.
    pub(crate) async fn audit(
        &self,
        tenant: Option<&Tenant>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, EngineError> {
        sqlx::query(
            "SELECT sequence, at, request_id, event, tenant_hash, previous, hash FROM adieu_audit
             WHERE (?1 IS NULL OR tenant_hash = ?1) AND sequence > ?2 ORDER BY sequence LIMIT ?3",
        )
        .bind(self.tenant_hash(tenant))
        .bind(after.cast_signed())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            Ok(AuditEntry {
                sequence: row.get::<i64, _>("sequence").cast_unsigned(),
                at: to_timestamp(row.get("at"))?,
                request_id: row.get("request_id"),
                event: row.get("event"),
                tenant: row.get("tenant_hash"),
                previous: row.get("previous"),
                hash: row.get("hash"),
            })
        })
        .collect()
    }
}
