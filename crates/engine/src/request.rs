//! What is asked for, and how far it has come.

use std::fmt;
use std::str::FromStr;

use adieu_archive::Format;
use adieu_core::{Blocker, Identity, IdentityValue, Subject};
use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::EngineError;
use crate::extend::Extension;

/// Names a request. Made in the order of time (UUID version 7); holds nothing personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(Uuid);

impl RequestId {
    pub(crate) fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RequestId {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        Uuid::parse_str(text).map(Self).map_err(|_| {
            EngineError::config("a request's id is a UUID, as `adieu requests` shows it")
        })
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A portable copy of all data about the subject.
    Export,
    /// The erasure of all data about the subject.
    Erasure,
}

impl Kind {
    /// The kind as it stands in the API and in receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Erasure => "erasure",
        }
    }
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// An operator has to approve it first.
    AwaitingConfirmation,
    /// It waits for the end of its grace period, and can be cancelled.
    Scheduled,
    /// It is being carried out, or waits for a system that failed to be tried again.
    Running,
    /// It is done.
    Completed,
    /// It is done but for what its exceptions name; it can be resumed.
    CompletedWithExceptions,
    /// Nothing came of it, and nothing was erased; it can be resumed.
    Failed,
    /// It was cancelled before anything was done.
    Cancelled,
    /// A blocker stands in its way, or an operator refused it; nothing was erased, and it can be resumed.
    Blocked,
    /// Its archive was deleted when its time had passed.
    Expired,
}

impl Status {
    /// The status as it stands in the API and in receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingConfirmation => "awaiting_confirmation",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::CompletedWithExceptions => "completed_with_exceptions",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Blocked => "blocked",
            Self::Expired => "expired",
        }
    }

    /// Whether the engine has nothing more to do for it by itself.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            Self::AwaitingConfirmation | Self::Scheduled | Self::Running
        )
    }

    /// Whether [`Engine::resume`](crate::Engine::resume) takes it up again.
    pub fn is_resumable(self) -> bool {
        matches!(
            self,
            Self::CompletedWithExceptions | Self::Failed | Self::Blocked
        )
    }
}

/// Reads a word the way serde spells it.
pub(crate) fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, EngineError> {
    serde_json::from_value(serde_json::Value::from(text))
        .map_err(|_| EngineError::Store("a row holds an unknown word".into()))
}

/// A request to be submitted.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// What is asked for.
    pub kind: Kind,
    /// In which form an export is wanted.
    pub format: Format,
    /// About whom: verified identities.
    pub subject: Subject,
    /// The one identity whose holder may see and cancel the request, such as the `user_id` of a token. `None` when only
    /// the operator may.
    pub owner: Option<Identity>,
    /// Days between asking for an erasure and its start.
    pub grace_days: u16,
    /// Whether an operator asks or has agreed, so that no approval is waited for.
    pub approved: bool,
    /// The caller's own name for this submission: sent again, it finds the same request.
    pub idempotency_key: Option<String>,
    /// The e-mail address to which notices about it go: one that was verified to be the requester's. It is forgotten with the subject,
    /// once the last notice was sent.
    pub notify: Option<IdentityValue>,
}

impl NewRequest {
    /// An export of everything about the subject.
    pub fn export(subject: Subject, format: Format) -> Self {
        Self {
            kind: Kind::Export,
            format,
            subject,
            owner: None,
            grace_days: 0,
            approved: false,
            idempotency_key: None,
            notify: None,
        }
    }

    /// An erasure of everything about the subject, without a grace period.
    pub fn erasure(subject: Subject) -> Self {
        Self {
            kind: Kind::Erasure,
            format: Format::Zip,
            subject,
            owner: None,
            grace_days: 0,
            approved: false,
            idempotency_key: None,
            notify: None,
        }
    }

    /// Says that an operator asks or has agreed: it waits for no approval.
    #[must_use]
    pub fn approved(mut self) -> Self {
        self.approved = true;
        self
    }

    /// Sets whose request it is.
    #[must_use]
    pub fn owned_by(mut self, owner: Identity) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Sets where notices about it go.
    #[must_use]
    pub fn notified_at(mut self, address: IdentityValue) -> Self {
        self.notify = Some(address);
        self
    }

    /// Sets the grace period.
    #[must_use]
    pub fn after_days(mut self, grace_days: u16) -> Self {
        self.grace_days = grace_days;
        self
    }
}

/// A request as everybody who may see it sees it: nothing in it is personal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// Its name.
    pub id: RequestId,
    /// What was asked for.
    pub kind: Kind,
    /// In which form an export was wanted.
    pub format: Format,
    /// How far it has come.
    pub status: Status,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Until when the law wants it answered.
    pub due_at: Timestamp,
    /// That it was given more time, when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// When an erasure begins.
    pub execute_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When it is next tried, while it waits; or, when it is completed, when systems that delete later are asked again.
    pub next_at: Option<Timestamp>,
    /// Until when its archive can be fetched.
    pub archive_expires_at: Option<Timestamp>,
    /// How large its archive is.
    pub archive_bytes: Option<u64>,
    /// How each connector stands.
    pub connectors: Vec<ConnectorProgress>,
    /// Why an erasure could not start.
    pub blockers: Vec<Blocker>,
    /// What could not be done, in words without personal data.
    pub exceptions: Vec<Exception>,
}

/// How one connector stands in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectorProgress {
    /// Its name.
    pub name: String,
    /// How many of its collections are done.
    pub collections_done: usize,
    /// Of how many.
    pub collections: usize,
    /// How many records were exported, or handled by the erasure.
    pub records: u64,
}

/// Something a request could not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Where.
    pub connector: String,
    /// In which collection; `None` when it concerns the whole connector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Why, in words without personal data.
    pub reason: String,
}

/// Which law sets the time to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadline {
    /// GDPR Art. 12(3): one calendar month.
    #[default]
    Gdpr,
    /// CCPA, 11 CCR § 7021(b): 45 days.
    Ccpa,
}

impl Deadline {
    /// Until when a request of this time is to be answered. A month ends on the same day of the next month, or on
    /// its last day where there is none (Regulation 1182/71 Art. 3(2)(c)).
    ///
    /// # Errors
    /// When the calendar ends before.
    pub fn after(self, created_at: Timestamp) -> Result<Timestamp, EngineError> {
        let span = match self {
            Self::Gdpr => Span::new().months(1),
            Self::Ccpa => Span::new().days(45),
        };
        later(created_at, span)
    }
}

/// A calendar span later, in UTC.
pub(crate) fn later(from: Timestamp, span: Span) -> Result<Timestamp, EngineError> {
    from.to_zoned(TimeZone::UTC)
        .checked_add(span)
        .map(|zoned| zoned.timestamp())
        .map_err(|_| EngineError::config("a date lies beyond the calendar"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_calendar_month_and_not_thirty_days() {
        for (asked, due) in [
            ("2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"),
            ("2028-01-31T10:00:00Z", "2028-02-29T10:00:00Z"),
            ("2026-07-15T00:00:00Z", "2026-08-15T00:00:00Z"),
        ] {
            let asked: Timestamp = asked.parse().unwrap();
            assert_eq!(Deadline::Gdpr.after(asked).unwrap().to_string(), due);
        }
        let asked: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            Deadline::Ccpa.after(asked).unwrap().to_string(),
            "2026-02-15T00:00:00Z"
        );
    }

    #[test]
    fn words_in_the_tables_are_the_words_of_the_api() {
        for status in [
            Status::Scheduled,
            Status::Running,
            Status::Completed,
            Status::CompletedWithExceptions,
            Status::Failed,
            Status::Cancelled,
            Status::Blocked,
            Status::Expired,
            Status::AwaitingConfirmation,
        ] {
            assert_eq!(word::<Status>(status.as_str()).unwrap(), status);
        }
        assert!(word::<Status>("done").is_err());
    }
}
