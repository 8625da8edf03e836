//! Finding every identity of a subject, before anything is done with one.

use std::collections::BTreeSet;

use adieu_core::{
    Attachment, Body, Collection, ConnectorError, ErrorKind, Field, FieldValue, Identity,
    IdentityKind, PageSink, PageWriter, Retry, Schema, Step, Subject, async_trait,
};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::call::{RetryPolicy, Station, Verb};
use crate::error::Unanswered;
use crate::step_key::StepKeys;

/// More identities than this are not one person's.
const MAX_IDENTITIES: usize = 10_000;

/// The most that one page of a discovery may yield before the connector should return.
const IDENTITIES_A_PAGE: usize = 1_000;

/// What a discovery found, and who could not be asked.
pub(crate) struct Discovery {
    pub(crate) known: Subject,
    pub(crate) unanswered: Vec<Unanswered>,
}

/// Asks every collection that yields identities, again and again, until none yields a new one.
pub(crate) async fn discover(
    stations: &[Station],
    given: &Subject,
    keys: &StepKeys,
    retry: &RetryPolicy,
    until: Instant,
) -> Discovery {
    let mut known = given.clone();
    let mut fresh: BTreeSet<IdentityKind> = given
        .identities()
        .map(|identity| identity.kind().clone())
        .collect();
    let mut unanswered: Vec<Unanswered> = Vec::new();
    while !fresh.is_empty() {
        let mut asked: FuturesUnordered<_> = stations
            .iter()
            .map(|station| yielded_by(station, &known, &fresh, keys, retry, until))
            .collect();
        let mut found = BTreeSet::new();
        while let Some((identities, silent)) = asked.next().await {
            found.extend(identities);
            for silence in silent {
                if !unanswered.contains(&silence) {
                    unanswered.push(silence);
                }
            }
        }
        drop(asked);
        fresh.clear();
        for identity in found {
            let kind = identity.kind().clone();
            if known.learn(identity) {
                fresh.insert(kind);
            }
        }
        if known.identities().len() > MAX_IDENTITIES {
            let error = ConnectorError::new(
                ErrorKind::Config,
                "more than 10000 identities were yielded for one subject; check what this system yields",
            );
            unanswered.extend(stations.first().map(|station| Unanswered {
                connector: station.connector.descriptor().name.clone(),
                collection: None,
                error,
            }));
            break;
        }
    }
    Discovery { known, unanswered }
}

/// What one connector yields for the identities that are new since it was last asked.
async fn yielded_by(
    station: &Station,
    known: &Subject,
    fresh: &BTreeSet<IdentityKind>,
    keys: &StepKeys,
    retry: &RetryPolicy,
    until: Instant,
) -> (BTreeSet<Identity>, Vec<Unanswered>) {
    let mut identities = BTreeSet::new();
    let mut unanswered = Vec::new();
    let descriptor = station.connector.descriptor();
    for collection in &descriptor.collections {
        let concerned = collection
            .needs
            .iter()
            .any(|need| need.is_met_by(known) && !need.all_of.is_disjoint(fresh));
        if collection.yields.is_empty() || !concerned {
            continue;
        }
        match yielded_from(station, collection, known, keys, retry, until).await {
            Ok(found) => identities.extend(found),
            Err(error) => unanswered.push(Unanswered {
                connector: descriptor.name.clone(),
                collection: Some(collection.name.clone()),
                error,
            }),
        }
    }
    (identities, unanswered)
}

async fn yielded_from(
    station: &Station,
    collection: &Collection,
    known: &Subject,
    keys: &StepKeys,
    retry: &RetryPolicy,
    until: Instant,
) -> Result<BTreeSet<Identity>, ConnectorError> {
    let mut identities = BTreeSet::new();
    let mut cursor = None;
    loop {
        let name = &station.connector.descriptor().name;
        let key = keys.key("discover", name, &collection.name, cursor.as_ref(), 0);
        let step = Step::new(known.clone(), collection.name.clone(), key)
            .at(cursor.clone())
            .in_run(keys.run("discover", name));
        let (next, found) = station
            .call_again(
                retry,
                until,
                Verb("discover", Some(&collection.name)),
                || async {
                    let mut sink = IdentitySink {
                        collection,
                        found: BTreeSet::new(),
                    };
                    let next = station
                        .connector
                        .export(&step, &mut PageWriter::new(&mut sink))
                        .await?;
                    Ok((next, sink.found))
                },
            )
            .await?;
        identities.extend(found);
        if next.is_some() && next == cursor {
            return Err(ConnectorError::new(
                ErrorKind::Protocol,
                "the connector does not get on: its cursor stays the same",
            ));
        }
        match next {
            Some(next) if identities.len() <= MAX_IDENTITIES => cursor = Some(next),
            _ => return Ok(identities),
        }
    }
}

/// A page that keeps identities alone.
struct IdentitySink<'a> {
    collection: &'a Collection,
    found: BTreeSet<Identity>,
}

#[async_trait]
impl PageSink for IdentitySink<'_> {
    fn wants_records(&self) -> bool {
        false
    }

    fn schema(&mut self, _: &Schema) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn record(&mut self, _: &dyn erased_serde::Serialize) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn values(&mut self, _: &[Field], _: &[FieldValue<'_>]) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn must_drain(&self) -> bool {
        false
    }

    async fn drain(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn identity(&mut self, identity: Identity) -> Result<(), ConnectorError> {
        if !self.collection.yields.contains(identity.kind()) {
            return Err(undeclared_kind());
        }
        self.found.insert(identity);
        Ok(())
    }

    async fn attachment(&mut self, _: Attachment, _: Body<'_>) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn missing(&mut self, _: String, _: ConnectorError) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.found.len() >= IDENTITIES_A_PAGE
    }
}

fn undeclared_kind() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Internal,
        "the connector yielded a kind of identity that its collection does not declare",
    )
    .retry(Retry::Never)
}
