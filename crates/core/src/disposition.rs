//! What happens to a record in an erasure.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What happens to one record in an erasure. [`survey`](crate::Connector::survey) and [`erase`](crate::Connector::erase)
/// of a connector ask one and the same function for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// The record is deleted.
    Erase,
    /// The record stays, and what points to the person in it is replaced.
    Pseudonymize,
    /// The record stays for a reason that outweighs the erasure (GDPR Art. 17(3)).
    Retain {
        /// Why, and until when.
        retention: Retention,
        /// Whether some of its fields are still to be replaced: keep the invoice, drop the street.
        pseudonymize: bool,
    },
    /// The record is gone already, or no longer about the person. That is success.
    Absent,
    /// The system has accepted the deletion and does it later.
    Scheduled {
        /// By when, if the system says so.
        by: Option<Date>,
    },
}

/// Why a record is kept, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The ground in law.
    pub basis: RetentionBasis,
    /// The reason in words for the person it is about: "tax law (10 years)".
    pub reason: String,
    /// The last day of keeping; `None` when it cannot be known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// The grounds on which a record may be kept against a request for erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RetentionBasis {
    /// Freedom of expression and information, GDPR Art. 17(3)(a).
    FreedomOfExpression,
    /// A legal obligation such as tax law, GDPR Art. 17(3)(b).
    LegalObligation,
    /// Public health, GDPR Art. 17(3)(c).
    PublicHealth,
    /// Archiving, research or statistics, GDPR Art. 17(3)(d).
    Archiving,
    /// Legal claims, GDPR Art. 17(3)(e).
    LegalClaims,
    /// A contract that still runs.
    Contract,
    /// Security and the prevention of fraud; a ground of its own in CCPA § 1798.105(d)(2).
    Security,
}

impl RetentionBasis {
    /// The ground as it stands in receipts and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FreedomOfExpression => "freedom_of_expression",
            Self::LegalObligation => "legal_obligation",
            Self::PublicHealth => "public_health",
            Self::Archiving => "archiving",
            Self::LegalClaims => "legal_claims",
            Self::Contract => "contract",
            Self::Security => "security",
        }
    }
}

impl fmt::Display for RetentionBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
