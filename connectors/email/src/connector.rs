//! The connector: what each call does, one file each.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use adieu_core::{
    ConfigProblem, Connector, ConnectorError, ConnectorName, Cursor, Descriptor, Erased,
    IdentityKind, InvalidWord, PageWriter, Step, Subject, Survey, async_trait,
};

use crate::address::addresses;
use crate::config::{EmailConfig, ProviderName, SuppressionPolicy};
use crate::descriptor::{Part, descriptor};
use crate::provider::Provider;
use crate::resend::{self, Resend};
use crate::{erase, export, survey};

/// One account at an e-mail provider.
pub struct EmailConnector {
    descriptor: Descriptor,
    pub(crate) provider: Box<dyn Provider>,
    kind: IdentityKind,
    pub(crate) suppression: SuppressionPolicy,
}

impl EmailConnector {
    /// A connector of this name. `folder` is where the configuration lies; relative paths begin there. Nothing is called yet:
    /// [`Connector::check`] does that.
    ///
    /// # Errors
    /// All mistakes of the configuration at once.
    pub fn new(
        name: ConnectorName,
        config: &EmailConfig,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        // Code may hold a key itself; only a file may not.
        let problems = config.validate();
        let problems: Vec<_> = problems
            .into_iter()
            .filter(|one| one.path != ["key"])
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let word = |problem: InvalidWord| vec![ConfigProblem::new(["email"], problem.to_string())];
        let kind = IdentityKind::new(&*config.email).map_err(word)?;
        let (provider, company, unreachable): (Box<dyn Provider>, _, _) = match config.provider {
            ProviderName::Resend => (
                Box::new(Resend::new(config, folder)?),
                "Resend",
                resend::unreachable(config),
            ),
        };
        Ok(Self {
            descriptor: descriptor(name, config, &kind, company, unreachable).map_err(word)?,
            provider,
            kind,
            suppression: config.suppression,
        })
    }

    /// What the collection of a step stands for.
    pub(crate) fn part(&self, step: &Step) -> Result<Part, ConnectorError> {
        self.descriptor
            .collection(step.collection())
            .and_then(|collection| Part::of(&collection.name))
            .ok_or_else(ConnectorError::unknown_collection)
    }

    /// The addresses that a subject is asked for by, in order.
    pub(crate) fn addresses(&self, subject: &Subject) -> BTreeSet<String> {
        addresses(subject, &self.kind)
    }
}

#[async_trait]
impl Connector for EmailConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.provider.check().await
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

impl fmt::Debug for EmailConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailConnector")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}
