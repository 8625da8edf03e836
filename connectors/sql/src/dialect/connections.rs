//! Connections that wait for work, at most so many at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adieu_core::{ConnectorError, ErrorKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The connections to one database.
pub(crate) struct Connections<C> {
    idle: Mutex<Vec<C>>,
    permits: Permits,
}

/// How many may do something at once; the others stand in line.
pub(crate) struct Permits(Arc<Semaphore>);

/// The right to have one connection open, or to write. Giving it up lets the next one in.
pub(crate) struct Permit(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Permits {
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// Waits until one more may.
    pub(crate) async fn take(&self) -> Result<Permit, ConnectorError> {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        permit
            .map(Permit)
            .map_err(|_| ConnectorError::new(ErrorKind::Internal, "the connections were closed"))
    }
}

impl<C> Connections<C> {
    /// The right to have one more open, if nobody has to be waited for.
    pub(crate) fn permit_now(&self) -> Option<Permit> {
        Arc::clone(&self.permits.0)
            .try_acquire_owned()
            .ok()
            .map(Permit)
    }

    /// None yet, and never more than `limit` at once.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            idle: Mutex::default(),
            permits: Permits::new(limit),
        }
    }

    /// Waits until one more may be open.
    pub(crate) async fn permit(&self) -> Result<Permit, ConnectorError> {
        self.permits.take().await
    }

    /// One that is open already.
    pub(crate) fn take(&self) -> Option<C> {
        lock(&self.idle).pop()
    }

    /// Keeps one for the next call.
    pub(crate) fn put_back(&self, connection: C) {
        lock(&self.idle).push(connection);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
