//! Reading a file in pieces.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use adieu_core::{Body, ConnectorError, ErrorKind};
use bytes::Bytes;
use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, OpenOptions};
use futures_util::stream;

use super::listing::modified_at;
use super::open::parent_of;
use crate::error::{from_io, is_absent, lost};
use crate::store::Opened;

/// How much of a file lies in memory at a time.
const CHUNK_BYTES: u64 = 256 * 1024;

/// See [`Folder::open`](super::Folder::open).
pub(super) fn open(root: &Dir, path: &Path) -> Result<Opened, ConnectorError> {
    let (Some(folder), Some(name)) = (parent_of(root, path)?, path.file_name()) else {
        return Ok(Opened::Gone);
    };
    let mut options = OpenOptions::new();
    // Not blocking: a pipe that has taken the file's place must not hold the thread.
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    let failed = |error| from_io("opening a file", &error);
    let file = match folder.open_with(name, &options) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(Opened::Gone),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Ok(Opened::Gone);
    }
    Ok(Opened::Bytes {
        body: body(file.into_std(), metadata.len()),
        size_bytes: metadata.len(),
        modified_at: modified_at(&metadata),
        media_type: None,
        metadata: Vec::new(),
    })
}

/// The first `size_bytes` of a file, read as they are asked for. What is appended meanwhile is left out; a file that
/// becomes shorter is an error.
fn body(file: File, size_bytes: u64) -> Body<'static> {
    let chunks = stream::try_unfold((file, size_bytes), |(file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let (file, chunk) = tokio::task::spawn_blocking(move || read_chunk(file, left))
            .await
            .map_err(|_| lost())??;
        let left = left.saturating_sub(chunk.len() as u64);
        Ok(Some((chunk, (file, left))))
    });
    Box::pin(chunks)
}

fn read_chunk(mut file: File, left: u64) -> Result<(File, Bytes), ConnectorError> {
    let wanted = left.min(CHUNK_BYTES);
    let mut chunk = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
    file.by_ref()
        .take(wanted)
        .read_to_end(&mut chunk)
        .map_err(|error| from_io("reading a file", &error))?;
    if chunk.is_empty() {
        return Err(ConnectorError::new(
            ErrorKind::Unavailable,
            "a file became shorter while it was read",
        ));
    }
    Ok((file, Bytes::from(chunk)))
}
