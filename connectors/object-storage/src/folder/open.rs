//! Opening folders segment by segment.

use std::ffi::OsStr;
use std::path::{Component, Path};

use adieu_core::{ConnectorError, ErrorKind};
use cap_fs_ext::{DirExt, MetadataExt};
use cap_std::fs::{Dir, Metadata};

use crate::error::{from_io, is_absent};

/// The folder at these segments as somebody spelled them; `None` when there is none of exactly these names.
pub(super) fn exactly(
    root: &Dir,
    segments: &[impl AsRef<str>],
) -> Result<Option<Dir>, ConnectorError> {
    let mut folder = again(root)?;
    for segment in segments {
        let name = OsStr::new(segment.as_ref());
        if !is_exact(&folder, name)? {
            return Ok(None);
        }
        match step_into(&folder, name)? {
            Some(next) => folder = next,
            None => return Ok(None),
        }
    }
    Ok(Some(folder))
}

/// The folder in which a path that was listed lies; `None` when it is gone.
pub(super) fn parent_of(root: &Dir, path: &Path) -> Result<Option<Dir>, ConnectorError> {
    let mut folder = again(root)?;
    for component in path.parent().into_iter().flat_map(Path::components) {
        let Component::Normal(name) = component else {
            return Ok(None);
        };
        match step_into(&folder, name)? {
            Some(next) => folder = next,
            None => return Ok(None),
        }
    }
    Ok(Some(folder))
}

/// The folder of this name in another; `None` when there is none.
///
/// # Errors
/// `Config` when the name is a symbolic link: where it leads may be anybody's.
pub(super) fn step_into(folder: &Dir, name: &OsStr) -> Result<Option<Dir>, ConnectorError> {
    let Some(metadata) = metadata(folder, name)? else {
        return Ok(None);
    };
    if metadata.is_symlink() {
        return Err(ConnectorError::new(
            ErrorKind::Config,
            "a folder on the way is a symbolic link, which is not followed; put the folder itself there",
        ));
    }
    if !metadata.is_dir() {
        return Ok(None);
    }
    match folder.open_dir_nofollow(name) {
        Ok(next) => Ok(Some(next)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(from_io("opening a folder", &error)),
    }
}

/// What is known of a name, without following it; `None` when there is none.
pub(super) fn metadata(folder: &Dir, name: &OsStr) -> Result<Option<Metadata>, ConnectorError> {
    match folder.symlink_metadata(name) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(from_io("looking at a file", &error)),
    }
}

/// Whether the folder has an entry of exactly these bytes, or none that the file system takes for it.
///
/// Many file systems ignore case, or the ways to write an accent. There `ADA` would open `ada`, who is somebody else.
pub(super) fn is_exact(folder: &Dir, name: &OsStr) -> Result<bool, ConnectorError> {
    let is_plain = name.to_str().is_some_and(|name| {
        name.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@' | b'+'))
    });
    if is_plain && !ignores_case(folder, name)? {
        return Ok(true);
    }
    let entries = folder
        .entries()
        .map_err(|error| from_io("listing a folder", &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| from_io("listing a folder", &error))?;
        if entry.file_name() == name {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the same file is found by the name in the other case.
fn ignores_case(folder: &Dir, name: &OsStr) -> Result<bool, ConnectorError> {
    let swapped: String = name
        .to_string_lossy()
        .chars()
        .map(|c| {
            if c.is_ascii_uppercase() {
                c.to_ascii_lowercase()
            } else {
                c.to_ascii_uppercase()
            }
        })
        .collect();
    if name == OsStr::new(&swapped) {
        return Ok(false);
    }
    let (Some(one), Some(other)) = (
        metadata(folder, name)?,
        metadata(folder, OsStr::new(&swapped))?,
    ) else {
        return Ok(false);
    };
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// A second handle to the same folder.
fn again(folder: &Dir) -> Result<Dir, ConnectorError> {
    folder
        .try_clone()
        .map_err(|error| from_io("opening the folder of the store", &error))
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn a_name_that_the_file_system_takes_for_another_is_not_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        std::fs::write(folder.path().join("ada"), "").unwrap();
        assert!(is_exact(&dir, OsStr::new("ada")).unwrap());
        // One file under both names is what a file system that ignores case looks like.
        std::fs::hard_link(folder.path().join("ada"), folder.path().join("ADA")).unwrap();
        assert!(ignores_case(&dir, OsStr::new("ada")).unwrap());
        assert!(is_exact(&dir, OsStr::new("ada")).unwrap());
        // Names with other characters are looked for in the listing: decomposed is not composed.
        std::fs::write(folder.path().join("e\u{301}"), "").unwrap();
        assert!(is_exact(&dir, OsStr::new("e\u{301}")).unwrap());
        assert!(!is_exact(&dir, OsStr::new("\u{e9}")).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_on_the_way_is_an_error_and_not_a_way() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), ambient_authority()).unwrap();
        std::fs::create_dir_all(folder.path().join("users/2")).unwrap();
        std::os::unix::fs::symlink("2", folder.path().join("users/1")).unwrap();
        assert!(exactly(&dir, &["users", "2"]).unwrap().is_some());
        assert!(exactly(&dir, &["users", "3"]).unwrap().is_none());
        let error = exactly(&dir, &["users", "1"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let error = parent_of(&dir, Path::new("users/1/a.txt")).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}
