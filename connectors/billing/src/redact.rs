//! What the provider does not delete, it may redact: when, and one customer after the other.

use adieu_core::{
    ConnectorError, Disposition, Erased, ErrorKind, Retention, RetentionBasis, Retry, Step, Tally,
};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::classify::{Fate, kept_until};
use crate::connector::BillingConnector;
use crate::provider::{Kind, Listed, Progress};

/// So long Stripe redacts no payment.
const DAYS_OF_A_CHARGE: i32 = 90;

/// How long to wait for a redaction that is being prepared.
const PREPARES: Duration = Duration::from_secs(15);

/// What becomes of all that the provider does not delete for a customer.
pub(crate) async fn fate(
    connector: &BillingConnector,
    customer: &str,
) -> Result<Fate, ConnectorError> {
    let rules = &connector.rules;
    if !rules.redaction {
        return Ok(Fate::Stays);
    }
    match connector
        .provider
        .redaction(customer)
        .await?
        .map(|job| job.progress)
    {
        Some(Progress::Done) => return Ok(Fate::Redacted),
        Some(Progress::Running) => return Ok(Fate::BeingRedacted),
        Some(Progress::Prepared | Progress::Cancelled) | None => {}
    }
    let today = BillingConnector::today();
    let charge = youngest(connector, Kind::Charges, customer).await?;
    let invoice = youngest(connector, Kind::Invoices, customer).await?;
    let kept = [charge, invoice]
        .into_iter()
        .filter_map(|day| kept_until(day, rules));
    if kept.max().is_some_and(|until| until >= today) {
        return Ok(Fate::Stays);
    }
    let from = charge.and_then(|day| day.checked_add(DAYS_OF_A_CHARGE.days()).ok());
    Ok(match from {
        Some(from) if from > today => Fate::RedactedFrom(from),
        _ => Fate::RedactedNow,
    })
}

/// What happens to a customer's redaction; `None` when there is nothing left to redact.
pub(crate) async fn disposition(
    connector: &BillingConnector,
    customer: &str,
    fate: Fate,
) -> Result<Option<Disposition>, ConnectorError> {
    Ok(match fate {
        Fate::Redacted => None,
        // Somebody of whom the provider has never heard leaves nothing to redact.
        _ if !connector.provider.has_heard_of(customer).await? => None,
        Fate::Stays => Some(retained(connector)),
        Fate::RedactedFrom(day) => Some(Disposition::Scheduled { by: Some(day) }),
        Fate::RedactedNow => Some(Disposition::Erase),
        Fate::BeingRedacted => Some(Disposition::Scheduled { by: None }),
    })
}

/// Where the redactions are: a redaction's id is in the cursor before anything is done to it.
#[derive(Serialize, Deserialize)]
struct Place {
    customers: Vec<String>,
    job: Option<String>,
}

/// Goes one step further with one customer's redaction.
pub(crate) async fn erase(
    connector: &BillingConnector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let mut place: Place = match step.cursor() {
        Some(cursor) => cursor.decode(step.collection())?,
        None => Place {
            customers: ids(connector, step).await?,
            job: None,
        },
    };
    let mut tally = Tally::new();
    let Some(customer) = place.customers.last().cloned() else {
        return Ok(Erased::done(tally));
    };
    match place.job.take() {
        Some(job) => match connector.provider.advance(&job).await? {
            Progress::Prepared => return Err(being_prepared()),
            Progress::Running => {
                tally.count(&Disposition::Scheduled { by: None }, 1);
                place.customers.pop();
            }
            Progress::Done => {
                tally.count(&Disposition::Erase, 1);
                place.customers.pop();
            }
            // Begins anew.
            Progress::Cancelled => {}
        },
        None => {
            let fate = fate(connector, &customer).await?;
            match disposition(connector, &customer, fate).await? {
                Some(Disposition::Erase) => {
                    place.job = Some(connector.provider.ask_for_redaction(&customer).await?.id);
                }
                Some(disposition) => {
                    tally.count(&disposition, 1);
                    place.customers.pop();
                }
                None => {
                    place.customers.pop();
                }
            }
        }
    }
    if place.customers.is_empty() {
        return Ok(Erased::done(tally));
    }
    let next = adieu_core::Cursor::encode(step.collection(), &place)?;
    Ok(Erased::more(tally, next))
}

async fn ids(connector: &BillingConnector, step: &Step) -> Result<Vec<String>, ConnectorError> {
    let found = connector.provider.find(step.subject()).await?;
    Ok(found.into_iter().rev().map(|found| found.id).collect())
}

/// The day of the newest record.
async fn youngest(
    connector: &BillingConnector,
    kind: Kind,
    customer: &str,
) -> Result<Option<Date>, ConnectorError> {
    match connector.provider.list(kind, customer, None, 1).await? {
        Listed::Page(records, _) => Ok(records.into_iter().next().and_then(|record| record.day)),
        Listed::Lost => Ok(None),
    }
}

fn retained(connector: &BillingConnector) -> Disposition {
    let rule = connector.rules.retain.as_ref();
    Disposition::Retain {
        retention: Retention {
            basis: rule.map_or(RetentionBasis::LegalObligation, |rule| rule.basis),
            reason: rule.map_or_else(String::new, |rule| rule.reason.clone()),
            until: None,
        },
        pseudonymize: false,
    }
}

fn being_prepared() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Unavailable,
        "the provider is still checking whether it can redact",
    )
    .retry(Retry::After(PREPARES))
}
