//! Where finished archives are kept, when that is not the store's own folder.

use std::path::Path;
use std::sync::Arc;

use adieu_archive::{Archives, Deposit, Vault};
use adieu_core::{Body, ConfigProblem, ConnectorError, Setting, async_trait};
use adieu_object_storage::{ArchiveBucket, ArchiveUpload, Credentials};
use serde::Deserialize;

/// `[archives]`: where finished archives are kept. Without it, beside the store's database.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivesConfig {
    /// `folder:PATH`, or a folder of a bucket that is used for nothing else, such as `s3://BUCKET/archives/`.
    pub url: Setting,
    /// How to get in, where the environment of the process does not say.
    #[serde(default)]
    pub credentials: Option<Credentials>,
}

impl ArchivesConfig {
    /// All mistakes that can be found by reading it alone.
    pub(crate) fn validate(&self) -> Vec<ConfigProblem> {
        match &self.url {
            Setting::Literal(url) if folder_of(url.expose()).is_some() => self.folder_problems(),
            url => ArchiveBucket::validate(url, self.credentials.as_ref()),
        }
    }

    /// The place itself. Nothing is connected to yet; `folder` is where the configuration lies.
    pub(crate) fn open(&self, folder: &Path) -> Result<Archives, Vec<ConfigProblem>> {
        let url = self.url.resolve(folder);
        let url = url.map_err(|problem| vec![ConfigProblem::new(["url"], problem)])?;
        let Some(path) = folder_of(url.expose()) else {
            let bucket = ArchiveBucket::new(&self.url, self.credentials.as_ref(), folder)?;
            return Ok(Archives::Vault(Arc::new(BucketVault(bucket))));
        };
        match self.folder_problems() {
            problems if problems.is_empty() => Ok(Archives::Folder(folder.join(path))),
            problems => Err(problems),
        }
    }

    fn folder_problems(&self) -> Vec<ConfigProblem> {
        let unneeded = ConfigProblem::new(["credentials"], "a folder takes none; leave them out");
        self.credentials.iter().map(|_| unneeded.clone()).collect()
    }
}

fn folder_of(url: &str) -> Option<&str> {
    url.strip_prefix("folder:").filter(|path| !path.is_empty())
}

/// A bucket as the engine sees it.
#[derive(Debug)]
struct BucketVault(ArchiveBucket);

struct Incoming(ArchiveUpload);

#[async_trait]
impl Vault for BucketVault {
    async fn check(&self) -> Result<(), ConnectorError> {
        self.0.check().await
    }

    async fn begin(&self, name: &str) -> Result<Box<dyn Deposit>, ConnectorError> {
        Ok(Box::new(Incoming(self.0.begin(name).await?)))
    }

    async fn read(
        &self,
        name: &str,
        from: u64,
    ) -> Result<Option<(u64, Body<'static>)>, ConnectorError> {
        self.0.read(name, from).await
    }

    async fn remove(&self, name: &str) -> Result<(), ConnectorError> {
        self.0.remove(name).await
    }

    async fn names(&self) -> Result<Vec<String>, ConnectorError> {
        let mut names = self.0.names();
        let mut all = Vec::new();
        while let Some(mut some) = names.next().await? {
            all.append(&mut some);
        }
        Ok(all)
    }
}

#[async_trait]
impl Deposit for Incoming {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectorError> {
        self.0.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<(), ConnectorError> {
        self.0.finish().await
    }
}
