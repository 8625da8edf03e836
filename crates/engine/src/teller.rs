//! Telling listeners how a request gets on.

use adieu_core::ConnectorError;
use tokio::sync::broadcast;

use crate::progress::{Event, Happening};
use crate::request::RequestId;
use crate::state::StepId;

/// Tells what happens to one request. Whoever listens too slowly misses events, and nothing waits for them.
pub(crate) struct Teller {
    pub(crate) request: RequestId,
    pub(crate) events: broadcast::Sender<Event>,
}

impl Teller {
    pub(crate) fn tell(&self, what: Happening) {
        let _ = self.events.send(Event {
            request: self.request,
            what,
        });
    }

    pub(crate) fn step_failed(&self, step: &StepId, error: &ConnectorError) {
        self.tell(Happening::StepFailed {
            connector: step.0.clone(),
            collection: step.1.clone(),
            reason: error.to_string(),
        });
    }
}
