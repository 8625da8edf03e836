//! What a person is told about their request, and that it is not lost on the way.

use std::fmt::Debug;
use std::time::Duration;

use adieu_core::{ConnectorError, ErrorKind, IdentityValue, async_trait};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::request::{Kind, Request, Status};

/// How many notices are taken up at a time.
const AT_ONCE: u32 = 100;

/// How long a courier has for one notice before another may take it up.
const LEASE: Duration = Duration::from_secs(120);

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Occasion {
    /// A request was written down.
    Confirmation,
    /// An erasure waits for the end of its grace period, and can be cancelled until then.
    ErasureScheduled,
    /// An archive can be fetched.
    ArchiveReady,
    /// A request is over: done, cancelled, refused, failed.
    Done,
}

impl Occasion {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Confirmation,
        Self::ErasureScheduled,
        Self::ArchiveReady,
        Self::Done,
    ];

    /// The occasion as it stands in the tables and in the names of templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation",
            Self::ErasureScheduled => "erasure_scheduled",
            Self::ArchiveReady => "archive_ready",
            Self::Done => "done",
        }
    }

    /// What is told when a request has come to a status.
    pub(crate) fn of(kind: Kind, status: Status) -> Option<Self> {
        match (kind, status) {
            (_, Status::AwaitingConfirmation | Status::Running) => Some(Self::Confirmation),
            (_, Status::Scheduled) => Some(Self::ErasureScheduled),
            (Kind::Export, Status::Completed | Status::CompletedWithExceptions) => {
                Some(Self::ArchiveReady)
            }
            (_, Status::Expired) => None,
            _ => Some(Self::Done),
        }
    }

    /// What is told when somebody has moved a request. That it goes on is no news.
    pub(crate) fn after(kind: Kind, before: Status, now: Status) -> Option<Self> {
        match now {
            Status::Running => None,
            _ if before == now => None,
            _ => Self::of(kind, now),
        }
    }
}

/// One notice on its way.
///
/// `Debug` leaves the address out.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Names it, also when it is sent once more because its answer was lost.
    pub id: i64,
    /// What it is about.
    pub occasion: Occasion,
    /// The request, as it stands now.
    pub request: Request,
    /// Where it goes.
    pub address: IdentityValue,
}

/// Brings notices to people.
#[async_trait]
pub trait Courier: Debug + Send + Sync + 'static {
    /// Delivers one notice. It may be asked again for one that it has delivered, when a crash took its answer.
    ///
    /// # Errors
    /// `Unavailable`, `TimedOut` or `Unauthorized` when nobody can be reached now, any other kind when it is this notice that is refused; and whether to
    /// try again. The words must not hold the address.
    async fn deliver(&self, notice: &Notice) -> Result<(), ConnectorError>;
}

impl Engine {
    /// Delivers the notices that are due, and says how many; what fails is tried again later, over hours, and then given up.
    ///
    /// A notice was written down with what it tells, in one transaction, and goes when it was delivered: it is never lost, and may
    /// come twice when a crash falls between.
    ///
    /// # Errors
    /// When the store cannot be read or written. That a notice cannot be delivered is no error.
    ///
    /// # Cancel safety
    /// The future may be dropped at any point: what was taken up is due again when its lease has run out.
    pub async fn deliver(&self, courier: &dyn Courier) -> Result<usize, EngineError> {
        let inner = &*self.inner;
        let mut delivered = 0;
        for id in inner.store.due_notices(inner.clock.now(), AT_ONCE).await? {
            let now = inner.clock.now();
            let Some(taken) = inner.store.take_notice(id, now, LEASE).await? else {
                continue;
            };
            let notice = Notice {
                id,
                occasion: taken.occasion,
                request: self.request(taken.request).await?,
                address: taken.address,
            };
            let occasion = notice.occasion.as_str();
            let Err(error) = courier.deliver(&notice).await else {
                inner.store.end_notice(id).await?;
                metrics::counter!("adieu_notices_total", "occasion" => occasion).increment(1);
                delivered += 1;
                continue;
            };
            let now = inner.clock.now();
            let age = Duration::try_from(now.duration_since(taken.created_at)).unwrap_or_default();
            let retry = &inner.options.retry;
            let wait = retry.late(taken.attempts.saturating_sub(1), age, &error);
            tracing::warn!(
                request = %notice.request.id, occasion, attempts = taken.attempts, over = wait.is_none(),
                "a notice was not delivered: {error}"
            );
            match wait.and_then(|wait| now.checked_add(wait).ok()) {
                Some(next_at) => inner.store.postpone_notice(id, next_at).await?,
                None => {
                    inner.store.end_notice(id).await?;
                    metrics::counter!("adieu_notices_lost_total", "occasion" => occasion)
                        .increment(1);
                }
            }
            if concerns_all(error.kind()) {
                // The others would not come through either.
                break;
            }
        }
        Ok(delivered)
    }
}

/// Whether it is the way to people that failed, and not this notice.
fn concerns_all(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::Unauthorized
    )
}
