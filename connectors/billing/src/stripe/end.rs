//! Cancelling, detaching, voiding, deleting. Success is only what Stripe says has happened.

use adieu_core::ConnectorError;
use adieu_http_client::{Call, Response};
use serde_json::Value;

use super::Stripe;
use super::error::{error, is_missing, refusal};
use super::find::{is_deleted, text};
use crate::provider::{Outcome, Record, Standing};

pub(super) async fn delete_customer(stripe: &Stripe, id: &str) -> Result<Outcome, ConnectorError> {
    let call = stripe.client.delete("/v1/customers/{id}").fill("id", id);
    send(call, is_deleted).await
}

pub(super) async fn end(
    stripe: &Stripe,
    customer: &str,
    record: &Record,
) -> Result<Outcome, ConnectorError> {
    let client = &stripe.client;
    let id = record.id.as_str();
    match record.standing {
        Standing::Running => {
            let call = client.delete("/v1/subscriptions/{id}").fill("id", id);
            send(call, |answer| text(answer, "status") == Some("canceled")).await
        }
        Standing::Attached => detach(stripe, id).await,
        Standing::Draft => {
            let call = client.delete("/v1/invoices/{id}").fill("id", id);
            send(call, is_deleted).await
        }
        Standing::Open => {
            let call = post(client.post("/v1/invoices/{id}/void").fill("id", id));
            let outcome = send(call, |answer| text(answer, "status") == Some("void")).await?;
            let now = client.get("/v1/invoices/{id}").fill("id", id);
            unless_already(outcome, now, |now| text(now, "status") == Some("void")).await
        }
        Standing::TaxId => {
            let call = client
                .delete("/v1/customers/{customer}/tax_ids/{id}")
                .fill("customer", customer)
                .fill("id", id);
            send(call, is_deleted).await
        }
        Standing::Ended | Standing::Final | Standing::Charged => Ok(Outcome::Gone),
    }
}

/// What can be taken out of a payment method is taken out first: afterwards it cannot be changed any more.
async fn detach(stripe: &Stripe, id: &str) -> Result<Outcome, ConnectorError> {
    let client = &stripe.client;
    let nothing = ["name", "email", "phone", "address"]
        .map(|field| (format!("billing_details[{field}]"), ""));
    let call = client.post("/v1/payment_methods/{id}").fill("id", id);
    let cleared = post(call).form(nothing).send().await?;
    if !cleared.status().is_success() && refusal(&cleared).is_none() {
        return Err(error(&cleared));
    }
    let call = client
        .post("/v1/payment_methods/{id}/detach")
        .fill("id", id);
    let outcome = send(post(call), |answer| answer["customer"].is_null()).await?;
    let now = client.get("/v1/payment_methods/{id}").fill("id", id);
    unless_already(outcome, now, |now| now["customer"].is_null()).await
}

/// A call that is recognised when it is repeated. The key is a new one for each record and round: the answer to an old one may be a
/// failure that is kept for a day.
pub(super) fn post(call: Call<'_>) -> Call<'_> {
    call.idempotency_key(&uuid::Uuid::new_v4().to_string())
}

/// Sends a call and holds the answer against what it should have brought about.
async fn send(
    call: Call<'_>,
    happened: impl Fn(&Value) -> bool,
) -> Result<Outcome, ConnectorError> {
    let answer = call.send().await?;
    if answer.status().is_success() {
        return if happened(&answer.json()?) {
            Ok(Outcome::Done)
        } else {
            Err(has_not_happened(&answer))
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

/// A refusal is none when what was asked for had happened before.
async fn unless_already(
    outcome: Outcome,
    now: Call<'_>,
    happened: impl Fn(&Value) -> bool,
) -> Result<Outcome, ConnectorError> {
    let Outcome::Refused(_) = outcome else {
        return Ok(outcome);
    };
    let now = now.send().await?;
    if now.status().is_success() && happened(&now.json()?) {
        return Ok(Outcome::Gone);
    }
    Ok(outcome)
}

fn has_not_happened(answer: &Response) -> ConnectorError {
    answer.makes_no_sense("success was answered, and it has not happened")
}
