//! Which customers belong to a person.

use std::collections::BTreeMap;

use adieu_core::{ConnectorError, Subject};
use serde_json::Value;

use super::Stripe;
use super::error::{error, is_missing};
use crate::provider::Found;

/// By their ids, by their e-mail address, by their metadata. What Stripe answers is compared once more: it is to be equal, not
/// alike.
pub(super) async fn find(stripe: &Stripe, subject: &Subject) -> Result<Vec<Found>, ConnectorError> {
    let mut found: BTreeMap<String, Option<Value>> = BTreeMap::new();
    for id in subject.values(&stripe.kinds.customer) {
        if is_id(id.expose()) {
            found.insert(id.expose().to_owned(), None);
        }
    }
    if let Some(kind) = &stripe.kinds.email {
        for email in subject.values(kind) {
            by_email(stripe, email.expose(), &mut found).await?;
        }
    }
    for (kind, key) in &stripe.kinds.metadata {
        for value in subject.values(kind) {
            by_metadata(stripe, key, value.expose(), &mut found).await?;
        }
    }
    let found = found.into_iter();
    Ok(found.map(|(id, value)| Found { id, value }).collect())
}

/// A customer that is there.
pub(super) async fn customer(stripe: &Stripe, id: &str) -> Result<Option<Value>, ConnectorError> {
    Ok(look(stripe, id)
        .await?
        .filter(|customer| !is_deleted(customer)))
}

/// A customer, or what is left of one.
pub(super) async fn look(stripe: &Stripe, id: &str) -> Result<Option<Value>, ConnectorError> {
    if !is_id(id) {
        return Ok(None);
    }
    let answer = stripe
        .client
        .get("/v1/customers/{id}")
        .fill("id", id)
        .send()
        .await?;
    if is_missing(&answer) {
        return Ok(None);
    }
    if !answer.status().is_success() {
        return Err(error(&answer));
    }
    answer.json().map(Some)
}

async fn by_email(
    stripe: &Stripe,
    email: &str,
    found: &mut BTreeMap<String, Option<Value>>,
) -> Result<(), ConnectorError> {
    let mut after: Option<String> = None;
    loop {
        let mut call = stripe
            .client
            .get("/v1/customers")
            .query("email", email)
            .query("limit", "100");
        if let Some(after) = &after {
            call = call.query("starting_after", after.clone());
        }
        let answer = call.send().await?;
        if !answer.status().is_success() {
            return Err(error(&answer));
        }
        let mut page = answer.json()?;
        let customers = take_list(&mut page).ok_or_else(|| answer.makes_no_sense(NO_LIST))?;
        after = None;
        for customer in customers {
            let Some(id) = text(&customer, "id").filter(|id| is_id(id)) else {
                return Err(answer.makes_no_sense("a customer has no id"));
            };
            after = Some(id.to_owned());
            if text(&customer, "email") == Some(email) && !is_deleted(&customer) {
                found.insert(id.to_owned(), Some(customer));
            }
        }
        if page["has_more"] != true || after.is_none() {
            return Ok(());
        }
    }
}

/// The search lags behind by up to an hour: what it finds is looked at, and what it does not find may be there.
async fn by_metadata(
    stripe: &Stripe,
    key: &str,
    value: &str,
    found: &mut BTreeMap<String, Option<Value>>,
) -> Result<(), ConnectorError> {
    let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
    let query = format!("metadata[\"{key}\"]:\"{quoted}\"");
    let is_theirs = |customer: &Value| customer["metadata"][key].as_str() == Some(value);
    let mut next: Option<String> = None;
    loop {
        let mut call = stripe
            .client
            .get("/v1/customers/search")
            .query("query", query.clone())
            .query("limit", "100");
        if let Some(page) = &next {
            call = call.query("page", page.clone());
        }
        let answer = call.send().await?;
        if !answer.status().is_success() {
            return Err(error(&answer));
        }
        let mut page = answer.json()?;
        let customers = take_list(&mut page).ok_or_else(|| answer.makes_no_sense(NO_LIST))?;
        for hit in customers.iter().filter(|hit| is_theirs(hit)) {
            let Some(id) = text(hit, "id").filter(|id| is_id(id)) else {
                return Err(answer.makes_no_sense("a customer has no id"));
            };
            match look(stripe, id).await? {
                // What a deleted customer leaves behind is still the person's.
                Some(now) if is_deleted(&now) => {
                    found.entry(id.to_owned()).or_insert(None);
                }
                Some(now) if is_theirs(&now) => {
                    found.insert(id.to_owned(), Some(now));
                }
                _ => {}
            }
        }
        next = text(&page, "next_page").map(str::to_owned);
        if page["has_more"] != true || next.is_none() {
            return Ok(());
        }
    }
}

pub(super) const NO_LIST: &str = "the answer is no list";

/// Takes the items out of a list.
pub(super) fn take_list(page: &mut Value) -> Option<Vec<Value>> {
    match page.get_mut("data")?.take() {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

pub(super) fn is_deleted(value: &Value) -> bool {
    value["deleted"] == true
}

/// Whether a text can be an id of Stripe's. What cannot be one is nobody's, and is not asked for.
pub(super) fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
