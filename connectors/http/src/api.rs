//! The API that a declaration speaks of: its servers, and how a call is sent.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use adieu_core::{ConfigProblem, ConnectorError, Effect, ErrorKind, Retry, Secret};
use adieu_http_client::{
    Call, Client, ClientBuilder, Credential, Response, ServiceAccount, Streamed, Tokens,
};
use serde_json::Value;

use crate::page::Turn;
use crate::plan::{AuthPlan, Body, CallPlan, ServerPlan, Sign};
use crate::template::{Template, Values, is_same};

/// The servers, with what the settings stand for.
pub(crate) struct Api {
    pub(crate) settings: BTreeMap<String, Secret>,
    servers: Vec<Client>,
}

impl Api {
    /// # Errors
    /// When a URL, a credential or a proxy cannot be used.
    pub(crate) fn new(
        name: &str,
        plans: &[ServerPlan],
        settings: BTreeMap<String, Secret>,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let mut servers = Vec::new();
        let mut problems = Vec::new();
        for plan in plans {
            match server(name, plan, &settings, folder) {
                Ok(server) => servers.push(server),
                Err(problem) => problems.push(problem.under(plan.at.iter().cloned())),
            }
        }
        match problems.is_empty() {
            true => Ok(Self { settings, servers }),
            false => Err(problems),
        }
    }

    /// Sends a call and reads its answer whole; nothing when what was asked for is not there. `records` are those of a batch; the first of them is the one in `values`.
    ///
    /// # Errors
    /// When the answer is neither a success nor a sign of absence.
    pub(crate) async fn send(
        &self,
        plan: &CallPlan,
        values: &Values<'_>,
        records: &[&Value],
        turn: &Turn,
    ) -> Result<Option<Response>, ConnectorError> {
        let response = self.send_once(plan, values, records, turn).await;
        let answer = response.and_then(|response| judge(plan, response));
        // A search by POST changes nothing, whatever became of it.
        answer.map_err(|error| match plan.reads {
            true => error.effect(Effect::None),
            false => error,
        })
    }

    async fn send_once(
        &self,
        plan: &CallPlan,
        values: &Values<'_>,
        records: &[&Value],
        turn: &Turn,
    ) -> Result<Response, ConnectorError> {
        let client = self.client(plan)?;
        let filled = Filled::new(plan, values, records, turn)?;
        filled.call(client, plan, turn).send().await
    }

    /// Sends a call and hands over the body of its success unread.
    ///
    /// # Errors
    /// When the answer is no success.
    pub(crate) async fn stream(
        &self,
        plan: &CallPlan,
        values: &Values<'_>,
        max_bytes: u64,
    ) -> Result<Streamed, ConnectorError> {
        let client = self.client(plan)?;
        let filled = Filled::new(plan, values, &[], &Turn::First)?;
        let call = filled.call(client, plan, &Turn::First);
        call.stream(max_bytes).await
    }

    fn client(&self, plan: &CallPlan) -> Result<&Client, ConnectorError> {
        self.servers
            .get(plan.server)
            .ok_or_else(|| ConnectorError::new(ErrorKind::Internal, "a call names no server"))
    }
}

/// A call's texts with their values in place.
struct Filled {
    holes: Vec<(String, String)>,
    query: Vec<(String, String)>,
    json: Option<Value>,
    form: Vec<(String, String)>,
}

impl Filled {
    fn new(
        plan: &CallPlan,
        values: &Values<'_>,
        records: &[&Value],
        turn: &Turn,
    ) -> Result<Self, ConnectorError> {
        let mut query = Vec::new();
        if !turn.is_url() {
            for (name, template) in &plan.query {
                let value = match template.as_record() {
                    Some(_) if records.len() > 1 => joined(template, values, records)?,
                    _ => template.render(values)?,
                };
                query.push((name.clone(), value));
            }
            query.extend(turn.query());
        }
        let mut json = match &plan.body {
            Some(Body::Json(json)) => Some(json.render(values, records)?),
            _ => None,
        };
        if let Some((place, word)) = turn.json() {
            put(
                json.get_or_insert_with(|| Value::Object(serde_json::Map::new())),
                place,
                word,
            );
        }
        let form = match &plan.body {
            Some(Body::Form(form)) => pairs(form, values)?,
            _ => Vec::new(),
        };
        Ok(Self {
            holes: pairs(&plan.holes, values)?,
            query,
            json,
            form,
        })
    }

    fn call<'c>(&'c self, client: &'c Client, plan: &CallPlan, turn: &'c Turn) -> Call<'c> {
        let mut call = client.call(plan.method.clone(), plan.route.clone());
        call = match turn.url() {
            Some(url) => call.at(url),
            None => self
                .holes
                .iter()
                .fold(call, |call, (name, value)| call.fill(name, value)),
        };
        for (name, value) in &self.query {
            call = call.query(name.as_str(), value.as_str());
        }
        if let Some(json) = &self.json {
            call = call.json(json);
        } else if !self.form.is_empty() {
            call = call.form(self.form.iter().map(|(name, value)| (name, value)));
        }
        match plan.reads {
            true => call.repeatable(),
            false => call,
        }
    }
}

fn pairs(
    plan: &[(String, Template)],
    values: &Values<'_>,
) -> Result<Vec<(String, String)>, ConnectorError> {
    let pairs = plan
        .iter()
        .map(|(name, template)| Ok((name.clone(), template.render(values)?)));
    pairs.collect()
}

/// What is picked from each record of a batch, with commas between.
fn joined(
    template: &Template,
    values: &Values<'_>,
    records: &[&Value],
) -> Result<String, ConnectorError> {
    let each = records.iter().map(|record| {
        template.render(&Values {
            record: Some(record),
            ..*values
        })
    });
    let each: Vec<String> = each.collect::<Result<_, _>>()?;
    if each.iter().any(|one| one.contains(',')) {
        return Err(ConnectorError::new(
            ErrorKind::Protocol,
            "a key of a record holds a comma, and would be taken for two",
        ));
    }
    Ok(each.join(","))
}

/// Puts a word where a JSON Pointer says, making the objects on the way.
fn put(json: &mut Value, place: &str, word: &str) {
    let mut at = json;
    for name in place.split('/').skip(1) {
        if !at.is_object() {
            *at = Value::Object(serde_json::Map::new());
        }
        at = &mut at[name.replace("~1", "/").replace("~0", "~")];
    }
    *at = Value::String(word.to_owned());
}

/// What an answer means by the declaration's own rules.
fn judge(plan: &CallPlan, response: Response) -> Result<Option<Response>, ConnectorError> {
    if shows(&plan.absent, &response) {
        return Ok(None);
    }
    if response.status().is_success() {
        return Ok(Some(response));
    }
    let error = response.error();
    if shows(&plan.retry, &response) {
        let retry = match error.retry_advice() {
            Retry::After(wait) => Retry::After(wait),
            _ => Retry::WithBackoff,
        };
        return Err(
            ConnectorError::new(ErrorKind::Unavailable, error.what().to_owned())
                .retry(retry)
                .effect(error.effect_seen()),
        );
    }
    Err(error)
}

fn shows(signs: &[Sign], response: &Response) -> bool {
    signs
        .iter()
        .filter(|sign| sign.status == response.status().as_u16())
        .any(|sign| match &sign.is {
            None => true,
            Some((path, wanted)) => response.json().is_ok_and(|json| {
                path.all(&json)
                    .into_iter()
                    .any(|value| is_same(value, wanted, false))
            }),
        })
}

fn server(
    name: &str,
    plan: &ServerPlan,
    settings: &BTreeMap<String, Secret>,
    folder: &Path,
) -> Result<Client, ConfigProblem> {
    let values = Values {
        settings,
        identities: &[],
        record: None,
        job: None,
    };
    let text = |template: &Template| {
        let rendered = template.render(&values);
        rendered.map_err(|error| ConfigProblem::new(["settings"], error.what()))
    };
    let begin = |url: &str| -> Result<ClientBuilder, ConfigProblem> {
        let builder = Client::builder(name.to_owned(), url.to_owned());
        let http = builder.configured_by(&plan.http, folder);
        http.map_err(|problem| problem.under(["http"]))
    };
    let mut builder = begin(&text(&plan.url)?)?;
    for (header, value) in &plan.headers {
        builder = builder.header(header.clone(), text(value)?);
    }
    match &plan.auth {
        None => {}
        Some(AuthPlan::Bearer(token)) => {
            builder = builder.credential(Credential::Bearer(Secret::new(text(token)?)));
        }
        Some(AuthPlan::Basic { user, password }) => {
            let password = Secret::new(text(password)?);
            builder = builder.credential(Credential::Basic {
                user: text(user)?,
                password,
            });
        }
        Some(AuthPlan::Header(header, value)) => {
            let value = Secret::new(text(value)?);
            builder = builder.credential(Credential::Header(header.clone(), value));
        }
        Some(AuthPlan::Oauth { url, form }) => {
            let form = form
                .iter()
                .map(|(name, value)| Ok((name.clone(), Secret::new(text(value)?))));
            let form: Vec<_> = form.collect::<Result<_, ConfigProblem>>()?;
            let tokens = Tokens::for_client(begin(&text(url)?)?, form);
            builder = builder.tokens(tokens.map_err(|problem| problem.under(["auth", "oauth"]))?);
        }
        Some(AuthPlan::ServiceAccount { key, scope }) => {
            let at = |problem: ConfigProblem| problem.under(["auth", "service_account", "key"]);
            let account = ServiceAccount::parse(&Secret::new(text(key)?)).map_err(at)?;
            let endpoint = begin(account.token_uri())?;
            let tokens = Tokens::for_service_account(endpoint, account, text(scope)?);
            builder = builder.tokens(tokens.map_err(at)?);
        }
    }
    builder.build()
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("servers", &self.servers.len())
            .finish_non_exhaustive()
    }
}
