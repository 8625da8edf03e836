//! One trial of a connector over one fixture: sends calls, with what goes wrong on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use adieu_core::{
    Collection, CollectionName, Connector, ConnectorError, Cursor, Descriptor, Erased, Retry, Step,
    StepKey, Subject, Survey, Tally,
};
use futures_util::FutureExt;

use crate::collector::{Collector, Page};
use crate::compare::unchanged;
use crate::counts::changed_something;
use crate::discover::discover;
use crate::faults::{Mischief, Sending, run};
use crate::fixture::{Fixture, State};

/// A finding, or the words of what is wrong.
pub(crate) type Verdict<T = ()> = Result<T, String>;

/// Makes a fixture anew.
pub(crate) type Make<'a> = dyn Fn() -> Pin<Box<dyn Future<Output = Box<dyn Fixture>> + 'a>> + 'a;

/// How much a step is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As much as there is.
    Whole,
    /// So many records.
    Each(u32),
    /// A different number each time, chosen by the seed.
    Random,
}

pub(crate) struct Trial {
    pub(crate) fixture: Box<dyn Fixture>,
    pub(crate) connector: Box<dyn Connector>,
    /// The fixture's subject with what discovery found.
    pub(crate) subject: Subject,
    pub(crate) mischief: Mischief,
    steps: u64,
}

/// One erasure of everything: the steps that were sent and what was counted.
#[derive(Debug, Default)]
pub(crate) struct Erasure {
    pub(crate) steps: Vec<Step>,
    pub(crate) tallies: BTreeMap<CollectionName, Tally>,
}

impl Trial {
    const CALL_TIME: Duration = Duration::from_secs(60);
    const MOST_STEPS: usize = 10_000;
    const RESENDS: u32 = 6;

    /// Makes the fixture and discovers the subject.
    pub(crate) async fn begin(make: &Make<'_>, mischief: Mischief) -> Verdict<Self> {
        let fixture = make().await;
        let connector = fixture.connector().await;
        let subject = fixture.subject();
        let mut trial = Self {
            fixture,
            connector,
            subject: subject.clone(),
            mischief,
            steps: 0,
        };
        trial.subject = trial.discover(subject).await?;
        Ok(trial)
    }

    pub(crate) fn descriptor(&self) -> Descriptor {
        self.connector.descriptor().clone()
    }

    /// The collections that can be read and that the subject reaches.
    pub(crate) fn readable(&self, subject: &Subject) -> Vec<Collection> {
        let all = self.connector.descriptor().collections.iter();
        all.filter(|c| c.export.is_offered() && c.is_reached_by(subject))
            .cloned()
            .collect()
    }

    /// The collections that can be erased and that the subject reaches, in the order of erasure.
    pub(crate) fn erasable(&self, subject: &Subject) -> Vec<Collection> {
        let all = self.connector.descriptor().collections.iter();
        all.filter(|c| c.erasure.is_offered() && c.is_reached_by(subject))
            .cloned()
            .collect()
    }

    /// Makes the connector anew.
    pub(crate) async fn restart(&mut self) {
        self.connector = self.fixture.connector().await;
    }

    pub(crate) async fn discover(&self, subject: Subject) -> Verdict<Subject> {
        guarded("discovery", discover(self.connector.as_ref(), subject))
            .await?
            .map_err(|error| format!("discovery failed: {error}"))
    }

    pub(crate) async fn state(&self) -> State {
        let mut state = self.fixture.state().await;
        state.of_subject.sort_unstable();
        state.of_others.sort_unstable();
        state
    }

    /// That nothing in the system has changed.
    pub(crate) async fn unchanged(&self, before: &State, by: &str) -> Verdict {
        let now = self.state().await;
        unchanged(&before.of_subject, &now.of_subject)
            .map_err(|change| format!("{by} changed the subject's records: {change}"))?;
        unchanged(&before.of_others, &now.of_others)
            .map_err(|change| format!("{by} changed records of others: {change}"))
    }

    pub(crate) async fn others_unchanged(&self, before: &State, by: &str) -> Verdict {
        unchanged(&before.of_others, &self.state().await.of_others)
            .map_err(|change| format!("{by} changed records of others: {change}"))
    }

    /// The step that goes on at the cursor; never the same key twice.
    pub(crate) fn step(
        &mut self,
        subject: &Subject,
        collection: &CollectionName,
        cursor: Option<Cursor>,
        pace: Pace,
    ) -> Step {
        self.steps += 1;
        let key = StepKey::new(format!("testkit-{}", self.steps));
        let most = match pace {
            Pace::Whole => Step::DEFAULT_MAX_RECORDS,
            Pace::Each(n) => NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN),
            Pace::Random => NonZeroU32::MIN.saturating_add(self.mischief.dice.below(5) as u32),
        };
        Step::new(subject.clone(), collection.clone(), key)
            .at(cursor)
            .at_most(most)
    }

    /// The check's own answer.
    pub(crate) async fn try_check(&mut self) -> Verdict<Result<(), ConnectorError>> {
        for sending in self.mischief.sendings() {
            self.perhaps_restart().await;
            let call = run(sending, self.connector.check());
            let answer = guarded("check", call).await?;
            if let (Sending::Whole, Some(answer)) = (sending, answer) {
                return Ok(answer);
            }
        }
        Err("check was not sent".to_owned())
    }

    /// The survey's own answer.
    pub(crate) async fn try_survey(
        &mut self,
        subject: &Subject,
    ) -> Verdict<Result<Survey, ConnectorError>> {
        for sending in self.mischief.sendings() {
            self.perhaps_restart().await;
            let call = run(sending, self.connector.survey(subject));
            let answer = guarded("survey", call).await?;
            if let (Sending::Whole, Some(answer)) = (sending, answer) {
                return Ok(answer);
            }
        }
        Err("survey was not sent".to_owned())
    }

    /// A survey that must succeed.
    pub(crate) async fn survey(&mut self, subject: &Subject) -> Verdict<Survey> {
        let mut resent = 0;
        loop {
            match self.try_survey(subject).await? {
                Ok(survey) => return Ok(survey),
                Err(error) if self.may_resend(&error, resent).await => resent += 1,
                Err(error) => return Err(format!("survey failed: {error}")),
            }
        }
    }

    /// A survey that must succeed in every collection, as tallies.
    pub(crate) async fn tallies(
        &mut self,
        subject: &Subject,
    ) -> Verdict<BTreeMap<CollectionName, Tally>> {
        let survey = self.survey(subject).await?;
        let mut tallies = BTreeMap::new();
        for holding in survey.holdings {
            let name = holding.collection;
            let tally = holding
                .tally
                .map_err(|error| format!("survey could not count `{name}`: {error}"))?;
            if tallies.insert(name.clone(), tally).is_some() {
                return Err(format!("survey counts `{name}` twice"));
            }
        }
        Ok(tallies)
    }

    /// How many records an erasure would still change, by the survey. What cannot be erased, or goes with something else, is left
    /// out: no erasure of it would change anything.
    pub(crate) async fn pending(&mut self, subject: &Subject) -> Verdict<u64> {
        let tallies = self.tallies(subject).await?;
        let erasable = self.erasable(subject);
        let of_these = erasable.iter().filter_map(|one| tallies.get(&one.name));
        Ok(of_these.map(Tally::pending).sum())
    }

    /// The export's own answer; its page is committed when it succeeds.
    pub(crate) async fn try_export(
        &mut self,
        collector: &mut Collector,
        step: &Step,
    ) -> Verdict<Result<Option<Cursor>, ConnectorError>> {
        for sending in self.mischief.sendings() {
            self.perhaps_restart().await;
            collector.set_slow(self.mischief.dawdles());
            collector.set_refuses_at(match sending {
                Sending::PageRefuses(record) => Some(record),
                _ => None,
            });
            let call = run(sending, collector.attempt(self.connector.as_ref(), step));
            let answer = guarded("export", call).await?;
            passes_refusals_on(collector, answer.as_ref())?;
            if let (Sending::Whole, Some(answer)) = (sending, answer) {
                if answer.is_ok() {
                    collector.commit();
                }
                if let Some(breach) = collector.breaches().first() {
                    let name = step.collection();
                    return Err(format!("in `{name}` {breach}"));
                }
                return Ok(answer);
            }
        }
        Err("export was not sent".to_owned())
    }

    /// An export step that must succeed.
    pub(crate) async fn export(
        &mut self,
        collector: &mut Collector,
        step: &Step,
    ) -> Verdict<Option<Cursor>> {
        let mut resent = 0;
        loop {
            match self.try_export(collector, step).await? {
                Ok(next) => return Ok(next.map(|cursor| stored(&cursor))),
                Err(error) if self.may_resend(&error, resent).await => resent += 1,
                Err(error) => return Err(failed("export", step, &error)),
            }
        }
    }

    /// All pages of a collection, from its beginning to its end.
    pub(crate) async fn walk(
        &mut self,
        subject: &Subject,
        collection: &Collection,
        pace: Pace,
    ) -> Verdict<Vec<Page>> {
        let mut collector = Collector::new(collection);
        let mut seen = BTreeSet::new();
        let mut cursor = None;
        loop {
            collector.set_full_after(self.fullness(pace));
            let step = self.step(subject, &collection.name, cursor, pace);
            cursor = self.export(&mut collector, &step).await?;
            match &cursor {
                None => return Ok(collector.into_pages()),
                Some(next) if !seen.insert(next.as_bytes().to_vec()) => {
                    let name = &collection.name;
                    return Err(format!("export of `{name}` goes round in a circle"));
                }
                Some(_) if seen.len() > Self::MOST_STEPS => {
                    return Err(format!("export of `{}` does not end", collection.name));
                }
                Some(_) => {}
            }
        }
    }

    /// The erasure's own answer.
    pub(crate) async fn try_erase(
        &mut self,
        step: &Step,
    ) -> Verdict<Result<Erased, ConnectorError>> {
        for sending in self.mischief.sendings() {
            self.perhaps_restart().await;
            let call = run(sending, self.connector.erase(step));
            let answer = guarded("erase", call).await?;
            if let (Sending::Whole, Some(answer)) = (sending, answer) {
                return Ok(answer);
            }
        }
        Err("erase was not sent".to_owned())
    }

    /// An erasure step that must succeed.
    pub(crate) async fn erase(&mut self, step: &Step) -> Verdict<Erased> {
        let mut resent = 0;
        loop {
            match self.try_erase(step).await? {
                Ok(erased) => {
                    return Ok(Erased {
                        next: erased.next.map(|cursor| stored(&cursor)),
                        ..erased
                    });
                }
                Err(error) if self.may_resend(&error, resent).await => resent += 1,
                Err(error) => return Err(failed("erase", step, &error)),
            }
        }
    }

    /// Erases everything of the subject, collection after collection.
    pub(crate) async fn erase_all(&mut self, subject: &Subject, pace: Pace) -> Verdict<Erasure> {
        let mut erasure = Erasure::default();
        let run = StepKey::new(format!("testkit-erasure-{}", self.steps));
        for collection in self.erasable(subject) {
            let tally = erasure.tallies.entry(collection.name.clone()).or_default();
            let mut idle = BTreeSet::new();
            let mut cursor = None;
            loop {
                let step = self
                    .step(subject, &collection.name, cursor, pace)
                    .in_run(run.clone());
                let erased = self.erase(&step).await?;
                erasure.steps.push(step);
                tally.add(&erased.tally);
                let Some(next) = erased.next else { break };
                if !changed_something(&erased.tally) && !idle.insert(next.as_bytes().to_vec()) {
                    let name = &collection.name;
                    return Err(format!(
                        "erasure of `{name}` is stuck: it came to the same cursor again and changed nothing"
                    ));
                }
                if erasure.steps.len() > Self::MOST_STEPS {
                    return Err(format!("erasure of `{}` does not end", collection.name));
                }
                cursor = Some(next);
            }
        }
        Ok(erasure)
    }

    /// A pace that fits the trial: small pages always, of changing sizes when things go wrong.
    pub(crate) fn pace(&self) -> Pace {
        if self.mischief.is_on() {
            Pace::Random
        } else {
            Pace::Each(2)
        }
    }

    pub(crate) fn fullness(&mut self, pace: Pace) -> Option<usize> {
        match pace {
            Pace::Whole => None,
            Pace::Each(n) => Some(n as usize),
            Pace::Random => Some(1 + self.mischief.dice.below(4) as usize),
        }
    }

    async fn perhaps_restart(&mut self) {
        if self.mischief.restarts() {
            self.restart().await;
        }
    }

    /// Under faults a system may be busy with a call that was dropped, so what may be retried is.
    async fn may_resend(&self, error: &ConnectorError, resent: u32) -> bool {
        let may =
            self.mischief.is_on() && error.retry_advice() != Retry::Never && resent < Self::RESENDS;
        if may {
            tokio::time::sleep(Duration::from_millis(5 << resent)).await;
        }
        may
    }
}

/// Runs a call within a time and without panics.
pub(crate) async fn guarded<T>(call: &str, future: impl Future<Output = T>) -> Verdict<T> {
    let caught = AssertUnwindSafe(future).catch_unwind();
    match tokio::time::timeout(Trial::CALL_TIME, caught).await {
        Err(_) => {
            let seconds = Trial::CALL_TIME.as_secs();
            Err(format!("{call} did not answer within {seconds} seconds"))
        }
        Ok(Err(_)) => Err(format!("{call} panicked")),
        Ok(Ok(output)) => Ok(output),
    }
}

/// That the error of a page that refuses a record comes back as it was.
pub(crate) fn passes_refusals_on(
    collector: &Collector,
    answer: Option<&Result<Option<Cursor>, ConnectorError>>,
) -> Verdict {
    match answer {
        Some(answer) if collector.has_refused() && *answer != Err(Collector::refusal()) => {
            Err(match answer {
                Ok(_) => "the page refused a record, and export succeeded all the same".to_owned(),
                Err(error) => format!(
                    "the page refused a record, and export did not pass its error on but answered: {error}"
                ),
            })
        }
        _ => Ok(()),
    }
}

/// The cursor as it comes back from where the engine keeps it.
pub(crate) fn stored(cursor: &Cursor) -> Cursor {
    let kept = serde_json::to_vec(cursor).and_then(|json| serde_json::from_slice(&json));
    kept.unwrap_or_else(|_| Cursor::from_bytes(cursor.as_bytes()))
}

fn failed(call: &str, step: &Step, error: &ConnectorError) -> String {
    let at = if step.cursor().is_some() {
        "at a cursor"
    } else {
        "at its beginning"
    };
    format!("{call} of `{}` {at} failed: {error}", step.collection())
}
