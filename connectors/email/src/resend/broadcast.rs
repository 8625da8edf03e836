//! Broadcasts, and to whom they were sent.

use adieu_core::ConnectorError;
use adieu_http_client::Client;
use serde_json::{Map, Value};

use super::error::{error, is_missing};
use super::record::{entry, page, text};
use crate::address::{Match, compare};
use crate::provider::{Entry, Page};

/// How many broadcasts are gone through in one step: each is a call for each address.
const PART: &str = "25";

/// Asks for one broadcast, which says nothing about anybody.
pub(super) async fn check(client: &Client) -> Result<(), ConnectorError> {
    let answer = client.get("/broadcasts").query("limit", "1").send().await?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(error(&answer))
    }
}

/// The broadcasts that were sent, or begun to be.
pub(super) async fn list(client: &Client, after: Option<&str>) -> Result<Page, ConnectorError> {
    let mut call = client.get("/broadcasts").query("limit", PART);
    if let Some(after) = after {
        call = call.query("after", after);
    }
    let mut page = page(&call.send().await?, after)?;
    page.entries.retain(|entry| {
        let status = text(&entry.value, "status");
        !matches!(status, Some("draft" | "scheduled"))
    });
    Ok(page)
}

/// What a broadcast notes under a type of event about an address. Of whatever else the filter lets through, nothing is kept.
pub(super) async fn recipient(
    client: &Client,
    broadcast: &str,
    event: &'static str,
    address: &str,
) -> Result<Option<Map<String, Value>>, ConnectorError> {
    let mut after: Option<String> = None;
    loop {
        let mut call = client
            .get("/broadcasts/{id}/recipients")
            .fill("id", broadcast)
            .query("type", event)
            .query("email", address)
            .query("limit", "100");
        if let Some(after) = &after {
            call = call.query("after", after.clone());
        }
        let answer = call.send().await?;
        // It was deleted a moment ago.
        if is_missing(&answer) && after.is_none() {
            return Ok(None);
        }
        let listed = page(&answer, after.as_deref())?;
        for entry in listed.entries {
            let answered = text(&entry.value, "email").unwrap_or_default();
            if compare(address, answered) == Match::Exact {
                return Ok(Some(entry.value));
            }
        }
        match listed.next {
            Some(next) => after = Some(next),
            None => return Ok(None),
        }
    }
}

/// A broadcast as an address received it: what it is, and each sort of event with what is noted about it.
pub(super) async fn received(
    client: &Client,
    broadcast: Entry,
    address: &str,
) -> Result<Map<String, Value>, ConnectorError> {
    let Entry { id, value } = broadcast;
    let mut record = value;
    record.insert("email".to_owned(), address.into());
    let answer = client
        .get("/broadcasts/{id}")
        .fill("id", &id)
        .send()
        .await?;
    if answer.status().is_success() {
        let whole = entry(answer.json()?, &answer)?.value;
        for key in ["subject", "from", "reply_to", "preview_text"] {
            if let Some(value) = whole.get(key) {
                record.insert(key.to_owned(), value.clone());
            }
        }
    } else if !is_missing(&answer) {
        return Err(error(&answer));
    }
    let mut events = Map::new();
    for event in EVENTS {
        if let Some(mut noted) = recipient(client, &id, event, address).await? {
            noted.shift_remove("email");
            events.insert(event.to_owned(), noted.into());
        }
    }
    record.insert("events".to_owned(), events.into());
    Ok(record)
}

const EVENTS: [&str; 7] = [
    "sent",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "complained",
    "unsubscribed",
];
