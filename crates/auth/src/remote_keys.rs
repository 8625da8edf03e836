//! A key set at a URL: cached, refreshed at a bounded rate, and refused when it has grown too old.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adieu_core::ErrorKind;
use arc_swap::ArcSwapOption;
use http::Uri;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::algorithm::Algorithm;
use crate::config::KeySetLimits;
use crate::fetcher::{FetchFailed, KeyFetcher};
use crate::key_set::KeySet;

/// The keys of one URL.
///
/// At most one fetch runs, and at most one begins in each `min_refresh_seconds`, whatever tokens arrive. A fetch runs in
/// a task of its own, so that a caller who hangs up neither stops it nor uses up the rate for nothing.
pub(crate) struct RemoteKeys {
    url: Uri,
    fetcher: Arc<dyn KeyFetcher>,
    allowed: Vec<Algorithm>,
    limits: KeySetLimits,
    current: ArcSwapOption<Fetched>,
    refresh: Mutex<Refresh>,
}

/// A key set and when it was asked for.
struct Fetched {
    set: Arc<KeySet>,
    at: Instant,
}

#[derive(Default)]
struct Refresh {
    last_begun: Option<Instant>,
    last_failed: bool,
    running: Option<watch::Receiver<()>>,
}

impl RemoteKeys {
    pub(crate) fn new(
        url: Uri,
        fetcher: Arc<dyn KeyFetcher>,
        allowed: Vec<Algorithm>,
        limits: KeySetLimits,
    ) -> Self {
        Self {
            url,
            fetcher,
            allowed,
            limits,
            current: ArcSwapOption::empty(),
            refresh: Mutex::default(),
        }
    }

    /// The keys, while they are not too old. Begins a refresh in the background when one is due.
    pub(crate) fn current(self: &Arc<Self>) -> Option<Arc<KeySet>> {
        let fetched = self.current.load_full()?;
        let age = fetched.at.elapsed();
        if age >= self.limits.refresh() {
            self.begin_refresh();
        }
        (age < self.limits.max_age()).then(|| Arc::clone(&fetched.set))
    }

    /// Whether the keys are not there, or the last refresh did not succeed: a key that is not known may exist all the same.
    pub(crate) fn is_out_of_reach(self: &Arc<Self>) -> bool {
        self.current().is_none() || self.lock().last_failed
    }

    pub(crate) fn retry_after(&self) -> Duration {
        self.limits.min_refresh()
    }

    /// Begins a refresh, or answers with the running one; `None` when it is too early for another.
    pub(crate) fn begin_refresh(self: &Arc<Self>) -> Option<Running> {
        let mut refresh = self.lock();
        if let Some(running) = &refresh.running {
            return Some(Running(running.clone()));
        }
        let now = Instant::now();
        let too_early = refresh
            .last_begun
            .is_some_and(|last| now.duration_since(last) < self.limits.min_refresh());
        if too_early {
            return None;
        }
        let runtime = Handle::try_current().ok()?;
        let (ended, running) = watch::channel(());
        refresh.last_begun = Some(now);
        refresh.last_failed = true;
        refresh.running = Some(running.clone());
        drop(refresh);
        let run = Run {
            keys: Arc::clone(self),
            _ended: ended,
        };
        runtime.spawn(async move {
            match run.keys.fetch().await {
                Ok(set) => run.keys.replace(set, now),
                Err(error) => {
                    tracing::warn!(kind = %error.kind, "an issuer's key set could not be refreshed");
                }
            }
        });
        Some(Running(running))
    }

    async fn fetch(&self) -> Result<KeySet, FetchFailed> {
        let max_bytes = self.limits.max_bytes;
        let body = tokio::time::timeout(
            self.limits.timeout(),
            self.fetcher.fetch(&self.url, max_bytes),
        )
        .await
        .map_err(|_| FetchFailed {
            kind: ErrorKind::TimedOut,
        })??;
        let malformed = FetchFailed {
            kind: ErrorKind::Protocol,
        };
        if body.len() > max_bytes {
            return Err(malformed);
        }
        KeySet::parse(&body, &self.allowed).map_err(|_| malformed)
    }

    /// What the issuer publishes counts, even when it is nothing: a key it has withdrawn is good no longer.
    fn replace(&self, set: KeySet, asked_at: Instant) {
        tracing::debug!(
            keys = set.keys().len(),
            unusable = set.unusable(),
            "an issuer's key set was refreshed"
        );
        self.current.store(Some(Arc::new(Fetched {
            set: Arc::new(set),
            at: asked_at,
        })));
        self.lock().last_failed = false;
    }

    fn lock(&self) -> MutexGuard<'_, Refresh> {
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").finish_non_exhaustive()
    }
}

/// A refresh that somebody may wait for.
pub(crate) struct Running(watch::Receiver<()>);

impl Running {
    /// Waits until the refresh has ended, well or not; at most `timeout_seconds`.
    ///
    /// # Cancel safety
    /// The future may be dropped; the refresh goes on.
    pub(crate) async fn end(mut self) {
        // Nothing is ever sent; the end of the refresh closes the channel.
        let _ = self.0.changed().await;
    }
}

/// The task of a refresh. However it ends, the next one may begin and nobody waits for it any more.
struct Run {
    keys: Arc<RemoteKeys>,
    _ended: watch::Sender<()>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.keys.lock().running = None;
    }
}
