//! From a declaration to a plan, or to all its mistakes.

use std::collections::BTreeSet;

use adieu_core::{ConfigProblem, IdentityKind, Setting};

use super::read_auth::read_server;
use super::read_call::{CallParts, read_call};
use super::{HttpConnectorConfig, ServerConfig};
use crate::plan::{AuthPlan, Plan};
use crate::template::{Scope, What};

/// Reads a declaration that is whole: one without `provider`, or with its entry's parts filled in.
///
/// # Errors
/// All mistakes at once.
pub(crate) fn read(config: &HttpConnectorConfig) -> Result<Plan, Vec<ConfigProblem>> {
    let settings: Vec<String> = config.settings.keys().cloned().collect();
    let servers: Vec<String> = config.server.keys().cloned().collect();
    let mut reader = Reader {
        problems: Vec::new(),
        at: Vec::new(),
        settings: &settings,
        servers: &servers,
    };
    let plan = reader.plan(config);
    if let Some(plan) = &plan {
        reader.no_literal_secrets(config, plan);
    }
    match plan {
        Some(plan) if reader.problems.is_empty() => Ok(plan),
        _ => Err(reader.problems),
    }
}

/// Where the reading is, and what was wrong so far.
pub(super) struct Reader<'a> {
    pub(super) problems: Vec<ConfigProblem>,
    pub(super) at: Vec<String>,
    pub(super) settings: &'a [String],
    pub(super) servers: &'a [String],
}

impl<'a> Reader<'a> {
    /// Notes a mistake at a key of the table that is being read.
    pub(super) fn wrong(&mut self, key: &str, problem: impl Into<String>) {
        let mut path = self.at.clone();
        path.extend(
            key.split('/')
                .filter(|key| !key.is_empty())
                .map(str::to_owned),
        );
        self.problems.push(ConfigProblem::new(path, problem));
    }

    /// What was read, or nothing and a note of the mistake.
    pub(super) fn noted<T>(&mut self, key: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|problem| self.wrong(key, problem)).ok()
    }

    /// Reads a table further down.
    pub(super) fn within<T, const N: usize>(
        &mut self,
        keys: [&str; N],
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let depth = self.at.len();
        self.at.extend(keys.map(str::to_owned));
        let value = read(self);
        self.at.truncate(depth);
        value
    }

    /// Where only settings may stand.
    pub(super) fn settings_alone(&self) -> Scope<'a> {
        Scope {
            settings: self.settings,
            identities: &[],
            record: false,
            job: false,
        }
    }

    fn plan(&mut self, config: &HttpConnectorConfig) -> Option<Plan> {
        let own = ServerConfig {
            url: config.url.clone().unwrap_or_default(),
            auth: config.auth.clone(),
            headers: config.headers.clone(),
            http: config.http.clone(),
        };
        let mut servers = vec![read_server(self, &own)];
        for (name, server) in &config.server {
            servers.push(self.within(["server", name], |reader| read_server(reader, server)));
        }
        let checks: Vec<_> = config
            .check
            .iter()
            .enumerate()
            .map(|(index, check)| {
                self.within(["check", &index.to_string()], |reader| {
                    let parts = CallParts {
                        server: &check.server,
                        query: &check.query,
                        absent: &check.absent,
                        ..CallParts::new(&check.call)
                    };
                    read_call(reader, &parts, reader_scope(reader, &[], false), true)
                })
            })
            .collect();
        if config.check.is_empty() {
            self.wrong("check", "is missing; name a call that succeeds when everything is set up: check = [{ call = \"GET /me\" }]");
        }
        if config.collection.is_empty() {
            self.wrong(
                "collection",
                "is missing; add a [[connector.collection]] with `name`, `key` and `find`",
            );
        }
        let mut names = BTreeSet::new();
        let mut collections = Vec::new();
        for (index, collection) in config.collection.iter().enumerate() {
            let plan = self.within(["collection", &index.to_string()], |reader| {
                if !names.insert(&collection.name) {
                    reader.wrong("name", "another collection has this name");
                }
                reader.collection(collection)
            });
            collections.push(plan);
        }
        for name in config.about.keys() {
            if !names.contains(name) {
                self.within(["about"], |reader| {
                    reader.wrong(name, "there is no such collection")
                });
            }
        }
        Some(Plan {
            servers: servers.into_iter().collect::<Option<_>>()?,
            checks: checks.into_iter().collect::<Option<_>>()?,
            collections: collections.into_iter().collect::<Option<_>>()?,
        })
    }

    /// What says who calls does not belong into the file.
    fn no_literal_secrets(&mut self, config: &HttpConnectorConfig, plan: &Plan) {
        let mut secrets = BTreeSet::new();
        for server in &plan.servers {
            for secret in server.auth.iter().flat_map(AuthPlan::secrets) {
                let names = secret.holes().filter_map(|hole| match &hole.what {
                    What::Setting(name) => Some(name),
                    _ => None,
                });
                secrets.extend(names);
                if secret.holes().next().is_none() && !secret.is_empty() {
                    let path = server.at.iter().map(String::as_str).chain(["auth"]);
                    let problem = "a secret does not belong into this file; write `{key}` and settings = { key = \"env:NAME\" }";
                    self.problems.push(ConfigProblem::new(path, problem));
                }
            }
        }
        for name in secrets {
            if matches!(config.settings.get(name), Some(Setting::Literal(_))) {
                self.wrong(
                    &format!("settings/{name}"),
                    "a secret does not belong into this file; write \"env:NAME\" or \"file:PATH\"",
                );
            }
        }
    }
}

/// The scope of a place in this declaration.
pub(super) fn reader_scope<'a>(
    reader: &Reader<'a>,
    identities: &'a [IdentityKind],
    record: bool,
) -> Scope<'a> {
    Scope {
        settings: reader.settings,
        identities,
        record,
        job: false,
    }
}

/// What may be missing, and then is read without a mistake.
pub(super) fn optional<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}
