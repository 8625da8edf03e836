//! Large bodies on their way into the spool.

use adieu_core::{Attachment, Body, ConnectorError, ErrorKind, Retry};
use aws_lc_rs::digest;
use crc32fast::Hasher;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::ArchiveError;
use crate::log::LogMark;
use crate::press::{Deflate, Pen};

/// How much of a body is handed to another thread at a time.
const PIECE_BYTES: usize = 256 << 10;
const LEVEL: u32 = 6;

/// What the spool knows of an attachment.
#[derive(Serialize, Deserialize)]
pub(crate) struct AttachmentNote {
    #[serde(flatten)]
    pub(crate) attachment: Attachment,
    pub(crate) sealed: SealedBody,
}

/// Where an attachment's body lies in the spool, and what it is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SealedBody {
    pub(crate) begin: LogMark,
    pub(crate) bytes: u64,
    pub(crate) packed_bytes: u64,
    pub(crate) deflated: bool,
    pub(crate) crc32: u32,
    pub(crate) sha256: String,
}

/// Writes bodies into the spool, deflated unless they are compressed already.
#[derive(Default)]
pub(crate) struct BodyPress {
    deflate: Option<Deflate>,
}

impl BodyPress {
    /// Reads the whole body into the spool, a piece at a time.
    pub(crate) async fn seal(
        self,
        attachment: &Attachment,
        mut body: Body<'_>,
        pen: &Pen,
    ) -> Result<(Self, SealedBody), ConnectorError> {
        let deflated = !is_compressed(attachment);
        let mut piece = Vec::new();
        let mut work = Some(Work::new(self, deflated, pen.clone())?);
        let mut job: Option<JoinHandle<Result<Work, ArchiveError>>> = None;
        let mut bytes = 0_u64;
        while let Some(part) = body.next().await {
            let mut part = part?;
            bytes += part.len() as u64;
            if attachment
                .size_bytes
                .is_some_and(|declared| bytes > declared)
            {
                return Err(wrong_size());
            }
            while !part.is_empty() {
                let room = PIECE_BYTES - piece.len();
                piece.extend_from_slice(&part.split_to(room.min(part.len())));
                if piece.len() == PIECE_BYTES {
                    let mut running = join(&mut work, job.take()).await?;
                    let full = std::mem::replace(&mut piece, Vec::with_capacity(PIECE_BYTES));
                    job = Some(spawn_blocking(move || {
                        running.take_in(full).map(|()| running)
                    }));
                }
            }
        }
        if attachment
            .size_bytes
            .is_some_and(|declared| bytes != declared)
        {
            return Err(wrong_size());
        }
        let mut running = join(&mut work, job.take()).await?;
        let done = crate::spool::run(move || {
            running.take_in(piece)?;
            running.finish()
        });
        Ok(done.await?)
    }
}

async fn join(
    idle: &mut Option<Work>,
    job: Option<JoinHandle<Result<Work, ArchiveError>>>,
) -> Result<Work, ArchiveError> {
    match (job, idle.take()) {
        (Some(job), _) => job.await.map_err(|_| ArchiveError::Stopped)?,
        (None, Some(work)) => Ok(work),
        (None, None) => Err(ArchiveError::Stopped),
    }
}

fn wrong_size() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        "a body has not the length that was declared for it",
    )
    .retry(Retry::WithBackoff)
}

/// A body that is being written.
struct Work {
    press: BodyPress,
    pen: Pen,
    deflated: bool,
    begin: LogMark,
    number: u64,
    bytes: u64,
    packed_bytes: u64,
    crc32: Hasher,
    sha256: digest::Context,
}

impl Work {
    fn new(mut press: BodyPress, deflated: bool, pen: Pen) -> Result<Self, ArchiveError> {
        if deflated {
            press
                .deflate
                .get_or_insert_with(|| Deflate::new(LEVEL))
                .reset();
        }
        let (begin, number) = pen.begin_body()?;
        Ok(Self {
            press,
            deflated,
            begin,
            number,
            pen,
            bytes: 0,
            packed_bytes: 0,
            crc32: Hasher::new(),
            sha256: digest::Context::new(&digest::SHA256),
        })
    }

    fn take_in(&mut self, piece: Vec<u8>) -> Result<(), ArchiveError> {
        self.bytes += piece.len() as u64;
        self.crc32.update(&piece);
        self.sha256.update(&piece);
        let (pen, number, packed_bytes) = (&self.pen, self.number, &mut self.packed_bytes);
        let mut append = |packed: Vec<u8>| {
            *packed_bytes += packed.len() as u64;
            if packed.is_empty() {
                Ok(())
            } else {
                pen.append_body(number, packed)
            }
        };
        match &mut self.press.deflate {
            Some(deflate) if self.deflated => deflate.write(&piece, append),
            _ => append(piece),
        }
    }

    fn finish(mut self) -> Result<(BodyPress, SealedBody), ArchiveError> {
        if let (true, Some(deflate)) = (self.deflated, &mut self.press.deflate) {
            let rest = deflate.finish()?;
            self.packed_bytes += rest.len() as u64;
            self.pen.append_body(self.number, rest)?;
        }
        let sealed = SealedBody {
            begin: self.begin,
            bytes: self.bytes,
            packed_bytes: self.packed_bytes,
            deflated: self.deflated,
            crc32: self.crc32.finalize(),
            sha256: hex(self.sha256.finish().as_ref()),
        };
        Ok((self.press, sealed))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether deflating the body would only cost time.
pub(crate) fn is_compressed(attachment: &Attachment) -> bool {
    const TYPES: [&str; 22] = [
        "application/epub+zip",
        "application/gzip",
        "application/java-archive",
        "application/pdf",
        "application/vnd.android.package-archive",
        "application/vnd.rar",
        "application/x-7z-compressed",
        "application/x-bzip2",
        "application/x-gzip",
        "application/x-rar-compressed",
        "application/x-xz",
        "application/zip",
        "application/zstd",
        "font/woff",
        "font/woff2",
        "image/avif",
        "image/gif",
        "image/heic",
        "image/jpeg",
        "image/jxl",
        "image/png",
        "image/webp",
    ];
    const ENDINGS: [&str; 44] = [
        "7z", "aac", "apk", "avif", "br", "bz2", "docx", "epub", "flac", "gif", "gz", "heic",
        "heif", "jar", "jpeg", "jpg", "jxl", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "odp",
        "ods", "odt", "ogg", "opus", "pdf", "png", "pptx", "rar", "tgz", "webm", "webp", "woff",
        "woff2", "xlsx", "xz", "zip", "zst", "mpeg", "mpg", "wma",
    ];
    let media_type = attachment.media_type.as_deref().unwrap_or_default();
    let media_type = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if TYPES.contains(&media_type.as_str())
        || media_type.starts_with("video/")
        || media_type.starts_with("audio/") && !media_type.ends_with("wav")
        || media_type.starts_with("application/vnd.openxmlformats-officedocument.")
        || media_type.starts_with("application/vnd.oasis.opendocument.")
    {
        return true;
    }
    let ending = attachment
        .name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}
