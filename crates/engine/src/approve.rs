//! Requests that an operator has to approve first, or refuses.

use adieu_core::Blocker;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::request::{Request, RequestId, Status};

/// Why an operator refuses a request: what the law allows, as a code. The person is told it (GDPR Art. 12(4)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// It is in doubt who asks (GDPR Art. 12(6)).
    IdentityNotVerified,
    /// It is manifestly unfounded (GDPR Art. 12(5)).
    ManifestlyUnfounded,
    /// It is excessive, as when it is repeated (GDPR Art. 12(5)).
    Excessive,
    /// A law demands the data (GDPR Art. 17(3)(b)).
    LegalObligation,
    /// The data is needed for legal claims (GDPR Art. 17(3)(e)).
    LegalClaims,
    /// A public interest in the data prevails (GDPR Art. 17(3)(c), (d)).
    PublicInterest,
    /// The freedom of expression and information prevails (GDPR Art. 17(3)(a)).
    FreedomOfExpression,
    /// It would harm the rights of others (GDPR Art. 15(4), 20(4)).
    RightsOfOthers,
}

impl Refusal {
    /// The code as it stands in the API and in the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdentityNotVerified => "identity_not_verified",
            Self::ManifestlyUnfounded => "manifestly_unfounded",
            Self::Excessive => "excessive",
            Self::LegalObligation => "legal_obligation",
            Self::LegalClaims => "legal_claims",
            Self::PublicInterest => "public_interest",
            Self::FreedomOfExpression => "freedom_of_expression",
            Self::RightsOfOthers => "rights_of_others",
        }
    }

    fn blocker(self) -> Blocker {
        let advice = match self {
            Self::IdentityNotVerified => "prove who you are, and ask again",
            _ => {
                "it was refused; you can complain to a supervisory authority, or seek a judicial remedy"
            }
        };
        Blocker {
            code: format!("refused_{}", self.as_str()),
            advice: advice.to_owned(),
        }
    }
}

impl Engine {
    /// Lets a request go on that waited for an approval: at once, or when its grace period ends.
    ///
    /// # Errors
    /// `Conflict` when it does not wait for one, `NotFound` when it is not there.
    pub async fn approve(&self, id: RequestId) -> Result<Request, EngineError> {
        let now = self.inner.clock.now();
        self.inner
            .store
            .change_idle(id, now, "approved", |record, _, _| {
                waits_for_approval(record.status)?;
                record.status = match record.execute_at > now {
                    true => Status::Scheduled,
                    false => Status::Running,
                };
                record.next_at = Some(record.execute_at.max(now));
                Ok(())
            })
            .await?;
        self.request(id).await
    }

    /// Refuses a request that waited for an approval: it ends as blocked, with the code. It can still be resumed.
    ///
    /// # Errors
    /// `Conflict` when it does not wait for one, `NotFound` when it is not there.
    pub async fn refuse(&self, id: RequestId, why: Refusal) -> Result<Request, EngineError> {
        let now = self.inner.clock.now();
        let event = format!("refused {}", why.as_str());
        self.inner
            .store
            .change_idle(id, now, &event, |record, _, _| {
                waits_for_approval(record.status)?;
                record.status = Status::Blocked;
                record.blockers = vec![why.blocker()];
                record.finished_at = Some(now);
                record.next_at = None;
                Ok(())
            })
            .await?;
        self.request(id).await
    }
}

fn waits_for_approval(status: Status) -> Result<(), EngineError> {
    match status {
        Status::AwaitingConfirmation => Ok(()),
        other => Err(EngineError::conflict(format!(
            "the request is {}, and does not wait for an approval",
            other.as_str()
        ))),
    }
}
