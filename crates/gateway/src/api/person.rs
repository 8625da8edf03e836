//! What a person asks for themselves.

use adieu_archive::Format;
use adieu_auth::Scope;
use adieu_core::IdentityValue;
use adieu_engine::{EngineError, Kind, NewRequest, Request, RequestId};
use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::plan_token::{PlanRefused, SeenPlan};
use crate::problem::Problem;

use super::Answer;
use super::call::{Call, Person, given};
use super::query::Query;
use super::view::{self, RequestView};

/// How many requests a list shows.
const LIST: u32 = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    kind: Kind,
    #[serde(default, deserialize_with = "given")]
    format: Option<Format>,
    #[serde(default, deserialize_with = "given")]
    plan_token: Option<String>,
}

/// `POST /v1/requests`
pub(super) async fn ask(mut call: Call) -> Answer {
    let person = call.asking().await?;
    let key = call.idempotency_key()?;
    let ask: Ask = call.json().await?;
    let new = NewRequest {
        idempotency_key: key,
        notify: address(&call, &person),
        ..match ask.kind {
            Kind::Export => export(&person, &ask)?,
            Kind::Erasure => erasure(&call, &person, &ask)?,
        }
    };
    let _turn = call.gateway().turn(person.caller).await;
    if call.inner().engine.submitted(&new).await?.is_some() {
        // It is sent again: whether it asks for the same is for the engine to say.
        return accepted(&call, submit(&call, new).await?);
    }
    let plan = match &ask.plan_token {
        Some(token) => Some(seen_plan(&call, &person, token)?),
        None => None,
    };
    let limit = match new.kind {
        Kind::Export => call.inner().limits.exports_at_once.max(1),
        Kind::Erasure => 1,
    };
    unfinished_at_most(&call, &person, new.kind, limit).await?;
    if let Some(plan) = plan
        && !call.inner().engine.spend(&plan.id, plan.expires_at).await?
    {
        return Err(Problem::plan_token_used());
    }
    accepted(&call, submit(&call, new).await?)
}

/// Where the person is written to, when the gateway writes at all: an identity of the token, which holds verified ones alone.
fn address(call: &Call, person: &Person) -> Option<IdentityValue> {
    let kind = &call.inner().notices.as_ref()?.kind;
    person.grant.subject().values(kind).next().cloned()
}

fn export(person: &Person, ask: &Ask) -> Result<NewRequest, Problem> {
    person.grant.require(&Scope::EXPORT)?;
    if ask.plan_token.is_some() {
        return Err(Problem::request_refused("an export has no plan_token"));
    }
    let subject = person.grant.subject().clone();
    let new = NewRequest::export(subject, ask.format.unwrap_or_default());
    Ok(new.owned_by(person.grant.identity().clone()))
}

fn erasure(call: &Call, person: &Person, ask: &Ask) -> Result<NewRequest, Problem> {
    let grant = &person.grant;
    grant.require(&Scope::ERASE)?;
    grant.require_fresh(call.inner().erasure_max_age, call.now())?;
    if ask.format.is_some() {
        return Err(Problem::request_refused("an erasure has no format"));
    }
    if ask.plan_token.is_none() {
        return Err(Problem::plan_token_missing());
    }
    Ok(NewRequest::erasure(grant.subject().clone())
        .owned_by(grant.identity().clone())
        .after_days(call.inner().grace_days))
}

fn seen_plan(call: &Call, person: &Person, token: &str) -> Result<SeenPlan, Problem> {
    let grant = &person.grant;
    let tokens = &call.inner().plan_tokens;
    tokens
        .check(token, grant.subject(), grant.identity(), call.now())
        .map_err(|refused| match refused {
            PlanRefused::Invalid => Problem::plan_token_invalid(),
            PlanRefused::Expired => Problem::plan_token_expired(),
        })
}

async fn submit(call: &Call, new: NewRequest) -> Result<Request, Problem> {
    match call.gateway().submit(new).await {
        Ok((request, _)) => Ok(request),
        Err(EngineError::Conflict(_)) => Err(Problem::idempotency_key_reused()),
        Err(error) => Err(error.into()),
    }
}

fn accepted(call: &Call, request: Request) -> Answer {
    let prefix = call.gateway().prefix();
    let location = HeaderValue::try_from(view::link(&request, prefix));
    let mut response = RequestView::new(request, prefix).into_answer(StatusCode::ACCEPTED)?;
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Refuses when the person has as many requests of this kind that are not finished.
pub(super) async fn unfinished_at_most(
    call: &Call,
    person: &Person,
    kind: Kind,
    limit: u32,
) -> Result<(), Problem> {
    let own = own(call, person).await?;
    let unfinished: Vec<&Request> = own
        .iter()
        .filter(|request| request.kind == kind && !request.status.is_final())
        .collect();
    let sent = match kind {
        Kind::Export => call.inner().sending.count(person.caller),
        Kind::Erasure => 0,
    };
    match unfinished.first() {
        _ if unfinished.len() + sent < limit as usize => Ok(()),
        Some(newest) => {
            let link = view::link(newest, call.gateway().prefix());
            Err(Problem::unfinished(kind.as_str(), link))
        }
        None => Err(Problem::being_sent()),
    }
}

async fn own(call: &Call, person: &Person) -> Result<Vec<Request>, Problem> {
    let tenant = person
        .grant
        .subject()
        .tenant()
        .map(|tenant| tenant.expose());
    let engine = &call.inner().engine;
    Ok(engine
        .requests_of(tenant, person.grant.identity(), LIST)
        .await?)
}

/// `GET /v1/requests`
pub(super) async fn list(call: Call) -> Answer {
    let person = call.person().await?;
    Query::parse(call.query()).end()?;
    let prefix = call.gateway().prefix();
    let requests = own(&call, &person).await?;
    let requests: Vec<RequestView> = requests
        .into_iter()
        .map(|request| RequestView::new(request, prefix))
        .collect();
    view::json(StatusCode::OK, &json!({ "requests": requests }))
}

/// `GET /v1/requests/{id}`
pub(super) async fn one(call: Call, id: RequestId) -> Answer {
    let person = call.person().await?;
    call.owned(&person, id).await?;
    let request = call.inner().engine.request(id).await?;
    RequestView::new(request, call.gateway().prefix()).into_answer(StatusCode::OK)
}

/// `DELETE /v1/requests/{id}`
pub(super) async fn cancel(call: Call, id: RequestId) -> Answer {
    let person = call.person().await?;
    call.owned(&person, id).await?;
    let request = call.gateway().cancel(id).await?;
    RequestView::new(request, call.gateway().prefix()).into_answer(StatusCode::OK)
}

/// `GET /v1/requests/{id}/receipt`, with what opens its commitments in a header, for the person to keep.
pub(super) async fn receipt(call: Call, id: RequestId) -> Answer {
    let person = call.person().await?;
    call.owned(&person, id).await?;
    let engine = &call.inner().engine;
    let receipt = match engine.receipt(id).await {
        Ok(receipt) => receipt,
        Err(EngineError::Conflict(_)) => return Err(Problem::not_ready("there is no receipt yet")),
        Err(error) => return Err(error.into()),
    };
    let opening = engine.opening(id).await?;
    let mut response = view::with_type(StatusCode::OK, "application/jose", Bytes::from(receipt));
    if let Some(opening) =
        opening.and_then(|opening| HeaderValue::try_from(opening.to_string()).ok())
    {
        response
            .headers_mut()
            .insert("adieu-receipt-opening", opening);
    }
    Ok(response)
}
