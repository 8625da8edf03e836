//! An export that is sent while it is gathered: straight from the connectors to the reader, and nothing of it is kept.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use adieu_archive::{ArchiveError, Direct, Format, Missing, Outflow};
use adieu_core::{
    Collection, ConnectorError, Descriptor, ErrorKind, PageWriter, Step, Subject, async_trait,
};
use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::call::{Station, Verb, Waited};
use crate::discover::{Discovery, discover};
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::finish::missing;
use crate::request::{Kind, RequestId};
use crate::state::{State, StepState};
use crate::step_key::StepKeys;

/// How many pieces lie ready for the reader.
const READY: usize = 2;
/// How long finding identities may take before the first byte.
const DISCOVERY: Duration = Duration::from_secs(60);

/// An export that is sent while it is gathered. Connectors are read only as fast as this is; dropped, everything stops.
///
/// It ends with `None` only when the archive is complete, and with an error when it is not.
pub struct DirectExport {
    id: RequestId,
    pieces: mpsc::Receiver<Piece>,
    is_over: bool,
    exceptions: Option<usize>,
}

enum Piece {
    Bytes(Bytes),
    /// The archive is at its end, and so many systems and collections could not be gone through.
    End(usize),
}

/// An export that was being sent broke off; what came of it is no archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the export broke off")]
pub struct ExportBrokeOff;

impl Engine {
    /// Exports everything about a person straight to a reader. A reader that takes nothing for as long as `patience` is left.
    ///
    /// Identities are looked for first. What fails then is named in the archive as missing: there is no time to try again for hours.
    /// It is written to the audit log under an id of its own, and leaves nothing else behind.
    ///
    /// # Errors
    /// `Conflict` when exports need an operator's approval; when the subject is nobody, or the store cannot be written.
    pub async fn export_directly(
        &self,
        subject: Subject,
        format: Format,
        patience: Duration,
    ) -> Result<DirectExport, EngineError> {
        if subject.is_empty() {
            return Err(EngineError::config(
                "a request needs at least one identity of the person it is about",
            ));
        }
        let inner = &self.inner;
        if inner.options.approval.contains(&Kind::Export) {
            return Err(EngineError::conflict(
                "an export needs an operator's approval here, so it can only be asked for",
            ));
        }
        let id = RequestId::generate();
        let tenant = inner.store.tenant_hash(subject.tenant());
        let note = async |inner: &Inner, event: &str| {
            let now = inner.clock.now();
            inner.store.note(id, tenant.clone(), now, event).await
        };
        note(inner, "direct_export_began").await?;
        let until = Instant::now() + DISCOVERY;
        let (retry, keys) = (&inner.options.retry, StepKeys(id));
        let discovery = discover(&inner.stations, &subject, &keys, retry, until).await;

        let (sender, pieces) = mpsc::channel(READY);
        let waited = Waited::default();
        let out = Pieces {
            sender: sender.clone(),
            patience,
            waited: waited.clone(),
        };
        let (inner, tenant) = (inner.clone(), tenant.clone());
        tokio::spawn(async move {
            let span = tracing::info_span!("direct_export", request = %id);
            let sending = inner.send_directly(id, &discovery, format, out, &waited);
            let done = tokio::select! {
                biased;
                () = sender.closed() => Err(ArchiveError::Stopped),
                done = sending.instrument(span) => done,
            };
            let event = match &done {
                Ok(0) => "direct_export_completed",
                Ok(_) => "direct_export_completed_with_exceptions",
                Err(error) => {
                    tracing::info!(request = %id, "a direct export broke off: {error}");
                    "direct_export_broke_off"
                }
            };
            let noted = inner.store.note(id, tenant, inner.clock.now(), event).await;
            match (noted, done) {
                (Ok(()), Ok(exceptions)) => {
                    let _ = sender.send(Piece::End(exceptions)).await;
                }
                (Ok(()), Err(_)) => {}
                (Err(error), _) => tracing::error!(request = %id, "the audit log: {error}"),
            }
        });
        Ok(DirectExport {
            id,
            pieces,
            is_over: false,
            exceptions: None,
        })
    }
}

impl DirectExport {
    /// Under which id it stands in the audit log.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// How many systems and collections could not be gone through; the archive says which, and why. `None` before its end.
    pub fn exceptions(&self) -> Option<usize> {
        self.exceptions
    }
}

impl Stream for DirectExport {
    type Item = Result<Bytes, ExportBrokeOff>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.pieces.poll_recv(cx).map(|piece| match piece {
            Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
            Some(Piece::End(exceptions)) => {
                self.is_over = true;
                self.exceptions = Some(exceptions);
                None
            }
            None => {
                self.is_over = true;
                Some(Err(ExportBrokeOff))
            }
        })
    }
}

impl fmt::Debug for DirectExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectExport")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Sends everything; says how many collections could not be gone through.
    async fn send_directly(
        &self,
        id: RequestId,
        discovery: &Discovery,
        format: Format,
        out: Pieces,
        waited: &Waited,
    ) -> Result<usize, ArchiveError> {
        let (now, controller) = (self.clock.now(), self.options.controller.clone());
        let mut archive = Direct::begin(format, id.to_string(), now, controller, out)?;
        let mut failed = discovery.unanswered.len();
        for silence in &discovery.unanswered {
            archive.lacks(
                silence.connector.as_str(),
                silence.collection.as_ref().map(|name| name.as_str()),
                "What is only found by identities that this system knows",
                &Missing::failed(&silence.error),
            )?;
        }
        for station in &self.stations {
            let descriptor = station.connector.descriptor();
            archive.begin_system(descriptor).await?;
            for collection in &descriptor.collections {
                archive.begin_collection(collection).await?;
                let mut state = StepState {
                    state: State::Done,
                    ..StepState::default()
                };
                let keys = StepKeys(id);
                let passage = Passage {
                    station,
                    descriptor,
                    collection,
                    known: &discovery.known,
                    keys: &keys,
                    waited,
                };
                let is_offered = collection.export.is_offered();
                if is_offered
                    && collection.is_reached_by(&discovery.known)
                    && let Err(error) = self.send_collection(&passage, &mut archive).await?
                {
                    tracing::warn!(
                        request = %id, connector = %descriptor.name, collection = %collection.name, kind = %error.kind(),
                        "a step failed: {}", error.what()
                    );
                    state.state = State::Failed;
                    state.error = Some(error);
                    failed += 1;
                }
                let lack = missing(collection, &discovery.known, &state);
                archive.end_collection(lack).await?;
            }
            archive.end_system().await?;
        }
        let bytes = archive.finish().await?;
        metrics::counter!("adieu_exported_bytes_total").increment(bytes);
        tracing::info!(request = %id, bytes, "an export was sent");
        Ok(failed)
    }

    async fn send_collection(
        &self,
        passage: &Passage<'_>,
        archive: &mut Direct<Pieces>,
    ) -> Result<Result<(), ConnectorError>, ArchiveError> {
        let Passage {
            station,
            descriptor,
            collection,
            known,
            keys,
            waited,
        } = passage;
        let mut cursor = None;
        let mut failures = 0;
        loop {
            let (name, place) = (&descriptor.name, cursor.as_ref());
            let key = keys.key("export", name, &collection.name, place, 0);
            let step = Step::new((*known).clone(), collection.name.clone(), key)
                .at(cursor.clone())
                .in_run(keys.run("export", name));
            let mut page = archive.page()?;
            let answer = {
                let mut writer = PageWriter::new(&mut page);
                let call = station.connector.export(&step, &mut writer);
                let what = Verb("export", Some(&collection.name));
                station.call_beside(waited, what, call).await
            };
            match answer {
                Ok(next) if next.is_some() && next == cursor => {
                    return Ok(Err(ConnectorError::new(
                        ErrorKind::Protocol,
                        "the connector does not get on: its cursor stays the same",
                    )));
                }
                Ok(next) => {
                    page.commit().await?;
                    failures = 0;
                    match next {
                        Some(next) => cursor = Some(next),
                        None => return Ok(Ok(())),
                    }
                }
                Err(error) => {
                    failures += 1;
                    let again = self.options.retry.soon(failures, &error);
                    match again.filter(|_| !page.has_sent()) {
                        Some(delay) => {
                            station.sends_again("export");
                            drop(page);
                            tokio::time::sleep(delay).await;
                        }
                        None => return Ok(Err(error)),
                    }
                }
            }
        }
    }
}

/// A collection on its way to the reader.
struct Passage<'a> {
    station: &'a Station,
    descriptor: &'a Descriptor,
    collection: &'a Collection,
    known: &'a Subject,
    keys: &'a StepKeys,
    waited: &'a Waited,
}

/// Hands pieces to the reader.
struct Pieces {
    sender: mpsc::Sender<Piece>,
    patience: Duration,
    waited: Waited,
}

#[async_trait]
impl Outflow for Pieces {
    async fn take(&mut self, piece: Bytes) -> Result<(), ArchiveError> {
        let _waiting = self.waited.begin();
        let sending = self.sender.send(Piece::Bytes(piece));
        match tokio::time::timeout(self.patience, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ArchiveError::Stopped),
        }
    }
}
