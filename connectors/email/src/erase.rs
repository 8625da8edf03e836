//! Erasing what a provider keeps for a person, an address at a time.

use adieu_core::{ConnectorError, Disposition, Erased, ErrorKind, Step, Tally};

use crate::connector::EmailConnector;
use crate::descriptor::{Part, disposition};
use crate::provider::Outcome;
use crate::walk::Walk;

pub(crate) async fn erase(
    connector: &EmailConnector,
    step: &Step,
) -> Result<Erased, ConnectorError> {
    let part = connector.part(step)?;
    let mut walk = Walk::begin(connector, step)?;
    let mut tally = Tally::new();
    let mut left = step.max_records().get();
    while left > 0
        && let Some(address) = walk.address()
    {
        one(connector, part, address, &mut tally).await?;
        walk.next_address();
        left -= 1;
    }
    Ok(Erased {
        tally,
        next: walk.cursor(step)?,
    })
}

/// Handles the record of one address. It is looked at first, and deleted by its id: what a provider would delete by an address
/// might be what is merely alike.
async fn one(
    connector: &EmailConnector,
    part: Part,
    address: &str,
    tally: &mut Tally,
) -> Result<(), ConnectorError> {
    let provider = &connector.provider;
    let entry = match part {
        Part::Contacts => provider.contact(address).await?,
        Part::Suppressions => provider.suppression(address).await?,
        Part::Of(_) | Part::Broadcasts => return Err(not_by_itself()),
    };
    let (Some(entry), Some(disposition)) = (entry, disposition(part, connector.suppression)) else {
        return Ok(());
    };
    if disposition != Disposition::Erase {
        tally.count(&disposition, 1);
        return Ok(());
    }
    let outcome = match part {
        Part::Contacts => provider.delete_contact(&entry.id).await?,
        _ => provider.delete_suppression(&entry.id).await?,
    };
    match outcome {
        Outcome::Done => tally.count(&Disposition::Erase, 1),
        Outcome::Gone => tally.count(&Disposition::Absent, 1),
        Outcome::Refused(kind) => tally.fail(kind, 1),
    }
    Ok(())
}

fn not_by_itself() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Unsupported,
        "this collection is not erased by itself",
    )
}
