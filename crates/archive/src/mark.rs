//! What is committed of one collection.

use std::fmt;

use adieu_core::Schema;
use crc32fast::Hasher;
use serde::{Deserialize, Serialize};
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};

use crate::error::ArchiveError;
use crate::log::LogMark;

/// What is committed of one collection in a [`Spool`](crate::Spool); `Default` is nothing yet.
///
/// Its size depends on the number of columns alone, never on how much was written. Store it where the cursor is stored, in the same
/// transaction, and hand it to [`Spool::page`](crate::Spool::page) for the next page: whatever the spool holds beyond it is then forgotten.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub(crate) log: LogMark,
    pub(crate) schema: Option<Schema>,
    /// The columns in which a value did not fit the declared type.
    pub(crate) misfits: Vec<u32>,
    pub(crate) records: u64,
    pub(crate) attachments: u64,
    pub(crate) attachment_bytes: u64,
    pub(crate) missing: u64,
    pub(crate) csv: FormMark,
    pub(crate) json: FormMark,
}

impl Mark {
    /// How many records are committed.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// How many attachments are committed.
    pub fn attachments(&self) -> u64 {
        self.attachments
    }

    /// How many bytes those attachments have.
    pub fn attachment_bytes(&self) -> u64 {
        self.attachment_bytes
    }

    /// How many records or attachments were listed but could not be read.
    pub fn missing(&self) -> u64 {
        self.missing
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mark")
            .field("records", &self.records)
            .field("attachments", &self.attachments)
            .field("missing", &self.missing)
            .finish_non_exhaustive()
    }
}

/// How far one form (CSV or JSON) of a collection is: enough to go on with it after a restart.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FormMark {
    pub(crate) text_bytes: u64,
    pub(crate) packed_bytes: u64,
    crc32: u32,
    /// The hash's inner state, in base64; empty at the beginning.
    sha256: String,
}

/// The sums over a text that is written bit by bit.
pub(crate) struct Sums {
    pub(crate) bytes: u64,
    crc32: Hasher,
    sha256: Sha256,
}

impl FormMark {
    pub(crate) fn sums(&self) -> Result<Sums, ArchiveError> {
        const BROKEN: ArchiveError = ArchiveError::Damaged("a mark cannot be read");
        let sha256 = if self.sha256.is_empty() {
            Sha256::new()
        } else {
            let state = base64_decode(&self.sha256).ok_or(BROKEN)?;
            let state =
                SerializedState::<Sha256>::try_from(state.as_slice()).map_err(|_| BROKEN)?;
            Sha256::deserialize(&state).map_err(|_| BROKEN)?
        };
        let crc32 = Hasher::new_with_initial_len(self.crc32, self.text_bytes);
        Ok(Sums {
            bytes: self.text_bytes,
            crc32,
            sha256,
        })
    }
}

impl Sums {
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.bytes += text.len() as u64;
        self.crc32.update(text);
        self.sha256.update(text);
    }

    pub(crate) fn mark(&self, packed_bytes: u64) -> FormMark {
        FormMark {
            text_bytes: self.bytes,
            packed_bytes,
            crc32: self.crc32.clone().finalize(),
            sha256: base64_encode(&self.sha256.serialize()),
        }
    }

    pub(crate) fn crc32(&self) -> u32 {
        self.crc32.clone().finalize()
    }

    pub(crate) fn sha256(&self) -> [u8; 32] {
        self.sha256.clone().finalize().into()
    }
}

fn base64_encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

fn base64_decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(text)
        .ok()
}
