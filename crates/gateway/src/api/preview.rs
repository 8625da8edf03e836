//! What an erasure would do, and the token that says it was seen.

use adieu_auth::Scope;
use adieu_engine::Preview;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

use super::Answer;
use super::call::Call;
use super::view;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Serialize)]
struct PreviewView {
    #[serde(flatten)]
    preview: Preview,
    /// Days between asking and the beginning, in which it can be cancelled.
    grace_days: u16,
    /// `null` while a blocker stands in the way.
    plan_token: Option<String>,
    plan_token_expires_at: Option<Timestamp>,
    /// Whether the login is too old for an erasure, so that the person has to log in again before.
    login_required: bool,
}

/// `POST /v1/preview`
pub(super) async fn preview(mut call: Call) -> Answer {
    let person = call.asking().await?;
    person.grant.require(&Scope::ERASE)?;
    let Nothing {} = call.json_or_nothing().await?;
    let grant = &person.grant;
    let preview = call.inner().engine.preview(grant.subject()).await?;
    let token = if preview.blockers.is_empty() {
        let now = call.inner().clock.now();
        let token = call
            .inner()
            .plan_tokens
            .issue(grant.subject(), grant.identity(), now);
        Some(token.ok_or_else(|| {
            Problem::from(adieu_engine::EngineError::Internal(
                "a plan token could not be made".into(),
            ))
        })?)
    } else {
        None
    };
    let (plan_token, plan_token_expires_at) = token.unzip();
    let view = PreviewView {
        preview,
        grace_days: call.inner().grace_days,
        plan_token,
        plan_token_expires_at,
        login_required: grant
            .require_fresh(call.inner().erasure_max_age, call.now())
            .is_err(),
    };
    view::json(StatusCode::OK, &view)
}
