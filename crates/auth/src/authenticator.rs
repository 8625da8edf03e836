//! The way from a request to a grant.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adieu_core::{ConfigProblem, IdentityKind};
use http::{HeaderMap, Method};
use jiff::Timestamp;

use crate::claims;
use crate::config::AuthConfig;
use crate::credential;
use crate::denied::Denied;
use crate::fetcher::KeyFetcher;
use crate::grant::Grant;
use crate::key_ring::KeyRing;
use crate::token::Token;

/// Turns the token of a request into a [`Grant`], or refuses.
#[derive(Debug)]
pub struct Authenticator {
    config: AuthConfig,
    subject_kind: IdentityKind,
    keys: KeyRing,
}

impl Authenticator {
    /// Validates a configuration and reads its keys; `folder` is where relative paths begin. Nothing is fetched yet.
    ///
    /// `fetcher` is needed when keys come from a URL.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn new(
        config: AuthConfig,
        folder: &Path,
        fetcher: Option<Arc<dyn KeyFetcher>>,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let problems = config.validate();
        if !problems.is_empty() {
            return Err(problems);
        }
        let subject_kind = IdentityKind::new(&*config.subject_kind)
            .map_err(|problem| vec![ConfigProblem::new(["subject_kind"], problem.to_string())])?;
        let keys = KeyRing::new(&config, folder, fetcher.as_ref())?;
        Ok(Self {
            config,
            subject_kind,
            keys,
        })
    }

    /// Turns the one token of a request into a grant.
    ///
    /// The token stands in `Authorization: Bearer`, or in the cookie when one is configured; in both is refused. When
    /// the token names a key that is not known, this waits for the key set to be fetched again.
    ///
    /// # Errors
    /// Whenever anything about the token is not as it must be. A request without one is refused: anonymous is nobody.
    ///
    /// # Cancel safety
    /// The future may be dropped.
    pub async fn authenticate(
        &self,
        method: &Method,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Grant, Denied> {
        let token = credential::token(self.config.cookie.as_ref(), method, headers)?;
        self.authenticate_token(token, now).await
    }

    /// Turns a bare token into a grant, for a host that takes it from somewhere else.
    ///
    /// # Errors
    /// Whenever anything about the token is not as it must be.
    ///
    /// # Cancel safety
    /// The future may be dropped.
    pub async fn authenticate_token(&self, token: &str, now: Timestamp) -> Result<Grant, Denied> {
        let token = Token::parse(token, self.config.max_token_bytes)?;
        let signed = self.keys.verify(&token).await?;
        claims::grant(&self.config, &self.subject_kind, &token, &signed, now)
    }

    /// Fetches the key sets that are not there yet, to find out at the start whether they can be had.
    ///
    /// # Errors
    /// [`Denied::KeysUnavailable`] when one cannot.
    ///
    /// # Cancel safety
    /// The future may be dropped; the fetch goes on.
    pub async fn warm_up(&self) -> Result<(), Denied> {
        self.keys.warm_up().await
    }

    /// How long ago the login may be when an erasure is asked for; for [`Grant::require_fresh`].
    pub fn erasure_max_age(&self) -> Duration {
        Duration::from_secs(self.config.erasure_max_age_seconds.into())
    }
}
