//! How a key set comes from a URL.

use std::fmt::Debug;

use adieu_core::{ErrorKind, async_trait};
use bytes::Bytes;
use http::Uri;

/// Fetches an issuer's key set. This crate has no HTTP client; the host gives one.
#[async_trait]
pub trait KeyFetcher: Debug + Send + Sync + 'static {
    /// Fetches the body of a successful `GET`, and follows no redirect to another host.
    ///
    /// It should stop reading after `max_bytes`; a longer body is refused in any case. A time limit and the rate are
    /// kept by the caller.
    ///
    /// # Errors
    /// When the answer is no success, or there is none.
    ///
    /// # Cancel safety
    /// The future may be dropped when the time limit passes.
    async fn fetch(&self, url: &Uri, max_bytes: usize) -> Result<Bytes, FetchFailed>;
}

/// A key set could not be fetched: what sort of failure it was, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key set could not be fetched ({kind})")]
pub struct FetchFailed {
    /// What sort of failure it was.
    pub kind: ErrorKind,
}
