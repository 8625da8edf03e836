//! Writing an object piece by piece, of any length, in parts.

use std::sync::Arc;

use adieu_core::ConnectorError;
use bytes::{Bytes, BytesMut};

use super::Api;

/// How long the first parts are.
const PART_BYTES: usize = 8 << 20;
/// After so many parts they become longer by as much again: a store takes ten thousand.
const PARTS_OF_A_LENGTH: usize = 1_000;

/// An object that is being written. Nothing is to be seen of it before [`Upload::finish`].
pub(crate) struct Upload {
    api: Arc<dyn Api>,
    key: String,
    /// What the store calls the upload, once it has begun.
    session: Option<String>,
    /// What the store calls each part that it has.
    parts: Vec<String>,
    sent_bytes: u64,
    pending: BytesMut,
}

/// A part of an upload.
pub(super) struct Part<'a> {
    pub(super) key: &'a str,
    pub(super) session: &'a str,
    /// How many came before it.
    pub(super) index: usize,
    pub(super) offset: u64,
    pub(super) bytes: Bytes,
    pub(super) is_last: bool,
}

impl Upload {
    pub(super) fn new(api: Arc<dyn Api>, key: String) -> Self {
        Self {
            api,
            key,
            session: None,
            parts: Vec::new(),
            sent_bytes: 0,
            pending: BytesMut::new(),
        }
    }

    /// Takes the next bytes; sends a part when one is full.
    ///
    /// # Errors
    /// When the store does not take it. The upload cannot go on then.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), ConnectorError> {
        self.pending.extend_from_slice(bytes);
        // More than one part, so that there is a last one.
        while self.pending.len() > self.part_bytes() {
            let part = self.pending.split_to(self.part_bytes()).freeze();
            self.send(part, false).await?;
        }
        Ok(())
    }

    /// Makes the object appear, whole.
    ///
    /// # Errors
    /// When the store does not take it.
    pub(crate) async fn finish(mut self) -> Result<(), ConnectorError> {
        let rest = self.pending.split().freeze();
        if self.session.is_none() {
            return self.api.put(&self.key, rest).await;
        }
        self.send(rest, true).await?;
        let session = self.session.as_deref().unwrap_or_default();
        self.api.complete(&self.key, session, &self.parts).await
    }

    async fn send(&mut self, bytes: Bytes, is_last: bool) -> Result<(), ConnectorError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.api.begin(&self.key).await?,
        };
        let length = bytes.len() as u64;
        let part = Part {
            key: &self.key,
            session: &session,
            index: self.parts.len(),
            offset: self.sent_bytes,
            bytes,
            is_last,
        };
        let name = self.api.part(part).await?;
        self.parts.push(name);
        self.sent_bytes += length;
        self.session = Some(session);
        Ok(())
    }

    fn part_bytes(&self) -> usize {
        PART_BYTES * (1 + self.parts.len() / PARTS_OF_A_LENGTH)
    }
}
