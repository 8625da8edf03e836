//! A place for the gateway's own archives.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use adieu_core::{Body, ConfigProblem, ConnectorError, ErrorKind, Setting};

use crate::credentials::Credentials;
use crate::location::Location;
use crate::object::{Listing, Position};
use crate::place::{Place, Places};
use crate::remote::{Remote, Upload};
use crate::segment::fits;
use crate::store::{For, Store};

/// Where the gateway keeps archives: under a folder of a bucket that is used for nothing else.
#[derive(Clone)]
pub struct ArchiveBucket {
    remote: Arc<Remote>,
    places: Arc<Places>,
    /// What stands before each name.
    root: String,
}

/// An archive that is being written. Nothing is to be seen of it before [`ArchiveUpload::finish`]; what was sent of one that was
/// dropped is removed when the same name is begun or removed.
pub struct ArchiveUpload(Upload);

/// The names of all that lies in an [`ArchiveBucket`], some at a time.
pub struct ArchiveNames {
    bucket: ArchiveBucket,
    next: Option<Position>,
}

impl ArchiveBucket {
    /// Reads a URL such as `s3://BUCKET/archives/`. Nothing is connected to yet; `folder` is where the configuration lies.
    ///
    /// # Errors
    /// All mistakes at once. A folder of this machine is none of its URLs.
    pub fn new(
        url: &Setting,
        credentials: Option<&Credentials>,
        folder: &Path,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let text = url
            .resolve(folder)
            .map_err(|problem| vec![at_url(problem)])?;
        let location = located(text.expose(), credentials)?;
        let root = location.root().to_owned();
        let credentials = credentials.cloned().unwrap_or_default();
        let known = credentials.resolve(folder).map_err(under_credentials)?;
        let Store::Remote(remote) = location
            .open(folder, &known)
            .map_err(|problem| vec![at_url(problem)])?
        else {
            return Err(vec![at_url(NO_FOLDER.to_owned())]);
        };
        let segments: Vec<String> = segments_of(&root).map(str::to_owned).collect();
        let place = Place::Prefix {
            shared: segments.len(),
            segments,
        };
        Ok(Self {
            remote,
            places: Arc::new(Places::one(place)),
            root,
        })
    }

    /// All mistakes that can be found by reading it alone.
    pub fn validate(url: &Setting, credentials: Option<&Credentials>) -> Vec<ConfigProblem> {
        match url {
            Setting::Literal(text) => located(text.expose(), credentials)
                .err()
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Proves that the bucket is there and lets one write and delete, with a small object that is removed at once.
    ///
    /// # Errors
    /// What is wrong, and which permission is missing.
    pub async fn check(&self) -> Result<(), ConnectorError> {
        self.remote.check_writing(&self.root).await
    }

    /// Begins an archive. What an earlier attempt left of the same name, unfinished, is removed.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn begin(&self, name: &str) -> Result<ArchiveUpload, ConnectorError> {
        let key = self.key(name)?;
        self.remote.clear(&key, &[Listing::Uploads]).await?;
        Ok(ArchiveUpload(self.remote.upload(key)))
    }

    /// The length of an archive and its bytes from an offset on; `None` when there is no such archive.
    ///
    /// # Errors
    /// When the store cannot be reached. The body fails when the archive is changed while it is read.
    pub async fn read(
        &self,
        name: &str,
        from: u64,
    ) -> Result<Option<(u64, Body<'static>)>, ConnectorError> {
        self.remote.read(&self.key(name)?, from).await
    }

    /// Removes an archive: every version, and what was sent of it and never finished. One that is not there is no error.
    ///
    /// # Errors
    /// When something of it may be left.
    pub async fn remove(&self, name: &str) -> Result<(), ConnectorError> {
        let key = self.key(name)?;
        self.remote
            .clear(&key, &[Listing::Objects, Listing::Uploads])
            .await
    }

    /// The names of all archives, of finished and of unfinished ones.
    pub fn names(&self) -> ArchiveNames {
        ArchiveNames {
            bucket: self.clone(),
            next: Some(Position::default()),
        }
    }

    fn key(&self, name: &str) -> Result<String, ConnectorError> {
        fits(name).map_err(|_| {
            ConnectorError::new(ErrorKind::Internal, "this is no name of an archive")
        })?;
        Ok(format!("{}{name}", self.root))
    }
}

impl ArchiveUpload {
    /// Takes the next bytes. They lie in memory until a part is full, at least 8 MiB.
    ///
    /// # Errors
    /// When the store does not take them; begin anew then.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectorError> {
        self.0.write(bytes).await
    }

    /// Makes the archive appear, whole.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn finish(self) -> Result<(), ConnectorError> {
        self.0.finish().await
    }
}

impl ArchiveNames {
    /// Some more names, each once in an answer; `None` when there are no more.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn next(&mut self) -> Result<Option<Vec<String>>, ConnectorError> {
        let Some(from) = self.next.take() else {
            return Ok(None);
        };
        let bucket = &self.bucket;
        let listed = bucket
            .remote
            .list(
                &bucket.places,
                &from,
                crate::remote::MOST_KEYS,
                For::Reading,
            )
            .await?;
        // What is deleted already goes by itself.
        self.next = listed.next.filter(|next| next.listing != Listing::Leaving);
        let names = listed.objects.iter().filter_map(|object| {
            let key = std::str::from_utf8(&object.key).ok()?;
            key.strip_prefix(&bucket.root).map(str::to_owned)
        });
        let names: BTreeSet<String> = names.collect();
        Ok(Some(names.into_iter().collect()))
    }
}

const NO_FOLDER: &str =
    "name a folder of a bucket that is used for nothing else, such as `s3://BUCKET/archives/`";

fn located(url: &str, credentials: Option<&Credentials>) -> Result<Location, Vec<ConfigProblem>> {
    let location = Location::parse(url);
    let location = location.map_err(|found| found.into_iter().map(at_url).collect::<Vec<_>>())?;
    let mut problems = Vec::new();
    if segments_of(location.root()).any(|segment| fits(segment).is_err()) {
        problems.push(at_url(NO_FOLDER.to_owned()));
    }
    if let Some(credentials) = credentials {
        problems.extend(under_credentials(credentials.problems(&location)));
    }
    if problems.is_empty() {
        Ok(location)
    } else {
        Err(problems)
    }
}

fn segments_of(root: &str) -> impl Iterator<Item = &str> {
    root.trim_end_matches('/').split('/')
}

fn at_url(problem: String) -> ConfigProblem {
    ConfigProblem::new(["url"], problem)
}

fn under_credentials(found: Vec<ConfigProblem>) -> Vec<ConfigProblem> {
    found
        .into_iter()
        .map(|one| one.under(["credentials"]))
        .collect()
}

impl fmt::Debug for ArchiveBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArchiveBucket(…)")
    }
}

impl fmt::Debug for ArchiveUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArchiveUpload(…)")
    }
}

impl fmt::Debug for ArchiveNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArchiveNames(…)")
    }
}
