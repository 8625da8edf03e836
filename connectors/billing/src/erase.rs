//! Erasing what a provider keeps for a person, a batch at a time.

use adieu_core::{ConnectorError, Disposition, Erased, Step, Tally};

use crate::classify::{Fate, classify, is_pending};
use crate::connector::BillingConnector;
use crate::descriptor::Part;
use crate::export::PAGE;
use crate::provider::{Kind, Listed, Outcome, Standing};
use crate::redact;
use crate::walk::Place;

pub(crate) async fn erase(
    connector: &BillingConnector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let part = connector.part(step)?;
    if part == Part::Redaction {
        return redact::erase(connector, step).await;
    }
    let mut place = Place::begin(connector, step).await?;
    let mut tally = Tally::new();
    let mut left = step.max_records().get();
    while left > 0
        && let Some(customer) = place.customer()
    {
        let customer = customer.to_owned();
        left -= match part {
            Part::Records(kind) => {
                batch(connector, kind, &customer, left, &mut place, &mut tally).await?
            }
            _ => {
                delete(connector, &customer, &mut tally).await?;
                place.next_customer();
                1
            }
        };
    }
    Ok(Erased {
        tally,
        next: place.cursor(step)?,
    })
}

/// Handles some records of a customer; says how many.
async fn batch(
    connector: &BillingConnector,
    kind: Kind,
    customer: &str,
    most: u32,
    place: &mut Place,
    tally: &mut Tally,
) -> Result<u32, ConnectorError> {
    let limit = most.min(PAGE);
    let listed = connector
        .provider
        .list(kind, customer, place.after.as_deref(), limit)
        .await?;
    let Listed::Page(records, more) = listed else {
        // The record that stood last has gone. Those before it are met again, and whatever is done to them is done already.
        place.after = None;
        return Ok(0);
    };
    let fate = if records.is_empty() {
        Fate::Stays
    } else {
        redact::fate(connector, customer).await?
    };
    let today = BillingConnector::today();
    let mut handled = 0;
    for record in records.into_iter().take(limit as usize) {
        handled += 1;
        let disposition = classify(&record, &connector.rules, fate, today);
        let mut stands = true;
        if is_pending(&disposition) {
            let outcome = connector.provider.end(customer, &record).await?;
            stands = match (outcome, &disposition) {
                (Outcome::Refused(kind), _) => {
                    tally.fail(kind, 1);
                    true
                }
                (Outcome::Gone, Disposition::Erase) => {
                    tally.count(&Disposition::Absent, 1);
                    false
                }
                _ => {
                    tally.count(&disposition, 1);
                    // What was deleted or detached is not in the list any more.
                    !matches!(
                        record.standing,
                        Standing::Draft | Standing::TaxId | Standing::Attached
                    )
                }
            };
        } else if disposition != Disposition::Absent {
            tally.count(&disposition, 1);
        }
        if stands {
            place.after = Some(record.id);
        }
    }
    if !more {
        place.next_customer();
    }
    Ok(handled)
}

/// Deletes a customer, once nothing charges it any more.
async fn delete(
    connector: &BillingConnector,
    customer: &str,
    tally: &mut Tally,
) -> Result<(), ConnectorError> {
    if let Some(refused) = still_charged(connector, customer).await? {
        tally.fail(refused, 1);
        return Ok(());
    }
    match connector.provider.delete_customer(customer).await? {
        Outcome::Done => tally.count(&Disposition::Erase, 1),
        // Gone, or never there: an id that was given need not be anybody's.
        Outcome::Gone => {}
        Outcome::Refused(kind) => tally.fail(kind, 1),
    }
    Ok(())
}

/// Cancels what was subscribed since the subscriptions were gone through; says when that is refused.
async fn still_charged(
    connector: &BillingConnector,
    customer: &str,
) -> Result<Option<adieu_core::ErrorKind>, ConnectorError> {
    let mut after: Option<String> = None;
    let mut refused = None;
    loop {
        let listed = connector
            .provider
            .list(Kind::Subscriptions, customer, after.as_deref(), PAGE)
            .await?;
        let Listed::Page(records, more) = listed else {
            after = None;
            continue;
        };
        for record in &records {
            if record.standing == Standing::Running
                && let Outcome::Refused(kind) = connector.provider.end(customer, record).await?
            {
                refused = Some(kind);
            }
        }
        match records.into_iter().next_back() {
            Some(last) if more => after = Some(last.id),
            _ => return Ok(refused),
        }
    }
}
