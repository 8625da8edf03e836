//! Erasing: collection by collection in a connector's own order, connectors in the plan's.

use adieu_core::{Collection, ConnectorError, ErrorKind, Step};
use tokio::time::Instant;

use crate::call::{RetryPolicy, Station, Verb};
use crate::error::EngineError;
use crate::ledger::Ledger;
use crate::progress::Happening;
use crate::state::State;
use crate::step_key::StepKeys;
use crate::teller::Teller;

/// Erases all collections of one connector that are not done, until the time is up.
///
/// A collection that fails keeps those after it waiting: they are what it refers to, and without them its records could
/// not be found any more.
pub(crate) async fn erase_connector(
    station: &Station,
    ledger: &Ledger<'_>,
    teller: &Teller,
    retry: &RetryPolicy,
    until: Instant,
) -> Result<(), EngineError> {
    let descriptor = station.connector.descriptor();
    let mut in_the_way = None;
    for collection in &descriptor.collections {
        if !collection.erasure.is_offered() {
            continue;
        }
        if let Some(first) = in_the_way {
            wait_for(station, collection, first, ledger).await;
            continue;
        }
        let state = erase_collection(station, collection, ledger, teller, retry, until).await?;
        match state {
            State::Done => {}
            State::Pending => return Ok(()),
            State::Failed => in_the_way = Some(collection),
        }
    }
    Ok(())
}

/// Says of a collection that it waits for one that failed.
async fn wait_for(
    station: &Station,
    collection: &Collection,
    first: &Collection,
    ledger: &Ledger<'_>,
) {
    let id = (
        station.connector.descriptor().name.clone(),
        collection.name.clone(),
    );
    let mut pages = ledger.pages().await;
    if pages.peek(&id).state == State::Pending && collection.is_reached_by(&pages.secrets.known) {
        let state = pages.step(&id);
        state.state = State::Failed;
        state.error = Some(ConnectorError::new(
            ErrorKind::Unavailable,
            format!(
                "it waits for {}, which has to be erased before it",
                first.name
            ),
        ));
    }
}

async fn erase_collection(
    station: &Station,
    collection: &Collection,
    ledger: &Ledger<'_>,
    teller: &Teller,
    retry: &RetryPolicy,
    until: Instant,
) -> Result<State, EngineError> {
    let descriptor = station.connector.descriptor();
    let connector = &descriptor.name;
    let id = (connector.clone(), collection.name.clone());
    let mut quick = 0;
    loop {
        let (subject, state) = {
            let pages = ledger.pages().await;
            (pages.secrets.known.clone(), pages.peek(&id))
        };
        if !collection.is_reached_by(&subject) {
            return Ok(State::Done);
        }
        if state.state != State::Pending {
            return Ok(state.state);
        }
        if state.next_at.is_some_and(|next| next > ledger.now()) || Instant::now() >= until {
            return Ok(State::Pending);
        }
        let key = StepKeys(ledger.id).key(
            "erase",
            connector,
            &collection.name,
            state.cursor.as_ref(),
            state.round,
        );
        let step = Step::new(subject, collection.name.clone(), key)
            .at(state.cursor.clone())
            .in_run(StepKeys(ledger.id).run("erase", connector))
            .at_most(descriptor.limits.records_per_step);
        let answer = station
            .call(
                Verb("erase", Some(&collection.name)),
                station.connector.erase(&step),
            )
            .await;
        match answer {
            Ok(erased) => {
                quick = 0;
                let stuck = erased.next.is_some() && erased.next == state.cursor;
                let done = erased.next.is_none();
                let records = {
                    let mut pages = ledger.pages().await;
                    let state = pages.step(&id);
                    state.answers.hear(&erased);
                    state.records = state.answers.tally().held();
                    state.cursor = erased.next;
                    state.attempts = 0;
                    state.error = None;
                    state.first_failed_at = None;
                    state.next_at = None;
                    if done {
                        state.state = State::Done;
                    }
                    // The records after it may be what these are found by.
                    if done && let Some(failed) = state.answers.tally().failed().first() {
                        state.state = State::Failed;
                        state.error = Some(ConnectorError::new(
                            failed.kind,
                            format!("{} of its records could not be erased", failed.records),
                        ));
                    }
                    if stuck {
                        state.state = State::Failed;
                        state.error = Some(ConnectorError::new(
                            ErrorKind::Protocol,
                            "the connector does not get on: its cursor stays the same",
                        ));
                    }
                    state.records
                };
                teller.tell(Happening::Records {
                    connector: connector.clone(),
                    collection: collection.name.clone(),
                    records,
                    done,
                });
                if ledger.is_due().await {
                    ledger.checkpoint().await?;
                }
            }
            Err(error) => {
                quick += 1;
                teller.step_failed(&id, &error);
                match retry.soon(quick, &error) {
                    Some(delay) if Instant::now() + delay < until => {
                        station.sends_again("erase");
                        ledger.pages().await.step(&id).note_effect(&error);
                        tokio::time::sleep(delay).await;
                    }
                    _ => {
                        return Ok(match ledger.failed(&id, &error, retry).await {
                            true => State::Failed,
                            false => State::Pending,
                        });
                    }
                }
            }
        }
    }
}
