//! From what Stripe says to what it means: <https://docs.stripe.com/api/errors>.

use adieu_core::{ConnectorError, ErrorKind};
use adieu_http_client::{Response, Verdict};
use serde::Deserialize;

/// What is wrong, as far as it is no prose.
#[derive(Default, Deserialize)]
pub(super) struct Trouble {
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) param: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    error: Trouble,
}

pub(super) fn trouble(response: &Response) -> Trouble {
    let body: Option<Body> = response.parse().ok();
    body.map(|body| body.error).unwrap_or_default()
}

/// An answer that is no success, as an error.
pub(super) fn error(response: &Response) -> ConnectorError {
    response.error_with(trouble(response).code.as_deref().unwrap_or_default())
}

/// Whether there is no such thing.
pub(super) fn is_missing(response: &Response) -> bool {
    response.status() == 404 || trouble(response).code.as_deref() == Some("resource_missing")
}

/// The sort of failure, when it lies in what was asked and not in who asked or when: another record may go through.
pub(super) fn refusal(response: &Response) -> Option<ErrorKind> {
    match response.status().as_u16() {
        400 | 402 | 404 | 409 | 422 => Some(error(response).kind()),
        _ => None,
    }
}

/// Whether another attempt is worth it.
pub(super) fn judge(response: &Response) -> Verdict {
    // The answer to a call of this idempotency key is always the same, also when it is a failure.
    let replayed = response.header("idempotent-replayed") == Some("true");
    match response.header("stripe-should-retry") {
        Some("false") => Verdict::Stop,
        _ if replayed => Verdict::Stop,
        Some("true") if response.status() == 409 => Verdict::Again,
        _ => Verdict::Usual,
    }
}
