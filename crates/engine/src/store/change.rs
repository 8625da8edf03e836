//! Changing a request that nobody is working on.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::{Row as _, Sqlite, Transaction};

use super::audit::append;
use super::rows::{RECORD_COLUMNS, read_record, read_step};
use super::{Store, json, place};
use crate::error::EngineError;
use crate::notice::Occasion;
use crate::request::RequestId;
use crate::state::{Record, Secrets, Steps};

impl Store {
    /// Changes a request that nobody is working on: cancel, resume, expire. `change` says no by returning an error.
    pub(crate) async fn change_idle(
        &self,
        id: RequestId,
        now: Timestamp,
        event: &str,
        change: impl FnOnce(&mut Record, &mut Option<Secrets>, &mut Steps) -> Result<(), EngineError>
        + Send,
    ) -> Result<Record, EngineError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(RECORD_COLUMNS)
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(EngineError::NotFound)?;
        if row.get::<i64, _>("lease_until") > now.as_millisecond() {
            return Err(EngineError::conflict(
                "the request is being carried out right now; try again when it waits",
            ));
        }
        let mut record = read_record(&row)?;
        let mut secrets: Option<Secrets> = row
            .get::<Option<&[u8]>, _>("sealed")
            .map(|sealed| self.sealer.open(&place(id, ""), sealed))
            .transpose()?;
        let mut steps = Steps::new();
        for row in
            sqlx::query("SELECT connector, collection, sealed FROM adieu_step WHERE request_id = ?")
                .bind(id.to_string())
                .fetch_all(&mut *tx)
                .await?
        {
            let (step, state) = read_step(&self.sealer, id, &row)?;
            steps.insert(step, state);
        }
        let before = record.status;
        // What a change forgets may be needed to say so.
        let notify = secrets.as_ref().and_then(|known| known.notify.clone());
        change(&mut record, &mut secrets, &mut steps)?;
        let sealed = secrets
            .as_ref()
            .map(|secrets| self.sealer.seal(&place(id, ""), secrets))
            .transpose()?;
        sqlx::query(
            "UPDATE adieu_request SET status = ?, phase = ?, next_at = ?, finished_at = ?, sealed = ?, attempts = ?,
                 blockers = ?, exceptions = ?, fence = fence + 1, lease_until = 0, takeups = 0 WHERE id = ?",
        )
        .bind(record.status.as_str())
        .bind(record.phase.as_str())
        .bind(record.next_at.map(Timestamp::as_millisecond))
        .bind(record.finished_at.map(Timestamp::as_millisecond))
        .bind(sealed)
        .bind(record.attempts)
        .bind(json(&record.blockers)?)
        .bind(json(&record.exceptions)?)
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
        for ((connector, collection), state) in &steps {
            let sealed = self
                .sealer
                .seal(&place(id, &format!("{connector}/{collection}")), state)?;
            sqlx::query(
                "UPDATE adieu_step SET state = ?, attempts = ?, sealed = ?
                 WHERE request_id = ? AND connector = ? AND collection = ?",
            )
            .bind(state.state.as_str())
            .bind(state.attempts)
            .bind(sealed)
            .bind(id.to_string())
            .bind(connector.as_str())
            .bind(collection.as_str())
            .execute(&mut *tx)
            .await?;
        }
        if secrets.is_none() {
            wipe_steps(&mut tx, id).await?;
        }
        append(&mut tx, &id.to_string(), record.tenant.clone(), now, event).await?;
        if let Some((occasion, address)) =
            Occasion::after(record.kind, before, record.status).zip(notify)
        {
            self.add_notice(&mut tx, id, occasion, &address, now)
                .await?;
        }
        self.schedule(&mut tx, &record, now).await?;
        tx.commit().await?;
        self.queue.ring();
        Ok(record)
    }

    /// Gives requests that are due a job each.
    pub(crate) async fn wake(&self, ids: &[RequestId]) -> Result<(), EngineError> {
        let mut tx = self.begin().await?;
        for id in ids {
            self.queue.remove(&mut tx, *id).await?;
            self.queue.enqueue(&mut tx, *id, Duration::ZERO).await?;
        }
        tx.commit().await?;
        self.queue.ring();
        Ok(())
    }

    /// Wipes what is sealed of a request that is over, in the transaction of its own.
    pub(crate) async fn wipe(&self, id: RequestId) -> Result<(), EngineError> {
        let mut tx = self.begin().await?;
        wipe_steps(&mut tx, id).await?;
        sqlx::query("UPDATE adieu_request SET sealed = NULL WHERE id = ?")
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn wipe_steps(tx: &mut Transaction<'_, Sqlite>, id: RequestId) -> Result<(), EngineError> {
    sqlx::query("UPDATE adieu_step SET sealed = x'' WHERE request_id = ?")
        .bind(id.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
