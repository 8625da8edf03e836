//! What a token was found to say.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use adieu_core::{Identity, IdentityKind, Subject};
use jiff::{SignedDuration, Timestamp};

use crate::denied::Denied;
use crate::scope::Scope;

/// A verified token: whose it is, what it allows, and when its bearer last logged in.
///
/// Only an [`Authenticator`](crate::Authenticator) makes one. Its `Debug` shows no value of the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    pub(crate) subject: Subject,
    pub(crate) identity: Identity,
    pub(crate) issuer: String,
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) expires_at: Timestamp,
    pub(crate) token_hash: [u8; 32],
}

impl Grant {
    /// Whom the token is about: the identity of the subject claim and every verified one, within the token's tenant.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The identity of the subject claim alone.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Who issued the token, as configured.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What the token allows.
    pub fn scopes(&self) -> impl ExactSizeIterator<Item = &Scope> {
        self.scopes.iter()
    }

    /// When the person last logged in, if the token says.
    pub fn auth_time(&self) -> Option<Timestamp> {
        self.auth_time
    }

    /// When the token's time is over; a long answer should not outlive it.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The SHA-256 of the whole token, to name it in an audit log.
    ///
    /// It does not protect against replay: anybody can write an ES256 signature in a second way that is right too.
    pub fn token_hash(&self) -> &[u8; 32] {
        &self.token_hash
    }

    /// Asks for a scope.
    ///
    /// # Errors
    /// [`Denied::MissingScope`] when the token does not have it.
    pub fn require(&self, scope: &Scope) -> Result<(), Denied> {
        if self.scopes.contains(scope) {
            Ok(())
        } else {
            Err(Denied::MissingScope(scope.clone()))
        }
    }

    /// Asks for a login that is at most `max_age` old.
    ///
    /// # Errors
    /// [`Denied::LoginTooOld`] when it is older, or when the token does not say when it was.
    pub fn require_fresh(&self, max_age: Duration, now: Timestamp) -> Result<(), Denied> {
        let fresh = self.auth_time.is_some_and(|login| {
            let oldest = SignedDuration::try_from(max_age)
                .ok()
                .and_then(|age| now.checked_sub(age).ok());
            oldest.is_some_and(|oldest| login >= oldest)
        });
        if fresh {
            Ok(())
        } else {
            Err(Denied::LoginTooOld { max_age })
        }
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = self
            .subject
            .identities()
            .map(Identity::kind)
            .map(IdentityKind::as_str)
            .collect();
        f.debug_struct("Grant")
            .field("identities", &kinds)
            .field("tenant", &self.subject.tenant().map(|_| "…"))
            .field("scopes", &self.scopes.len())
            .field("auth_time", &self.auth_time.map(|_| "…"))
            .finish_non_exhaustive()
    }
}
