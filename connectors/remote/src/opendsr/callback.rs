//! What a processor sends by itself when a request changes its status.

use std::fmt;

use adieu_core::ConnectorError;
use adieu_http_client::http::HeaderMap;

use super::connector::OpendsrConnector;
use super::proof::Untrusted;
use super::written::{Stands, Status};

/// A callback that was found to come from the processor.
///
/// It is a hint and no more: a request that was scheduled is asked about again when it is due, whether or not a callback came.
#[derive(Clone, PartialEq, Eq)]
pub struct Callback {
    request: String,
    is_done: bool,
}

impl Callback {
    /// The number of the processor's request, a UUID.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// Whether the processor says that it has done what it was asked for.
    pub fn is_done(&self) -> bool {
        self.is_done
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("is_done", &self.is_done)
            .finish_non_exhaustive()
    }
}

/// Why a callback is not believed. Answer it with 403, and [`NotACallback::Unverified`] with 503.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotACallback {
    /// It is signed for another domain than the configured one, or for none. Nobody was asked.
    Domain,
    /// The processor's certificate is not one of its domain, of a known authority and of today.
    Certificate,
    /// The signature is not that of these bytes.
    Signature,
    /// It is signed and makes no sense, or is meant for another place.
    Content,
    /// The processor's certificate could not be had; the processor may try again.
    Unverified(ConnectorError),
}

impl From<Untrusted> for NotACallback {
    fn from(why: Untrusted) -> Self {
        match why {
            Untrusted::Domain => Self::Domain,
            Untrusted::Certificate => Self::Certificate,
            Untrusted::Signature => Self::Signature,
        }
    }
}

impl fmt::Display for NotACallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain => f.write_str(Untrusted::Domain.as_str()),
            Self::Certificate => f.write_str(Untrusted::Certificate.as_str()),
            Self::Signature => f.write_str(Untrusted::Signature.as_str()),
            Self::Content => {
                f.write_str("it is signed and makes no sense, or is meant for another place")
            }
            Self::Unverified(error) => write!(f, "it could not be verified: {error}"),
        }
    }
}

impl std::error::Error for NotACallback {}

impl OpendsrConnector {
    /// Verifies a callback by its headers and its body as it came, in the order of the specification (section 8.8): the domain,
    /// against the configured one; the certificate: its chain, its name, its time; the signature over the raw bytes. Only then
    /// is the body read, and it must be meant for the configured `callback`.
    ///
    /// # Errors
    /// When it is not to be believed.
    ///
    /// # Cancel safety
    /// Nothing is changed by it.
    pub async fn callback(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Callback, NotACallback> {
        let claim = self.processor.proof.claim(headers)?;
        let verified = self.processor.verify(&claim, body).await;
        verified.map_err(NotACallback::Unverified)??;
        let stands: Stands = serde_json::from_slice(body).map_err(|_| NotACallback::Content)?;
        if stands.status_callback_url.is_none() || stands.status_callback_url != self.callback {
            return Err(NotACallback::Content);
        }
        Ok(Callback {
            is_done: stands.request_status == Status::Completed,
            request: stands.subject_request_id,
        })
    }
}
