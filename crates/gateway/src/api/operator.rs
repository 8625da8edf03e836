//! What operators do for others, with the scope `privacy:operator`, within their tenant.

use adieu_archive::Format;
use adieu_auth::Scope;
use adieu_core::{Identity, IdentityKind, IdentityValue, Subject, Tenant};
use adieu_engine::{
    EngineError, ExtensionReason, Kind, NewRequest, Refusal, Request, RequestId, Search,
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::problem::Problem;

use super::Answer;
use super::call::{Call, given};
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

/// The person a request or a hold is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    #[serde(default, deserialize_with = "given")]
    tenant: Option<String>,
    identities: Vec<Named>,
}

impl About {
    /// The person, in the operator's tenant where the operator has one.
    pub(super) fn subject(self, operator: &Operator) -> Result<Subject, Problem> {
        let subject = Subject::new(self.identities.into_iter().map(Identity::from));
        let tenant = match self.tenant.map(Tenant::new).transpose() {
            Ok(tenant) => tenant,
            Err(_) => return Err(Problem::request_refused("this is no tenant")),
        };
        match (tenant, &operator.tenant) {
            (Some(named), Some(own)) if named != *own => Err(Problem::request_refused(
                "operators of a tenant work for its persons alone",
            )),
            (Some(tenant), _) => Ok(subject.within(tenant)),
            (None, Some(own)) => Ok(subject.within(own.clone())),
            (None, None) => Ok(subject),
        }
    }
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
    let operator = operator(&call).await?;
    let key = call.idempotency_key()?;
    let ask: Ask = call.json().await?;
    let subject = ask.subject.subject(&operator)?;
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
        ..new.owned_by(owner).approved()
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
    let operator = operator(&call).await?;
    let mut query = Query::parse(call.query());
    let status = query.take::<String>("status")?;
    let search = Search {
        tenant: operator.tenant,
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
    operator(&call).await?.may_see(&call, id).await?;
    view::json(StatusCode::OK, &call.inner().engine.request(id).await?)
}

/// `DELETE /v1/operator/requests/{id}`
pub(super) async fn cancel(call: Call, id: RequestId) -> Answer {
    operator(&call).await?.may_see(&call, id).await?;
    view::json(StatusCode::OK, &call.gateway().cancel(id).await?)
}

/// `POST /v1/operator/requests/{id}/resume`
pub(super) async fn resume(call: Call, id: RequestId) -> Answer {
    operator(&call).await?.may_see(&call, id).await?;
    view::json(StatusCode::ACCEPTED, &call.gateway().resume(id).await?)
}

/// `POST /v1/operator/requests/{id}/approve`
pub(super) async fn approve(call: Call, id: RequestId) -> Answer {
    operator(&call).await?.may_see(&call, id).await?;
    view::json(StatusCode::ACCEPTED, &call.gateway().approve(id).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refuse {
    code: Refusal,
}

/// `POST /v1/operator/requests/{id}/refuse`
pub(super) async fn refuse(mut call: Call, id: RequestId) -> Answer {
    operator(&call).await?.may_see(&call, id).await?;
    let Refuse { code } = call.json().await?;
    view::json(StatusCode::OK, &call.gateway().refuse(id, code).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extend {
    reason: ExtensionReason,
}

/// `POST /v1/operator/requests/{id}/extend`
pub(super) async fn extend(mut call: Call, id: RequestId) -> Answer {
    operator(&call).await?.may_see(&call, id).await?;
    let Extend { reason } = call.json().await?;
    view::json(StatusCode::OK, &call.gateway().extend(id, reason).await?)
}

/// `GET /v1/operator/audit?after=&limit=`
pub(super) async fn audit(call: Call) -> Answer {
    let operator = operator(&call).await?;
    let mut query = Query::parse(call.query());
    let after = query.take::<u64>("after")?.unwrap_or(0);
    let limit = query.limit(100, 1000)?;
    query.end()?;
    if i64::try_from(after).is_err() {
        return Err(Problem::parameter("after"));
    }
    let engine = &call.inner().engine;
    let entries = match &operator.tenant {
        Some(tenant) => engine.audit_within(tenant, after, limit).await?,
        None => engine.audit(after, limit).await?,
    };
    view::json(StatusCode::OK, &json!({ "entries": entries }))
}

/// Who works, and for whom.
pub(super) struct Operator {
    /// The only tenant whose requests are seen; all are without one.
    pub(super) tenant: Option<Tenant>,
}

impl Operator {
    /// Makes sure that a request is one of the operator's tenant. Of another one's it is not said that it is there.
    async fn may_see(&self, call: &Call, id: RequestId) -> Result<(), Problem> {
        let Some(tenant) = &self.tenant else {
            return Ok(());
        };
        match call.inner().engine.is_within(id, tenant).await? {
            true => Ok(()),
            false => Err(Problem::not_found()),
        }
    }
}

/// The operator whom the token names. One whose tenant is the configured one works for all tenants.
pub(super) async fn operator(call: &Call) -> Result<Operator, Problem> {
    let person = call.person().await?;
    person.grant.require(&Scope::OPERATOR)?;
    let tenant = person.grant.subject().tenant();
    let of_all = call.inner().operator_tenant.as_deref();
    Ok(Operator {
        tenant: tenant
            .filter(|tenant| Some(tenant.expose()) != of_all)
            .cloned(),
    })
}
