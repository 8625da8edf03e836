//! Removing files, and the person's folders when nothing is left in them.

use std::path::{Path, PathBuf};

use adieu_core::ConnectorError;
use cap_fs_ext::DirExt;
use cap_std::fs::Dir;

use super::listing::MAX_DEPTH;
use super::open::{exactly, parent_of, step_into};
use crate::error::{from_io, is_absent};
use crate::place::{Place, Places};
use crate::store::Removed;

/// See [`Folder::remove`](super::Folder::remove).
pub(super) fn files(
    root: &Dir,
    paths: &[PathBuf],
) -> Result<Vec<Result<Removed, ConnectorError>>, ConnectorError> {
    let mut results = Vec::with_capacity(paths.len());
    // Paths come in order, so those of one folder come together.
    for group in paths.chunk_by(|one, other| one.parent() == other.parent()) {
        let folder = match parent_of(root, &group[0]) {
            Ok(folder) => folder,
            Err(error) => {
                results.extend(group.iter().map(|_| Err(error.clone())));
                continue;
            }
        };
        let Some(folder) = folder else {
            results.extend(group.iter().map(|_| Ok(Removed::Before)));
            continue;
        };
        results.extend(group.iter().map(|path| remove(&folder, path)));
        make_last(&folder)?;
    }
    Ok(results)
}

fn remove(folder: &Dir, path: &Path) -> Result<Removed, ConnectorError> {
    let Some(name) = path.file_name() else {
        return Ok(Removed::Before);
    };
    // A link is removed itself; what it points to stays.
    match folder.remove_file_or_symlink(name) {
        Ok(()) => Ok(Removed::Now),
        Err(error) if is_absent(&error) => Ok(Removed::Before),
        Err(error) => Err(from_io("removing a file", &error)),
    }
}

/// Has the file system write down that the files are gone, so that a power failure does not bring them back after they
/// were reported as erased.
fn make_last(folder: &Dir) -> Result<(), ConnectorError> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    let synced = folder.open(".").and_then(|folder| folder.sync_all());
    match synced {
        // Some network file systems have no such call.
        Err(error)
            if !matches!(
                error.kind(),
                std::io::ErrorKind::Unsupported | std::io::ErrorKind::InvalidInput
            ) =>
        {
            Err(from_io("making a removal last", &error))
        }
        _ => Ok(()),
    }
}

/// Removes empty folders within the person's prefixes, and the prefixes' own folders as far as they are the person's
/// alone. What is not empty or cannot be removed stays: it holds no object that was not counted.
pub(super) fn empty_folders(root: &Dir, places: &Places) {
    for place in places.iter() {
        let Place::Prefix { segments, shared } = place else {
            continue;
        };
        if let Ok(Some(folder)) = exactly(root, segments) {
            remove_within(&folder, 0);
        }
        for own in (*shared..segments.len()).rev() {
            let Ok(Some(parent)) = exactly(root, &segments[..own]) else {
                continue;
            };
            if parent.remove_dir(&segments[own]).is_err() {
                break;
            }
        }
    }
}

fn remove_within(folder: &Dir, depth: usize) {
    let Ok(entries) = folder.entries() else {
        return;
    };
    for entry in entries.flatten() {
        if depth >= MAX_DEPTH || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let name = entry.file_name();
        if let Ok(Some(inner)) = step_into(folder, &name) {
            remove_within(&inner, depth + 1);
            drop(inner);
            // Fails when something is left in it, as it should.
            let _ = folder.remove_dir(&name);
        }
    }
}
