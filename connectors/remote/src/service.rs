//! The calls to a service, and what every answer must hold.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use adieu_core::{
    Collection, ConfigProblem, ConnectorError, Effect, ErrorKind, IdentityKind, Need, Setting,
    Subject, provider_json,
};
use adieu_http_client::{Client, Response};
use serde::Serialize;
use serde_json::{Value, json};
use tower::service_fn;

use crate::config::RemoteConfig;
use crate::signature::{self, Key};

/// What a call does; it is also the last segment of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Describe,
    Survey,
    Export,
    Erase,
}

impl Verb {
    fn route(self) -> &'static str {
        match self {
            Self::Describe => "/describe",
            Self::Survey => "/survey",
            Self::Export => "/export",
            Self::Erase => "/erase",
        }
    }
}

/// A service and the key that is shared with it.
pub(crate) struct Service {
    client: Client,
    key: Arc<Key>,
}

/// An answer that is signed, to this question, about this person.
pub(crate) struct Told {
    pub(crate) json: Value,
    answer: Response,
    effect: Effect,
}

impl Service {
    /// # Errors
    /// When the URL, the key or the proxy cannot be used.
    pub(crate) fn new(
        name: &str,
        config: &RemoteConfig,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let fetched = |setting: &Setting, key: &str| {
            let value = setting.resolve(folder);
            value.map_err(|problem| vec![ConfigProblem::new([key], problem)])
        };
        let url = fetched(&config.url, "url")?;
        let key = Key::parse(&config.key_id, &fetched(&config.key, "key")?);
        let key = Arc::new(key.map_err(|problem| vec![ConfigProblem::new(["key"], problem)])?);
        let signs = Arc::clone(&key);
        let client = Client::builder(name.to_owned(), url.expose().to_owned())
            .configured_by(&config.http, folder)
            .map_err(|problem| vec![problem.under(["http"])])?
            .around(move |inner| {
                service_fn(move |request| {
                    signature::send(Arc::clone(&signs), inner.clone(), request)
                })
            });
        Ok(Self {
            client: client.build().map_err(|problem| vec![problem])?,
            key,
        })
    }

    /// Asks what the service holds, of nobody.
    ///
    /// # Errors
    /// When it does not answer, or not as the protocol says.
    pub(crate) async fn describe(&self) -> Result<Told, ConnectorError> {
        self.ask(Verb::Describe, &json!({})).await
    }

    /// Asks about a person. Sending it twice equals sending it once, by the protocol.
    ///
    /// # Errors
    /// When the service does not answer, not as the protocol says, or about another person.
    pub(crate) async fn ask_about(
        &self,
        verb: Verb,
        person: &Person,
        mut question: Value,
    ) -> Result<Told, ConnectorError> {
        question["subject"] = person.0.clone();
        let told = self.ask(verb, &question).await?;
        match told.json.get("subject") == Some(&person.0) {
            true => Ok(told),
            false => Err(told
                .makes_no_sense("the answer is about another person, or does not say about whom")),
        }
    }

    async fn ask(&self, verb: Verb, question: &impl Serialize) -> Result<Told, ConnectorError> {
        let call = self.client.post(verb.route()).json(question).repeatable();
        let effect = match verb {
            Verb::Erase => Effect::Unknown,
            _ => Effect::None,
        };
        // A question changes nothing, whatever became of it.
        let unharmed = |error: ConnectorError| match effect {
            Effect::None => error.effect(Effect::None),
            Effect::Unknown => error,
        };
        let answer = call.send().await.map_err(unharmed)?;
        if answer.status().as_u16() != 200 {
            return Err(unharmed(refusal(&answer)));
        }
        signature::verify(&self.key, &answer).map_err(unharmed)?;
        let json = answer.json().map_err(unharmed)?;
        Ok(Told {
            json,
            answer,
            effect,
        })
    }
}

/// What a refusal means: its status, and the code that the service gives.
fn refusal(answer: &Response) -> ConnectorError {
    let body = provider_json::parse(answer.body()).unwrap_or_default();
    let error = answer.error_with(body["error"].as_str().unwrap_or_default());
    match answer.status().is_success() {
        true => ConnectorError::new(ErrorKind::Protocol, error.what().to_owned()),
        false => error,
    }
}

impl Told {
    /// What this answer means when it makes no sense: words without anything personal.
    pub(crate) fn makes_no_sense(&self, why: &str) -> ConnectorError {
        self.answer.makes_no_sense(why).effect(self.effect)
    }

    /// A part of the answer, as what it must be.
    pub(crate) fn part<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        why: &str,
    ) -> Result<T, ConnectorError> {
        let part = self.json.get(name).cloned().unwrap_or_default();
        serde_json::from_value(part).map_err(|_| self.makes_no_sense(why))
    }
}

/// What a service is told of a person for a collection: the identities that the collection needs, and no other.
pub(crate) struct Person(Value);

impl Person {
    /// Nobody, when the collection is not reached.
    pub(crate) fn of(collection: &Collection, subject: &Subject) -> Option<Self> {
        let met: Vec<&Need> = collection
            .needs
            .iter()
            .filter(|need| need.is_met_by(subject))
            .collect();
        let kinds: BTreeSet<&IdentityKind> = met.iter().flat_map(|need| &need.all_of).collect();
        let identities: Vec<Value> = subject
            .identities()
            .filter(|identity| kinds.contains(identity.kind()))
            .map(|one| json!({"kind": one.kind().as_str(), "value": one.value().expose()}))
            .collect();
        let tenant = met.iter().any(|need| need.tenant);
        let tenant = subject.tenant().filter(|_| tenant).map(|one| one.expose());
        (!met.is_empty()).then(|| Self(json!({"tenant": tenant, "identities": identities})))
    }

    /// Whether an identity was among those that the service was told.
    pub(crate) fn is_known_as(&self, identity: &Value) -> bool {
        let known = self.0["identities"].as_array();
        known.is_some_and(|known| known.contains(identity))
    }
}
