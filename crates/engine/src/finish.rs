//! The end of a request: the archive, the receipt, and what is forgotten.

use adieu_archive::ArchiveKey;
use adieu_archive::{
    CollectionContents, ConnectorContents, Contents, Missing, MissingReason, Spool,
};
use adieu_core::{Collection, ConnectorName, ErrorKind, Scheduled, Subject, Support, Tally};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::engine::Inner;
use crate::error::EngineError;
use crate::keys::hex;
use crate::ledger::{Ledger, Pages};
use crate::notice::Occasion;
use crate::plan::{Plan, needs_in_words};
use crate::receipt::{
    ArchiveStatement, CollectionStatement, ConnectorStatement, Opening, RECEIPT_FORM, Receipt,
    erasure_outcomes, export_outcomes,
};
use crate::request::{Exception, Kind, Status, later};
use crate::state::{Phase, State, StepState};

impl Inner {
    /// Puts the archive of an export together and seals it.
    pub(crate) async fn assemble(
        &self,
        ledger: &Ledger<'_>,
        spool: &Spool,
    ) -> Result<(), EngineError> {
        let pages = ledger.pages().await;
        let key = ArchiveKey::from_bytes(&pages.secrets.archive_key)?;
        let contents = self.contents(&pages);
        drop(pages);
        let shelf = &self.store.shelf;
        let writer = shelf.archives.create(&shelf.name(ledger.id), &key).await?;
        let assembled = spool.assemble(&contents, writer).await?;
        let (bytes, sha256) = (assembled.bytes, assembled.sha256);
        tokio::task::spawn_blocking(move || assembled.out.finish())
            .await
            .map_err(|_| EngineError::internal("the archive could not be ended"))??;
        metrics::counter!("adieu_exported_bytes_total").increment(bytes);
        let mut pages = ledger.pages().await;
        pages.record.archive_bytes = Some(bytes);
        pages.record.archive_sha256 = Some(hex(&sha256));
        pages.record.archive_expires_at = Some(later(ledger.now(), self.options.archive_lifetime)?);
        Ok(())
    }

    fn contents(&self, pages: &Pages) -> Contents {
        let known = &pages.secrets.known;
        let connectors = self
            .connectors
            .iter()
            .map(|connector| {
                let descriptor = connector.descriptor();
                let collections = descriptor
                    .collections
                    .iter()
                    .map(|collection| {
                        let id = (descriptor.name.clone(), collection.name.clone());
                        let state = pages.peek(&id);
                        CollectionContents {
                            name: collection.name.clone(),
                            missing: missing(collection, known, &state),
                            mark: state.mark,
                        }
                    })
                    .collect();
                ConnectorContents {
                    descriptor: descriptor.clone(),
                    collections,
                }
            })
            .collect();
        Contents {
            request: pages.record.id.to_string(),
            created_at: pages.record.created_at,
            controller: self.options.controller.clone(),
            connectors,
        }
    }

    /// Says how the request ended, and signs the receipt.
    pub(crate) async fn finish(&self, ledger: &Ledger<'_>) -> Result<Status, EngineError> {
        let now = ledger.now();
        let mut pages = ledger.pages().await;
        let mut plan = Plan::new(&self.connectors, &pages.secrets.given);
        if !pages.record.exceptions.is_empty() {
            // Whoever could have yielded an identity did not answer, so that none was found says nothing.
            plan.keep_to(&self.connectors, &pages.secrets.known);
        }
        let (mut exceptions, reached) = self.exceptions(&pages, &plan, day_of(now));
        // What discovery could not ask stays an exception.
        let earlier = pages
            .record
            .exceptions
            .iter()
            .filter(|one| !exceptions.contains(one));
        let mut all: Vec<Exception> = earlier.cloned().collect();
        all.append(&mut exceptions);
        pages.record.exceptions = all;
        let nothing = reached == 0 && !pages.record.exceptions.is_empty();
        let status = match (pages.record.kind, pages.record.exceptions.is_empty()) {
            (_, true) => Status::Completed,
            (Kind::Export, false) if nothing => Status::Failed,
            (_, false) => Status::CompletedWithExceptions,
        };
        if pages.record.kind == Kind::Erasure {
            pages.suppress = Some(pages.secrets.known.clone());
        }
        if status == Status::Failed {
            pages.record.archive_bytes = None;
            pages.record.archive_sha256 = None;
            pages.record.archive_expires_at = None;
        }
        let receipt = self.receipt(&pages, &plan, status, now);
        pages.record.receipt = Some(self.signer.sign(&receipt)?);
        Ok(status)
    }

    /// Writes down the end, and then removes what is not needed any more.
    pub(crate) async fn end(&self, ledger: &Ledger<'_>, status: Status) -> Result<(), EngineError> {
        let kind = {
            let now = ledger.now();
            let mut pages = ledger.pages().await;
            // A later look at what was scheduled changes nothing for the person, unless it ends otherwise.
            let is_news = pages.record.finished_at.is_none() || status != Status::Completed;
            pages.notice = Occasion::of(pages.record.kind, status)
                .filter(|_| is_news)
                .zip(pages.secrets.notify.clone());
            pages.record.status = status;
            pages.record.finished_at = Some(now);
            pages.event(status.as_str());
            let took = now.duration_since(pages.record.created_at);
            metrics::histogram!(
                "adieu_request_seconds",
                "kind" => pages.record.kind.as_str(), "status" => status.as_str()
            )
            .record(took.as_secs_f64());
            let again_at = scheduled_again(&pages, now)?.filter(|_| status == Status::Completed);
            pages.record.next_at = again_at;
            if again_at.is_some() {
                pages.record.phase = Phase::Verify;
            } else if matches!(status, Status::Completed | Status::Cancelled) {
                pages.forget_subject();
            }
            pages.record.kind
        };
        ledger.give_back().await?;
        let folder = self.store.spool_folder(ledger.id);
        if kind == Kind::Export && (status == Status::Completed || status == Status::Failed) {
            let lock = folder.with_extension("lock");
            let gone = [
                std::fs::remove_dir_all(&folder),
                std::fs::remove_file(&lock),
            ];
            if status == Status::Failed
                // There is an archive of nothing, which no answer leads to.
                && let Err(error) = self.store.shelf.remove(ledger.id).await
            {
                tracing::warn!(request = %ledger.id, "an archive of nothing could not be removed: {error}");
            }
            for gone in gone {
                match gone {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        tracing::warn!(request = %ledger.id, "a spool could not be removed ({})", error.kind());
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// What could not be done; and how many collections could be gone through.
    fn exceptions(&self, pages: &Pages, plan: &Plan, today: Date) -> (Vec<Exception>, usize) {
        let known = &pages.secrets.known;
        let mut exceptions = Vec::new();
        let mut through = 0;
        for connector in &self.connectors {
            let descriptor = connector.descriptor();
            for collection in &descriptor.collections {
                let offered = match pages.record.kind {
                    Kind::Export => &collection.export,
                    Kind::Erasure => &collection.erasure,
                };
                let state = pages.peek(&(descriptor.name.clone(), collection.name.clone()));
                let reason = if !offered.is_offered() {
                    // It says so in the data map, the archive and the receipt.
                    continue;
                } else if collection.is_reached_by(known) {
                    match overdue(&state, today) {
                        Some(by) => {
                            format!("the system accepted the deletion, and has not done it by {by}")
                        }
                        None if state.state == State::Done => {
                            through += 1;
                            continue;
                        }
                        None => state.error.map_or_else(
                            || "it was not gone through".to_owned(),
                            |error| error.to_string(),
                        ),
                    }
                } else if plan.is_unreached(&descriptor.name, &collection.name) {
                    format!(
                        "no identity reaches it; it needs {}",
                        needs_in_words(collection).join(", or ")
                    )
                } else {
                    // Whoever could have yielded the identity was asked, and there is none.
                    through += 1;
                    continue;
                };
                exceptions.push(Exception {
                    connector: descriptor.name.to_string(),
                    collection: Some(collection.name.to_string()),
                    reason,
                });
            }
        }
        (exceptions, through)
    }

    fn receipt(&self, pages: &Pages, plan: &Plan, status: Status, now: Timestamp) -> Receipt {
        let record = &pages.record;
        let archive = record
            .archive_sha256
            .clone()
            .zip(record.archive_bytes)
            .map(|(sha256, bytes)| ArchiveStatement { sha256, bytes });
        Receipt {
            iss: self
                .options
                .controller
                .clone()
                .unwrap_or_else(|| "adieu".to_owned()),
            iat: now.as_second(),
            jti: record.id,
            receipt: RECEIPT_FORM,
            kind: record.kind,
            status,
            created_at: record.created_at,
            finished_at: now,
            subject: Opening::new(pages.secrets.salt).commit(&pages.secrets.given),
            connectors: self
                .connectors
                .iter()
                .map(|connector| {
                    let descriptor = connector.descriptor();
                    ConnectorStatement {
                        name: descriptor.name.to_string(),
                        kind: descriptor.kind.clone(),
                        processor: descriptor.processor.clone(),
                        collections: descriptor
                            .collections
                            .iter()
                            .map(|collection| statement(pages, plan, &descriptor.name, collection))
                            .collect(),
                        unreachable: descriptor.unreachable.clone(),
                    }
                })
                .collect(),
            archive,
            exceptions: record.exceptions.clone(),
        }
    }
}

/// When the systems that accepted a deletion are to be asked whether they have done it: the day after the last of them said
/// it would be, or in a month where none said when.
fn scheduled_again(pages: &Pages, now: Timestamp) -> Result<Option<Timestamp>, EngineError> {
    let left = pages.steps.values().filter_map(scheduled_left);
    let mut again_at: Option<Timestamp> = None;
    for later_on in left {
        let at = match later_on.by {
            Some(by) => by
                .last
                .tomorrow()
                .and_then(|day| day.to_zoned(TimeZone::UTC))
                .map(|zoned| zoned.timestamp())
                .map_err(|_| EngineError::config("a date lies beyond the calendar"))?,
            None => later(now, Span::new().months(1))?,
        };
        again_at = Some(again_at.map_or(at, |other| other.max(at)));
    }
    Ok(again_at)
}

/// What the system still has to delete, by the survey after the erasure.
fn scheduled_left(state: &StepState) -> Option<&Scheduled> {
    state.remaining.as_ref()?.scheduled()
}

/// By when the system said it would have deleted what it still has.
fn overdue(state: &StepState, today: Date) -> Option<Date> {
    let by = scheduled_left(state)?.by?.last;
    (by < today).then_some(by)
}

fn day_of(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

fn statement(
    pages: &Pages,
    plan: &Plan,
    connector: &ConnectorName,
    collection: &Collection,
) -> CollectionStatement {
    let state = pages.peek(&(connector.clone(), collection.name.clone()));
    let reached = collection.is_reached_by(&pages.secrets.known)
        || !plan.is_unreached(connector, &collection.name);
    let (outcomes, found, pending) = match pages.record.kind {
        Kind::Export => (export_outcomes(collection, reached, &state), None, None),
        Kind::Erasure => (
            erasure_outcomes(collection, reached, &state),
            state
                .found
                .as_ref()
                .filter(|_| collection.tells.is_of_holdings())
                .map(Tally::held),
            state.remaining.as_ref().map(Tally::pending),
        ),
    };
    let scheduled_left = state
        .answers
        .tally()
        .scheduled()
        .filter(|_| collection.tells.is_verifiable())
        .map(|_| scheduled_left(&state).map_or(0, |left| left.records));
    CollectionStatement {
        name: collection.name.to_string(),
        outcomes,
        found,
        pending,
        scheduled_left,
        at_least: state.interrupted,
    }
}

/// Why a collection is not in the archive.
pub(crate) fn missing(
    collection: &Collection,
    known: &Subject,
    state: &StepState,
) -> Option<Missing> {
    let (reason, why) = match &collection.export {
        Support::Refused(why) => (MissingReason::Refused, why.clone()),
        Support::Offered if !collection.is_reached_by(known) => (
            MissingReason::NotReached,
            format!(
                "it is found by {}",
                needs_in_words(collection).join(", or by ")
            ),
        ),
        Support::Offered if state.state != State::Done => match &state.error {
            Some(error) => (MissingReason::Failed(error.kind()), error.to_string()),
            None => (
                MissingReason::Failed(ErrorKind::Internal),
                "it was not gone through".to_owned(),
            ),
        },
        Support::Offered => return None,
    };
    Some(Missing { reason, why })
}
