//! The connector: what each call does, one file each.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use adieu_core::{
    Collection, CollectionName, ConfigProblem, Connector, ConnectorError, ConnectorName, Cursor,
    Descriptor, Erased, PageWriter, Processor, Step, Subject, Survey, Unreachable, async_trait,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::classify::Keep;
use crate::config::ObjectStorageConfig;
use crate::folder::Folder;
use crate::place::Finder;
use crate::{erase, export, survey};

/// The name of the one collection: every object of a person, whichever way it was found.
pub const COLLECTION: &str = "files";

/// How many objects are listed at a time where the step does not say.
pub(crate) const WINDOW: usize = 4_096;

/// A store of objects, of which some are a person's.
pub struct ObjectStorageConnector {
    descriptor: Descriptor,
    pub(crate) folder: Folder,
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
        let (root, finder, keep) = config.read(folder)?;
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
        descriptor.collections = vec![files];
        descriptor.unreachable.clone_from(&config.unreachable);
        if descriptor.unreachable.is_empty() {
            descriptor.unreachable.push(backups());
        }
        Ok(Self {
            descriptor,
            folder: Folder::new(root),
            finder: Arc::new(finder),
            keep,
        })
    }

    /// The only collection, and where a step goes on: after which key.
    pub(crate) fn begin(&self, step: &Step) -> Result<Option<Vec<u8>>, ConnectorError> {
        self.descriptor
            .collection(step.collection())
            .ok_or_else(ConnectorError::unknown_collection)?;
        let Some(cursor) = step.cursor() else {
            return Ok(None);
        };
        let text: String = cursor.decode(step.collection())?;
        // Base64, because a key need not be text.
        match STANDARD_NO_PAD.decode(&text) {
            Ok(key) => Ok(Some(key)),
            Err(_) => Err(ConnectorError::new(
                adieu_core::ErrorKind::Protocol,
                "the cursor was not made by this collection",
            )),
        }
    }

    /// Where the step after this key goes on.
    pub(crate) fn go_on(&self, step: &Step, key: &[u8]) -> Result<Cursor, ConnectorError> {
        Cursor::encode(step.collection(), &STANDARD_NO_PAD.encode(key))
    }

    /// Today, in UTC: the day by which retention is reckoned.
    pub(crate) fn today() -> Date {
        Timestamp::now().to_zoned(TimeZone::UTC).date()
    }
}

#[async_trait]
impl Connector for ObjectStorageConnector {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.folder.check(&self.finder).await
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

fn backups() -> Unreachable {
    Unreachable {
        what: "backups and snapshots of the folder".to_owned(),
        why: "they lie outside of it, and are made and deleted by whoever runs the file system"
            .to_owned(),
        lives_for: None,
    }
}
