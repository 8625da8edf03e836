//! Waking whoever carries requests on.

use async_trait::async_trait;
use tokio::sync::Notify;

/// Wakes a node when there is something to do.
///
/// It only makes things quicker: the truth about what is due lies in the engine's tables, and a sweep finds whatever
/// nobody was woken for.
#[async_trait]
pub trait Wake: std::fmt::Debug + Send + Sync + 'static {
    /// Says that something is due now.
    fn wake(&self);

    /// Waits until something is due. A call that nobody waited for ends the next wait at once.
    ///
    /// # Cancel safety
    /// The future may be dropped; no call is lost.
    async fn woken(&self);
}

/// Wakes the worker of the same process.
#[derive(Debug, Default)]
pub struct Bell(Notify);

#[async_trait]
impl Wake for Bell {
    fn wake(&self) {
        self.0.notify_one();
    }

    async fn woken(&self) {
        self.0.notified().await;
    }
}
