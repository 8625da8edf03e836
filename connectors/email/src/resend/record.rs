//! Records that an address names: looked at by the address, deleted by their id.

use adieu_core::ConnectorError;
use adieu_http_client::{Client, Response};
use serde_json::{Map, Value};

use super::error::{about_another, error, is_missing, refusal};
use crate::address::{Match, compare};
use crate::provider::{Entry, List, Outcome, Page};

/// Nobody's address (RFC 2606); asking for it shows whether the key may ask.
const NOBODY: &str = "adieu-check@example.invalid";

/// The most that a list gives at once.
const MOST: &str = "100";

/// Asks for what nobody has.
pub(super) async fn check(client: &Client) -> Result<(), ConnectorError> {
    for route in ["/contacts/{address}", "/suppressions/{address}"] {
        let answer = client.get(route).fill("address", NOBODY).send().await?;
        if !answer.status().is_success() && !is_missing(&answer) {
            return Err(error(&answer));
        }
    }
    Ok(())
}

/// The record of an address. One that is about another address is an error, however much alike they are.
pub(super) async fn look(
    client: &Client,
    route: &'static str,
    address: &str,
) -> Result<Option<Entry>, ConnectorError> {
    let answer = client.get(route).fill("address", address).send().await?;
    if is_missing(&answer) {
        return Ok(None);
    }
    if !answer.status().is_success() {
        return Err(error(&answer));
    }
    let found = entry(answer.json()?, &answer)?;
    let answered = found.value.get("email").and_then(Value::as_str);
    match answered.map(|answered| compare(address, answered)) {
        Some(Match::Exact) => Ok(Some(found)),
        Some(Match::InLowerCase) => Ok(None),
        Some(Match::Other) | None => Err(about_another(&answer)),
    }
}

/// Deletes a record. Success is what the answer shows, not its status.
pub(super) async fn delete(
    client: &Client,
    route: &'static str,
    id: &str,
) -> Result<Outcome, ConnectorError> {
    let answer = client.delete(route).fill("id", id).send().await?;
    if answer.status().is_success() {
        return if answer.json()?["deleted"] == true {
            Ok(Outcome::Done)
        } else {
            Err(answer.makes_no_sense("success was answered, and nothing was deleted"))
        };
    }
    if is_missing(&answer) {
        return Ok(Outcome::Gone);
    }
    match refusal(&answer) {
        Some(kind) => Ok(Outcome::Refused(kind)),
        None => Err(error(&answer)),
    }
}

/// What belongs to a contact. A contact that is gone has nothing.
pub(super) async fn belongings(
    client: &Client,
    list: List,
    contact: &str,
    after: Option<&str>,
) -> Result<Page, ConnectorError> {
    let route = match list {
        List::Segments => "/contacts/{contact}/segments",
        List::Topics => "/contacts/{contact}/topics",
    };
    let mut call = client
        .get(route)
        .fill("contact", contact)
        .query("limit", MOST);
    if let Some(after) = after {
        call = call.query("after", after);
    }
    let answer = call.send().await?;
    if is_missing(&answer) && after.is_none() {
        return Ok(Page {
            entries: Vec::new(),
            next: None,
        });
    }
    page(&answer, after)
}

/// One part of a list.
pub(super) fn page(answer: &Response, after: Option<&str>) -> Result<Page, ConnectorError> {
    if !answer.status().is_success() {
        return match (after, refusal(answer), is_missing(answer)) {
            (Some(_), Some(_), _) | (Some(_), _, true) => {
                Err(answer.makes_no_sense("the record after which to go on is not there any more"))
            }
            _ => Err(error(answer)),
        };
    }
    let mut list = answer.json()?;
    let Some(Value::Array(items)) = list.get_mut("data").map(Value::take) else {
        return Err(answer.makes_no_sense("the answer is no list"));
    };
    let entries = items.into_iter().map(|item| entry(item, answer));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let last = entries.last().map(|last| last.id.clone());
    let next = last.filter(|_| list["has_more"] == true);
    if next.is_some() && next.as_deref() == after {
        return Err(answer.makes_no_sense("the list does not go on"));
    }
    Ok(Page { entries, next })
}

/// A record with its id.
pub(super) fn entry(value: Value, answer: &Response) -> Result<Entry, ConnectorError> {
    let Value::Object(value) = value else {
        return Err(answer.makes_no_sense("a record is none"));
    };
    match text(&value, "id") {
        Some(id) if !id.is_empty() => Ok(Entry {
            id: id.to_owned(),
            value,
        }),
        _ => Err(answer.makes_no_sense("a record has no id")),
    }
}

pub(super) fn text<'v>(value: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}
