//! Counting what a provider keeps for a person, and what an erasure would do to it.

use adieu_core::{
    Blocker, Connector as _, ConnectorError, Disposition, ErrorKind, Holding, Subject, Survey,
    Tally,
};
use futures_util::future::{join_all, try_join_all};

use crate::classify::{Fate, classify};
use crate::config::OpenInvoices;
use crate::connector::BillingConnector;
use crate::descriptor::Part;
use crate::export::PAGE;
use crate::provider::{Kind, Listed, Standing};
use crate::redact;

pub(crate) async fn survey(
    connector: &BillingConnector,
    subject: &Subject,
) -> Result<Survey, ConnectorError> {
    let collections = &connector.descriptor().collections;
    let reached: Vec<_> = collections
        .iter()
        .filter(|collection| collection.is_reached_by(subject))
        .collect();
    if reached.is_empty() {
        return Ok(Survey::default());
    }
    let customers = customers(connector, subject).await?;
    let counts = reached.iter().map(|collection| async {
        match Part::of(&collection.name) {
            Some(part) => count(connector, part, &customers).await,
            None => Err(ConnectorError::unknown_collection()),
        }
    });
    let mut survey = Survey::default();
    let mut open = false;
    for (collection, count) in reached.iter().zip(join_all(counts).await) {
        let tally = count.map(|count| {
            open |= count.open_invoices;
            count.tally
        });
        survey.holdings.push(Holding {
            collection: collection.name.clone(),
            tally,
        });
    }
    if open && connector.rules.open_invoices == OpenInvoices::Block {
        survey.blockers.push(Blocker {
            code: "open_invoice".to_owned(),
            advice: "an invoice is still to be paid; pay it, or have it cancelled".to_owned(),
        });
    }
    Ok(survey)
}

/// A customer, whether it is still there, and what becomes of what it leaves behind.
struct Customer {
    id: String,
    is_there: bool,
    fate: Fate,
}

async fn customers(
    connector: &BillingConnector,
    subject: &Subject,
) -> Result<Vec<Customer>, ConnectorError> {
    let found = connector.provider.find(subject).await?;
    try_join_all(found.into_iter().map(|found| async move {
        let is_there = match found.value {
            Some(_) => true,
            None => connector.provider.customer(&found.id).await?.is_some(),
        };
        let fate = redact::fate(connector, &found.id).await?;
        Ok(Customer {
            id: found.id,
            is_there,
            fate,
        })
    }))
    .await
}

#[derive(Default)]
struct Count {
    tally: Tally,
    open_invoices: bool,
}

async fn count(
    connector: &BillingConnector,
    part: Part,
    customers: &[Customer],
) -> Result<Count, ConnectorError> {
    let mut count = Count::default();
    for customer in customers {
        match part {
            Part::Customers if customer.is_there => count.tally.count(&Disposition::Erase, 1),
            Part::Customers => {}
            Part::Redaction => {
                let disposition =
                    redact::disposition(connector, &customer.id, customer.fate).await?;
                if let Some(disposition) = disposition {
                    count.tally.count(&disposition, 1);
                }
            }
            Part::Records(kind) => add(connector, kind, customer, &mut count).await?,
        }
    }
    Ok(count)
}

async fn add(
    connector: &BillingConnector,
    kind: Kind,
    customer: &Customer,
    count: &mut Count,
) -> Result<(), ConnectorError> {
    let today = BillingConnector::today();
    let mut after = None;
    loop {
        let listed = connector
            .provider
            .list(kind, &customer.id, after.as_deref(), PAGE)
            .await?;
        let Listed::Page(records, more) = listed else {
            let what = "a record was deleted while the list that it stood in was being counted";
            return Err(ConnectorError::new(ErrorKind::Unavailable, what));
        };
        for record in &records {
            count.open_invoices |= record.standing == Standing::Open;
            match classify(record, &connector.rules, customer.fate, today) {
                // What is redacted is nobody's any more.
                Disposition::Absent => {}
                disposition => count.tally.count(&disposition, 1),
            }
        }
        match records.into_iter().next_back() {
            Some(last) if more => after = Some(last.id),
            _ => return Ok(()),
        }
    }
}
