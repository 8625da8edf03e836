//! A connector with one fault: what it does not do wrong, the connector to the system in memory does for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use adieu_core::{
    Connector, ConnectorError, Cursor, Descriptor, Disposition, Effect, Erased, ErrorKind,
    IdentityKind, PageWriter, Retry, Schema, Step, Subject, Survey, Tally, async_trait,
};
use adieu_testkit::memory::{MemoryConnector, MemorySystem};
use serde_json::json;

use super::bent::Bent;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    YieldsUndeclared,
    SchemaChanges,
    RecordMisfits,
    CheckLeavesProbe,
    UnboundedPage,
    UnboundedErasure,
    CountsItsCalls,
    OffsetCursor,
    LockLeftBehind,
    CursorInMemory,
    GarbageBeginsAnew,
    UnknownIsEmpty,
    NobodyIsEverybody,
    Wildcards,
    Prefix,
    SurveyDeletes,
    SurveyMiscounts,
    AbsentIsAnError,
    StuckAtRetained,
    Leftovers,
    HiddenCopy,
    Misclassified,
    PoisonSwallowed,
    PoisonStops,
    PageErrorSwallowed,
    DebugShows,
    ErrorQuotes,
    SpanNames,
}

pub(crate) struct WrongConnector {
    fault: Fault,
    system: MemorySystem,
    inner: MemoryConnector,
    calls: AtomicU64,
    busy: AtomicBool,
    cursors: Mutex<BTreeMap<u64, Cursor>>,
}

impl WrongConnector {
    pub(crate) fn new(system: MemorySystem, fault: Fault) -> Self {
        let inner = system.connector("shop").unwrap();
        let (calls, busy, cursors) = Default::default();
        Self {
            fault,
            system,
            inner,
            calls,
            busy,
            cursors,
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// The keys in a table that the wrong connector takes for the subject's.
    fn keys(&self, subject: &Subject, table: &str) -> Vec<String> {
        let users: Vec<String> = subject
            .identities()
            .filter(|identity| identity.kind().as_str() == "user")
            .map(|identity| identity.value().expose().to_owned())
            .collect();
        let matches = |user: &str| match self.fault {
            Fault::NobodyIsEverybody if subject.is_empty() => true,
            Fault::Wildcards => users.iter().any(|wanted| like(wanted, user)),
            Fault::Prefix => users.iter().any(|wanted| user.starts_with(wanted.as_str())),
            _ => users.iter().any(|wanted| wanted == user),
        };
        let all = self.system.records(table).into_iter();
        all.filter(|(_, record)| record["user"].as_str().is_some_and(matches))
            .map(|(key, _)| key)
            .collect()
    }

    fn remove(&self, keys: &[String]) -> Tally {
        let mut tally = Tally::new();
        for key in keys {
            let there = self.system.remove("notes", key);
            tally.count(
                if there {
                    &Disposition::Erase
                } else {
                    &Disposition::Absent
                },
                1,
            );
        }
        tally
    }

    fn wrong_subject(&self) -> bool {
        matches!(
            self.fault,
            Fault::NobodyIsEverybody | Fault::Wildcards | Fault::Prefix
        )
    }

    fn misclassified(&self, error: ConnectorError) -> ConnectorError {
        match self.fault {
            Fault::Misclassified => ConnectorError::new(ErrorKind::Config, "something went wrong"),
            _ => error,
        }
    }
}

fn like(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('%') => {
            (0..=text.len()).any(|at| text.is_char_boundary(at) && like(&pattern[1..], &text[at..]))
        }
        Some(first) => {
            let mut rest = text.chars();
            let next = rest.next();
            next.is_some_and(|next| first == '_' || first == next)
                && like(&pattern[first.len_utf8()..], rest.as_str())
        }
    }
}

#[async_trait]
impl Connector for WrongConnector {
    fn descriptor(&self) -> &Descriptor {
        self.inner.descriptor()
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        if self.is(Fault::CheckLeavesProbe) {
            let n = self.calls.fetch_add(1, Ordering::SeqCst);
            self.system
                .put("notes", format!("probe {n}"), json!({"n": n}))
                .unwrap();
        }
        self.inner
            .check()
            .await
            .map_err(|error| self.misclassified(error))
    }

    async fn survey(&self, subject: &Subject) -> Result<Survey, ConnectorError> {
        let mut survey = self
            .inner
            .survey(subject)
            .await
            .map_err(|error| self.misclassified(error))?;
        if self.is(Fault::SurveyDeletes)
            && let Some(key) = self.keys(subject, "notes").last()
        {
            self.system.remove("notes", key);
        }
        if self.is(Fault::SurveyMiscounts) {
            for holding in &mut survey.holdings {
                if let Ok(tally) = &mut holding.tally
                    && tally.erase() > 0
                {
                    let held = tally.held();
                    *tally = Tally::new();
                    tally.count(&Disposition::Erase, held);
                }
            }
        }
        Ok(survey)
    }

    async fn export(
        &self,
        step: &Step,
        page: &mut PageWriter<'_>,
    ) -> Result<Option<Cursor>, ConnectorError> {
        let notes = step.collection().as_str() == "notes";
        match self.fault {
            Fault::UnknownIsEmpty if self.descriptor().collection(step.collection()).is_none() => {
                Ok(None)
            }
            Fault::SpanNames => {
                for identity in step.subject().identities() {
                    tracing::debug!(of = identity.value().expose(), "exporting");
                }
                self.inner.export(step, page).await
            }
            Fault::ErrorQuotes => self.inner.export(step, page).await.map_err(|error| {
                let whom = step
                    .subject()
                    .identities()
                    .next()
                    .map_or("nobody", |one| one.value().expose());
                let what = format!("the page of {whom} failed");
                if *error.what() == *"the page takes no more, says the test" {
                    return error;
                }
                ConnectorError::new(error.kind(), what).retry(error.retry_advice())
            }),
            Fault::Misclassified => {
                self.inner
                    .export(step, page)
                    .await
                    .map_err(|error| match error.kind() {
                        ErrorKind::Unavailable if error.what().contains("in memory") => {
                            self.misclassified(error)
                        }
                        _ => error,
                    })
            }
            Fault::GarbageBeginsAnew => match self.inner.export(step, page).await {
                Err(error) if error.kind() == ErrorKind::Protocol => {
                    self.inner.export(&step.clone().at(None), page).await
                }
                answer => answer,
            },
            Fault::CursorInMemory if notes => {
                let mut cursors = BTreeMap::new();
                std::mem::swap(&mut cursors, &mut self.cursors.lock().unwrap());
                let real = match step.cursor() {
                    None => None,
                    Some(cursor) => {
                        let number: u64 = cursor.decode(step.collection())?;
                        let forgotten = ConnectorError::new(ErrorKind::Protocol, "no such cursor");
                        Some(cursors.get(&number).cloned().ok_or(forgotten)?)
                    }
                };
                *self.cursors.lock().unwrap() = cursors;
                let next = self.inner.export(&step.clone().at(real), page).await?;
                let Some(next) = next else { return Ok(None) };
                let number = self.cursors.lock().unwrap().len() as u64;
                self.cursors.lock().unwrap().insert(number, next);
                Cursor::encode(step.collection(), &number).map(Some)
            }
            Fault::LockLeftBehind => {
                if self.busy.swap(true, Ordering::SeqCst) {
                    return Err(ConnectorError::new(
                        ErrorKind::Unavailable,
                        "another call is still running",
                    ));
                }
                let answer = self.inner.export(step, page).await;
                self.busy.store(false, Ordering::SeqCst);
                answer
            }
            Fault::PageErrorSwallowed => match self.inner.export(step, page).await {
                Err(error) if error.what().contains("takes no more") => Ok(None),
                answer => answer,
            },
            Fault::UnboundedPage
            | Fault::YieldsUndeclared
            | Fault::SchemaChanges
            | Fault::RecordMisfits
            | Fault::CountsItsCalls
                if notes =>
            {
                let call = self.calls.fetch_add(1, Ordering::SeqCst);
                let is_first = step.cursor().is_none();
                let mut bent = Bent {
                    fault: self.fault,
                    call,
                    is_first,
                    waiting: Vec::new(),
                    page,
                };
                self.inner
                    .export(step, &mut PageWriter::new(&mut bent))
                    .await
            }
            _ if self.wrong_subject() && notes => {
                page.schema(&Schema::open([]))?;
                let keys = self.keys(step.subject(), "notes");
                let records = self.system.records("notes").into_iter();
                let after: Option<String> = step
                    .cursor()
                    .map(|c| c.decode(step.collection()))
                    .transpose()?;
                let mut all = records
                    .filter(|(key, _)| {
                        keys.contains(key) && after.as_ref().is_none_or(|after| key > after)
                    })
                    .peekable();
                while let Some((key, record)) = all.next() {
                    page.record(&record).await?;
                    if page.is_full() && all.peek().is_some() {
                        return Cursor::encode(step.collection(), &key).map(Some);
                    }
                }
                Ok(None)
            }
            _ => self.inner.export(step, page).await,
        }
    }

    async fn erase(&self, step: &Step) -> Result<Erased, ConnectorError> {
        let notes = step.collection().as_str() == "notes";
        let most = step.max_records().get() as usize;
        match self.fault {
            Fault::UnknownIsEmpty if self.descriptor().collection(step.collection()).is_none() => {
                Ok(Erased::default())
            }
            Fault::Misclassified => {
                self.inner
                    .erase(step)
                    .await
                    .map_err(|error| match error.kind() {
                        ErrorKind::Unavailable => self.misclassified(error),
                        _ => error,
                    })
            }
            Fault::UnboundedErasure => {
                self.inner
                    .erase(&step.clone().at_most(Step::DEFAULT_MAX_RECORDS))
                    .await
            }
            Fault::OffsetCursor if notes => {
                let offset: usize = match step.cursor() {
                    None => 0,
                    Some(cursor) => cursor.decode(step.collection())?,
                };
                let keys = self.keys(step.subject(), "notes");
                let batch: Vec<String> = keys.iter().skip(offset).take(most).cloned().collect();
                let tally = self.remove(&batch);
                if offset + batch.len() < keys.len() {
                    let next = Cursor::encode(step.collection(), &(offset + batch.len()))?;
                    return Ok(Erased::more(tally, next));
                }
                Ok(Erased::done(tally))
            }
            Fault::StuckAtRetained => {
                let begin = step.clone().at(None);
                if let Some(cursor) = step.cursor() {
                    cursor.decode::<String>(step.collection())?;
                }
                let erased = self.inner.erase(&begin).await?;
                match erased.next {
                    Some(_) => Ok(Erased::more(
                        erased.tally,
                        Cursor::encode(step.collection(), &"more")?,
                    )),
                    None => Ok(erased),
                }
            }
            Fault::AbsentIsAnError => {
                let erased = self.inner.erase(step).await?;
                if erased.tally.is_empty()
                    && step.subject().knows(&IdentityKind::new("user").unwrap())
                    && !self.is_stranger(step)
                {
                    return Err(ConnectorError::new(ErrorKind::Protocol, "HTTP 404")
                        .retry(Retry::Never)
                        .effect(Effect::None));
                }
                Ok(erased)
            }
            Fault::Leftovers => {
                let erased = self.inner.erase(step).await?;
                Ok(Erased {
                    next: None,
                    ..erased
                })
            }
            Fault::HiddenCopy => {
                let copies: Vec<_> = self.system.records("notes").into_iter().take(1).collect();
                let erased = self.inner.erase(step).await?;
                if notes && step.cursor().is_none() && erased.tally.erase() > 0 {
                    for (key, mut record) in copies {
                        record["user"] = json!(null);
                        self.system.put("notes", key, record).unwrap();
                    }
                }
                Ok(erased)
            }
            Fault::PoisonSwallowed => {
                let erased = self.inner.erase(step).await?;
                let mut tally = Tally::new();
                let failed: u64 = erased
                    .tally
                    .failed()
                    .iter()
                    .map(|failed| failed.records)
                    .sum();
                tally.count(&Disposition::Erase, erased.tally.erase() + failed);
                tally.count(&Disposition::Absent, erased.tally.absent());
                Ok(Erased {
                    tally,
                    next: erased.next,
                })
            }
            Fault::PoisonStops => {
                let erased = self.inner.erase(step).await?;
                if erased.tally.failed().is_empty() {
                    return Ok(erased);
                }
                Err(ConnectorError::new(ErrorKind::Forbidden, "HTTP 403").effect(Effect::Unknown))
            }
            Fault::LockLeftBehind => {
                if self.busy.swap(true, Ordering::SeqCst) {
                    return Err(ConnectorError::new(
                        ErrorKind::Unavailable,
                        "another call is still running",
                    ));
                }
                let answer = self.inner.erase(step).await;
                self.busy.store(false, Ordering::SeqCst);
                answer
            }
            _ if self.wrong_subject() && notes => {
                if let Some(cursor) = step.cursor() {
                    cursor.decode::<String>(step.collection())?;
                }
                let keys = self.keys(step.subject(), "notes");
                let batch: Vec<String> = keys.iter().take(most).cloned().collect();
                let tally = self.remove(&batch);
                match batch.last() {
                    Some(last) if keys.len() > batch.len() => Ok(Erased::more(
                        tally,
                        Cursor::encode(step.collection(), last)?,
                    )),
                    _ => Ok(Erased::done(tally)),
                }
            }
            _ => self.inner.erase(step).await,
        }
    }
}

impl WrongConnector {
    /// Somebody who never had anything, so that the fault shows in nothing but in erasing twice.
    fn is_stranger(&self, step: &Step) -> bool {
        !step
            .subject()
            .identities()
            .any(|identity| identity.value().expose() == "user1")
    }
}

/// The configuration with its secret, which the right `Debug` leaves out.
impl fmt::Debug for WrongConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = if self.is(Fault::DebugShows) {
            "hunter2"
        } else {
            "…"
        };
        f.debug_struct("WrongConnector")
            .field("password", &secret)
            .finish_non_exhaustive()
    }
}
