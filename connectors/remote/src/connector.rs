//! The connector: what each call does, one file each.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use adieu_core::{
    Collection, ConfigProblem, Connector, ConnectorError, ConnectorName, Cursor, Descriptor,
    Erased, ErrorKind, PageWriter, Precedence, Processor, Schema, Step, Subject, Survey,
    async_trait,
};
use serde::Deserialize;

use crate::config::RemoteConfig;
use crate::service::Service;
use crate::{erase, export, survey};

/// A service of the controller's own, or of anybody who speaks the protocol.
pub struct RemoteConnector {
    descriptor: Descriptor,
    schemas: Vec<Schema>,
    pub(crate) service: Service,
}

impl RemoteConnector {
    /// A connector of this name. `folder` is where the configuration lies; relative paths begin there. Nothing is called yet:
    /// [`Connector::check`] does that.
    ///
    /// # Errors
    /// All mistakes of the configuration at once.
    pub fn new(
        name: ConnectorName,
        config: &RemoteConfig,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        // Code may hold a key itself; only a file may not.
        let problems = config.validate().into_iter();
        let problems: Vec<_> = problems.filter(|one| one.path != ["key"]).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let service = Service::new(name.as_str(), config, folder)?;
        let processor = Processor {
            name: config.processor.clone(),
            location: config.location.clone(),
        };
        let mut descriptor = Descriptor::new(name, "remote", processor);
        for collection in &config.collection {
            let described = collection.describe();
            descriptor.collections.push(
                described
                    .map_err(|rule| vec![ConfigProblem::new(["collection"], rule.to_string())])?,
            );
        }
        descriptor.unreachable.clone_from(&config.unreachable);
        descriptor.may_block = config.may_block;
        if config.first {
            descriptor.precedence = Precedence::First;
        }
        let declared = config.collection.iter();
        Ok(Self {
            descriptor,
            schemas: declared
                .map(|one| Schema::open(one.fields.clone()))
                .collect(),
            service,
        })
    }

    pub(crate) fn collection(&self, step: &Step) -> Result<&Collection, ConnectorError> {
        let collection = self.descriptor.collection(step.collection());
        collection.ok_or_else(ConnectorError::unknown_collection)
    }

    pub(crate) fn schema(&self, step: &Step) -> Result<&Schema, ConnectorError> {
        let mut both = self.descriptor.collections.iter().zip(&self.schemas);
        both.find(|(collection, _)| collection.name == *step.collection())
            .map(|(_, schema)| schema)
            .ok_or_else(ConnectorError::unknown_collection)
    }
}

/// What a service says of a collection.
#[derive(Deserialize)]
struct Described {
    name: String,
    needs: Vec<BTreeSet<String>>,
    #[serde(default)]
    tenant: bool,
    #[serde(default)]
    yields: BTreeSet<String>,
    #[serde(default = "yes")]
    export: bool,
    #[serde(default = "yes")]
    erasure: bool,
}

fn yes() -> bool {
    true
}

impl Described {
    /// What of it is declared otherwise.
    fn differs_from(&self, declared: &Collection) -> Option<&'static str> {
        let words = |kinds: &BTreeSet<_>| kinds.iter().map(ToString::to_string).collect();
        let needs: BTreeSet<BTreeSet<String>> = declared
            .needs
            .iter()
            .map(|need| words(&need.all_of))
            .collect();
        let tenant = declared.needs.iter().any(|need| need.tenant);
        let yields: BTreeSet<String> = words(&declared.yields);
        match () {
            () if self.needs.iter().cloned().collect::<BTreeSet<_>>() != needs => Some("needs"),
            () if self.tenant != tenant => Some("tenant"),
            () if self.yields != yields => Some("yields"),
            () if self.export != declared.export.is_offered() => Some("no_export"),
            () if self.erasure != declared.erasure.is_offered() => Some("no_erase"),
            () => None,
        }
    }
}

#[async_trait]
impl Connector for RemoteConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        let told = self.service.describe().await?;
        let wrong = |what: String| Err(ConnectorError::new(ErrorKind::Config, what));
        if told.json["protocol"] != 1 {
            return Err(told.makes_no_sense("it does not speak version 1 of the protocol"));
        }
        let described: Vec<Described> =
            told.part("collections", "the description is not as the protocol says")?;
        for declared in &self.descriptor.collections {
            let name = &declared.name;
            let Some(described) = described.iter().find(|one| one.name == name.as_str()) else {
                return wrong(format!("the service has no collection `{name}`"));
            };
            if let Some(key) = described.differs_from(declared) {
                return wrong(format!(
                    "the service says something else than `{key}` of the collection `{name}`"
                ));
            }
        }
        match described.len() > self.descriptor.collections.len() {
            true => wrong("the service holds collections that are not declared".to_owned()),
            false => Ok(()),
        }
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        Ok(survey::survey(self, subject).await)
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

impl fmt::Debug for RemoteConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteConnector")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}
