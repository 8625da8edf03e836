//! A declaration that was read and has no mistakes: what the connector works with.

use adieu_core::{IdentityKind, Retention};
use adieu_http_client::HttpConfig;
use adieu_http_client::http::{HeaderName, Method};

use crate::body::JsonTemplate;
use crate::path::JsonPath;
use crate::template::{Hole, Template};

/// One API.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The API's own `url` first, then the others.
    pub(crate) servers: Vec<ServerPlan>,
    pub(crate) checks: Vec<CallPlan>,
    pub(crate) collections: Vec<CollectionPlan>,
}

#[derive(Debug)]
pub(crate) struct ServerPlan {
    /// The keys that lead to it in the configuration.
    pub(crate) at: Vec<String>,
    pub(crate) url: Template,
    pub(crate) auth: Option<AuthPlan>,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) http: HttpConfig,
}

#[derive(Debug)]
pub(crate) enum AuthPlan {
    Bearer(Template),
    Basic {
        user: Template,
        password: Template,
    },
    Header(HeaderName, Template),
    Oauth {
        url: Template,
        form: Vec<(String, Template)>,
    },
    ServiceAccount {
        key: Template,
        scope: Template,
    },
}

impl AuthPlan {
    /// What must not stand in the configuration itself.
    pub(crate) fn secrets(&self) -> Vec<&Template> {
        match self {
            Self::Bearer(secret) | Self::Header(_, secret) => vec![secret],
            Self::Basic { password, .. } => vec![password],
            Self::Oauth { form, .. } => {
                let secrets = form.iter().filter(|(name, _)| name == "client_secret");
                secrets.map(|(_, secret)| secret).collect()
            }
            Self::ServiceAccount { key, .. } => vec![key],
        }
    }
}

#[derive(Debug)]
pub(crate) struct CollectionPlan {
    pub(crate) key: Template,
    pub(crate) fields: Vec<String>,
    pub(crate) yields: Vec<(IdentityKind, JsonPath)>,
    pub(crate) finds: Vec<FindPlan>,
    pub(crate) get: Option<GetPlan>,
    pub(crate) content: Option<ContentPlan>,
    pub(crate) erase: Vec<ErasePlan>,
    pub(crate) later: Option<LaterPlan>,
    /// Whether the provider deletes its records together with others.
    pub(crate) by_itself: bool,
    pub(crate) keep: Option<Retention>,
}

#[derive(Debug)]
pub(crate) struct FindPlan {
    pub(crate) needs: Vec<IdentityKind>,
    pub(crate) list: ListPlan,
    pub(crate) only: Only,
    pub(crate) confirm: Option<ConfirmPlan>,
}

/// A call whose answer shows whose a list is.
#[derive(Debug)]
pub(crate) struct ConfirmPlan {
    pub(crate) call: CallPlan,
    pub(crate) only: Only,
}

/// A call that answers with records, page by page.
#[derive(Debug)]
pub(crate) struct ListPlan {
    pub(crate) call: CallPlan,
    pub(crate) records: JsonPath,
    pub(crate) next: Option<Next>,
}

/// What must be true of a record.
#[derive(Debug)]
pub(crate) struct Only {
    pub(crate) wanted: Vec<(JsonPath, Vec<Template>)>,
    pub(crate) ignore_case: bool,
}

#[derive(Debug)]
pub(crate) struct GetPlan {
    pub(crate) call: CallPlan,
    pub(crate) record: JsonPath,
}

#[derive(Debug)]
pub(crate) struct ContentPlan {
    pub(crate) call: CallPlan,
    pub(crate) name: Template,
    pub(crate) max_bytes: u64,
}

#[derive(Debug)]
pub(crate) struct ErasePlan {
    pub(crate) call: CallPlan,
    pub(crate) batch: usize,
    pub(crate) job: Option<JobPlan>,
}

#[derive(Debug)]
pub(crate) struct JobPlan {
    pub(crate) id: JsonPath,
    pub(crate) call: CallPlan,
    pub(crate) state: JsonPath,
    pub(crate) done: Vec<String>,
    pub(crate) failed: Vec<String>,
    pub(crate) wait: std::time::Duration,
}

#[derive(Debug)]
pub(crate) struct LaterPlan {
    pub(crate) days: Option<u16>,
    pub(crate) listed: Option<ListedPlan>,
}

#[derive(Debug)]
pub(crate) struct ListedPlan {
    pub(crate) list: ListPlan,
    pub(crate) only: Only,
    pub(crate) since: Option<JsonPath>,
}

/// One call.
#[derive(Debug)]
pub(crate) struct CallPlan {
    pub(crate) server: usize,
    pub(crate) method: Method,
    /// The path with its placeholders, as it stands in logs.
    pub(crate) route: String,
    /// What fills them: the placeholder's name, and what it stands for.
    pub(crate) holes: Vec<(String, Template)>,
    pub(crate) query: Vec<(String, Template)>,
    pub(crate) body: Option<Body>,
    /// Whether sending it twice equals sending it once, although its method does not say so.
    pub(crate) reads: bool,
    pub(crate) absent: Vec<Sign>,
    pub(crate) retry: Vec<Sign>,
}

impl CallPlan {
    /// Whether every record of a batch is named, not only its first.
    pub(crate) fn takes_several(&self) -> bool {
        let queries = self.query.iter().map(|(_, template)| template);
        let in_query = queries
            .clone()
            .any(|template| template.as_record().is_some());
        let broken = queries
            .filter(|template| template.as_record().is_none())
            .any(|template| template.holes().any(Hole::is_of_a_record));
        let in_body = match &self.body {
            Some(Body::Json(json)) => json.names_every_record(),
            Some(Body::Form(form)) => match form
                .iter()
                .any(|(_, text)| text.holes().any(Hole::is_of_a_record))
            {
                true => Some(false),
                false => None,
            },
            None => None,
        };
        !broken && in_body.unwrap_or(in_query)
    }
}

#[derive(Debug)]
pub(crate) enum Body {
    Json(JsonTemplate),
    Form(Vec<(String, Template)>),
}

/// An answer by its status, and by what lies in it.
#[derive(Debug)]
pub(crate) struct Sign {
    pub(crate) status: u16,
    pub(crate) is: Option<(JsonPath, String)>,
}

/// How the next page is asked for.
#[derive(Debug)]
pub(crate) enum Next {
    Link,
    Url(JsonPath),
    Cursor {
        at: JsonPath,
        more: Option<JsonPath>,
        into: Into,
    },
    Page {
        parameter: String,
        from: u64,
        limit: Option<String>,
        size: u64,
    },
    Offset {
        parameter: String,
        limit: Option<String>,
        size: u64,
    },
}

/// Where a page's word goes.
#[derive(Debug)]
pub(crate) enum Into {
    Query(String),
    /// A JSON Pointer (RFC 6901).
    Json(String),
}
