//! A person's records: each way of finding them, for each of the person's identities.

use std::collections::{HashMap, HashSet};

use adieu_core::{ConnectorError, ErrorKind, Identity, Subject};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::api::Api;
use crate::page::{self, Page, Turn};
use crate::plan::{CollectionPlan, FindPlan, Only};
use crate::position::mark;
use crate::template::{Template, Values, is_same};

/// One way of finding records, for one set of identities.
pub(crate) struct Source<'a> {
    find: &'a FindPlan,
    pub(crate) identities: Vec<Identity>,
    /// Stands for all of that in a cursor.
    pub(crate) mark: String,
    /// Whether what it lists belongs to the person, once that was asked.
    is_theirs: OnceCell<bool>,
}

/// A record of the person.
pub(crate) struct Found {
    /// Stands for its key.
    pub(crate) mark: String,
    pub(crate) value: Value,
}

/// The sources of a collection for one person, and what of them was read whole.
pub(crate) struct Sources<'a> {
    api: &'a Api,
    plan: &'a CollectionPlan,
    pub(crate) all: Vec<Source<'a>>,
    keys: HashMap<usize, HashSet<String>>,
}

impl<'a> Sources<'a> {
    /// # Errors
    /// `Unsupported`, when it is not known which of the person's identities belong together.
    pub(crate) fn new(
        api: &'a Api,
        plan: &'a CollectionPlan,
        subject: &Subject,
    ) -> Result<Self, ConnectorError> {
        let mut all = Vec::new();
        for (index, find) in plan.finds.iter().enumerate() {
            for identities in combinations(find, subject)? {
                let number = index.to_string();
                let words = identities
                    .iter()
                    .flat_map(|one| [one.kind().as_str(), one.value().expose()]);
                let mark = mark([number.as_str()].into_iter().chain(words));
                let source = Source {
                    find,
                    identities,
                    mark,
                    is_theirs: OnceCell::new(),
                };
                if source.fits_its_path() {
                    all.push(source);
                }
            }
        }
        Ok(Self {
            api,
            plan,
            all,
            keys: HashMap::new(),
        })
    }

    /// What stands for the key of a listed record.
    ///
    /// # Errors
    /// When it has none.
    pub(crate) fn mark_of(&self, source: usize, listed: &Value) -> Result<String, ConnectorError> {
        self.all[source].mark_of(self.api, self.plan, listed)
    }

    /// One page of a source, as the provider answers it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn page(&self, source: usize, turn: &Turn) -> Result<Page, ConnectorError> {
        let source = &self.all[source];
        let is_theirs = source
            .is_theirs
            .get_or_try_init(|| source.confirm(self.api));
        if !*is_theirs.await? {
            return Ok(Page {
                records: Vec::new(),
                next: None,
            });
        }
        page::read(
            self.api,
            &source.find.list,
            &source.values(self.api, None),
            turn,
        )
        .await
    }

    /// The person's record in what a source answered; nothing when it is somebody else's, was met in a source before, or is gone.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub(crate) async fn look(
        &mut self,
        source: usize,
        listed: &Value,
    ) -> Result<Option<Found>, ConnectorError> {
        let here = &self.all[source];
        if !here.is_of_the_person(self.api, listed)? {
            return Ok(None);
        }
        let mark = here.mark_of(self.api, self.plan, listed)?;
        if self.was_met_before(source, listed, &mark).await? {
            return Ok(None);
        }
        let here = &self.all[source];
        let value = match &self.plan.get {
            None => listed.clone(),
            Some(get) => {
                let values = here.values(self.api, Some(listed));
                match self.api.send(&get.call, &values, &[], &Turn::First).await? {
                    None => return Ok(None),
                    Some(response) => {
                        let json = response.json()?;
                        match get.record.first(&json) {
                            Some(record) if record.is_object() => record.clone(),
                            _ => {
                                return Err(
                                    response.makes_no_sense("there is no record in the answer")
                                );
                            }
                        }
                    }
                }
            }
        };
        Ok(Some(Found { mark, value }))
    }

    /// Whether an earlier source has this record too. One whose conditions the record does not meet is not asked.
    async fn was_met_before(
        &mut self,
        source: usize,
        listed: &Value,
        mark: &str,
    ) -> Result<bool, ConnectorError> {
        for earlier in 0..source {
            let other = &self.all[earlier];
            if other.find.only.wanted.is_empty() || !other.is_of_the_person(self.api, listed)? {
                continue;
            }
            if !self.keys.contains_key(&earlier) {
                let keys = self.keys_of(earlier).await?;
                self.keys.insert(earlier, keys);
            }
            if self
                .keys
                .get(&earlier)
                .is_some_and(|keys| keys.contains(mark))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn keys_of(&self, source: usize) -> Result<HashSet<String>, ConnectorError> {
        let here = &self.all[source];
        let mut keys = HashSet::new();
        let mut next = Some(Turn::First);
        while let Some(turn) = next {
            let page = self.page(source, &turn).await?;
            for listed in &page.records {
                if here.is_of_the_person(self.api, listed)? {
                    keys.insert(here.mark_of(self.api, self.plan, listed)?);
                }
            }
            next = page.next;
        }
        Ok(keys)
    }
}

impl Source<'_> {
    pub(crate) fn values<'v>(&'v self, api: &'v Api, record: Option<&'v Value>) -> Values<'v> {
        Values {
            settings: &api.settings,
            identities: &self.identities,
            record,
            job: None,
        }
    }

    /// Whether the list belongs to the person: for records that do not say it themselves.
    async fn confirm(&self, api: &Api) -> Result<bool, ConnectorError> {
        let Some(confirm) = &self.find.confirm else {
            return Ok(true);
        };
        let values = self.values(api, None);
        match api.send(&confirm.call, &values, &[], &Turn::First).await? {
            None => Ok(false),
            Some(response) => meets(&confirm.only, &values, &response.json()?),
        }
    }

    /// A value that cannot be a segment of a path reaches nothing.
    fn fits_its_path(&self) -> bool {
        let in_path = |identity: &Identity| {
            let holes = self.find.list.call.holes.iter();
            holes
                .clone()
                .any(|(name, _)| name == identity.kind().as_str())
        };
        !self
            .identities
            .iter()
            .any(|identity| matches!(identity.value().expose(), "." | "..") && in_path(identity))
    }

    fn is_of_the_person(&self, api: &Api, listed: &Value) -> Result<bool, ConnectorError> {
        meets(&self.find.only, &self.values(api, None), listed)
    }

    fn mark_of(
        &self,
        api: &Api,
        plan: &CollectionPlan,
        listed: &Value,
    ) -> Result<String, ConnectorError> {
        let key = plan.key.render(&self.values(api, Some(listed)))?;
        Ok(mark([key.as_str()]))
    }
}

/// Whether a record is as it must be.
///
/// # Errors
/// When what it must be cannot be told.
pub(crate) fn meets(
    only: &Only,
    values: &Values<'_>,
    record: &Value,
) -> Result<bool, ConnectorError> {
    for (path, texts) in &only.wanted {
        let texts: Vec<String> = texts
            .iter()
            .map(|text: &Template| text.render(values))
            .collect::<Result<_, _>>()?;
        let found = path.all(record).into_iter();
        let is_there = found.into_iter().any(|value| {
            texts
                .iter()
                .any(|text| is_same(value, text, only.ignore_case))
        });
        if !is_there {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The person's identities for a find: one set for each value of its kind.
fn combinations(find: &FindPlan, subject: &Subject) -> Result<Vec<Vec<Identity>>, ConnectorError> {
    let mut sets: Vec<Vec<Identity>> = vec![Vec::new()];
    for kind in &find.needs {
        let of_kind: Vec<&Identity> = subject
            .identities()
            .filter(|one| one.kind() == kind)
            .collect();
        if find.needs.len() > 1 && of_kind.len() > 1 {
            return Err(ConnectorError::new(
                ErrorKind::Unsupported,
                "the person has several identities of one kind, and it is not known which of another kind belongs to which",
            ));
        }
        sets = sets
            .into_iter()
            .flat_map(|set| {
                of_kind
                    .iter()
                    .map(move |one| [set.clone(), vec![(*one).clone()]].concat())
            })
            .collect();
    }
    Ok(sets)
}
