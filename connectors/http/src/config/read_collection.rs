//! Reading one collection of a declaration.

use adieu_core::{CollectionName, IdentityKind, Retention};

use super::read::{Reader, optional, reader_scope};
use super::read_call::{CallParts, read_call, read_next, read_only, read_path};
use super::{
    CollectionConfig, ConfirmConfig, ContentConfig, EraseConfig, FindConfig, GetConfig, JobConfig,
    LaterConfig, ListedConfig,
};
use crate::path::JsonPath;
use crate::plan::{
    CallPlan, CollectionPlan, ConfirmPlan, ContentPlan, ErasePlan, FindPlan, GetPlan, JobPlan,
    LaterPlan, ListPlan, ListedPlan, Only,
};
use crate::template::{Scope, Template, What};

/// How long a job is asked for unless the declaration says otherwise.
const USUAL_WAIT_SECONDS: u64 = 60;

impl Reader<'_> {
    pub(super) fn collection(&mut self, config: &CollectionConfig) -> Option<CollectionPlan> {
        let name = CollectionName::new(config.name.clone())
            .map(drop)
            .map_err(|rule| rule.to_string());
        self.noted("name", name);
        if config.find.is_empty() {
            self.wrong("find", "is missing; say how a person's records are found");
        }
        let finds: Vec<_> = config
            .find
            .iter()
            .enumerate()
            .map(|(index, find)| {
                self.within(["find", &index.to_string()], |reader| reader.find(find))
            })
            .collect();
        let shared = shared_needs(&finds);
        let key = match config.key.is_empty() {
            true => self.noted(
                "key",
                Err(
                    "is missing; say what tells one record from another: key = \"{$.id}\""
                        .to_owned(),
                ),
            ),
            false => {
                let key = Template::parse(&config.key, reader_scope(self, &shared, true));
                self.noted("key", key)
            }
        };
        let mut yields = Vec::new();
        for (name, path) in &config.yields {
            let at = format!("yields/{name}");
            let kind = IdentityKind::new(name.clone()).map_err(|rule| rule.to_string());
            let kind = self.noted(&at, kind);
            let path = self.noted(&at, JsonPath::parse(path));
            yields.extend(kind.zip(path));
        }
        let get = config
            .get
            .as_ref()
            .map(|get| self.within(["get"], |reader| reader.get(get, &shared)));
        let content = config.content.as_ref();
        let content = content
            .map(|content| self.within(["content"], |reader| reader.content(content, &shared)));
        let erase: Vec<_> = config
            .erase
            .iter()
            .enumerate()
            .map(|(index, erase)| {
                self.within(["erase", &index.to_string()], |reader| {
                    reader.erase(erase, &shared)
                })
            })
            .collect();
        let later = config
            .later
            .as_ref()
            .map(|later| self.within(["later"], |reader| reader.later(later)));
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
            by_itself: config.erased_with.is_some(),
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
            + usize::from(config.erased_with.is_some())
            + usize::from(config.no_erase.is_some());
        match fates {
            1 => {}
            0 => self.wrong("erase", "is missing; say how a record is erased, with what the provider deletes it (`erased_with`), why it is kept (`keep`), or why it cannot be erased (`no_erase`)"),
            _ => self.wrong("erase", "only one of `erase`, `erased_with`, `keep` and `no_erase` can be true"),
        }
        if config.later.is_some() && config.erase.is_empty() {
            self.wrong(
                "later",
                "says when an erasure is done, and there is no `erase`",
            );
        }
        let reasons = [
            config.erased_with.as_ref(),
            config.no_erase.as_ref(),
            config.keep.as_ref().map(|keep| &keep.reason),
        ];
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
            self.wrong(
                "needs",
                "is missing; name the identities by which records are found, such as [\"email\"]",
            );
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
        let only = read_only(
            self,
            &config.only,
            config.ignore_case,
            reader_scope(self, &needs, false),
        );
        let next = config
            .next
            .as_ref()
            .map(|next| self.within(["next"], |reader| read_next(reader, next)));
        let confirm = config
            .confirm
            .as_ref()
            .map(|confirm| self.within(["confirm"], |reader| reader.confirm(confirm, &needs)));
        let (call, only, confirm) = (call?, only?, optional(confirm)?);
        self.reaches_one_person_alone(
            &needs,
            &call,
            [Some(&only), confirm.as_ref().map(|one| &one.only)],
        );
        Some(FindPlan {
            needs,
            list: ListPlan {
                call,
                records: records?,
                next: optional(next)?,
            },
            only,
            confirm,
        })
    }

    fn confirm(&mut self, config: &ConfirmConfig, needs: &[IdentityKind]) -> Option<ConfirmPlan> {
        let parts = CallParts {
            server: &config.server,
            query: &config.query,
            absent: &config.absent,
            ..CallParts::new(&config.call)
        };
        let scope = reader_scope(self, needs, false);
        let call = read_call(self, &parts, scope, true);
        let only = read_only(self, &config.only, false, scope);
        Some(ConfirmPlan {
            call: call?,
            only: only?,
        })
    }

    /// What is found is checked for every identity: an API that ignores a parameter answers with everybody, and one that reads
    /// `me` in a path answers with the owner of the key. Only behind a word, such as `user_id:{user_id}`, a value may stand in a
    /// path unchecked.
    fn reaches_one_person_alone(
        &mut self,
        needs: &[IdentityKind],
        call: &CallPlan,
        checks: [Option<&Only>; 2],
    ) {
        for kind in needs {
            let is_kind = |template: &Template| {
                let wanted = What::Identity(kind.clone());
                template.holes().any(|hole| hole.what == wanted)
            };
            let mut wanted = checks.iter().flatten().flat_map(|only| &only.wanted);
            let is_checked = wanted.any(|(_, texts)| texts.iter().all(is_kind));
            let alone = format!("{{{kind}}}");
            let segments: Vec<&str> = call
                .route
                .split('/')
                .filter(|one| one.contains(&alone))
                .collect();
            let is_behind_a_word =
                !segments.is_empty() && segments.iter().all(|one| !one.starts_with(&alone));
            if !is_checked && !is_behind_a_word {
                self.wrong(
                    "where",
                    format!(
                        "a record must be checked for `{alone}`, so that nobody else's is taken: where = {{ \"$.{kind}\" = \"{alone}\" }}"
                    ),
                );
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
        Some(GetPlan {
            call: call?,
            record: record?,
        })
    }

    fn content(&mut self, config: &ContentConfig, needs: &[IdentityKind]) -> Option<ContentPlan> {
        let parts = CallParts {
            server: &config.server,
            ..CallParts::new(&config.call)
        };
        let call = read_call(self, &parts, reader_scope(self, needs, true), true);
        let name = Template::parse(&config.name, reader_scope(self, needs, true));
        let name = self.noted("name", name);
        Some(ContentPlan {
            call: call?,
            name: name?,
            max_bytes: config.max_bytes,
        })
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
        let job = config
            .job
            .as_ref()
            .map(|job| self.within(["job"], |reader| reader.job(job, &config.server)));
        let call = call?;
        if batch > 1
            && call.holes.iter().any(|(_, template)| {
                template
                    .holes()
                    .any(|hole| matches!(hole.what, What::Record(_)))
            })
        {
            self.wrong("batch", "several records do not fit into one path; put them into `query` or a list of `json`");
        }
        if batch > 1 && !call.takes_several() {
            self.wrong("batch", "each place of a record stands alone in a value of `query`, or within a list of `json`; elsewhere only the first record would be named");
        }
        Some(ErasePlan {
            call,
            batch: batch as usize,
            job: optional(job)?,
        })
    }

    fn job(&mut self, config: &JobConfig, server: &Option<String>) -> Option<JobPlan> {
        let parts = CallParts {
            server,
            ..CallParts::new(&config.call)
        };
        let scope = Scope {
            job: true,
            ..reader_scope(self, &[], false)
        };
        let call = read_call(self, &parts, scope, true);
        let id = read_path(self, "id", &config.id);
        let state = read_path(self, "state", &config.state);
        if config.done.is_empty() {
            self.wrong(
                "done",
                "is empty; name the states in which everything is deleted",
            );
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
        let listed = config
            .listed
            .as_ref()
            .map(|listed| self.within(["listed"], |reader| reader.listed(listed)));
        Some(LaterPlan {
            days: config.days,
            listed: optional(listed)?,
        })
    }

    fn listed(&mut self, config: &ListedConfig) -> Option<ListedPlan> {
        let parts = CallParts {
            server: &config.server,
            query: &config.query,
            ..CallParts::new(&config.call)
        };
        let call = read_call(self, &parts, reader_scope(self, &[], false), true);
        let records = read_path(self, "records", &config.records);
        let only = read_only(self, &config.only, false, reader_scope(self, &[], true));
        let next = config
            .next
            .as_ref()
            .map(|next| self.within(["next"], |reader| read_next(reader, next)));
        let since = config
            .since
            .as_ref()
            .map(|since| read_path(self, "since", since));
        if config.only.is_empty() {
            self.wrong(
                "where",
                "is missing; say by what an accepted deletion is that of a record",
            );
        }
        Some(ListedPlan {
            list: ListPlan {
                call: call?,
                records: records?,
                next: optional(next)?,
            },
            only: only?,
            since: optional(since)?,
        })
    }
}

/// The identities that are known however a record was found.
fn shared_needs(finds: &[Option<FindPlan>]) -> Vec<IdentityKind> {
    let mut finds = finds.iter().flatten();
    let mut shared = finds
        .next()
        .map(|find| find.needs.clone())
        .unwrap_or_default();
    for find in finds {
        shared.retain(|kind| find.needs.contains(kind));
    }
    shared
}
