//! The connector: what each call does, one file each.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use adieu_core::{
    Collection, CollectionName, ConfigProblem, Connector, ConnectorError, ConnectorName, Cursor,
    Descriptor, Erased, Need, PageWriter, Precedence, Processor, Secret, Setting, Step, Subject,
    Support, Survey, async_trait,
};
use serde_json::Value;

use crate::api::Api;
use crate::config::{CollectionConfig, HttpConnectorConfig, read};
use crate::page::Turn;
use crate::plan::{CallPlan, CollectionPlan};
use crate::position::foreign;
use crate::source::Sources;
use crate::template::Values;
use crate::{erase, export, survey};

/// An API that holds a person's records, as it was declared.
pub struct HttpConnector {
    descriptor: Descriptor,
    pub(crate) api: Api,
    checks: Vec<CallPlan>,
    collections: Vec<CollectionPlan>,
}

impl HttpConnector {
    /// A connector of this name. `folder` is where the configuration lies; a relative path begins there. Nobody is called
    /// yet: [`Connector::check`] does that.
    ///
    /// # Errors
    /// All mistakes of the declaration at once; or all settings that cannot be fetched.
    pub fn new(
        name: ConnectorName,
        config: &HttpConnectorConfig,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let config = config.whole()?;
        let plan = read(&config)?;
        let settings = fetch(&config.settings, folder)?;
        let api = Api::new(name.as_str(), &plan.servers, settings, folder)?;
        let descriptor = describe(name, &config, &plan.collections)?;
        Ok(Self {
            descriptor,
            api,
            checks: plan.checks,
            collections: plan.collections,
        })
    }

    pub(crate) fn collections(&self) -> impl Iterator<Item = (&Collection, &CollectionPlan)> {
        self.descriptor.collections.iter().zip(&self.collections)
    }

    /// # Errors
    /// When there is no such collection.
    pub(crate) fn plan_of(&self, step: &Step) -> Result<&CollectionPlan, ConnectorError> {
        self.collections()
            .find(|(collection, _)| collection.name == *step.collection())
            .map(|(_, plan)| plan)
            .ok_or_else(ConnectorError::unknown_collection)
    }
}

impl Sources<'_> {
    /// # Errors
    /// `Protocol`, when a cursor names none of them.
    pub(crate) fn index_of(&self, mark: &str) -> Result<usize, ConnectorError> {
        self.all
            .iter()
            .position(|source| source.mark == mark)
            .ok_or_else(foreign)
    }

    /// How many records of a page were seen before: those up to the last one, wherever it is now.
    pub(crate) fn past(
        &self,
        source: usize,
        records: &[Value],
        seen: usize,
        last: Option<&str>,
    ) -> usize {
        let is_last = |record| {
            let mark = self.mark_of(source, record);
            mark.is_ok_and(|mark| last == Some(mark.as_str()))
        };
        match records.iter().position(is_last) {
            Some(index) => index + 1,
            None => seen.min(records.len()),
        }
    }
}

fn fetch(
    settings: &BTreeMap<String, Setting>,
    folder: &Path,
) -> Result<BTreeMap<String, Secret>, Vec<ConfigProblem>> {
    let mut fetched = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, setting) in settings {
        match setting.resolve(folder) {
            Ok(value) => {
                fetched.insert(name.clone(), value);
            }
            Err(problem) => problems.push(ConfigProblem::new(["settings", name.as_str()], problem)),
        }
    }
    match problems.is_empty() {
        true => Ok(fetched),
        false => Err(problems),
    }
}

fn describe(
    name: ConnectorName,
    config: &HttpConnectorConfig,
    plans: &[CollectionPlan],
) -> Result<Descriptor, Vec<ConfigProblem>> {
    let processor = Processor {
        name: config.processor.clone(),
        location: config.location.clone(),
    };
    let mut descriptor = Descriptor::new(name, "http", processor);
    descriptor.unreachable.clone_from(&config.unreachable);
    if config.first {
        descriptor.precedence = Precedence::First;
    }
    for (index, (declared, plan)) in config.collection.iter().zip(plans).enumerate() {
        let name = CollectionName::new(declared.name.clone()).map_err(|rule| {
            vec![ConfigProblem::new(
                [
                    "collection".to_owned(),
                    index.to_string(),
                    "name".to_owned(),
                ],
                rule.to_string(),
            )]
        })?;
        let mut collection = Collection::new(
            name,
            plan.finds.iter().map(|find| Need::all(find.needs.clone())),
        );
        about(&mut collection, declared, config);
        collection.yields = plan.yields.iter().map(|(kind, _)| kind.clone()).collect();
        if let Some(reason) = declared.no_erase.as_ref().or(declared.erased_with.as_ref()) {
            collection.erasure = Support::Refused(reason.clone());
        }
        descriptor.collections.push(collection);
    }
    Ok(descriptor)
}

fn about(collection: &mut Collection, declared: &CollectionConfig, config: &HttpConnectorConfig) {
    let operators = config
        .about
        .get(&declared.name)
        .cloned()
        .unwrap_or_default();
    collection.title = operators.title.or_else(|| declared.title.clone());
    collection.purpose = operators.purpose.or_else(|| declared.purpose.clone());
    collection.legal_basis = operators.legal_basis.or(declared.legal_basis);
    collection.storage_period = operators
        .storage_period
        .or_else(|| declared.storage_period.clone());
    collection.categories.clone_from(&declared.categories);
}

#[async_trait]
impl Connector for HttpConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        for call in &self.checks {
            let values = Values {
                settings: &self.api.settings,
                identities: &[],
                record: None,
                job: None,
            };
            self.api.send(call, &values, &[], &Turn::First).await?;
        }
        Ok(())
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        survey::survey(self, subject).await
    }

    async fn export(
        &self,
        step: &Step,
        page: &mut PageWriter<'_>,
    ) -> Result<Option<Cursor>, ConnectorError> {
        export::export(self, step, page).await
    }

    async fn erase(&self, step: &Step) -> Result<Erased, ConnectorError> {
        erase::erase(self, step).await
    }
}

impl fmt::Debug for HttpConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConnector")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}
