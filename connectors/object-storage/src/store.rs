//! The border between the connector and the stores that it knows.

use std::sync::Arc;

use adieu_core::{Body, ConnectorError, Unreachable};
use jiff::Timestamp;

use crate::folder::Folder;
use crate::object::{Listed, Object, Position};
use crate::place::{Finder, Places};
use crate::remote::{self, Remote};

/// A store of objects.
#[derive(Clone)]
pub(crate) enum Store {
    Folder(Folder),
    Remote(Arc<Remote>),
}

/// What a listing is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// To read the objects.
    Reading,
    /// To erase them, or to say what an erasure would do: holds and locks are looked up too.
    Erasing,
}

/// What opening an object came to.
pub(crate) enum Opened {
    Bytes {
        body: Body<'static>,
        size_bytes: u64,
        modified_at: Option<Timestamp>,
        media_type: Option<String>,
        metadata: Vec<(String, String)>,
    },
    /// It is gone since it was listed.
    Gone,
}

/// What removing an object came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    Now,
    /// It was gone already.
    Before,
}

impl Store {
    /// Proves that the store is there and lets in, without reading an object.
    pub(crate) async fn check(&self, finder: &Arc<Finder>) -> Result<(), ConnectorError> {
        match self {
            Self::Folder(folder) => folder.check(finder).await,
            Self::Remote(remote) => remote.check(finder).await,
        }
    }

    /// The next objects, at most `limit`: at least one unless there are no more, or very many of others were passed over.
    pub(crate) async fn list(
        &self,
        places: &Arc<Places>,
        from: &Position,
        limit: usize,
        wanted: For,
    ) -> Result<Listed, ConnectorError> {
        match self {
            Self::Folder(folder) => folder.list(places, from, limit).await,
            Self::Remote(remote) => remote.list(places, from, limit, wanted).await,
        }
    }

    /// Whether a lock may keep a version. Known only after something was listed for an erasure.
    pub(crate) fn has_locks(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            Self::Remote(remote) => remote.has_locks(),
        }
    }

    /// Whether its objects have versions and metadata of their own.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// What lies outside of every such store, and is told unless the configuration tells better.
    pub(crate) fn backups(&self) -> Unreachable {
        let (what, why) = match self {
            Self::Folder(_) => (
                "backups and snapshots of the folder",
                "they lie outside of it, and are made and deleted by whoever runs the file system",
            ),
            Self::Remote(_) => (
                "backups and replicas of the store",
                "they lie in other buckets or accounts, and are made and deleted by whoever runs them",
            ),
        };
        Unreachable {
            what: what.to_owned(),
            why: why.to_owned(),
            lives_for: None,
        }
    }

    /// What cannot be found by marks.
    pub(crate) fn unmarked(&self, finder: &Finder) -> Option<Unreachable> {
        (!finder.marked.is_empty()).then(|| Unreachable {
            what: "uploads that were never finished, and notes of deletion that outlived every version, where objects say themselves whose they are".to_owned(),
            why: "the store keeps no mark with them".to_owned(),
            lives_for: None,
        })
    }

    /// Every version that lies at exactly this key.
    pub(crate) async fn versions_of(&self, key: &[u8]) -> Result<Vec<Object>, ConnectorError> {
        match self {
            Self::Folder(_) => Ok(Vec::new()),
            Self::Remote(remote) => remote.versions_of(key).await,
        }
    }

    /// Opens an object to be read.
    pub(crate) async fn open(&self, object: &Object) -> Result<Opened, ConnectorError> {
        match self {
            Self::Folder(folder) => folder.open(object).await,
            Self::Remote(remote) => remote.open(object).await,
        }
    }

    /// Removes objects, each for itself: one that fails does not stop the others. The answers come in the same order.
    ///
    /// # Errors
    /// When it is not certain that what was removed stays removed.
    pub(crate) async fn remove(
        &self,
        objects: &[&Object],
    ) -> Result<Vec<Result<Removed, ConnectorError>>, ConnectorError> {
        match self {
            Self::Folder(folder) => folder.remove(objects).await,
            Self::Remote(remote) => remote.remove(objects).await,
        }
    }

    /// Where a listing goes on after one of its objects.
    pub(crate) fn after(&self, places: &Places, listed: &Listed, object: &Object) -> Position {
        match self {
            Self::Folder(_) => Position {
                after: Some(object.spot()),
                ..Position::default()
            },
            Self::Remote(_) => remote::after(places, listed, object),
        }
    }

    /// Where an erasure goes on after a batch; `is_left` says of each of its objects whether it is still there.
    pub(crate) fn go_on(
        &self,
        places: &Places,
        from: Position,
        listed: &Listed,
        is_left: &[bool],
    ) -> Option<Position> {
        match self {
            Self::Folder(_) => listed.next.clone(),
            Self::Remote(_) => remote::go_on(places, from, listed, is_left),
        }
    }

    /// Tidies up after the last batch of an erasure: the person's own empty folders.
    pub(crate) async fn finish(&self, places: &Arc<Places>) -> Result<(), ConnectorError> {
        match self {
            Self::Folder(folder) => folder.remove_empty(places).await,
            Self::Remote(_) => Ok(()),
        }
    }
}
