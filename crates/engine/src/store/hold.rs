//! Legal holds in the tables: whom they hold as keyed hashes, the rest sealed.

use adieu_core::{Subject, Tenant};
use jiff::Timestamp;
use sqlx::Row as _;

use super::Store;
use super::audit::append;
use super::rows::to_timestamp;
use crate::error::EngineError;
use crate::hold::{Hold, HoldId, HoldSecrets};

impl Store {
    pub(crate) async fn set_hold(&self, hold: &Hold, subject: &Subject) -> Result<(), EngineError> {
        let secrets = HoldSecrets {
            tenant: hold.tenant.clone(),
            kinds: hold.kinds.clone(),
            reason: hold.reason.clone(),
        };
        let sealed = self.sealer.seal(&place(hold.id), &secrets)?;
        let tenant = hold.tenant.as_ref();
        let tenant_hash = self.tenant_hash(tenant);
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO adieu_hold (id, created_at, tenant_hash, sealed) VALUES (?, ?, ?, ?)",
        )
        .bind(hold.id.to_string())
        .bind(hold.created_at.as_millisecond())
        .bind(&tenant_hash)
        .bind(sealed)
        .execute(&mut *tx)
        .await?;
        for identity in subject.identities() {
            sqlx::query("INSERT INTO adieu_held (hash, hold_id) VALUES (?, ?)")
                .bind(self.holds.identity(tenant.map(Tenant::expose), identity))
                .bind(hold.id.to_string())
                .execute(&mut *tx)
                .await?;
        }
        let about = hold.id.to_string();
        append(&mut tx, &about, tenant_hash, hold.created_at, "hold_set").await?;
        tx.commit().await?;
        Ok(())
    }

    pub(crate) async fn holds(&self, tenant: Option<&Tenant>) -> Result<Vec<Hold>, EngineError> {
        sqlx::query(
            "SELECT id, created_at, sealed FROM adieu_hold WHERE ?1 IS NULL OR tenant_hash = ?1 ORDER BY id",
        )
        .bind(self.tenant_hash(tenant))
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| {
            let id: HoldId = row.get::<&str, _>("id").parse()?;
            let sealed = row.get::<&[u8], _>("sealed");
            let secrets: HoldSecrets = self.sealer.open(&place(id), sealed)?;
            Ok(Hold {
                id,
                created_at: to_timestamp(row.get("created_at"))?,
                tenant: secrets.tenant,
                kinds: secrets.kinds,
                reason: secrets.reason,
            })
        })
        .collect()
    }

    pub(crate) async fn release_hold(
        &self,
        id: HoldId,
        tenant: Option<&Tenant>,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        let about = id.to_string();
        let mut tx = self.begin().await?;
        let row = sqlx::query(
            "SELECT tenant_hash FROM adieu_hold WHERE id = ?1 AND (?2 IS NULL OR tenant_hash = ?2)",
        )
        .bind(&about)
        .bind(self.tenant_hash(tenant))
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(EngineError::NotFound)?;
        let tenant_hash: Option<Vec<u8>> = row.get("tenant_hash");
        sqlx::query("DELETE FROM adieu_held WHERE hold_id = ?")
            .bind(&about)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM adieu_hold WHERE id = ?")
            .bind(&about)
            .execute(&mut *tx)
            .await?;
        append(&mut tx, &about, tenant_hash, now, "hold_released").await?;
        tx.commit().await?;
        Ok(())
    }

    /// Whether a hold stands on any of these identities.
    pub(crate) async fn is_held(&self, subject: &Subject) -> Result<bool, EngineError> {
        let any = sqlx::query("SELECT 1 FROM adieu_hold LIMIT 1")
            .fetch_optional(&self.reader)
            .await?;
        if any.is_none() {
            return Ok(false);
        }
        let tenant = subject.tenant().map(Tenant::expose);
        for identity in subject.identities() {
            let held = sqlx::query("SELECT 1 FROM adieu_held WHERE hash = ? LIMIT 1")
                .bind(self.holds.identity(tenant, identity))
                .fetch_optional(&self.reader)
                .await?;
            if held.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a hold's sealed part belongs to.
fn place(id: HoldId) -> String {
    format!("hold/{id}")
}
