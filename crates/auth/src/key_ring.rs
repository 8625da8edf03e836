//! All keys, and which of them signed a token.

use std::path::Path;
use std::sync::Arc;

use adieu_core::ConfigProblem;

use crate::config::AuthConfig;
use crate::denied::Denied;
use crate::fetcher::KeyFetcher;
use crate::key::Key;
use crate::key_set::KeySet;
use crate::remote_keys::{RemoteKeys, Running};
use crate::token::Token;

/// No token is checked with more keys than these, however many share its `kid` or lack one.
const MAX_TRIES: usize = 4;

/// The keys of every source.
#[derive(Debug)]
pub(crate) struct KeyRing {
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    /// The only issuer these keys are good for; none: every accepted one.
    issuer: Option<String>,
    keys: Keys,
}

#[derive(Debug)]
enum Keys {
    Fixed(Arc<KeySet>),
    Remote(Arc<RemoteKeys>),
}

/// A signature was right: what may be said by whoever has that key.
#[derive(Debug)]
pub(crate) struct Signed<'a> {
    /// The only issuer the key is good for; none: every accepted one.
    pub(crate) issuer: Option<&'a str>,
}

/// What one look at the keys says.
enum Look<'a> {
    Signed(Signed<'a>),
    Unsigned {
        /// Whether there was any key of this name and algorithm.
        tried: bool,
        /// The key sets at URLs that have no such key, or are not there.
        lacking: Vec<&'a Arc<RemoteKeys>>,
    },
}

impl KeyRing {
    /// Reads every key that does not come from a URL. The configuration must have been validated.
    pub(crate) fn new(
        config: &AuthConfig,
        folder: &Path,
        fetcher: Option<&Arc<dyn KeyFetcher>>,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let mut sources = Vec::new();
        let mut problems = Vec::new();
        for (index, source) in config.keys.iter().enumerate() {
            let keys = match (source.remote(), fetcher) {
                (Some(url), Some(fetcher)) => Ok(Keys::Remote(Arc::new(RemoteKeys::new(
                    url,
                    Arc::clone(fetcher),
                    source.allowed(&config.algorithms).to_vec(),
                    config.jwks.clone(),
                )))),
                (Some(_), None) => Err(
                    "a key set at a URL needs an HTTP client; give the authenticator a KeyFetcher"
                        .to_owned(),
                ),
                (None, _) => source
                    .load(folder, &config.algorithms)
                    .map(|set| Keys::Fixed(Arc::new(set))),
            };
            match keys {
                Ok(keys) => sources.push(Source {
                    issuer: source.issuer().map(str::to_owned),
                    keys,
                }),
                Err(problem) => {
                    problems.push(ConfigProblem::new(["keys", &index.to_string()], problem));
                }
            }
        }
        if problems.is_empty() {
            Ok(Self { sources })
        } else {
            Err(problems)
        }
    }

    /// Finds the key that signed a token.
    ///
    /// A token that names no known key makes the key sets at URLs be asked again, at their bounded rate.
    ///
    /// # Cancel safety
    /// The future may be dropped.
    pub(crate) async fn verify(&self, token: &Token<'_>) -> Result<Signed<'_>, Denied> {
        match self.look(token) {
            Look::Signed(signed) => return Ok(signed),
            Look::Unsigned { lacking, .. } => refresh(lacking).await,
        }
        match self.look(token) {
            Look::Signed(signed) => Ok(signed),
            Look::Unsigned { tried, lacking } => Err(match out_of_reach(lacking) {
                Some(denied) => denied,
                None if tried => Denied::WrongSignature,
                None => Denied::UnknownKey,
            }),
        }
    }

    /// Fetches every key set that is not there yet.
    pub(crate) async fn warm_up(&self) -> Result<(), Denied> {
        refresh(self.remotes().filter(|remote| remote.current().is_none())).await;
        out_of_reach(self.remotes().filter(|remote| remote.current().is_none())).map_or(Ok(()), Err)
    }

    fn look(&self, token: &Token<'_>) -> Look<'_> {
        let mut tries = 0;
        let mut lacking = Vec::new();
        for source in &self.sources {
            let set = match &source.keys {
                Keys::Fixed(set) => Some(Arc::clone(set)),
                Keys::Remote(remote) => remote.current(),
            };
            let tries_before = tries;
            let keys = set.iter().flat_map(|set| set.keys());
            for key in keys.filter(|key| source.offers(key, token)) {
                if tries == MAX_TRIES {
                    break;
                }
                tries += 1;
                if key.verifies(token.message(), token.signature()) {
                    return Look::Signed(Signed {
                        issuer: source.issuer.as_deref(),
                    });
                }
            }
            if let Keys::Remote(remote) = &source.keys
                && tries == tries_before
                && tries < MAX_TRIES
            {
                lacking.push(remote);
            }
        }
        Look::Unsigned {
            tried: tries > 0,
            lacking,
        }
    }

    fn remotes(&self) -> impl Iterator<Item = &Arc<RemoteKeys>> {
        self.sources.iter().filter_map(|source| match &source.keys {
            Keys::Remote(remote) => Some(remote),
            Keys::Fixed(_) => None,
        })
    }
}

impl Source {
    /// Whether a key may have signed a token: by its algorithm, and by its `kid`.
    ///
    /// A single key that has no `kid` is tried for any; a key in a set at a URL must carry the one that a token names.
    fn offers(&self, key: &Key, token: &Token<'_>) -> bool {
        key.algorithm() == token.algorithm()
            && match (key.kid(), token.kid()) {
                (Some(ours), Some(theirs)) => ours == theirs,
                (_, None) => true,
                (None, Some(_)) => matches!(self.keys, Keys::Fixed(_)),
            }
    }
}

/// Refreshes several key sets at once, each at its bounded rate.
async fn refresh<'a>(remotes: impl IntoIterator<Item = &'a Arc<RemoteKeys>>) {
    let running: Vec<Running> = remotes
        .into_iter()
        .filter_map(|remote| remote.begin_refresh())
        .collect();
    for refresh in running {
        refresh.end().await;
    }
}

/// The refusal to give when one of these key sets cannot be had, so that nobody can say whether a key exists.
fn out_of_reach<'a>(remotes: impl IntoIterator<Item = &'a Arc<RemoteKeys>>) -> Option<Denied> {
    remotes
        .into_iter()
        .filter(|remote| remote.is_out_of_reach())
        .map(|remote| remote.retry_after())
        .max()
        .map(|retry_after| Denied::KeysUnavailable { retry_after })
}
