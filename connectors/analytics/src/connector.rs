//! The connector: what each call does, one file each.

use std::fmt;
use std::path::Path;

use adieu_core::{
    Collection, CollectionName, ConfigProblem, Connector, ConnectorError, ConnectorName, Cursor,
    Descriptor, Erased, ErrorKind, InvalidWord, Need, PageWriter, Processor, Step, Subject,
    Support, Survey, Tells, Unreachable, async_trait,
};

use crate::config::AnalyticsConfig;
use crate::google::Property;
use crate::visitor::Kinds;
use crate::{erase, survey};

const NO_EXPORT: &str = "Google Analytics hands out nothing of a single visitor";

/// A property of Google Analytics.
pub struct AnalyticsConnector {
    descriptor: Descriptor,
    pub(crate) property: Property,
    pub(crate) kinds: Kinds,
    pub(crate) days: u16,
}

impl AnalyticsConnector {
    /// A connector of this name. `folder` is where the configuration lies; relative paths begin there. Nothing is called yet:
    /// [`Connector::check`] does that.
    ///
    /// # Errors
    /// All mistakes of the configuration at once.
    pub fn new(
        name: ConnectorName,
        config: &AnalyticsConfig,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        // Code may hold a key itself; only a file may not.
        let problems = config.validate().into_iter();
        let problems: Vec<_> = problems.filter(|one| one.path != ["key"]).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let word =
            |problem: InvalidWord| vec![ConfigProblem::new(["user_id"], problem.to_string())];
        let kinds = Kinds::read(config).map_err(word)?;
        Ok(Self {
            descriptor: descriptor(name, config, &kinds).map_err(word)?,
            property: Property::new(config, folder)?,
            kinds,
            days: config.days,
        })
    }

    fn knows(&self, step: &Step) -> Result<(), ConnectorError> {
        let collection = self.descriptor.collection(step.collection());
        collection
            .map(|_| ())
            .ok_or_else(ConnectorError::unknown_collection)
    }
}

fn descriptor(
    name: ConnectorName,
    config: &AnalyticsConfig,
    kinds: &Kinds,
) -> Result<Descriptor, InvalidWord> {
    let processor = Processor {
        name: Some("Google".to_owned()),
        location: config.location.clone(),
    };
    let needs = kinds.iter().cloned().map(Need::one);
    let mut visitors = Collection::new(CollectionName::new("visitors")?, needs);
    visitors.title = Some("What you did on our pages and in our apps".to_owned());
    visitors.purpose.clone_from(&config.purpose);
    visitors.categories = ["identifiers", "behaviour", "devices"]
        .map(str::to_owned)
        .into();
    visitors.legal_basis = config.legal_basis;
    visitors.export = Support::Refused(NO_EXPORT.to_owned());
    let silent = "Google Analytics tells neither whom it knows nor when it has deleted somebody";
    visitors.tells = Tells::Nothing(silent.to_owned());
    let mut descriptor = Descriptor::new(name, "analytics", processor);
    descriptor.collections.push(visitors);
    descriptor.unreachable.clone_from(&config.unreachable);
    descriptor.unreachable.extend([
        beyond(
            "reports that were summed up before",
            "they count visitors and name none, and Google does not reckon them anew",
        ),
        beyond(
            "exports to BigQuery and to other products",
            "a deletion in Google Analytics does not reach what was copied from it; connect the copy as a system of its own",
        ),
    ]);
    Ok(descriptor)
}

fn beyond(what: &str, why: &str) -> Unreachable {
    Unreachable {
        what: what.to_owned(),
        why: why.to_owned(),
        lives_for: None,
    }
}

#[async_trait]
impl Connector for AnalyticsConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.property.check().await
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        Ok(survey::survey(self, subject))
    }

    async fn export(
        &self,
        step: &Step,
        _: &mut PageWriter<'_>,
    ) -> Result<Option<Cursor>, ConnectorError> {
        self.knows(step)?;
        Err(ConnectorError::new(ErrorKind::Unsupported, NO_EXPORT))
    }

    async fn erase(&self, step: &Step) -> Result<Erased, ConnectorError> {
        self.knows(step)?;
        erase::erase(self, step).await
    }
}

impl fmt::Debug for AnalyticsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnalyticsConnector")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}
