//! The next objects in the order of their keys, at memory that does not grow with the folder.
//!
//! A file system lists in no order. So each folder is read through and only the smallest names that are still wanted
//! are kept; folders are entered in the order of their names with a slash at the end, which is the order of the keys
//! they hold. A cursor skips whole folders.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ffi::OsString;
use std::path::PathBuf;

use adieu_core::{ConnectorError, ErrorKind, Retry};
use cap_std::fs::{Dir, Metadata};
use jiff::Timestamp;

use super::open::{exactly, is_exact, metadata, step_into};
use crate::error::from_io;
use crate::object::{At as Address, Kind, Object};
use crate::place::{Place, Places};

/// How deep folders may lie in one another under a prefix.
pub(super) const MAX_DEPTH: usize = 128;

/// How many names of a folder are kept at least in one pass over it.
const MIN_NAMES: usize = 256;

/// See [`Folder::list`](super::Folder::list).
pub(super) fn list(
    root: &Dir,
    places: &Places,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Object>, ConnectorError> {
    let mut walk = Walk {
        after,
        limit,
        found: Vec::new(),
    };
    for place in places.iter() {
        if walk.is_full() {
            break;
        }
        let mut at = At {
            key: place.key(),
            path: PathBuf::new(),
        };
        match place {
            Place::Prefix { segments, .. } => {
                at.path.extend(segments);
                if !walk.wants_folder(&at.key) {
                    continue;
                }
                match exactly(root, segments) {
                    Ok(Some(folder)) => walk.folder(&folder, &mut at, 0)?,
                    Ok(None) => {}
                    Err(error) => walk.closed(&at, error),
                }
            }
            // No file says whose it is; the configuration refuses it.
            Place::Marked { .. } => {}
            Place::Object { segments } => {
                at.path.extend(segments);
                if walk.wants_file(&at.key) {
                    walk.object(root, segments, &at);
                }
            }
        }
    }
    Ok(walk.found)
}

struct Walk<'a> {
    after: Option<&'a [u8]>,
    limit: usize,
    found: Vec<Object>,
}

/// Where the walk is: a key (of a folder with its slash) and the path to it.
struct At {
    key: Vec<u8>,
    path: PathBuf,
}

impl Walk<'_> {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    fn wants_file(&self, key: &[u8]) -> bool {
        self.after.is_none_or(|after| key > after)
    }

    /// Whether a folder may hold keys after the cursor.
    fn wants_folder(&self, key: &[u8]) -> bool {
        self.after
            .is_none_or(|after| key > after || after.starts_with(key))
    }

    fn folder(&mut self, folder: &Dir, at: &mut At, depth: usize) -> Result<(), ConnectorError> {
        let mut last: Option<Vec<u8>> = None;
        loop {
            let most = self.limit.saturating_sub(self.found.len()).max(MIN_NAMES);
            let (names, more) = match self.smallest(folder, &at.key, last.as_deref(), most) {
                Ok(read) => read,
                // Once some of it was told, its own key comes too late in the order.
                Err(error) if last.is_some() => return Err(error),
                Err(error) => {
                    self.closed(at, error);
                    return Ok(());
                }
            };
            for name in &names {
                if self.is_full() {
                    return Ok(());
                }
                at.path.push(&name.name);
                at.key.extend_from_slice(&name.sorted);
                self.entry(folder, name, at, depth)?;
                at.key.truncate(at.key.len() - name.sorted.len());
                at.path.pop();
            }
            match names.into_iter().next_back() {
                Some(name) if more => last = Some(name.sorted),
                _ => return Ok(()),
            }
        }
    }

    fn entry(
        &mut self,
        folder: &Dir,
        name: &Name,
        at: &mut At,
        depth: usize,
    ) -> Result<(), ConnectorError> {
        if !name.is_folder() {
            // One that is gone since it was listed is not held any more.
            match metadata(folder, &name.name) {
                Ok(Some(metadata)) => self.push(at, kind(&metadata), modified_at(&metadata)),
                Ok(None) => {}
                Err(error) => self.closed(at, error),
            }
            return Ok(());
        }
        if depth >= MAX_DEPTH {
            let error = ConnectorError::new(
                ErrorKind::Unsupported,
                "folders lie more than 128 deep in one another",
            );
            self.closed(at, error.retry(Retry::Never));
            return Ok(());
        }
        match step_into(folder, &name.name) {
            Ok(Some(inner)) => self.folder(&inner, at, depth + 1),
            Ok(None) => Ok(()),
            Err(error) => {
                self.closed(at, error);
                Ok(())
            }
        }
    }

    /// One object by its key.
    fn object(&mut self, root: &Dir, segments: &[String], at: &At) {
        let Some((name, folders)) = segments.split_last() else {
            return;
        };
        let name = std::ffi::OsStr::new(name);
        let looked = exactly(root, folders).and_then(|folder| match folder {
            Some(folder) if is_exact(&folder, name)? => metadata(&folder, name),
            _ => Ok(None),
        });
        match looked {
            Ok(Some(metadata)) if !metadata.is_dir() => {
                self.push(at, kind(&metadata), modified_at(&metadata));
            }
            Ok(_) => {}
            Err(error) => self.closed(at, error),
        }
    }

    /// The smallest names of a folder, in order, that may lead to keys after the cursor and come after `last`; and
    /// whether there are more of them.
    fn smallest(
        &self,
        folder: &Dir,
        key: &[u8],
        last: Option<&[u8]>,
        most: usize,
    ) -> Result<(Vec<Name>, bool), ConnectorError> {
        let failed = |error: std::io::Error| from_io("listing a folder", &error);
        // What the cursor says about names in this folder: nothing, or what they must come after.
        let after = self.after.and_then(|after| after.strip_prefix(key));
        let mut heap: BinaryHeap<Name> = BinaryHeap::new();
        let mut more = false;
        for entry in folder.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let is_folder = match entry.file_type() {
                Ok(file_type) => file_type.is_dir(),
                Err(error) if crate::error::is_absent(&error) => continue,
                Err(error) => return Err(failed(error)),
            };
            let name = Name::new(entry.file_name(), is_folder);
            let wanted = after.is_none_or(|after| {
                name.sorted.as_slice() > after || is_folder && after.starts_with(&name.sorted)
            });
            if !wanted || last.is_some_and(|last| name.sorted.as_slice() <= last) {
                continue;
            }
            if heap.len() < most {
                heap.push(name);
                continue;
            }
            more = true;
            if let Some(mut largest) = heap.peek_mut()
                && name < *largest
            {
                *largest = name;
            }
        }
        Ok((heap.into_sorted_vec(), more))
    }

    fn closed(&mut self, at: &At, error: ConnectorError) {
        // A folder that the cursor has passed was told of already.
        if self.wants_file(&at.key) {
            self.push(at, Kind::Closed(error), None);
        }
    }

    fn push(&mut self, at: &At, kind: Kind, modified_at: Option<Timestamp>) {
        self.found.push(Object {
            key: at.key.clone(),
            kind,
            at: Address::Path(at.path.clone()),
            modified_at,
            size_bytes: None,
            hold: None,
            mark: None,
        });
    }
}

/// A name in a folder, ordered as the keys it leads to.
struct Name {
    /// With a slash at the end, when it is a folder.
    sorted: Vec<u8>,
    name: OsString,
}

impl Name {
    fn new(name: OsString, is_folder: bool) -> Self {
        let mut sorted = name.as_encoded_bytes().to_vec();
        if is_folder {
            sorted.push(b'/');
        }
        Self { sorted, name }
    }

    fn is_folder(&self) -> bool {
        self.sorted.last() == Some(&b'/')
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.sorted == other.sorted
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.sorted.cmp(&other.sorted)
    }
}

fn kind(metadata: &Metadata) -> Kind {
    if metadata.is_file() {
        Kind::File
    } else {
        Kind::Link
    }
}

pub(super) fn modified_at(metadata: &Metadata) -> Option<Timestamp> {
    let modified = metadata.modified().ok()?.into_std();
    Timestamp::try_from(modified).ok()
}
