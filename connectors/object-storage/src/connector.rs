//! The connector: what each call does, one file each.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use adieu_core::{
    Collection, CollectionName, ConfigProblem, Connector, ConnectorError, ConnectorName, Cursor,
    Descriptor, Disposition, Erased, PageWriter, Processor, Step, Subject, Survey, async_trait,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::classify::{Keep, classify, classify_marker};
use crate::config::ObjectStorageConfig;
use crate::object::{Kind, Object, Position};
use crate::place::Finder;
use crate::store::Store;
use crate::{erase, export, survey};

/// The name of the one collection: every object of a person, whichever way it was found.
pub const COLLECTION: &str = "files";

/// How many objects are listed at a time where the step does not say.
pub(crate) const WINDOW: usize = 4_096;

/// A store of objects, of which some are a person's.
pub struct ObjectStorageConnector {
    descriptor: Descriptor,
    pub(crate) store: Store,
    pub(crate) finder: Arc<Finder>,
    pub(crate) keep: Vec<Keep>,
}

impl ObjectStorageConnector {
    /// A connector of this name. `folder` is where the configuration lies; a relative path begins there. Nothing is
    /// opened yet: [`Connector::check`] does that.
    ///
    /// # Errors
    /// All mistakes of the configuration at once.
    pub fn new(
        name: ConnectorName,
        config: &ObjectStorageConfig,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let (store, finder, keep) = config.read(folder)?;
        let collection = CollectionName::new(COLLECTION)
            .map_err(|rule| vec![ConfigProblem::new(["url"], rule.to_string())])?;
        let mut descriptor = Descriptor::new(
            name,
            "object-storage",
            Processor {
                name: config.processor.clone(),
                location: config.location.clone(),
            },
        );
        let mut files = Collection::new(collection, finder.needs());
        files.title.clone_from(&config.title);
        files.purpose.clone_from(&config.purpose);
        files.categories.clone_from(&config.categories);
        files.legal_basis = config.legal_basis;
        files.storage_period.clone_from(&config.storage_period);
        files.yields = finder.yields();
        descriptor.collections = vec![files];
        descriptor.unreachable.clone_from(&config.unreachable);
        if descriptor.unreachable.is_empty() {
            descriptor.unreachable.push(store.backups());
        }
        descriptor.unreachable.extend(store.unmarked(&finder));
        Ok(Self {
            descriptor,
            store,
            finder: Arc::new(finder),
            keep,
        })
    }

    /// The only collection, and where a step goes on.
    pub(crate) fn begin(&self, step: &Step) -> Result<Position, ConnectorError> {
        self.descriptor
            .collection(step.collection())
            .ok_or_else(ConnectorError::unknown_collection)?;
        match step.cursor() {
            Some(cursor) => cursor.decode(step.collection()),
            None => Ok(Position::default()),
        }
    }

    /// Where the next step goes on.
    pub(crate) fn go_on(&self, step: &Step, position: &Position) -> Result<Cursor, ConnectorError> {
        Cursor::encode(step.collection(), position)
    }

    /// What an erasure does to each of these objects: asked by the survey and by the act.
    ///
    /// # Errors
    /// When the versions under a deleted object, by which its note of deletion is judged, cannot be listed.
    pub(crate) async fn dispositions(
        &self,
        objects: &[Object],
    ) -> Result<Vec<Result<Disposition, ConnectorError>>, ConnectorError> {
        let today = Self::today();
        let mut dispositions = Vec::with_capacity(objects.len());
        for object in objects {
            let may_stay = self.keep.iter().any(|rule| rule.fits(&object.key));
            if matches!(object.kind, Kind::Marker) && (may_stay || self.store.has_locks()) {
                let versions = self.store.versions_of(&object.key).await?;
                dispositions.push(Ok(classify_marker(&versions, &self.keep, today)));
            } else {
                dispositions.push(classify(object, &self.keep, today));
            }
        }
        Ok(dispositions)
    }

    /// Today, in UTC: the day by which retention is reckoned.
    fn today() -> Date {
        Timestamp::now().to_zoned(TimeZone::UTC).date()
    }
}

#[async_trait]
impl Connector for ObjectStorageConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.store.check(&self.finder).await
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

impl fmt::Debug for ObjectStorageConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStorageConnector")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}
