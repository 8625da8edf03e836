//! More time to answer, once, as the law allows it.

use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::request::{Deadline, Request, RequestId, later};

/// Why more time is needed: what the law accepts, as a code. The person is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExtensionReason {
    /// The request is complex (GDPR Art. 12(3); Cal. Civ. Code § 1798.145(h)(1)).
    Complexity,
    /// There are many requests (the same).
    NumberOfRequests,
}

impl ExtensionReason {
    /// The code as it stands in the API and in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complexity => "complexity",
            Self::NumberOfRequests => "number_of_requests",
        }
    }
}

/// That a request was given more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: ExtensionReason,
    /// Until when it was to be answered before.
    pub due_before: Timestamp,
}

impl Deadline {
    /// Until when a request of this time is to be answered once it was extended: two further months, or 45 further days.
    ///
    /// # Errors
    /// When the calendar ends before.
    pub fn extended(self, created_at: Timestamp) -> Result<Timestamp, EngineError> {
        // Counted from the beginning: a month that ended early must not shorten the others.
        let span = match self {
            Self::Gdpr => Span::new().months(3),
            Self::Ccpa => Span::new().days(90),
        };
        later(created_at, span)
    }
}

impl Engine {
    /// Gives a request more time, once, before the first time is over. It may be worked on meanwhile.
    ///
    /// # Errors
    /// `Conflict` when it is over, its time has passed, or it was extended before; `NotFound` when it is not there.
    pub async fn extend(
        &self,
        id: RequestId,
        reason: ExtensionReason,
    ) -> Result<Request, EngineError> {
        let now = self.inner.clock.now();
        let law = self.inner.options.deadline;
        self.inner
            .store
            .extend(id, now, reason, |record| {
                if record.status.is_final() && !record.status.is_resumable() {
                    return Err(EngineError::conflict("the request is over"));
                }
                if record.extension.is_some() {
                    return Err(EngineError::conflict("the request was extended before"));
                }
                if now > record.due_at {
                    return Err(EngineError::conflict(
                        "the time to answer has passed; it could only be extended before",
                    ));
                }
                law.extended(record.created_at)
            })
            .await?;
        self.request(id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_counted_from_the_beginning_by_the_calendar() {
        for (law, asked, due) in [
            (
                Deadline::Gdpr,
                "2026-01-31T10:00:00Z",
                "2026-04-30T10:00:00Z",
            ),
            (
                Deadline::Gdpr,
                "2026-11-30T00:00:00Z",
                "2027-02-28T00:00:00Z",
            ),
            (
                Deadline::Ccpa,
                "2026-01-01T00:00:00Z",
                "2026-04-01T00:00:00Z",
            ),
        ] {
            let asked: Timestamp = asked.parse().unwrap();
            assert_eq!(law.extended(asked).unwrap(), due.parse().unwrap());
        }
    }
}
