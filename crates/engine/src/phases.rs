//! The phases of a request, one function each; [`crate::advance`] goes from one to the next.

use std::collections::BTreeMap;
use std::time::Duration;

use adieu_core::{CollectionName, ConnectorName, ErrorKind, Subject};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::advance::Next;
use crate::call::Station;
use crate::discover::discover;
use crate::engine::Inner;
use crate::erase::erase_connector;
use crate::error::{EngineError, Unanswered};
use crate::export::export_connector;
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::progress::Happening;
use crate::request::{Exception, Kind, Status};
use crate::state::{Phase, State};
use crate::step_key::StepKeys;
use crate::survey::survey;
use crate::teller::Teller;

/// How often a collection is gone through before what is still there counts as failed.
const MAX_ROUNDS: u32 = 3;

impl Inner {
    pub(crate) async fn discover_all(
        &self,
        ledger: &Ledger<'_>,
        teller: &Teller,
        until: Instant,
    ) -> Result<Next, EngineError> {
        let given = ledger.pages().await.secrets.given.clone();
        let retry = &self.options.retry;
        let keys = StepKeys(ledger.id);
        let discovery = discover(&self.stations, &given, &keys, retry, until).await;
        let mut pages = ledger.pages().await;
        pages.secrets.known = discovery.known;
        teller.tell(Happening::Discovered {
            identities: pages.secrets.known.identities().len(),
        });
        let kind = pages.record.kind;
        if discovery.unanswered.is_empty() {
            pages.record.attempts = 0;
            pages.event("discovered");
            return Ok(Next::Phase(match kind {
                Kind::Export => Phase::Act,
                Kind::Erasure => Phase::Survey,
            }));
        }
        let attempts = pages.record.attempts;
        pages.record.attempts += 1;
        if let Some(at) = self.wait_for(
            &discovery.unanswered,
            attempts,
            ledger.now(),
            pages.record.execute_at,
        ) {
            return Ok(Next::Wait(at));
        }
        pages.record.attempts = 0;
        pages.record.exceptions =
            exceptions(&discovery.unanswered, "identities were not looked for");
        // An archive of the rest is worth having; half an erasure is not.
        Ok(match kind {
            Kind::Export => Next::Phase(Phase::Act),
            Kind::Erasure => Next::End(Status::Failed),
        })
    }

    pub(crate) async fn survey_before(
        &self,
        ledger: &Ledger<'_>,
        until: Instant,
    ) -> Result<Next, EngineError> {
        let known = ledger.pages().await.secrets.known.clone();
        let retry = &self.options.retry;
        let counts = survey(self.stations.iter(), &known, retry, until).await;
        let mut blockers = counts.blockers;
        blockers.extend(self.held(&known).await?);
        let mut pages = ledger.pages().await;
        if !blockers.is_empty() {
            pages.record.blockers = blockers;
            return Ok(Next::End(Status::Blocked));
        }
        pages.record.blockers.clear();
        let silent: Vec<Unanswered> = counts
            .unanswered
            .iter()
            .filter(|silence| self.may_block(&silence.connector))
            .cloned()
            .collect();
        if !silent.is_empty() {
            let attempts = pages.record.attempts;
            pages.record.attempts += 1;
            if let Some(at) =
                self.wait_for(&silent, attempts, ledger.now(), pages.record.execute_at)
            {
                return Ok(Next::Wait(at));
            }
            pages.record.exceptions = exceptions(
                &silent,
                "it could not say whether something blocks the erasure",
            );
            return Ok(Next::End(Status::Failed));
        }
        pages.record.attempts = 0;
        for station in &self.stations {
            let descriptor = station.connector.descriptor();
            for collection in &descriptor.collections {
                if !collection.is_reached_by(&known) {
                    continue;
                }
                let id = (descriptor.name.clone(), collection.name.clone());
                let found = counts.tallies.get(&id).cloned();
                let state = pages.step(&id);
                state.found = found;
            }
        }
        pages.record.phase = Phase::Act;
        pages.event("erasure_began");
        drop(pages);
        // From here on there is no way back, so it must be known that it began.
        ledger.checkpoint().await?;
        Ok(Next::Phase(Phase::Act))
    }

    pub(crate) async fn export_all(
        &self,
        ledger: &Ledger<'_>,
        teller: &Teller,
        until: Instant,
    ) -> Result<Next, EngineError> {
        let held = self.spool(ledger).await?;
        let spool = &held.spool;
        let retry = &self.options.retry;
        let mut exports: FuturesUnordered<_> = self
            .stations
            .iter()
            .map(|station| export_connector(station, ledger, spool, teller, retry, until))
            .collect();
        while let Some(done) = exports.next().await {
            done?;
        }
        drop(exports);
        let known = ledger.pages().await.secrets.known.clone();
        let next = self.after_act(ledger, &known, until, Phase::Finish).await;
        if matches!(next, Next::Wait(_)) {
            spool.sync().await?;
        } else {
            ledger.pages().await.event("exported");
            self.assemble(ledger, spool).await?;
        }
        Ok(next)
    }

    pub(crate) async fn erase_all(
        &self,
        ledger: &Ledger<'_>,
        teller: &Teller,
        until: Instant,
    ) -> Result<Next, EngineError> {
        let known = ledger.pages().await.secrets.known.clone();
        if let Some(blocker) = self.held(&known).await? {
            ledger.pages().await.stop(&blocker);
            return Ok(Next::Phase(Phase::Finish));
        }
        let plan = Plan::new(&self.connectors, &known);
        let stations: BTreeMap<&ConnectorName, &Station> = self
            .stations
            .iter()
            .map(|station| (&station.connector.descriptor().name, station))
            .collect();
        let retry = &self.options.retry;
        for group in &plan.erasure_order {
            let mut erasures: FuturesUnordered<_> = group
                .iter()
                .filter_map(|name| stations.get(name))
                .map(|station| erase_connector(station, ledger, teller, retry, until))
                .collect();
            while let Some(done) = erasures.next().await {
                done?;
            }
        }
        Ok(self.after_act(ledger, &known, until, Phase::Verify).await)
    }

    /// Whether all collections are through, or when to go on with those that wait.
    async fn after_act(
        &self,
        ledger: &Ledger<'_>,
        known: &Subject,
        until: Instant,
        then: Phase,
    ) -> Next {
        let pages = ledger.pages().await;
        let mut waiting: Option<Timestamp> = None;
        for station in &self.stations {
            let descriptor = station.connector.descriptor();
            for collection in &descriptor.collections {
                let offered = match pages.record.kind {
                    Kind::Export => collection.export.is_offered(),
                    Kind::Erasure => collection.erasure.is_offered(),
                };
                let state = pages.peek(&(descriptor.name.clone(), collection.name.clone()));
                if offered && collection.is_reached_by(known) && state.state == State::Pending {
                    let at = state.next_at.unwrap_or_else(|| ledger.now());
                    waiting = Some(waiting.map_or(at, |other| other.min(at)));
                    if pages.record.kind == Kind::Erasure {
                        // Those after it wait for it.
                        break;
                    }
                }
            }
        }
        match waiting {
            None => Next::Phase(then),
            Some(at) if Instant::now() < until && at <= ledger.now() => Next::Phase(Phase::Act),
            Some(at) => Next::Wait(at),
        }
    }

    pub(crate) async fn verify_all(
        &self,
        ledger: &Ledger<'_>,
        teller: &Teller,
        until: Instant,
    ) -> Result<Next, EngineError> {
        let known = ledger.pages().await.secrets.known.clone();
        let retry = &self.options.retry;
        let counts = survey(self.stations.iter(), &known, retry, until).await;
        let mut again = false;
        let mut pages = ledger.pages().await;
        let ids: Vec<_> = pages.steps.keys().cloned().collect();
        for id in ids {
            if !self.is_verifiable(&id) {
                continue;
            }
            if pages.peek(&id).state != State::Done {
                if let Some(tally) = counts.tallies.get(&id) {
                    pages.step(&id).remaining = Some(tally.clone());
                }
                continue;
            }
            let Some(tally) = counts.tallies.get(&id).cloned() else {
                let error = counts.error(&id.0, &id.1).cloned();
                let state = pages.step(&id);
                state.state = State::Failed;
                state.remaining = None;
                state.error = Some(error.map_or_else(
                    || internal("it could not be verified"),
                    |error| {
                        adieu_core::ConnectorError::new(
                            error.kind(),
                            format!("it could not be verified: {}", error.what()),
                        )
                    },
                ));
                continue;
            };
            let pending = tally.pending();
            let state = pages.step(&id);
            state.remaining = Some(tally);
            if pending == 0 {
                continue;
            }
            if state.round + 1 < MAX_ROUNDS {
                state.round += 1;
                state.answers.begin_round();
                state.cursor = None;
                state.state = State::Pending;
                again = true;
            } else {
                state.state = State::Failed;
                state.error = Some(internal(
                    "records were still there after it was gone through three times",
                ));
            }
        }
        teller.tell(Happening::Verified);
        pages.event("verified");
        if !again {
            return Ok(Next::Phase(Phase::Finish));
        }
        pages.record.phase = Phase::Act;
        drop(pages);
        // A crash in the round that begins now must be seen, or its counts would be taken for whole.
        ledger.checkpoint().await?;
        Ok(Next::Phase(Phase::Act))
    }

    fn may_block(&self, name: &ConnectorName) -> bool {
        self.connectors.iter().any(|connector| {
            connector.descriptor().name == *name && connector.descriptor().may_block
        })
    }

    /// Whether the system of a collection tells what became of an erasure.
    fn is_verifiable(&self, (connector, collection): &(ConnectorName, CollectionName)) -> bool {
        let descriptors = self.connectors.iter().map(|one| one.descriptor());
        descriptors
            .filter(|descriptor| descriptor.name == *connector)
            .filter_map(|descriptor| descriptor.collection(collection))
            .all(|collection| collection.tells.is_verifiable())
    }

    /// When to ask again whoever did not answer; `None` when asking again is of no use.
    fn wait_for(
        &self,
        unanswered: &[Unanswered],
        attempts: u32,
        now: Timestamp,
        since: Timestamp,
    ) -> Option<Timestamp> {
        let failing_for = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        let wait = unanswered
            .iter()
            .filter_map(|silence| {
                self.options
                    .retry
                    .late(attempts, failing_for, &silence.error)
            })
            .min()?;
        now.checked_add(wait).ok()
    }
}

fn internal(what: &'static str) -> adieu_core::ConnectorError {
    adieu_core::ConnectorError::new(ErrorKind::Internal, what)
}

/// Failures as a request shows them.
fn exceptions(unanswered: &[Unanswered], what: &str) -> Vec<Exception> {
    unanswered
        .iter()
        .map(|silence| Exception {
            connector: silence.connector.to_string(),
            collection: silence.collection.as_ref().map(ToString::to_string),
            reason: format!("{what}: {}", silence.error),
        })
        .collect()
}
