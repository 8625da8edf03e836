//! Letting a browser download an archive by following a link.

use adieu_auth::Scope;
use adieu_engine::{EngineError, RequestId};
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::problem::Problem;

use super::Answer;
use super::archive;
use super::call::Call;
use super::view;

/// `POST /v1/requests/{id}/download`
pub(super) async fn grant(call: Call, id: RequestId) -> Answer {
    let person = call.person().await?;
    person.grant.require(&Scope::EXPORT)?;
    call.owned(&person, id).await?;
    let request = call.inner().engine.request(id).await?;
    archive::allowed(&call, &request)?;
    let path = format!("{}/archive", view::link(&request, call.gateway().prefix()));
    let issued = call
        .inner()
        .passes
        .issue(id, &path, call.headers(), call.now())
        .and_then(|(cookie, until)| Some((HeaderValue::try_from(cookie).ok()?, until)));
    let Some((cookie, until)) = issued else {
        return Err(Problem::from(EngineError::Internal(
            "a pass could not be made".into(),
        )));
    };
    let mut response = view::json(
        StatusCode::OK,
        &json!({ "archive": path, "expires_at": until }),
    )?;
    response.headers_mut().insert(SET_COOKIE, cookie);
    Ok(response)
}

/// Makes sure that whoever asks may have this archive: by a token, or else by the pass that a token has got.
pub(super) async fn may_have(call: &Call, id: RequestId) -> Result<(), Problem> {
    let has_token = call.headers().contains_key(AUTHORIZATION);
    if !has_token && call.inner().passes.is_held(id, call.headers(), call.now()) {
        return call.within_pace_of(id);
    }
    let person = call.person().await?;
    person.grant.require(&Scope::EXPORT)?;
    call.owned(&person, id).await
}
