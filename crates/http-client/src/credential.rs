//! How the client says who it is.

use adieu_core::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

/// What goes with every call to the configured host, and to no other.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// `Authorization: Bearer …`
    Bearer(Secret),
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// The name.
        user: String,
        /// The password; it may be empty.
        password: Secret,
    },
    /// A header of the provider's own, such as `x-api-key`.
    Header(HeaderName, Secret),
}

impl Credential {
    /// As a header that is marked as secret; `None` when it holds what no header may.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let (name, text) = match self {
            Self::Bearer(token) => (AUTHORIZATION, format!("Bearer {}", token.expose())),
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose());
                (AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)))
            }
            Self::Header(name, value) => (name.clone(), value.expose().to_owned()),
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }
}
