//! The connector: what each call does, one file each.

use std::fmt;
use std::path::Path;

use adieu_core::{
    Collection, CollectionName, ConfigProblem, Connector, ConnectorError, ConnectorName, Cursor,
    Descriptor, Erased, ErrorKind, InvalidWord, Need, PageWriter, Processor as Company, Step,
    Subject, Support, Survey, Tells, async_trait,
};

use super::config::OpendsrConfig;
use super::names::Names;
use super::processor::Processor;
use super::{erase, survey};

const NO_EXPORT: &str =
    "OpenDSR does not say how a processor hands over what it holds; ask the processor";

/// A processor that speaks OpenDSR.
pub struct OpendsrConnector {
    descriptor: Descriptor,
    pub(super) processor: Processor,
    pub(super) names: Names,
    pub(super) days: u16,
    pub(super) callback: Option<String>,
}

impl OpendsrConnector {
    /// A connector of this name. `folder` is where the configuration lies; relative paths begin there. Nothing is called yet:
    /// [`Connector::check`] does that.
    ///
    /// # Errors
    /// All mistakes of the configuration at once.
    pub fn new(
        name: ConnectorName,
        config: &OpendsrConfig,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        // Code may hold a secret itself; only a file may not.
        let problems = config.validate().into_iter();
        let problems: Vec<_> = problems
            .filter(|one| one.path != ["key"] && one.path != ["token"])
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let wrong = |problem: String| vec![ConfigProblem::new(["key"], problem)];
        let key = config.key.resolve(folder).map_err(wrong)?;
        if key.expose().len() < 32 {
            return Err(wrong(
                "is shorter than 32 characters; make one by `openssl rand -base64 32`".to_owned(),
            ));
        }
        let word = |rule: InvalidWord| vec![ConfigProblem::new(["identities"], rule.to_string())];
        let names = Names::new(&config.identities, &key).map_err(word)?;
        let processor = Processor::new(name.as_str(), config, folder)?;
        Ok(Self {
            descriptor: descriptor(name, config, &names).map_err(word)?,
            processor,
            names,
            days: config.days,
            callback: config.callback.clone(),
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
    config: &OpendsrConfig,
    names: &Names,
) -> Result<Descriptor, InvalidWord> {
    let company = Company {
        name: Some(config.processor.as_ref().unwrap_or(&config.domain).clone()),
        location: config.location.clone(),
    };
    let needs = names.kinds().map(|(kind, _)| Need::one(kind.clone()));
    let mut data = Collection::new(CollectionName::new("requests")?, needs);
    data.title = Some("What this company holds of you".to_owned());
    data.purpose.clone_from(&config.purpose);
    data.legal_basis = config.legal_basis;
    data.export = Support::Refused(NO_EXPORT.to_owned());
    let silent = "OpenDSR tells how far a request is, and not what is held";
    data.tells = Tells::Progress(silent.to_owned());
    let mut descriptor = Descriptor::new(name, "opendsr", company);
    descriptor.collections.push(data);
    descriptor.unreachable.clone_from(&config.unreachable);
    Ok(descriptor)
}

#[async_trait]
impl Connector for OpendsrConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.processor.check(&self.names).await
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        Ok(survey::survey(self, subject).await)
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

impl fmt::Debug for OpendsrConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpendsrConnector")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}
