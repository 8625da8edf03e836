//! Legal holds, which operators set and release.

use adieu_engine::HoldId;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::problem::Problem;

use super::Answer;
use super::call::Call;
use super::operator::{About, operator};
use super::query::Query;
use super::view;

/// How long a reason may be.
const REASON_BYTES: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    subject: About,
    reason: String,
}

/// `POST /v1/operator/holds`
pub(super) async fn set(mut call: Call) -> Answer {
    let operator = operator(&call).await?;
    let Ask { subject, reason } = call.json().await?;
    let subject = subject.subject(&operator)?;
    if subject.is_empty() {
        return Err(Problem::request_refused("a legal hold is on somebody"));
    }
    let is_blank = reason.trim().is_empty();
    if is_blank || reason.len() > REASON_BYTES || reason.contains(char::is_control) {
        return Err(Problem::request_refused(
            "a reason is 1 to 1024 bytes, not only white space, without control characters",
        ));
    }
    let hold = call.gateway().hold(&subject, reason).await?;
    view::json(StatusCode::CREATED, &hold)
}

/// `GET /v1/operator/holds`
pub(super) async fn list(call: Call) -> Answer {
    let operator = operator(&call).await?;
    Query::parse(call.query()).end()?;
    let holds = call.gateway().holds(operator.tenant.as_ref()).await?;
    view::json(StatusCode::OK, &json!({ "holds": holds }))
}

/// `DELETE /v1/operator/holds/{id}`
pub(super) async fn release(call: Call, id: HoldId) -> Answer {
    let operator = operator(&call).await?;
    call.gateway().release(id, operator.tenant.as_ref()).await?;
    Ok(view::nothing())
}
