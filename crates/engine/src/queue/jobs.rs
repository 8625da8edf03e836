//! The queue on apalis, in the store's own SQLite database.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adieu_core::async_trait;
use apalis::prelude::{
    BackendExt as _, Monitor, PollSnapshot, PollStrategy, TaskBuilder, WorkerBuilder,
    WorkerBuilderExt as _,
};
use apalis_sqlite::{Config, SqliteStorage, queries};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, SqlitePool};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};
use uuid::Uuid;

use super::{CarryOn, Queue};
use crate::error::EngineError;
use crate::request::RequestId;

/// The queue's name in its tables.
const QUEUE: &str = "adieu";

/// Where it is written down which of the queue's own migrations were run.
const MIGRATIONS: &str = "adieu_queue_migrations";

/// How often a worker says that it lives. One that said nothing for twice as long is dead, and its jobs are put back.
const HEARTBEAT: Duration = Duration::from_secs(2);
const MISSED_HEARTBEATS: usize = 2;

/// How often it is looked for jobs that nobody rang for: those of later, and those of other processes.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a worker that broke off waits before it begins anew.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// For how long a job may be taken while nobody holds its request.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// For how long a worker that does not say that it lives is remembered.
const GONE_AFTER: Duration = Duration::from_secs(600);

/// Jobs in the tables of apalis. A request has at most one, kept so by its id as the job's idempotency key.
///
/// A job is removed by the transaction that ends its request's turn, so that none pile up. One whose turn came to nothing is
/// replaced by the sweep when its request is due, and pruned when it is not.
#[derive(Debug)]
pub(crate) struct Jobs {
    /// The store's one connection for writing: a job that was committed is seen by whoever looks after the bell.
    writer: SqlitePool,
    reader: SqlitePool,
    bell: watch::Sender<()>,
}

impl Jobs {
    /// The queue of a store, whose pools set their own pragmas. Makes its tables if they are not there.
    ///
    /// `alone` says that no other process uses the store, so that whoever had taken jobs is dead.
    pub(crate) async fn open(
        writer: SqlitePool,
        reader: SqlitePool,
        alone: bool,
    ) -> Result<Self, EngineError> {
        // Not `setup`, which would turn `synchronous` off.
        let mut migrations = SqliteStorage::migrations();
        migrations.dangerous_set_table_name(MIGRATIONS);
        migrations
            .run(&writer)
            .await
            .map_err(|_| EngineError::Store("the queue's tables could not be made".into()))?;
        let jobs = Self {
            writer,
            reader,
            bell: watch::Sender::new(()),
        };
        if alone {
            jobs.put_back(None).await?;
        }
        Ok(jobs)
    }

    fn storage(&self) -> SqliteStorage<String> {
        SqliteStorage::new(&self.writer).with_config(
            Config::default()
                .queue(QUEUE)
                // With more, two live workers run jobs twice.
                .batch_size(1)
                .heartbeat_interval(HEARTBEAT)
                .missed_heartbeats(MISSED_HEARTBEATS)
                // Fetching a job takes it; writing that down once more would cost a transaction.
                .lock_tasks(false)
                // The transaction that ends a turn removes its job, so that there is nothing to note.
                .persist_results(false),
        )
    }

    /// Gives what workers that are gone had taken to others, and forgets these workers; `None` means all workers.
    async fn put_back(&self, gone: Option<&[String]>) -> Result<(), EngineError> {
        let gone = gone.map(|names| serde_json::Value::from(names).to_string());
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        for statement in [
            "DELETE FROM Jobs WHERE status NOT IN ('Pending', 'Queued', 'Running')
             AND (?1 IS NULL OR lock_by IN (SELECT value FROM json_each(?1)))",
            "UPDATE Jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL
             WHERE lock_by IS NOT NULL AND (?1 IS NULL OR lock_by IN (SELECT value FROM json_each(?1)))",
            "DELETE FROM Workers WHERE ?1 IS NULL OR id IN (SELECT value FROM json_each(?1))",
        ] {
            sqlx::query(statement).bind(&gone).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

#[async_trait]
impl Queue for Jobs {
    async fn enqueue(
        &self,
        transaction: &mut SqliteConnection,
        id: RequestId,
        wait: Duration,
    ) -> Result<(), EngineError> {
        let id = id.to_string();
        let job = TaskBuilder::new(
            serde_json::Value::from(id.as_str())
                .to_string()
                .into_bytes(),
        )
        // A second job under the same key would be left out without a word.
        .idempotency_key(&id)
        // The queue never tries again by itself: it would within milliseconds.
        .max_attempts(1)
        .run_at_timestamp(seconds_from_now(wait))
        .build();
        queries::push_tasks(transaction, QUEUE, &[job])
            .await
            .map_err(|_| EngineError::Store("a job could not be written".into()))
    }

    async fn remove(
        &self,
        transaction: &mut SqliteConnection,
        id: RequestId,
    ) -> Result<(), EngineError> {
        sqlx::query("DELETE FROM Jobs WHERE job_type = ? AND idempotency_key = ?")
            .bind(QUEUE)
            .bind(id.to_string())
            .execute(transaction)
            .await?;
        Ok(())
    }

    fn ring(&self) {
        self.bell.send_replace(());
    }

    async fn forgotten(&self, now: Timestamp, limit: u32) -> Result<Vec<RequestId>, EngineError> {
        // A job that was taken a while ago, while nobody holds its request, is lost.
        sqlx::query(
            "SELECT id FROM adieu_request request WHERE next_at <= ?1 AND lease_until <= ?1 AND NOT EXISTS (
                 SELECT 1 FROM Jobs job WHERE job.job_type = ?2 AND job.idempotency_key = request.id
                 AND (job.status = 'Pending' AND job.run_at <= ?3
                      OR job.status IN ('Queued', 'Running') AND job.lock_at > ?3 - ?4))
             ORDER BY next_at LIMIT ?5",
        )
        .bind(now.as_millisecond())
        .bind(QUEUE)
        .bind(seconds_from_now(Duration::ZERO).cast_signed())
        .bind(LOST_AFTER.as_secs().cast_signed())
        .bind(limit)
        .fetch_all(&self.reader)
        .await?
        .iter()
        .map(|row| row.get::<&str, _>("id").parse())
        .collect()
    }

    async fn work(
        &self,
        at_once: usize,
        carry_on: CarryOn,
        stop: BoxFuture<'static, ()>,
    ) -> Result<(), EngineError> {
        let names = Arc::new(Mutex::new(Vec::new()));
        let named = names.clone();
        let storage = self.storage();
        let bell = self.bell.clone();
        let monitor = Monitor::new()
            .register(move |restarts| {
                // A name that was used before is refused while its heartbeat is remembered.
                let name = Uuid::now_v7().to_string();
                named
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(name.clone());
                let carry_on = carry_on.clone();
                let pause = if restarts == 0 {
                    Duration::ZERO
                } else {
                    RESTART_AFTER
                };
                WorkerBuilder::new(name)
                    .backend(
                        storage
                            .clone()
                            .before_start(move |_| async move {
                                tokio::time::sleep(pause).await;
                                Ok(())
                            })
                            .poll_with_strategy(Rung::new(&bell)),
                    )
                    .concurrency(at_once.max(1))
                    .build(move |job: String| {
                        let carry_on = carry_on.clone();
                        async move {
                            // What a job that is none says is nobody's request.
                            if let Ok(id) = job.parse() {
                                carry_on(id).await;
                            }
                        }
                    })
            })
            .should_restart(|_, _| {
                tracing::warn!("the queue could not be read or written; its worker begins anew");
                true
            });
        let ended = monitor
            .run_with_signal(async {
                stop.await;
                Ok(())
            })
            .await;
        let names = std::mem::take(&mut *names.lock().unwrap_or_else(PoisonError::into_inner));
        self.put_back(Some(&names)).await?;
        ended.map_err(|_| EngineError::Store("the queue's worker broke off".into()))
    }

    async fn prune(&self) -> Result<(), EngineError> {
        let now = seconds_from_now(Duration::ZERO).cast_signed();
        let (gone, lost) = (
            now - GONE_AFTER.as_secs().cast_signed(),
            now - LOST_AFTER.as_secs().cast_signed(),
        );
        let over = "status NOT IN ('Pending', 'Queued', 'Running') OR lock_at <= ?1 AND NOT EXISTS (
             SELECT 1 FROM adieu_request request WHERE request.id = idempotency_key AND next_at IS NOT NULL)";
        let silent =
            "last_seen < ?1 AND NOT EXISTS (SELECT 1 FROM Jobs WHERE lock_by = Workers.id)";
        for (table, which, before) in [("Jobs", over, lost), ("Workers", silent, gone)] {
            // Most of the time there is nothing to write.
            let any = format!("SELECT 1 FROM {table} WHERE {which} LIMIT 1");
            let any = sqlx::query(AssertSqlSafe(any)).bind(before);
            if any.fetch_optional(&self.reader).await?.is_some() {
                let delete = format!("DELETE FROM {table} WHERE {which}");
                let delete = sqlx::query(AssertSqlSafe(delete)).bind(before);
                delete.execute(&self.writer).await?;
            }
        }
        Ok(())
    }
}

/// When to look whether there is a job: when it is rung, and now and then.
struct Rung {
    bell: BoxStream<'static, ()>,
    now_and_then: Interval,
}

impl Rung {
    fn new(bell: &watch::Sender<()>) -> Self {
        let mut now_and_then = tokio::time::interval(LOOK_EVERY);
        now_and_then.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let bell = stream::unfold(bell.subscribe(), |mut rung| async move {
            rung.changed().await.ok()?;
            Some(((), rung))
        });
        Self {
            bell: bell.boxed(),
            now_and_then,
        }
    }
}

impl PollStrategy for Rung {
    fn poll_drive(&mut self, context: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let rung = self.bell.poll_next_unpin(context).is_ready();
        let time = self.now_and_then.poll_tick(context).is_ready();
        match rung || time {
            true => Poll::Ready(Some(())),
            false => Poll::Pending,
        }
    }
}

/// Seconds since 1970, by the clock that the queue goes by; a wait is rounded up.
fn seconds_from_now(wait: Duration) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    match wait.is_zero() {
        true => now.as_secs(),
        false => (now + wait).as_secs() + 1,
    }
}
