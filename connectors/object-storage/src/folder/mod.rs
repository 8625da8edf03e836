//! A folder as an object store: a key is the path of a file, with slashes.
//!
//! Nothing here follows a symbolic link or a `..`. Folders are opened one segment after the other, each from the one
//! before, so that a folder that is exchanged for a link meanwhile leads nowhere. A key is the bytes of its name: what the
//! file system takes for the same (`ADA` and `ada`, two spellings of `é`) is not the same key.

mod listing;
mod open;
mod read;
mod remove;

use std::path::PathBuf;
use std::sync::Arc;

use adieu_core::{ConnectorError, Effect, ErrorKind, Retry};
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::error::{from_io, is_absent, lost};
use crate::object::{At, Listed, Object, Position};
use crate::place::{Finder, Places};
use crate::store::{Opened, Removed};

/// A folder that holds objects.
#[derive(Clone)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Proves that the folder and the parts of the prefixes that all people share are there.
    pub(crate) async fn check(&self, finder: &Arc<Finder>) -> Result<(), ConnectorError> {
        let finder = Arc::clone(finder);
        self.on_a_thread(move |root| {
            root.entries()
                .map_err(|error| from_io("listing the folder", &error))?;
            for template in &finder.prefixes {
                let segments: Vec<&str> = template.leading_literals().collect();
                if open::exactly(root, &segments)?.is_none() {
                    let missing = segments.join("/");
                    return Err(config(format!(
                        "there is no folder `{missing}` in the store; make it, or correct the prefix"
                    )));
                }
            }
            Ok(())
        })
        .await
    }

    /// The next objects after a position, in the order of their keys.
    pub(crate) async fn list(
        &self,
        places: &Arc<Places>,
        from: &Position,
        limit: usize,
    ) -> Result<Listed, ConnectorError> {
        let places = Arc::clone(places);
        let after = from.after.as_ref().map(|spot| spot.key.0.clone());
        // One more than is asked for tells whether there are more.
        let wanted = limit.saturating_add(1);
        let mut objects = self
            .on_a_thread(move |root| listing::list(root, &places, after.as_deref(), wanted))
            .await?;
        let more = objects.len() > limit;
        objects.truncate(limit);
        let next = objects.last().filter(|_| more).map(|last| Position {
            after: Some(last.spot()),
            ..Position::default()
        });
        Ok(Listed {
            objects,
            next,
            ..Listed::default()
        })
    }

    /// Opens a file to be read.
    pub(crate) async fn open(&self, object: &Object) -> Result<Opened, ConnectorError> {
        let path = path_of(object);
        self.on_a_thread(move |root| read::open(root, &path)).await
    }

    /// Removes files, each for itself: one that fails does not stop the others.
    ///
    /// # Errors
    /// When it is not certain that what was removed stays removed.
    pub(crate) async fn remove(
        &self,
        objects: &[&Object],
    ) -> Result<Vec<Result<Removed, ConnectorError>>, ConnectorError> {
        let paths: Vec<PathBuf> = objects.iter().copied().map(path_of).collect();
        self.on_a_thread(move |root| remove::files(root, &paths))
            .await
            .map_err(|error| error.effect(Effect::Unknown))
    }

    /// Removes the person's own folders that hold nothing any more; shared ones stay.
    pub(crate) async fn remove_empty(&self, places: &Arc<Places>) -> Result<(), ConnectorError> {
        let places = Arc::clone(places);
        self.on_a_thread(move |root| {
            remove::empty_folders(root, &places);
            Ok(())
        })
        .await
    }

    async fn on_a_thread<T, W>(&self, work: W) -> Result<T, ConnectorError>
    where
        T: Send + 'static,
        W: FnOnce(&Dir) -> Result<T, ConnectorError> + Send + 'static,
    {
        let root = self.root.clone();
        let work = move || {
            // The operator named the folder, so a link is followed here and nowhere else.
            let root = Dir::open_ambient_dir(&root, ambient_authority()).map_err(|error| {
                if is_absent(&error) {
                    config("the folder of the store is not there".to_owned())
                } else {
                    from_io("opening the folder of the store", &error)
                }
            })?;
            work(&root)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| lost())?
    }
}

/// The path of an object of this store.
fn path_of(object: &Object) -> PathBuf {
    match &object.at {
        At::Path(path) => path.clone(),
        At::Key { .. } => PathBuf::new(),
    }
}

fn config(what: String) -> ConnectorError {
    ConnectorError::new(ErrorKind::Config, what).retry(Retry::Never)
}
