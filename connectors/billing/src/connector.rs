//! The connector: what each call does, one file each.

use std::fmt;
use std::path::Path;

use adieu_core::{
    ConfigProblem, Connector, ConnectorError, ConnectorName, Cursor, Descriptor, Erased,
    PageWriter, Step, Subject, Survey, async_trait,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::classify::Rules;
use crate::config::{BillingConfig, ProviderName};
use crate::descriptor::{Kinds, Part, descriptor};
use crate::provider::Provider;
use crate::stripe::{self, Stripe};
use crate::{erase, export, survey};

/// One account at a billing provider.
pub struct BillingConnector {
    descriptor: Descriptor,
    pub(crate) provider: Box<dyn Provider>,
    pub(crate) kinds: Kinds,
    pub(crate) rules: Rules,
}

impl BillingConnector {
    /// A connector of this name. `folder` is where the configuration lies; relative paths begin there. Nothing is called yet:
    /// [`Connector::check`] does that.
    ///
    /// # Errors
    /// All mistakes of the configuration at once.
    pub fn new(
        name: ConnectorName,
        config: &BillingConfig,
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
        let word = |problem: adieu_core::InvalidWord| {
            vec![ConfigProblem::new(["customer"], problem.to_string())]
        };
        let kinds = Kinds::read(config).map_err(word)?;
        let (provider, company, unreachable): (Box<dyn Provider>, _, _) = match config.provider {
            ProviderName::Stripe => (
                Box::new(Stripe::new(config, kinds.clone(), folder)?),
                "Stripe",
                stripe::unreachable(config.redaction),
            ),
        };
        Ok(Self {
            descriptor: descriptor(name, config, &kinds, company, unreachable).map_err(word)?,
            provider,
            kinds,
            rules: Rules {
                open_invoices: config.open_invoices,
                retain: config.retain.clone(),
                redaction: config.redaction,
            },
        })
    }

    /// What the collection of a step stands for.
    pub(crate) fn part(&self, step: &Step) -> Result<Part, ConnectorError> {
        self.descriptor
            .collection(step.collection())
            .and_then(|collection| Part::of(&collection.name))
            .ok_or_else(ConnectorError::unknown_collection)
    }

    /// Today, in UTC: the day by which retention is reckoned.
    pub(crate) fn today() -> Date {
        Timestamp::now().to_zoned(TimeZone::UTC).date()
    }
}

#[async_trait]
impl Connector for BillingConnector {
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

impl fmt::Debug for BillingConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BillingConnector")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}
