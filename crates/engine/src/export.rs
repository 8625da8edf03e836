//! Exporting: every connector at once, page by page into the spool.

use adieu_archive::Spool;
use adieu_core::{Collection, ConnectorError, ErrorKind, PageWriter, Step};
use tokio::time::Instant;

use crate::call::{RetryPolicy, Station, Verb};
use crate::error::EngineError;
use crate::ledger::Ledger;
use crate::progress::Happening;
use crate::state::State;
use crate::step_key::StepKeys;
use crate::teller::Teller;

/// Exports all collections of one connector that are not done, until the time is up.
pub(crate) async fn export_connector(
    station: &Station,
    ledger: &Ledger<'_>,
    spool: &Spool,
    teller: &Teller,
    retry: &RetryPolicy,
    until: Instant,
) -> Result<(), EngineError> {
    for collection in &station.connector.descriptor().collections {
        if !collection.export.is_offered() {
            continue;
        }
        export_collection(station, collection, ledger, spool, teller, retry, until).await?;
    }
    Ok(())
}

async fn export_collection(
    station: &Station,
    collection: &Collection,
    ledger: &Ledger<'_>,
    spool: &Spool,
    teller: &Teller,
    retry: &RetryPolicy,
    until: Instant,
) -> Result<(), EngineError> {
    let connector = &station.connector.descriptor().name;
    let id = (connector.clone(), collection.name.clone());
    let mut quick = 0;
    loop {
        let (subject, state) = {
            let pages = ledger.pages().await;
            (pages.secrets.known.clone(), pages.peek(&id))
        };
        if state.state != State::Pending
            || state.next_at.is_some_and(|next| next > ledger.now())
            || !collection.is_reached_by(&subject)
            || Instant::now() >= until
        {
            return Ok(());
        }
        let key = StepKeys(ledger.id).key(
            "export",
            connector,
            &collection.name,
            state.cursor.as_ref(),
            0,
        );
        let step = Step::new(subject, collection.name.clone(), key)
            .at(state.cursor.clone())
            .in_run(StepKeys(ledger.id).run("export", connector));
        let mut page = spool.page(connector, collection, &state.mark)?;
        let answer = station
            .call(
                Verb("export", Some(&collection.name)),
                station
                    .connector
                    .export(&step, &mut PageWriter::new(&mut page)),
            )
            .await
            .and_then(|next| match next {
                Some(next) if Some(&next) == state.cursor.as_ref() => Err(ConnectorError::new(
                    ErrorKind::Protocol,
                    "the connector does not get on: its cursor stays the same",
                )),
                next => Ok(next),
            });
        match answer {
            Ok(next) => {
                quick = 0;
                let committed = page.commit().await?;
                let done = next.is_none();
                let records = committed.mark.records() + committed.mark.attachments();
                {
                    let mut pages = ledger.pages().await;
                    let state = pages.step(&id);
                    state.mark = committed.mark;
                    state.records = records;
                    state.cursor = next;
                    state.attempts = 0;
                    state.error = None;
                    state.first_failed_at = None;
                    state.next_at = None;
                    if done {
                        state.state = State::Done;
                    }
                }
                teller.tell(Happening::Records {
                    connector: connector.clone(),
                    collection: collection.name.clone(),
                    records,
                    done,
                });
                if ledger.is_due().await {
                    ledger.checkpoint_with(spool).await?;
                }
            }
            Err(error) => {
                drop(page);
                quick += 1;
                teller.step_failed(&id, &error);
                match retry.soon(quick, &error) {
                    Some(delay) if Instant::now() + delay < until => {
                        station.sends_again("export");
                        tokio::time::sleep(delay).await;
                    }
                    _ => {
                        ledger.failed(&id, &error, retry).await;
                        return Ok(());
                    }
                }
            }
        }
    }
}
