//! What lies under the prefix.

use adieu_engine::{HoldId, RequestId};
use http::Method;

/// A place of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Page,
    DataMap,
    Export,
    Preview,
    Requests,
    Request(RequestId),
    Events(RequestId),
    Archive(RequestId),
    Download(RequestId),
    Receipt(RequestId),
    Keys,
    Document,
    OperatorRequests,
    OperatorRequest(RequestId),
    OperatorResume(RequestId),
    OperatorApprove(RequestId),
    OperatorRefuse(RequestId),
    OperatorExtend(RequestId),
    OperatorHolds,
    OperatorHold(HoldId),
    OperatorAudit,
}

impl Route {
    /// The place of a path, without the prefix.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        if matches!(path, "" | "/") {
            return Some(Self::Page);
        }
        let mut segments = path.strip_prefix('/')?.split('/');
        let mut words = [""; 5];
        let mut count = 0;
        for segment in segments.by_ref() {
            *words.get_mut(count)? = segment;
            count += 1;
        }
        Some(match &words[..count] {
            ["openapi.json"] => Self::Document,
            [".well-known", "jwks.json"] => Self::Keys,
            ["v1", "data-map"] => Self::DataMap,
            ["v1", "export"] => Self::Export,
            ["v1", "preview"] => Self::Preview,
            ["v1", "requests"] => Self::Requests,
            ["v1", "requests", id] => Self::Request(id.parse().ok()?),
            ["v1", "requests", id, "events"] => Self::Events(id.parse().ok()?),
            ["v1", "requests", id, "archive"] => Self::Archive(id.parse().ok()?),
            ["v1", "requests", id, "download"] => Self::Download(id.parse().ok()?),
            ["v1", "requests", id, "receipt"] => Self::Receipt(id.parse().ok()?),
            ["v1", "operator", "requests"] => Self::OperatorRequests,
            ["v1", "operator", "requests", id] => Self::OperatorRequest(id.parse().ok()?),
            ["v1", "operator", "requests", id, "resume"] => Self::OperatorResume(id.parse().ok()?),
            ["v1", "operator", "requests", id, "approve"] => {
                Self::OperatorApprove(id.parse().ok()?)
            }
            ["v1", "operator", "requests", id, "refuse"] => Self::OperatorRefuse(id.parse().ok()?),
            ["v1", "operator", "requests", id, "extend"] => Self::OperatorExtend(id.parse().ok()?),
            ["v1", "operator", "holds"] => Self::OperatorHolds,
            ["v1", "operator", "holds", id] => Self::OperatorHold(id.parse().ok()?),
            ["v1", "operator", "audit"] => Self::OperatorAudit,
            _ => return None,
        })
    }

    /// Which request it is about.
    pub(crate) fn request(self) -> Option<RequestId> {
        match self {
            Self::Request(id)
            | Self::Events(id)
            | Self::Archive(id)
            | Self::Download(id)
            | Self::Receipt(id)
            | Self::OperatorRequest(id)
            | Self::OperatorResume(id)
            | Self::OperatorApprove(id)
            | Self::OperatorRefuse(id)
            | Self::OperatorExtend(id) => Some(id),
            _ => None,
        }
    }

    /// The path as logs and the API's document name it.
    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::Page => "/",
            Self::DataMap => "/v1/data-map",
            Self::Export => "/v1/export",
            Self::Preview => "/v1/preview",
            Self::Requests => "/v1/requests",
            Self::Request(_) => "/v1/requests/{id}",
            Self::Events(_) => "/v1/requests/{id}/events",
            Self::Archive(_) => "/v1/requests/{id}/archive",
            Self::Download(_) => "/v1/requests/{id}/download",
            Self::Receipt(_) => "/v1/requests/{id}/receipt",
            Self::Keys => "/.well-known/jwks.json",
            Self::Document => "/openapi.json",
            Self::OperatorRequests => "/v1/operator/requests",
            Self::OperatorRequest(_) => "/v1/operator/requests/{id}",
            Self::OperatorResume(_) => "/v1/operator/requests/{id}/resume",
            Self::OperatorApprove(_) => "/v1/operator/requests/{id}/approve",
            Self::OperatorRefuse(_) => "/v1/operator/requests/{id}/refuse",
            Self::OperatorExtend(_) => "/v1/operator/requests/{id}/extend",
            Self::OperatorHolds => "/v1/operator/holds",
            Self::OperatorHold(_) => "/v1/operator/holds/{id}",
            Self::OperatorAudit => "/v1/operator/audit",
        }
    }

    /// The `Allow` header: what can be asked of it.
    pub(crate) fn allow(self) -> &'static str {
        match self {
            Self::Preview
            | Self::Download(_)
            | Self::OperatorResume(_)
            | Self::OperatorApprove(_)
            | Self::OperatorRefuse(_)
            | Self::OperatorExtend(_) => "POST",
            Self::Requests | Self::OperatorRequests | Self::OperatorHolds => "GET, HEAD, POST",
            Self::Request(_) | Self::OperatorRequest(_) => "GET, HEAD, DELETE",
            Self::OperatorHold(_) => "DELETE",
            _ => "GET, HEAD",
        }
    }

    pub(crate) fn allows(self, method: &Method) -> bool {
        self.allow().split(", ").any(|one| one == method.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    /// One route of each sort.
    fn all() -> Vec<Route> {
        let templates = [
            "/",
            "/openapi.json",
            "/.well-known/jwks.json",
            "/v1/data-map",
            "/v1/export",
            "/v1/preview",
            "/v1/requests",
            "/v1/requests/{id}",
            "/v1/requests/{id}/events",
            "/v1/requests/{id}/archive",
            "/v1/requests/{id}/download",
            "/v1/requests/{id}/receipt",
            "/v1/operator/requests",
            "/v1/operator/requests/{id}",
            "/v1/operator/requests/{id}/resume",
            "/v1/operator/requests/{id}/approve",
            "/v1/operator/requests/{id}/refuse",
            "/v1/operator/requests/{id}/extend",
            "/v1/operator/holds",
            "/v1/operator/holds/{id}",
            "/v1/operator/audit",
        ];
        let routes =
            templates.map(|template| Route::parse(&template.replace("{id}", ID)).expect(template));
        for (route, template) in routes.iter().zip(templates) {
            assert_eq!(route.template(), template);
        }
        routes.to_vec()
    }

    #[test]
    fn what_is_not_exactly_a_place_is_none() {
        for bad in [
            "//",
            "/v1",
            "/v1/",
            "/v1/requests/",
            "/v1/requests/1",
            "/V1/requests",
            "/v1/requests/../audit",
            "/v1/operator",
            "/v1/operator/audit/",
            "/v1/a/b/c/d/e/f/g",
            "v1/requests",
        ] {
            assert_eq!(Route::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_document_names_every_place_and_call_and_no_other() {
        let document: serde_json::Value = serde_json::from_str(crate::api::DOCUMENT).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let routes = all();
        assert_eq!(paths.len(), routes.len());
        for route in routes {
            let calls = paths[route.template()].as_object().unwrap();
            let mut named: Vec<String> = calls
                .keys()
                .filter(|key| *key != "parameters")
                .map(|key| key.to_uppercase())
                .collect();
            let mut allowed: Vec<&str> = route
                .allow()
                .split(", ")
                .filter(|method| *method != "HEAD")
                .collect();
            named.retain(|method| method != "HEAD");
            named.sort();
            allowed.sort_unstable();
            assert_eq!(named, allowed, "{}", route.template());
        }
    }
}
