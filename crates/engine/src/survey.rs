//! Counting what is held, before an erasure and after it.

use std::collections::BTreeMap;

use adieu_core::{
    Blocker, CollectionName, ConnectorError, ConnectorName, ErrorKind, Subject, Tally, Unreachable,
};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::call::{RetryPolicy, Station, Verb};
use crate::error::Unanswered;
use crate::plan::Plan;

/// What every connector holds for a subject, and what an erasure would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// One entry for each connector.
    pub connectors: Vec<ConnectorPreview>,
    /// Why an erasure could not start now.
    pub blockers: Vec<Blocker>,
    /// The plan behind it.
    pub plan: Plan,
    /// Whether everything could be counted. Where not, the collections say why.
    pub complete: bool,
}

/// What one connector holds for a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectorPreview {
    /// Its name.
    pub name: ConnectorName,
    /// What each of its collections holds.
    pub collections: Vec<CollectionPreview>,
    /// What the connector declares that it cannot reach.
    pub unreachable: Vec<Unreachable>,
}

/// What one collection holds for a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectionPreview {
    /// Its name.
    pub name: CollectionName,
    /// What an erasure would do to how many records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// Why that is not known, or why there is nothing an erasure could do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a survey of all connectors counted, and who could not be asked.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) tallies: BTreeMap<(ConnectorName, CollectionName), Tally>,
    pub(crate) blockers: Vec<Blocker>,
    pub(crate) unanswered: Vec<Unanswered>,
}

impl Counts {
    /// Why a collection could not be counted.
    pub(crate) fn error(
        &self,
        connector: &ConnectorName,
        collection: &CollectionName,
    ) -> Option<&ConnectorError> {
        self.unanswered
            .iter()
            .find(|silence| {
                silence.connector == *connector
                    && silence
                        .collection
                        .as_ref()
                        .is_none_or(|name| name == collection)
            })
            .map(|silence| &silence.error)
    }
}

/// Surveys these connectors at once.
pub(crate) async fn survey(
    stations: impl Iterator<Item = &Station>,
    subject: &Subject,
    retry: &RetryPolicy,
    until: Instant,
) -> Counts {
    let mut asked: FuturesUnordered<_> = stations
        .map(|station| async move {
            let answer = station
                .call_again(retry, until, Verb("survey", None), || {
                    station.connector.survey(subject)
                })
                .await;
            (station.connector.descriptor(), answer)
        })
        .collect();
    let mut counts = Counts::default();
    while let Some((descriptor, answer)) = asked.next().await {
        let survey = match answer {
            Ok(survey) => survey,
            Err(error) => {
                counts.unanswered.push(Unanswered {
                    connector: descriptor.name.clone(),
                    collection: None,
                    error,
                });
                continue;
            }
        };
        counts.blockers.extend(survey.blockers);
        let mut holdings: BTreeMap<_, _> = survey
            .holdings
            .into_iter()
            .map(|holding| (holding.collection, holding.tally))
            .collect();
        for collection in &descriptor.collections {
            if !collection.is_reached_by(subject) {
                continue;
            }
            let tally = holdings.remove(&collection.name).unwrap_or_else(|| {
                Err(ConnectorError::new(
                    ErrorKind::Internal,
                    "the connector left this collection out of its survey",
                ))
            });
            match tally {
                Ok(tally) => {
                    counts
                        .tallies
                        .insert((descriptor.name.clone(), collection.name.clone()), tally);
                }
                Err(error) => counts.unanswered.push(Unanswered {
                    connector: descriptor.name.clone(),
                    collection: Some(collection.name.clone()),
                    error,
                }),
            }
        }
    }
    counts.blockers.sort();
    counts.blockers.dedup();
    counts
}
