//! Writing out what a provider keeps for a person.

use adieu_core::{ConnectorError, Cursor, ErrorKind, Identity, IdentityValue, PageWriter, Step};

use crate::connector::BillingConnector;
use crate::descriptor::{Part, schema};
use crate::provider::{Kind, Listed};
use crate::walk::Place;

/// How many records the provider is asked for at once.
pub(crate) const PAGE: u32 = 100;

pub(crate) async fn export(
    connector: &BillingConnector,
    step: &Step,
    page: &mut PageWriter<'_>,
) -> Result<Option<Cursor>, ConnectorError> {
    let part = connector.part(step)?;
    match part {
        Part::Customers => customers(connector, step, page).await,
        // Nothing in them leads to another system.
        Part::Records(_) if !page.wants_records() => Ok(None),
        Part::Records(kind) => records(connector, kind, step, page).await,
        Part::Redaction => Err(ConnectorError::new(
            ErrorKind::Unsupported,
            "a redaction holds nothing to read",
        )),
    }
}

async fn customers(
    connector: &BillingConnector,
    step: &Step,
    page: &mut PageWriter<'_>,
) -> Result<Option<Cursor>, ConnectorError> {
    let mut place = Place::begin(connector, step).await?;
    page.schema(&schema(Part::Customers))?;
    while let Some(id) = place.customer() {
        let id = id.to_owned();
        let value = match place.told() {
            Some(value) => Some(value),
            // Its id was given, so that it leads nowhere new.
            None if !page.wants_records() => None,
            None => connector.provider.customer(&id).await?,
        };
        if let Some(value) = value {
            page.record(&value).await?;
            if let Ok(id) = IdentityValue::new(id) {
                page.identity(Identity::from_parts(connector.kinds.customer.clone(), id))?;
            }
        }
        place.next_customer();
        if page.is_full() {
            return place.cursor(step);
        }
    }
    Ok(None)
}

async fn records(
    connector: &BillingConnector,
    kind: Kind,
    step: &Step,
    page: &mut PageWriter<'_>,
) -> Result<Option<Cursor>, ConnectorError> {
    let mut place = Place::begin(connector, step).await?;
    page.schema(&schema(Part::Records(kind)))?;
    while let Some(customer) = place.customer() {
        let customer = customer.to_owned();
        let after = place.after.as_deref();
        let listed = connector
            .provider
            .list(kind, &customer, after, PAGE)
            .await?;
        let Listed::Page(records, more) = listed else {
            return Err(lost());
        };
        let last = records.len();
        for (index, record) in records.into_iter().enumerate() {
            page.record(&record.value).await?;
            place.after = Some(record.id);
            if page.is_full() {
                if index + 1 == last && !more {
                    place.next_customer();
                }
                return place.cursor(step);
            }
        }
        if !more {
            place.next_customer();
        }
    }
    Ok(None)
}

/// Either somebody deleted a record while its list was being read, or the cursor is none of ours.
fn lost() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        "the record after which to go on is not there any more",
    )
}
