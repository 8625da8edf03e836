//! The turn of one executor at a request: taking it up, writing down how far it came, giving it back.

use adieu_core::{IdentityValue, Subject};
use jiff::Timestamp;
use sqlx::{QueryBuilder, Row as _, Sqlite, Transaction};

use super::audit::append_all;
use super::rows::{RECORD_COLUMNS, read_record, read_step};
use super::{Store, json, place};
use crate::error::EngineError;
use crate::notice::Occasion;
use crate::request::{RequestId, Status};
use crate::state::{Record, Secrets, StepId, StepState, Steps};

/// How many rows one statement writes at most; SQLite takes 32,766 values in one.
const ROWS_AT_ONCE: usize = 1000;

/// A request taken up by one executor.
pub(crate) struct Claim {
    pub(crate) record: Record,
    pub(crate) secrets: Secrets,
    pub(crate) steps: Steps,
    pub(crate) fence: i64,
    /// Whether the executor before ended without giving the request back.
    pub(crate) after_a_crash: bool,
    /// How often it was taken up, with this time, since anything of it was last written down.
    pub(crate) takeups: u32,
}

/// What one checkpoint writes.
pub(crate) struct Checkpoint<'a> {
    pub(crate) record: &'a Record,
    pub(crate) secrets: &'a Secrets,
    pub(crate) steps: Vec<(&'a StepId, &'a StepState)>,
    pub(crate) fence: i64,
    pub(crate) lease_until: Option<Timestamp>,
    pub(crate) events: &'a [String],
    /// Who is from now on known as erased.
    pub(crate) suppress: Option<&'a Subject>,
    /// What the person is told, and where.
    pub(crate) notice: Option<&'a (Occasion, IdentityValue)>,
    pub(crate) at: Timestamp,
}

impl Store {
    /// Takes up a request that is due, unless another executor has it.
    pub(crate) async fn claim(
        &self,
        id: RequestId,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<Claim>, EngineError> {
        let mut tx = self.begin_lightly().await?;
        let row = sqlx::query(RECORD_COLUMNS)
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let now = now.as_millisecond();
        let Some(row) = row.filter(|row| {
            let next_at: Option<i64> = row.get("next_at");
            let is_free = row.get::<i64, _>("lease_until") <= now;
            let has_secrets = row.get::<Option<&[u8]>, _>("sealed").is_some();
            next_at.is_some_and(|at| at <= now) && is_free && has_secrets
        }) else {
            return Ok(None);
        };
        let fence = row.get::<i64, _>("fence") + 1;
        let after_a_crash = row.get::<i64, _>("lease_until") != 0;
        // Counted first: whoever takes it up may not live to count.
        let takeups = row.get::<u32, _>("takeups") + 1;
        let secrets: Secrets = self
            .sealer
            .open(&place(id, ""), row.get::<&[u8], _>("sealed"))?;
        sqlx::query(
            "UPDATE adieu_request SET fence = ?, lease_until = ?, takeups = ?, status = 'running' WHERE id = ?",
        )
        .bind(fence)
        .bind(lease_until.as_millisecond())
        .bind(takeups)
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
        let mut record = read_record(&row)?;
        record.status = Status::Running;
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
        tx.commit().await?;
        Ok(Some(Claim {
            record,
            secrets,
            steps,
            fence,
            after_a_crash,
            takeups,
        }))
    }

    /// Writes down how far a request has come, if this executor still has it.
    pub(crate) async fn checkpoint(&self, change: Checkpoint<'_>) -> Result<(), EngineError> {
        let record = change.record;
        let id = record.id;
        let mut tx = self.begin().await?;
        let sealed = self.sealer.seal(&place(id, ""), change.secrets)?;
        let written = sqlx::query(
            "UPDATE adieu_request SET status = ?, phase = ?, next_at = ?, finished_at = ?, lease_until = ?, takeups = 0, attempts = ?,
                 sealed = ?, blockers = ?, exceptions = ?, archive_sha256 = ?, archive_bytes = ?, archive_expires_at = ?, receipt = ?
             WHERE id = ? AND fence = ?",
        )
        .bind(record.status.as_str())
        .bind(record.phase.as_str())
        .bind(record.next_at.map(Timestamp::as_millisecond))
        .bind(record.finished_at.map(Timestamp::as_millisecond))
        .bind(change.lease_until.map_or(0, Timestamp::as_millisecond))
        .bind(record.attempts)
        .bind(sealed)
        .bind(json(&record.blockers)?)
        .bind(json(&record.exceptions)?)
        .bind(&record.archive_sha256)
        .bind(record.archive_bytes.map(u64::cast_signed))
        .bind(record.archive_expires_at.map(Timestamp::as_millisecond))
        .bind(&record.receipt)
        .bind(id.to_string())
        .bind(change.fence)
        .execute(&mut *tx)
        .await?;
        if written.rows_affected() != 1 {
            return Err(EngineError::Superseded);
        }
        self.write_steps(&mut tx, id, change.steps).await?;
        if let Some(subject) = change.suppress {
            self.suppress(&mut tx, id, subject, change.at).await?;
        }
        if let Some((occasion, address)) = change.notice {
            self.add_notice(&mut tx, id, *occasion, address, change.at)
                .await?;
        }
        append_all(
            &mut tx,
            &id.to_string(),
            record.tenant.clone(),
            change.at,
            change.events.iter().map(String::as_str),
        )
        .await?;
        if change.lease_until.is_none() {
            self.schedule(&mut tx, record, change.at).await?;
        }
        tx.commit().await?;
        if change.lease_until.is_none() {
            self.queue.ring();
        }
        Ok(())
    }

    /// Keeps the lease of a request that takes long.
    pub(crate) async fn renew(
        &self,
        id: RequestId,
        fence: i64,
        lease_until: Timestamp,
    ) -> Result<(), EngineError> {
        let written =
            sqlx::query("UPDATE adieu_request SET lease_until = ? WHERE id = ? AND fence = ?")
                .bind(lease_until.as_millisecond())
                .bind(id.to_string())
                .bind(fence)
                .execute(&self.writer)
                .await?;
        match written.rows_affected() {
            1 => Ok(()),
            _ => Err(EngineError::Superseded),
        }
    }

    /// Writes the rows of steps in one go; each statement is a journey to the thread of the connection and back.
    async fn write_steps(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        id: RequestId,
        steps: Vec<(&StepId, &StepState)>,
    ) -> Result<(), EngineError> {
        for steps in steps.chunks(ROWS_AT_ONCE) {
            let mut rows = Vec::with_capacity(steps.len());
            for ((connector, collection), state) in steps {
                let place = place(id, &format!("{connector}/{collection}"));
                rows.push((
                    connector,
                    collection,
                    state,
                    self.sealer.seal(&place, state)?,
                ));
            }
            let mut insert = QueryBuilder::new(
                "INSERT INTO adieu_step (request_id, connector, collection, state, attempts, records, sealed) ",
            );
            insert.push_values(rows, |mut row, (connector, collection, state, sealed)| {
                row.push_bind(id.to_string())
                    .push_bind(connector.to_string())
                    .push_bind(collection.to_string())
                    .push_bind(state.state.as_str())
                    .push_bind(state.attempts)
                    .push_bind(state.records.cast_signed())
                    .push_bind(sealed);
            });
            insert.push(
                " ON CONFLICT DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
             records = excluded.records, sealed = excluded.sealed",
            );
            insert.build().execute(&mut **tx).await?;
        }
        Ok(())
    }

    async fn suppress(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        id: RequestId,
        subject: &Subject,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let tenant = subject.tenant().map(|tenant| tenant.expose());
        let identities: Vec<_> = subject.identities().collect();
        for identities in identities.chunks(ROWS_AT_ONCE) {
            let mut insert = QueryBuilder::new(
                "INSERT INTO adieu_suppression (hash, kind, request_id, erased_at) ",
            );
            insert.push_values(identities, |mut row, identity| {
                row.push_bind(self.suppression.identity(tenant, identity))
                    .push_bind(identity.kind().to_string())
                    .push_bind(id.to_string())
                    .push_bind(at.as_millisecond());
            });
            insert.push(
            " ON CONFLICT DO UPDATE SET request_id = excluded.request_id, erased_at = excluded.erased_at",
        );
            insert.build().execute(&mut **tx).await?;
        }
        Ok(())
    }
}
