//! Carrying requests on in the background.

use std::collections::HashMap;
use std::time::Duration;

use adieu_engine::{Advance, EngineError, Event, Happening, RequestId};
use tokio::sync::{broadcast, watch};
use tokio::task::{self, JoinError, JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::gateway::Gateway;

/// How a worker works, where the defaults do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// How many requests are carried on at once: 8.
    pub requests_at_once: usize,
    /// How long one is carried on before others get their turn, and how long stopping may take: 5 seconds.
    pub budget: Duration,
    /// How often it is looked for what is due: every second.
    pub sweep_every: Duration,
    /// How often archives that have passed their time are deleted: every minute.
    pub expire_every: Duration,
}

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

struct Work {
    gateway: Gateway,
    options: WorkerOptions,
    running: JoinSet<Result<Advance, EngineError>>,
    in_hand: HashMap<task::Id, RequestId>,
    /// Requests whose state could not be moved: how often in a row, and when to try again.
    failing: HashMap<RequestId, (u32, Instant)>,
    next_expiry: Instant,
}

impl Work {
    fn new(gateway: Gateway, options: WorkerOptions) -> Self {
        Self {
            gateway,
            options,
            running: JoinSet::new(),
            in_hand: HashMap::new(),
            failing: HashMap::new(),
            next_expiry: Instant::now(),
        }
    }

    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut events = self.gateway.engine().subscribe();
        let wake = self.gateway.inner.wake.clone();
        loop {
            let next_look = Instant::now() + self.look().await;
            // Until something changes what there is to do, only events are counted.
            loop {
                tokio::select! {
                    biased;
                    // Changed to stop, or the handle was dropped.
                    _ = stopped.changed() => return self.end().await,
                    Some(done) = self.running.join_next_with_id() => {
                        self.done(done);
                        break;
                    }
                    () = wake.woken() => break,
                    () = tokio::time::sleep_until(next_look) => break,
                    event = events.recv() => count(event),
                }
            }
        }
    }

    /// Takes up what is due, as many as may run; says when to look again.
    async fn look(&mut self) -> Duration {
        let engine = self.gateway.engine().clone();
        let now = Instant::now();
        if now >= self.next_expiry {
            self.next_expiry = now + self.options.expire_every;
            match engine.expire().await {
                Ok(0) => {}
                Ok(archives) => {
                    tracing::info!(archives, "archives have passed their time and were deleted")
                }
                Err(error) => tracing::warn!("archives that have passed their time: {error}"),
            }
        }
        let room = self
            .options
            .requests_at_once
            .max(1)
            .saturating_sub(self.in_hand.len());
        if room == 0 {
            return self.options.sweep_every;
        }
        self.failing
            .retain(|_, (_, until)| *until + Duration::from_secs(600) > now);
        let skipped = self.in_hand.len() + self.failing.len();
        let limit = u32::try_from(room + skipped).unwrap_or(u32::MAX);
        let due = match engine.due(limit).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!("what is due could not be read: {error}");
                return self.options.sweep_every * 5;
            }
        };
        let ready: Vec<RequestId> = due
            .into_iter()
            .filter(|id| !self.in_hand.values().any(|one| one == id))
            .filter(|id| self.failing.get(id).is_none_or(|(_, until)| *until <= now))
            .take(room)
            .collect();
        for id in ready {
            let (engine, budget) = (engine.clone(), self.options.budget);
            let advance = async move { engine.advance(id, budget).await };
            let span = tracing::info_span!("advance", request = %id);
            let task = self.running.spawn(advance.instrument(span));
            self.in_hand.insert(task.id(), id);
        }
        self.options.sweep_every
    }

    fn done(&mut self, done: Result<(task::Id, Result<Advance, EngineError>), JoinError>) {
        let (task, advance) = match done {
            Ok(done) => done,
            Err(panicked) => {
                self.in_hand.remove(&panicked.id());
                tracing::error!(
                    "carrying a request on broke off; it is taken up again when its lease has run out"
                );
                return;
            }
        };
        let Some(id) = self.in_hand.remove(&task) else {
            return;
        };
        match advance {
            Ok(advance) => {
                self.failing.remove(&id);
                if let Advance::Ended(status) = advance {
                    tracing::info!(request = %id, status = status.as_str(), "a request ended");
                }
            }
            Err(EngineError::Superseded) => {}
            Err(error) => {
                let (times, until) = self.failing.entry(id).or_insert((0, Instant::now()));
                let wait = Duration::from_secs(1 << (*times).min(8));
                *times += 1;
                *until = Instant::now() + wait;
                tracing::warn!(request = %id, wait_s = wait.as_secs(), "a request could not be carried on: {error}");
            }
        }
    }

    /// Nothing new begins; what runs gives its request back at the end of its budget.
    async fn end(mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

fn count(event: Result<Event, broadcast::error::RecvError>) {
    if let Ok(event) = event {
        match event.what {
            Happening::StepFailed { connector, .. } => {
                metrics::counter!("adieu_step_failures_total", "connector" => connector.to_string()).increment(1);
            }
            Happening::Status { status } => {
                metrics::counter!("adieu_requests_ended_total", "status" => status.as_str())
                    .increment(1);
            }
            _ => {}
        }
    }
}
