//! What operators do for others, with the scope `privacy:operator`.

use adieu_archive::Format;
use adieu_auth::Scope;
use adieu_core::{Identity, IdentityKind, IdentityValue, Subject, Tenant};
use adieu_engine::{EngineError, Kind, NewRequest, Request, RequestId, Search};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::problem::Problem;

use super::Answer;
use super::call::{Call, Person, given};
use super::query::Query;
use super::view;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    kind: Kind,
    #[serde(default, deserialize_with = "given")]
    format: Option<Format>,
    subject: About,
    /// Whose request it becomes: the person sees it, cancels it and fetches the archive.
    owner: Named,
}

/// The person a request is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    #[serde(default, deserialize_with = "given")]
    tenant: Option<String>,
    identities: Vec<Named>,
}

/// An identity that the operator has verified.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    kind: IdentityKind,
    value: IdentityValue,
}

impl From<Named> for Identity {
    fn from(named: Named) -> Self {
        Self::from_parts(named.kind, named.value)
    }
}

/// `POST /v1/operator/requests`
pub(super) async fn ask(mut call: Call) -> Answer {
    operator(&call).await?;
    let key = call.idempotency_key()?;
    let ask: Ask = call.json().await?;
    let mut subject = Subject::new(ask.subject.identities.into_iter().map(Identity::from));
    if let Some(tenant) = ask.subject.tenant {
        let tenant =
            Tenant::new(tenant).map_err(|_| Problem::request_refused("this is no tenant"))?;
        subject = subject.within(tenant);
    }
    let owner = Identity::from(ask.owner);
    if !subject.identities().any(|identity| *identity == owner) {
        return Err(Problem::request_refused(
            "the owner is one of the subject's identities",
        ));
    }
    let new = match ask.kind {
        Kind::Export => NewRequest::export(subject, ask.format.unwrap_or_default()),
        Kind::Erasure if ask.format.is_some() => {
            return Err(Problem::request_refused("an erasure has no format"));
        }
        Kind::Erasure => NewRequest::erasure(subject).after_days(call.inner().grace_days),
    };
    let new = NewRequest {
        // The person's own keys are other ones.
        idempotency_key: key.map(|key| format!("operator {key}")),
        ..new.owned_by(owner)
    };
    let request = match call.gateway().submit(new).await {
        Ok((request, _)) => request,
        Err(EngineError::Conflict(_)) => return Err(Problem::idempotency_key_reused()),
        Err(error) => return Err(error.into()),
    };
    view::json(StatusCode::ACCEPTED, &request)
}

/// `GET /v1/operator/requests?status=&due_by=&before=&limit=`
pub(super) async fn search(call: Call) -> Answer {
    operator(&call).await?;
    let mut query = Query::parse(call.query());
    let status = query.take::<String>("status")?;
    let search = Search {
        status: status
            .map(|status| serde_json::from_value(status.into()))
            .transpose()
            .map_err(|_| Problem::parameter("status"))?,
        due_by: query.take("due_by")?,
        before: query.take("before")?,
    };
    let limit = query.limit(50, 200)?;
    query.end()?;
    let requests: Vec<Request> = call.inner().engine.search(search, limit).await?;
    view::json(StatusCode::OK, &json!({ "requests": requests }))
}

/// `GET /v1/operator/requests/{id}`
pub(super) async fn one(call: Call, id: RequestId) -> Answer {
    operator(&call).await?;
    view::json(StatusCode::OK, &call.inner().engine.request(id).await?)
}

/// `DELETE /v1/operator/requests/{id}`
pub(super) async fn cancel(call: Call, id: RequestId) -> Answer {
    operator(&call).await?;
    view::json(StatusCode::OK, &call.gateway().cancel(id).await?)
}

/// `POST /v1/operator/requests/{id}/resume`
pub(super) async fn resume(call: Call, id: RequestId) -> Answer {
    operator(&call).await?;
    view::json(StatusCode::ACCEPTED, &call.gateway().resume(id).await?)
}

/// `GET /v1/operator/audit?after=&limit=`
pub(super) async fn audit(call: Call) -> Answer {
    operator(&call).await?;
    let mut query = Query::parse(call.query());
    let after = query.take::<u64>("after")?.unwrap_or(0);
    let limit = query.limit(100, 1000)?;
    query.end()?;
    if i64::try_from(after).is_err() {
        return Err(Problem::parameter("after"));
    }
    let entries = call.inner().engine.audit(after, limit).await?;
    view::json(StatusCode::OK, &json!({ "entries": entries }))
}

/// An operator sees the requests of all tenants, so that one of a single tenant must be named in the configuration.
async fn operator(call: &Call) -> Result<Person, Problem> {
    let person = call.person().await?;
    person.grant.require(&Scope::OPERATOR)?;
    let tenant = person.grant.subject().tenant().map(Tenant::expose);
    if tenant.is_some() && tenant != call.inner().operator_tenant.as_deref() {
        return Err(Problem::operator_of_another_tenant());
    }
    Ok(person)
}
