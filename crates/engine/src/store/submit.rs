//! Writing a new request down.

use jiff::Timestamp;
use sqlx::Row as _;

use super::audit::append;
use super::{Store, place};
use crate::error::EngineError;
use crate::notice::Occasion;
use crate::request::{NewRequest, RequestId};
use crate::state::{Record, Secrets};

impl Store {
    /// Writes down a new request; or finds the one that was submitted under the same idempotency key.
    pub(crate) async fn submit(
        &self,
        new: &NewRequest,
        record: &Record,
        secrets: &Secrets,
    ) -> Result<(RequestId, bool), EngineError> {
        let tenant = new.subject.tenant().map(|tenant| tenant.expose());
        let owner = new
            .owner
            .as_ref()
            .map(|owner| self.hasher.identity(tenant, owner));
        let idempotency = new.idempotency_key.as_ref().map(|key| {
            let owner = owner.as_deref().map(crate::keys::hex).unwrap_or_default();
            self.hasher.parts(&["idempotency", &owner, key])
        });
        let subject_hash = self.hasher.subject(&new.subject);
        let mut tx = self.begin().await?;
        if let Some(hash) = &idempotency {
            let before = sqlx::query(
                "SELECT id, kind, format, subject_hash FROM adieu_request WHERE idempotency_hash = ?",
            )
            .bind(hash)
            .fetch_optional(&mut *tx)
            .await?;
            if let Some(row) = before {
                let same = row.get::<String, _>("kind") == new.kind.as_str()
                    && row.get::<String, _>("format") == new.format.as_str()
                    && row.get::<Vec<u8>, _>("subject_hash") == subject_hash;
                return match same {
                    true => Ok((row.get::<String, _>("id").parse()?, false)),
                    false => Err(EngineError::conflict(
                        "this idempotency key was used for another request",
                    )),
                };
            }
        }
        let sealed = self.sealer.seal(&place(record.id, ""), secrets)?;
        sqlx::query(
            "INSERT INTO adieu_request (id, kind, format, status, phase, created_at, due_at, execute_at, next_at,
                 subject_hash, tenant_hash, owner_hash, idempotency_hash, sealed)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(record.id.to_string())
        .bind(record.kind.as_str())
        .bind(record.format.as_str())
        .bind(record.status.as_str())
        .bind(record.phase.as_str())
        .bind(record.created_at.as_millisecond())
        .bind(record.due_at.as_millisecond())
        .bind(record.execute_at.as_millisecond())
        .bind(record.next_at.map(Timestamp::as_millisecond))
        .bind(subject_hash)
        .bind(&record.tenant)
        .bind(owner)
        .bind(idempotency)
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        let (about, tenant) = (record.id.to_string(), record.tenant.clone());
        append(&mut tx, &about, tenant, record.created_at, "submitted").await?;
        if let Some((occasion, address)) =
            Occasion::of(record.kind, record.status).zip(secrets.notify.as_ref())
        {
            self.add_notice(&mut tx, record.id, occasion, address, record.created_at)
                .await?;
        }
        self.schedule_first(&mut tx, record, record.created_at)
            .await?;
        tx.commit().await?;
        self.queue.ring();
        Ok((record.id, true))
    }
}
