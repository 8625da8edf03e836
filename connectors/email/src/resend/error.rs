//! From what Resend says to what it means: <https://resend.com/docs/api-reference/errors>.

use std::time::Duration;

use adieu_core::{ConnectorError, Effect, ErrorKind, Retry};
use adieu_http_client::{Response, Verdict};
use serde::Deserialize;

/// A quota of a day is counted over the last 24 hours, so that it opens bit by bit.
const DAY_QUOTA_WAIT: Duration = Duration::from_secs(3600);

/// A quota of a month opens with the next month, or when somebody pays for more.
const MONTH_QUOTA_WAIT: Duration = Duration::from_secs(24 * 3600);

/// An answer that is no success, as an error.
pub(super) fn error(response: &Response) -> ConnectorError {
    let name = name(response);
    let error = response.error_with(&name);
    match (response.status().as_u16(), name.as_str()) {
        (429, DAY) => after(error, DAY_QUOTA_WAIT),
        (429, MONTH) => after(error, MONTH_QUOTA_WAIT),
        (403, "invalid_api_key") => {
            ConnectorError::new(ErrorKind::Unauthorized, error.what().to_owned())
        }
        _ => error,
    }
}

/// Whether there is no such thing.
pub(super) fn is_missing(response: &Response) -> bool {
    response.status() == 404
}

/// The sort of failure, when it lies in what was asked and not in who asked or when: another record may go through.
pub(super) fn refusal(response: &Response) -> Option<ErrorKind> {
    match response.status().as_u16() {
        400 | 409 | 422 => Some(error(response).kind()),
        _ => None,
    }
}

/// Whether another attempt is worth it: a rate is over in a second, a quota is not.
pub(super) fn judge(response: &Response) -> Verdict {
    match (response.status().as_u16(), name(response).as_str()) {
        (429, DAY | MONTH) => Verdict::Stop,
        _ => Verdict::Usual,
    }
}

/// Says that an answer is about somebody else than was asked for, so that nothing is known about whom it was asked for.
pub(super) fn about_another(response: &Response) -> ConnectorError {
    response
        .makes_no_sense("the answer is about another address than the one that was asked for")
        .effect(Effect::None)
}

const DAY: &str = "daily_quota_exceeded";
const MONTH: &str = "monthly_quota_exceeded";

/// The same, to be tried again after this much time at least.
fn after(error: ConnectorError, least: Duration) -> ConnectorError {
    let wait = match error.retry_advice() {
        Retry::After(asked) => asked.max(least),
        Retry::WithBackoff | Retry::Never => least,
    };
    error.retry(Retry::After(wait))
}

/// What Resend calls the failure.
fn name(response: &Response) -> String {
    #[derive(Deserialize)]
    struct Body {
        name: String,
    }
    let body: Option<Body> = response.parse().ok();
    body.map(|body| body.name).unwrap_or_default()
}
