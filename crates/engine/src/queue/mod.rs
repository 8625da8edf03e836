//! The queue: what wakes a node to carry a request on.

mod jobs;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::async_trait;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::error::EngineError;
use crate::request::RequestId;

pub(crate) use jobs::Jobs;

/// What is done with a job: a request is carried on. It never fails as far as the queue is concerned.
pub(crate) type CarryOn = Arc<dyn Fn(RequestId) -> BoxFuture<'static, ()> + Send + Sync>;

/// A queue in the store's own database.
///
/// It only wakes somebody up. The truth about a request is in the engine's tables; a job says "advance request R" and
/// carries nothing else. So whatever a queue does wrong loses no request and doubles none: what is due and has no live
/// job is found by [`Queue::forgotten`], and a second executor is turned away by the lease and the fence.
#[async_trait]
pub(crate) trait Queue: Debug + Send + Sync + 'static {
    /// Gives a request its first job, to be run after `wait`. It is part of the transaction that writes the request down.
    async fn enqueue(
        &self,
        transaction: &mut SqliteConnection,
        id: RequestId,
        wait: Duration,
    ) -> Result<(), EngineError>;

    /// Takes a request's job away, if it has one. It is part of the transaction that moves the request.
    async fn remove(
        &self,
        transaction: &mut SqliteConnection,
        id: RequestId,
    ) -> Result<(), EngineError>;

    /// Says that jobs were committed that can be run now.
    fn ring(&self);

    /// Requests that are due, that nobody works on, and that no live job is there for.
    async fn forgotten(&self, now: Timestamp, limit: u32) -> Result<Vec<RequestId>, EngineError>;

    /// Has jobs carried on, so many at once, the oldest first, until `stop` resolves and the last one begun has ended.
    ///
    /// # Cancel safety
    /// When the future is dropped, what it began is dropped too. The jobs are taken up again once this worker's heartbeat
    /// is missed.
    async fn work(
        &self,
        at_once: usize,
        carry_on: CarryOn,
        stop: BoxFuture<'static, ()>,
    ) -> Result<(), EngineError>;

    /// Removes jobs that are over and workers that are gone.
    async fn prune(&self) -> Result<(), EngineError>;
}
