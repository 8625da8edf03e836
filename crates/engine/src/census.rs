//! How many requests stand where, and how old they are: for whoever watches.

use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::request::Status;

/// The requests of one status that somebody has to do something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The status.
    pub status: Status,
    /// How many.
    pub requests: u64,
    /// When the oldest of them was asked for.
    pub oldest: Option<Timestamp>,
    /// The first day by which one of them is to be answered.
    pub first_due: Option<Timestamp>,
    /// How many should have been answered before now.
    pub overdue: u64,
}

/// What is counted: what is not over, and what an operator may take up again.
const COUNTED: [Status; 6] = [
    Status::AwaitingConfirmation,
    Status::Scheduled,
    Status::Running,
    Status::Blocked,
    Status::Failed,
    Status::CompletedWithExceptions,
];

impl Engine {
    /// Counts the requests that are not over, and those that an operator may take up again; one entry for each status.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn census(&self) -> Result<Vec<Standing>, EngineError> {
        let now = self.inner.clock.now();
        let mut standings = Vec::with_capacity(COUNTED.len());
        for status in COUNTED {
            standings.push(self.inner.store.standing(status, now).await?);
        }
        Ok(standings)
    }
}
