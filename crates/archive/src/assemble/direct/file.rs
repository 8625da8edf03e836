//! Files of an archive that is sent while it is gathered: they go through as they come.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adieu_core::{Attachment, Body, ConnectorError, ErrorKind};
use aws_lc_rs::digest;
use futures_util::StreamExt as _;

use super::super::contents::{Missing, MissingReason};
use super::super::datapackage;
use super::super::zip::dos_time;
use super::{Direct, OUT_OF_ORDER, Outflow, Writer, lack};
use crate::attachment::{AttachmentNote, SealedBody, hex, is_compressed};
use crate::error::ArchiveError;
use crate::log::LogMark;

/// How much of a file is deflated at a time.
const PIECE_BYTES: usize = 256 << 10;
const LEVEL: i64 = 6;

/// A file that is being written.
pub(super) struct OpenFile {
    path: String,
    attachment: Attachment,
    bytes: u64,
    /// With the work that reads a piece, or here when there is none.
    sha256: Arc<Mutex<digest::Context>>,
}

impl<O: Outflow> Direct<O> {
    /// Sends a file of the collection; what broke off before is named.
    pub(super) async fn send_file(
        &mut self,
        attachment: Attachment,
        mut body: Body<'_>,
    ) -> Result<(), ConnectorError> {
        let open = self.collection.as_ref().ok_or(OUT_OF_ORDER)?;
        let folder = format!("{}/files", open.descriptor.name);
        let path = self.names.give(&folder, &attachment.name, "");
        let created = attachment.modified_at.unwrap_or(self.created_at);
        let (deflated, declared) = (!is_compressed(&attachment), attachment.size_bytes);
        self.settle_file()?;
        if let Writer::Zip(zip) = self.writer().await? {
            let time = dos_time(created);
            match deflated {
                true => zip.begin_file(&path, time, LEVEL)?,
                false => zip.begin_stored_file(&path, time)?,
            }
        }
        // From here on it is in the archive, whatever becomes of it.
        self.file = Some(OpenFile {
            path,
            attachment,
            bytes: 0,
            sha256: Arc::new(Mutex::new(digest::Context::new(&digest::SHA256))),
        });
        let mut piece = Vec::new();
        while let Some(part) = body.next().await {
            piece.extend_from_slice(&part?);
            if piece.len() >= PIECE_BYTES {
                self.file_piece(mem::take(&mut piece)).await?;
            }
        }
        self.file_piece(piece).await?;
        self.writer().await?;
        let file = self.file.as_ref().ok_or(OUT_OF_ORDER)?;
        if declared.is_some_and(|declared| declared != file.bytes) {
            return Err(ConnectorError::new(
                ErrorKind::Protocol,
                "a body has not the length that was declared for it",
            ));
        }
        self.end_file()?;
        Ok(())
    }

    /// Has a piece written while the next one is fetched, and sends what became of the one before.
    async fn file_piece(&mut self, piece: Vec<u8>) -> Result<(), ArchiveError> {
        self.writer().await?;
        let file = self.file.as_mut().ok_or(OUT_OF_ORDER)?;
        file.bytes += piece.len() as u64;
        let sha256 = Arc::clone(&file.sha256);
        self.flow().await?;
        self.begin_work(move |writer| match writer {
            Writer::Zip(zip) => {
                lock(&sha256).update(&piece);
                zip.write_file(&piece)
            }
            Writer::Json(_) => Err(OUT_OF_ORDER),
        })
        .await
    }

    /// Describes a file that is whole.
    fn end_file(&mut self) -> Result<(), ArchiveError> {
        let (Some(file), Some(open)) = (self.file.take(), &mut self.collection) else {
            return Err(OUT_OF_ORDER);
        };
        open.files += 1;
        self.files += 1;
        let note = AttachmentNote {
            attachment: file.attachment,
            sealed: SealedBody {
                begin: LogMark::default(),
                bytes: file.bytes,
                packed_bytes: 0,
                deflated: true,
                crc32: 0,
                sha256: hex(lock(&file.sha256).clone().finish().as_ref()),
            },
        };
        let (connector, collection) =
            (open.descriptor.name.as_str(), open.collection.name.as_str());
        let resource =
            datapackage::file_resource(connector, collection, &file.path, &note, self.files);
        self.describe(&resource)
    }

    /// Names a file whose body broke off, or whose step was given up.
    pub(super) fn settle_file(&mut self) -> Result<(), ArchiveError> {
        let (Some(file), Some(open)) = (self.file.take(), &mut self.collection) else {
            return Ok(());
        };
        open.missing += 1;
        let missing = Missing {
            reason: MissingReason::Failed(ErrorKind::Unavailable),
            why: format!(
                "it broke off; what lies under {} is not all of it",
                file.path
            ),
        };
        let name = open.collection.name.as_str();
        let connector = open.descriptor.name.as_str();
        self.lacks
            .push(lack(connector, Some(name), file.attachment.name, &missing)?);
        Ok(())
    }
}

fn lock(sum: &Mutex<digest::Context>) -> MutexGuard<'_, digest::Context> {
    // Whoever panicked had the writer too, so nothing goes on with this sum.
    sum.lock().unwrap_or_else(PoisonError::into_inner)
}
