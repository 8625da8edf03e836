//! Writing out what a provider keeps for a person.

use adieu_core::{ConnectorError, Cursor, PageWriter, Step};

use crate::connector::EmailConnector;
use crate::descriptor::{Part, schema};
use crate::provider::{Entry, List};
use crate::walk::Walk;

pub(crate) async fn export(
    connector: &EmailConnector,
    step: &Step,
    page: &mut PageWriter<'_>,
) -> Result<Option<Cursor>, ConnectorError> {
    let part = connector.part(step)?;
    let mut walk = Walk::begin(connector, step)?;
    // Nothing here leads to another system.
    if !page.wants_records() {
        return Ok(None);
    }
    page.schema(&schema(part))?;
    while let Some(address) = walk.address() {
        let address = address.to_owned();
        let is_full = match part {
            Part::Contacts => one(connector.provider.contact(&address).await?, page).await?,
            Part::Suppressions => {
                one(connector.provider.suppression(&address).await?, page).await?
            }
            Part::Of(list) => belongings(connector, list, &address, &mut walk, page).await?,
            Part::Broadcasts => broadcasts(connector, &address, &mut walk, page).await?,
        };
        if walk.after.is_none() {
            walk.next_address();
        }
        if is_full {
            return walk.cursor(step);
        }
    }
    Ok(None)
}

/// Writes a record, if there is one; says whether the page is full.
async fn one(entry: Option<Entry>, page: &mut PageWriter<'_>) -> Result<bool, ConnectorError> {
    let Some(entry) = entry else {
        return Ok(false);
    };
    page.record(&entry.value).await?;
    Ok(page.is_full())
}

/// Writes what belongs to the contact of an address, as far as the page goes; `walk.after` says where to go on.
async fn belongings(
    connector: &EmailConnector,
    list: List,
    address: &str,
    walk: &mut Walk,
    page: &mut PageWriter<'_>,
) -> Result<bool, ConnectorError> {
    let mut after = walk.after.take();
    let Some(contact) = connector.provider.contact(address).await? else {
        return Ok(false);
    };
    loop {
        let listed = connector
            .provider
            .list(list, &contact.id, after.as_deref())
            .await?;
        let mut entries = listed.entries.into_iter().peekable();
        while let Some(mut entry) = entries.next() {
            let id = contact.id.clone();
            entry.value.insert("contact_id".to_owned(), id.into());
            page.record(&entry.value).await?;
            if page.is_full() {
                let more = entries.peek().is_some() || listed.next.is_some();
                walk.after = more.then_some(entry.id);
                return Ok(true);
            }
        }
        match listed.next {
            Some(next) => after = Some(next),
            None => return Ok(false),
        }
    }
}

/// Writes which broadcasts were sent to an address, a part of them; `walk.after` says where to go on.
async fn broadcasts(
    connector: &EmailConnector,
    address: &str,
    walk: &mut Walk,
    page: &mut PageWriter<'_>,
) -> Result<bool, ConnectorError> {
    let provider = &connector.provider;
    let listed = provider.broadcasts(walk.after.take().as_deref()).await?;
    let mut entries = listed.entries.into_iter().peekable();
    while let Some(entry) = entries.next() {
        let id = entry.id.clone();
        if !provider.was_sent(&id, address).await? {
            continue;
        }
        let received = provider.received(entry, address).await?;
        page.record(&received).await?;
        if page.is_full() {
            let more = entries.peek().is_some() || listed.next.is_some();
            walk.after = more.then_some(id);
            return Ok(true);
        }
    }
    walk.after = listed.next;
    // Each broadcast is a call, and a step that is begun again begins with the first one of its part.
    Ok(walk.after.is_some())
}
