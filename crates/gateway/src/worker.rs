//! Carrying requests on in the background.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adieu_engine::{Advance, Engine, EngineError, Event, Happening, RequestId};
use futures_util::future;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::gateway::Gateway;

/// For how long it is remembered how often a request could not be moved.
const FORGIVEN_AFTER: Duration = Duration::from_secs(600);

/// How a worker works, where the defaults do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// How many requests are carried on at once: 8.
    pub requests_at_once: usize,
    /// How long one is carried on before others get their turn, and how long stopping may take: 5 seconds.
    pub budget: Duration,
    /// How often it is looked for what is due and what nobody was woken for: every second.
    pub sweep_every: Duration,
    /// How often archives that have passed their time are deleted: every minute.
    pub expire_every: Duration,
}

/// How often archives are looked for that a crash left; also once at the start.
const ORPHANS_EVERY: Duration = Duration::from_secs(3600);

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            requests_at_once: 8,
            budget: Duration::from_secs(5),
            sweep_every: Duration::from_secs(1),
            expire_every: Duration::from_secs(60),
        }
    }
}

/// A worker in the background. Dropping it asks it to stop; [`Worker::stop`] also waits until it has.
///
/// It may be killed at any instruction: what is due lies in the engine's tables, and the next worker finds it there.
#[must_use = "a worker stops when this is dropped"]
#[derive(Debug)]
pub struct Worker {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Worker {
    pub(crate) fn spawn(gateway: Gateway, options: WorkerOptions) -> Self {
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(Work::new(gateway, options).run(stopped));
        Self { stop, running }
    }

    /// Takes up nothing more, and waits until what is being carried on has ended or was given back at a checkpoint.
    ///
    /// What has not come that far after `patience` is let go; its lease runs out and it is taken up again.
    pub async fn stop(self, patience: Duration) {
        self.stop.send_replace(true);
        let abort = self.running.abort_handle();
        if tokio::time::timeout(patience, self.running).await.is_err() {
            abort.abort();
        }
    }
}

/// What a worker's jobs, its sweep and its counting share.
struct Work {
    gateway: Gateway,
    options: WorkerOptions,
    failing: Arc<Mutex<Failing>>,
}

/// Requests whose state could not be moved: how often in a row, and when to try again.
type Failing = HashMap<RequestId, (u32, Instant)>;

impl Work {
    fn new(gateway: Gateway, options: WorkerOptions) -> Self {
        Self {
            gateway,
            options,
            failing: Arc::default(),
        }
    }

    async fn run(self, stopped: watch::Receiver<bool>) {
        let events = self.gateway.engine().subscribe();
        tokio::select! {
            _ = future::join(self.carry_on(stopped.clone()), self.deliver(stopped)) => {}
            () = self.sweep() => {}
            () = count(events) => {}
        }
    }

    /// Carries on whatever it is woken for, until it is told to stop and the last turn has ended.
    async fn carry_on(&self, stopped: watch::Receiver<bool>) {
        let engine = self.gateway.engine();
        let is_stopped = || *stopped.borrow() || stopped.has_changed().is_err();
        while !is_stopped() {
            let mut stopped = stopped.clone();
            let stop = async move {
                // It is also over when the handle was dropped.
                let _ = stopped.wait_for(|stopped| *stopped).await;
            };
            let (turns, budget) = (engine.clone(), self.options.budget);
            let failing = self.failing.clone();
            let turn = move |id| turn(turns.clone(), id, budget, failing.clone());
            if let Err(error) = engine.work(self.options.requests_at_once, turn, stop).await {
                tracing::warn!("nobody could be woken for what is due: {error}");
                tokio::time::sleep(self.options.sweep_every).await;
            }
        }
    }

    /// Delivers notices, until it is told to stop and what is on its way has arrived.
    async fn deliver(&self, mut stopped: watch::Receiver<bool>) {
        let Some(notices) = &self.gateway.inner.notices else {
            return;
        };
        let engine = self.gateway.engine();
        while !*stopped.borrow() {
            if let Err(error) = engine.deliver(&*notices.courier).await {
                tracing::warn!("notices could not be read or written: {error}");
            }
            // It is also over when the handle was dropped.
            let stop = stopped.wait_for(|stopped| *stopped);
            if tokio::time::timeout(self.options.sweep_every, stop)
                .await
                .is_ok()
            {
                return;
            }
        }
    }

    /// Puts back what is due and forgotten, and deletes what has passed its time.
    async fn sweep(&self) {
        let engine = self.gateway.engine();
        let mut next_expiry = Instant::now();
        let mut next_orphans = Instant::now();
        loop {
            let now = Instant::now();
            if now >= next_expiry {
                next_expiry = now + self.options.expire_every;
                if let Err(error) = self.gateway.observe().await {
                    tracing::warn!("requests could not be counted: {error}");
                }
                match engine.expire().await {
                    Ok(0) => {}
                    Ok(archives) => {
                        tracing::info!(
                            archives,
                            "archives have passed their time and were deleted"
                        );
                    }
                    Err(error) => tracing::warn!("archives that have passed their time: {error}"),
                }
            }
            if now >= next_orphans {
                next_orphans = now + ORPHANS_EVERY;
                match engine.remove_orphaned_archives().await {
                    Ok(0) => {}
                    Ok(archives) => {
                        tracing::info!(archives, "archives that a crash had left were removed")
                    }
                    Err(error) => tracing::warn!("archives that a crash left: {error}"),
                }
            }
            let waiting: HashSet<RequestId> = {
                let mut failing = lock(&self.failing);
                failing.retain(|_, (_, until)| *until + FORGIVEN_AFTER > now);
                let waiting = failing.iter().filter(|(_, (_, until))| *until > now);
                waiting.map(|(id, _)| *id).collect()
            };
            match engine.sweep(|id| waiting.contains(&id)).await {
                Ok(0) => {}
                Ok(requests) => tracing::debug!(requests, "due requests were put back"),
                Err(error) => tracing::warn!("what is due could not be read: {error}"),
            }
            tokio::time::sleep(self.options.sweep_every).await;
        }
    }
}

/// One turn of one request. It ends with its worker, and its panics with it.
async fn turn(engine: Engine, id: RequestId, budget: Duration, failing: Arc<Mutex<Failing>>) {
    let span = tracing::info_span!("advance", request = %id);
    let mut turn = JoinSet::new();
    turn.spawn(async move { engine.advance(id, budget).await }.instrument(span));
    match turn.join_next().await {
        Some(Ok(Ok(advance))) => {
            lock(&failing).remove(&id);
            if let Advance::Ended(status) = advance {
                tracing::info!(request = %id, status = status.as_str(), "a request ended");
            }
        }
        Some(Ok(Err(EngineError::Superseded))) | None => {}
        Some(Ok(Err(error))) => {
            let mut failing = lock(&failing);
            let (times, until) = failing.entry(id).or_insert((0, Instant::now()));
            let wait = Duration::from_secs(1 << (*times).min(8));
            *times += 1;
            *until = Instant::now() + wait;
            tracing::warn!(request = %id, wait_s = wait.as_secs(), "a request could not be carried on: {error}");
        }
        Some(Err(_panicked)) => tracing::error!(
            request = %id,
            "carrying a request on broke off; it is taken up again when its lease has run out"
        ),
    }
}

fn lock(failing: &Mutex<Failing>) -> MutexGuard<'_, Failing> {
    failing.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn count(mut events: broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(event) => count_one(event.what),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

fn count_one(what: Happening) {
    match what {
        Happening::StepFailed { connector, .. } => {
            metrics::counter!("adieu_step_failures_total", "connector" => connector.to_string())
                .increment(1);
        }
        Happening::Status { status } => {
            metrics::counter!("adieu_requests_ended_total", "status" => status.as_str())
                .increment(1);
        }
        _ => {}
    }
}
