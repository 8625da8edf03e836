//! From a declaration to a plan, or to all its mistakes.

use std::collections::BTreeSet;

use adieu_core::{CollectionName, ConfigProblem, IdentityKind, Retention, Setting};

use super::read_auth::read_server;
use super::read_call::{CallParts, read_call, read_next, read_only, read_path};
use super::{
    CollectionConfig, ContentConfig, EraseConfig, FindConfig, GetConfig, HttpConnectorConfig,
    JobConfig, LaterConfig, ServerConfig,
};
use crate::path::JsonPath;
use crate::plan::{
    AuthPlan, CallPlan, CollectionPlan, ContentPlan, ErasePlan, FindPlan, GetPlan, JobPlan, LaterPlan,
    ListPlan, ListedPlan, Only, Plan,
};
use crate::template::{Scope, Template, What};

/// How long a job is asked for unless the declaration says otherwise.
const USUAL_WAIT_SECONDS: u64 = 60;

/// Reads a declaration that is whole: one without `provider`, or with its entry's parts filled in.
///
/// # Errors
/// All mistakes at once.
pub(crate) fn read(config: &HttpConnectorConfig) -> Result<Plan, Vec<ConfigProblem>> {
    let settings: Vec<String> = config.settings.keys().cloned().collect();
    let servers: Vec<String> = config.server.keys().cloned().collect();
    let own_kinds: Vec<String> =
        config.collection.iter().flat_map(|collection| collection.yields.keys().cloned()).collect();
    let mut reader = Reader {
        problems: Vec::new(),
        at: Vec::new(),
        settings: &settings,
        servers: &servers,
        own_kinds: &own_kinds,
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
    /// The kinds that the declaration itself yields: numbers that the provider gave.
    own_kinds: &'a [String],
}

impl<'a> Reader<'a> {
    /// Notes a mistake at a key of the table that is being read.
    pub(super) fn wrong(&mut self, key: &str, problem: impl Into<String>) {
        let mut path = self.at.clone();
        path.extend(key.split('/').filter(|key| !key.is_empty()).map(str::to_owned));
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
        Scope { settings: self.settings, identities: &[], record: false, job: false }
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
        let checks: Vec<_> = config.check.iter().enumerate().map(|(index, check)| {
            self.within(["check", &index.to_string()], |reader| {
                let parts = CallParts { server: &check.server, query: &check.query, ..CallParts::new(&check.call) };
                read_call(reader, &parts, reader_scope(reader, &[], false), true)
            })
        }).collect();
        if config.check.is_empty() {
            self.wrong("check", "is missing; name a call that succeeds when everything is set up: check = [{ call = \"GET /me\" }]");
        }
        if config.collection.is_empty() {
            self.wrong("collection", "is missing; add a [[connector.collection]] with `name`, `key` and `find`");
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
                self.within(["about"], |reader| reader.wrong(name, "there is no such collection"));
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
        let secrets: BTreeSet<&String> = plan
            .servers
            .iter()
            .filter_map(|server| server.auth.as_ref())
            .flat_map(AuthPlan::secrets)
            .flat_map(Template::holes)
            .filter_map(|hole| match &hole.what {
                What::Setting(name) => Some(name),
                _ => None,
            })
            .collect();
        for name in secrets {
            if matches!(config.settings.get(name), Some(Setting::Literal(_))) {
                self.wrong(&format!("settings/{name}"), "a secret does not belong into this file; write \"env:NAME\" or \"file:PATH\"");
            }
        }
    }

    fn collection(&mut self, config: &CollectionConfig) -> Option<CollectionPlan> {
        let name = CollectionName::new(config.name.clone()).map(drop).map_err(|rule| rule.to_string());
        self.noted("name", name);
        if config.find.is_empty() {
            self.wrong("find", "is missing; say how a person's records are found");
        }
        let finds: Vec<_> = config.find.iter().enumerate().map(|(index, find)| {
            self.within(["find", &index.to_string()], |reader| reader.find(find))
        }).collect();
        let shared = shared_needs(&finds);
        let key = match config.key.is_empty() {
            true => self.noted("key", Err("is missing; say what tells one record from another: key = \"{$.id}\"".to_owned())),
            false => {
                let key = Template::parse(&config.key, reader_scope(self, &shared, true));
                self.noted("key", key)
            }
        };
        let mut yields = Vec::new();
        for (kind, path) in &config.yields {
            let kind = IdentityKind::new(kind.clone()).map_err(|rule| rule.to_string());
            let at = format!("yields/{}", kind.as_ref().map_or("", IdentityKind::as_str));
            let kind = self.noted(&at, kind);
            let path = self.noted(&at, JsonPath::parse(path));
            yields.extend(kind.zip(path));
        }
        let get = config.get.as_ref().map(|get| self.within(["get"], |reader| reader.get(get, &shared)));
        let content = config.content.as_ref();
        let content = content.map(|content| self.within(["content"], |reader| reader.content(content, &shared)));
        let erase: Vec<_> = config.erase.iter().enumerate().map(|(index, erase)| {
            self.within(["erase", &index.to_string()], |reader| reader.erase(erase, &shared))
        }).collect();
        let later = config.later.as_ref().map(|later| self.within(["later"], |reader| reader.later(later)));
        self.one_fate(config);
        Some(CollectionPlan {
            key: key?,
            fields: config.fields.clone(),
            yields,
            finds: finds.into_iter().collect::<Option<_>>()?,
            get: optional(get)?,
            content: optional(content)?,
            erase: erase.into_iter().collect::<Option<_>>()?,
            later: optional(later)?,
            keep: config.keep.as_ref().map(|keep| Retention {
                basis: keep.basis,
                reason: keep.reason.clone(),
                until: None,
            }),
        })
    }

    /// Records are erased, kept, or it is said why they cannot be erased.
    fn one_fate(&mut self, config: &CollectionConfig) {
        let fates = usize::from(!config.erase.is_empty())
            + usize::from(config.keep.is_some())
            + usize::from(config.no_erase.is_some());
        match fates {
            1 => {}
            0 => self.wrong("erase", "is missing; say how a record is erased, or why it is kept (`keep`), or why it cannot be (`no_erase`)"),
            _ => self.wrong("erase", "only one of `erase`, `keep` and `no_erase` can be true"),
        }
        if config.later.is_some() && config.erase.is_empty() {
            self.wrong("later", "says when an erasure is done, and there is no `erase`");
        }
        let reasons = [config.no_erase.as_ref(), config.keep.as_ref().map(|keep| &keep.reason)];
        for reason in reasons.into_iter().flatten() {
            if reason.trim().is_empty() {
                self.wrong("erase", "the person is told why; write the reason in words");
            }
        }
    }

    fn find(&mut self, config: &FindConfig) -> Option<FindPlan> {
        let mut needs = Vec::new();
        for (index, kind) in config.needs.iter().enumerate() {
            let kind = IdentityKind::new(kind.clone()).map_err(|rule| rule.to_string());
            needs.extend(self.noted(&format!("needs/{index}"), kind));
        }
        if needs.is_empty() {
            self.wrong("needs", "is missing; name the identities by which records are found, such as [\"email\"]");
        }
        let parts = CallParts {
            server: &config.server,
            query: &config.query,
            json: config.json.as_ref(),
            form: &config.form,
            absent: &config.absent,
            retry: &config.retry,
            ..CallParts::new(&config.call)
        };
        let call = read_call(self, &parts, reader_scope(self, &needs, false), true);
        let records = read_path(self, "records", &config.records);
        let only = read_only(self, &config.only, config.ignore_case, reader_scope(self, &needs, false));
        let next = config.next.as_ref().map(|next| self.within(["next"], |reader| read_next(reader, next)));
        let (call, only) = (call?, only?);
        self.reaches_one_person_alone(&needs, &call, &only);
        Some(FindPlan {
            needs,
            list: ListPlan { call, records: records?, next: optional(next)? },
            only,
        })
    }

    /// What is found is checked for every identity: an API that ignores a parameter answers with everybody, and one that reads
    /// `me` in a path answers with the owner of the key. Only a number that the provider itself gave may stand in a path unchecked,
    /// or a value behind a word, such as `user_id:{user_id}`.
    fn reaches_one_person_alone(&mut self, needs: &[IdentityKind], call: &CallPlan, only: &Only) {
        for kind in needs {
            let is_kind = |template: &Template| template.holes().any(|hole| hole.what == What::Identity(kind.clone()));
            let checked = only.wanted.iter().any(|(_, texts)| texts.iter().all(is_kind));
            let alone = format!("{{{kind}}}");
            let mut segments = call.route.split('/').filter(|segment| segment.contains(&alone));
            let is_own = self.own_kinds.iter().any(|own| own == kind.as_str());
            let safe = segments.clone().next().is_some() && (is_own || segments.all(|segment| segment != alone));
            if !checked && !safe {
                self.wrong("where", format!("a record must be checked for `{alone}`, so that nobody else's is taken: where = {{ \"$.{kind}\" = \"{alone}\" }}"));
            }
        }
    }

    fn get(&mut self, config: &GetConfig, needs: &[IdentityKind]) -> Option<GetPlan> {
        let parts = CallParts {
            server: &config.server,
            query: &config.query,
            absent: &config.absent,
            retry: &config.retry,
            ..CallParts::new(&config.call)
        };
        let call = read_call(self, &parts, reader_scope(self, needs, true), true);
        let record = read_path(self, "record", config.record.as_deref().unwrap_or("$"));
        Some(GetPlan { call: call?, record: record? })
    }

    fn content(&mut self, config: &ContentConfig, needs: &[IdentityKind]) -> Option<ContentPlan> {
        let parts = CallParts { server: &config.server, ..CallParts::new(&config.call) };
        let call = read_call(self, &parts, reader_scope(self, needs, true), true);
        let name = Template::parse(&config.name, reader_scope(self, needs, true));
        let name = self.noted("name", name);
        Some(ContentPlan { call: call?, name: name?, max_bytes: config.max_bytes })
    }

    fn erase(&mut self, config: &EraseConfig, needs: &[IdentityKind]) -> Option<ErasePlan> {
        let parts = CallParts {
            server: &config.server,
            query: &config.query,
            json: config.json.as_ref(),
            absent: &config.absent,
            retry: &config.retry,
            ..CallParts::new(&config.call)
        };
        let call = read_call(self, &parts, reader_scope(self, needs, true), false);
        let batch = config.batch.unwrap_or(1);
        if batch == 0 {
            self.wrong("batch", "is at least 1");
        }
        let job = config.job.as_ref().map(|job| self.within(["job"], |reader| reader.job(job, &config.server)));
        let call = call?;
        if batch > 1 && call.holes.iter().any(|(_, template)| template.holes().any(|hole| matches!(hole.what, What::Record(_)))) {
            self.wrong("batch", "several records do not fit into one path; put them into `query` or a list of `json`");
        }
        if batch > 1 && !call.takes_several() {
            self.wrong("batch", "each place of a record stands alone in a value of `query`, or within a list of `json`; elsewhere only the first record would be named");
        }
        Some(ErasePlan { call, batch: batch as usize, job: optional(job)? })
    }

    fn job(&mut self, config: &JobConfig, server: &Option<String>) -> Option<JobPlan> {
        let parts = CallParts { server, ..CallParts::new(&config.call) };
        let scope = Scope { job: true, ..reader_scope(self, &[], false) };
        let call = read_call(self, &parts, scope, true);
        let id = read_path(self, "id", &config.id);
        let state = read_path(self, "state", &config.state);
        if config.done.is_empty() {
            self.wrong("done", "is empty; name the states in which everything is deleted");
        }
        Some(JobPlan {
            id: id?,
            call: call?,
            state: state?,
            done: config.done.clone(),
            failed: config.failed.clone(),
            wait: std::time::Duration::from_secs(config.wait_seconds.unwrap_or(USUAL_WAIT_SECONDS)),
        })
    }

    fn later(&mut self, config: &LaterConfig) -> Option<LaterPlan> {
        let listed = config.listed.as_ref().map(|listed| {
            self.within(["listed"], |reader| {
                let parts = CallParts {
                    server: &listed.server,
                    query: &listed.query,
                    ..CallParts::new(&listed.call)
                };
                let call = read_call(reader, &parts, reader_scope(reader, &[], false), true);
                let records = read_path(reader, "records", &listed.records);
                let only = read_only(reader, &listed.only, false, reader_scope(reader, &[], true));
                let next = listed.next.as_ref().map(|next| reader.within(["next"], |reader| read_next(reader, next)));
                let since = listed.since.as_ref().map(|since| read_path(reader, "since", since));
                if listed.only.is_empty() {
                    reader.wrong("where", "is missing; say by what an accepted deletion is that of a record");
                }
                Some(ListedPlan {
                    list: ListPlan { call: call?, records: records?, next: optional(next)? },
                    only: only?,
                    since: optional(since)?,
                })
            })
        });
        Some(LaterPlan { days: config.days, listed: optional(listed)? })
    }
}

/// The scope of a place in this declaration.
fn reader_scope<'a>(reader: &Reader<'a>, identities: &'a [IdentityKind], record: bool) -> Scope<'a> {
    Scope { settings: reader.settings, identities, record, job: false }
}

/// The identities that are known however a record was found.
fn shared_needs(finds: &[Option<FindPlan>]) -> Vec<IdentityKind> {
    let mut finds = finds.iter().flatten();
    let mut shared = finds.next().map(|find| find.needs.clone()).unwrap_or_default();
    for find in finds {
        shared.retain(|kind| find.needs.contains(kind));
    }
    shared
}

/// What may be missing, and then is read without a mistake.
pub(super) fn optional<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}
