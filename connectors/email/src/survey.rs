//! Counting what a provider keeps for a person, and what an erasure would do to it.

use adieu_core::{Connector as _, ConnectorError, ErrorKind, Holding, Subject, Survey, Tally};
use futures_util::future::join_all;

use crate::connector::EmailConnector;
use crate::descriptor::{Part, disposition};

pub(crate) async fn survey(
    connector: &EmailConnector,
    subject: &Subject,
) -> Result<Survey, ConnectorError> {
    let collections = &connector.descriptor().collections;
    let reached = collections
        .iter()
        .filter(|collection| collection.is_reached_by(subject));
    let holdings = reached.map(|collection| async {
        let tally = match Part::of(&collection.name) {
            Some(part) => count(connector, part, subject).await,
            None => Err(ConnectorError::unknown_collection()),
        };
        Holding {
            collection: collection.name.clone(),
            tally,
        }
    });
    Ok(Survey {
        holdings: join_all(holdings).await,
        ..Survey::default()
    })
}

async fn count(
    connector: &EmailConnector,
    part: Part,
    subject: &Subject,
) -> Result<Tally, ConnectorError> {
    let mut records = 0;
    for address in connector.addresses(subject) {
        records += held(connector, part, &address).await?;
    }
    let mut tally = Tally::new();
    match disposition(part, connector.suppression) {
        Some(disposition) => tally.count(&disposition, records),
        None => tally.fail(ErrorKind::Unsupported, records),
    }
    Ok(tally)
}

/// How many records there are for an address.
async fn held(
    connector: &EmailConnector,
    part: Part,
    address: &str,
) -> Result<u64, ConnectorError> {
    let provider = &connector.provider;
    let mut records = 0;
    let mut after: Option<String> = None;
    match part {
        Part::Contacts => Ok(provider.contact(address).await?.is_some().into()),
        Part::Suppressions => Ok(provider.suppression(address).await?.is_some().into()),
        Part::Of(list) => {
            let Some(contact) = provider.contact(address).await? else {
                return Ok(0);
            };
            loop {
                let page = provider.list(list, &contact.id, after.as_deref()).await?;
                records += page.entries.len() as u64;
                match page.next {
                    Some(next) => after = Some(next),
                    None => return Ok(records),
                }
            }
        }
        Part::Broadcasts => loop {
            let page = provider.broadcasts(after.as_deref()).await?;
            for broadcast in &page.entries {
                records += u64::from(provider.was_sent(&broadcast.id, address).await?);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(records),
            }
        },
    }
}
