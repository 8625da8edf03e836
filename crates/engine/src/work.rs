//! Carrying requests on as they become due.

use std::sync::Arc;

use futures_util::FutureExt as _;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::request::RequestId;

/// How many requests a sweep puts back at most.
const SWEEP: u32 = 1000;

impl Engine {
    /// Gives `carry_on` each request when it is due, so many at once, the oldest first, until `stop` resolves and all that
    /// was begun has ended.
    ///
    /// A request whose [`Engine::advance`] fails, or that `carry_on` does not advance, is given again by a [`Engine::sweep`].
    ///
    /// # Errors
    /// When the store cannot be read or written.
    ///
    /// # Cancel safety
    /// When the future is dropped, what it began is dropped too, and is taken up again by the next worker.
    pub async fn work<F, W>(
        &self,
        at_once: usize,
        carry_on: F,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), EngineError>
    where
        F: Fn(RequestId) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let carry_on = Arc::new(move |id| carry_on(id).boxed());
        let queue = &self.inner.store.queue;
        queue.work(at_once, carry_on, stop.boxed()).await
    }

    /// Puts back what is due and what nobody would be woken for, but for what `but_not` names; says how many it were.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn sweep(&self, but_not: impl Fn(RequestId) -> bool) -> Result<usize, EngineError> {
        let store = &self.inner.store;
        store.queue.prune().await?;
        let forgotten = store.queue.forgotten(self.inner.clock.now(), SWEEP).await?;
        let forgotten: Vec<RequestId> = forgotten.into_iter().filter(|id| !but_not(*id)).collect();
        if !forgotten.is_empty() {
            store.wake(&forgotten).await?;
        }
        Ok(forgotten.len())
    }
}
