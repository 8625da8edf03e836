//! What Stripe keeps for a customer.

use adieu_core::ConnectorError;
use adieu_http_client::{Call, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Stripe;
use super::error::{error, is_missing, trouble};
use super::find::{NO_LIST, take_list, text};
use crate::provider::{Kind, Listed, Record, Standing};

/// Nobody's id; asking for it shows whether the key may ask.
const NOBODY: &str = "cus_adieu_check";

const KINDS: [Kind; 5] = [
    Kind::Subscriptions,
    Kind::PaymentMethods,
    Kind::Invoices,
    Kind::Charges,
    Kind::TaxIds,
];

/// Asks for what nobody has.
pub(super) async fn check(stripe: &Stripe) -> Result<(), ConnectorError> {
    let mut calls = vec![stripe.client.get("/v1/customers/{id}").fill("id", NOBODY)];
    calls.extend(KINDS.map(|kind| call(stripe, kind, NOBODY)));
    for call in calls {
        let answer = call.send().await?;
        if !answer.status().is_success() && !is_missing(&answer) {
            return Err(error(&answer));
        }
    }
    Ok(())
}

pub(super) async fn list(
    stripe: &Stripe,
    kind: Kind,
    customer: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Listed, ConnectorError> {
    let mut call = call(stripe, kind, customer).query("limit", limit.clamp(1, 100).to_string());
    if let Some(after) = after {
        call = call.query("starting_after", after);
    }
    let answer = call.send().await?;
    if !answer.status().is_success() {
        if after.is_some() && trouble(&answer).param.as_deref() == Some("starting_after") {
            return Ok(Listed::Lost);
        }
        return if is_missing(&answer) {
            Ok(Listed::Page(Vec::new(), false))
        } else {
            Err(error(&answer))
        };
    }
    let mut page = answer.json()?;
    let items = take_list(&mut page).ok_or_else(|| answer.makes_no_sense(NO_LIST))?;
    let more = page["has_more"] == true && !items.is_empty();
    let records = items.into_iter().map(|value| record(kind, value, &answer));
    let records = records.collect::<Result<Vec<_>, _>>()?;
    Ok(Listed::Page(records, more))
}

fn call<'c>(stripe: &'c Stripe, kind: Kind, customer: &'c str) -> Call<'c> {
    let client = &stripe.client;
    match kind {
        // Without a status, the list leaves out what is cancelled.
        Kind::Subscriptions => client.get("/v1/subscriptions").query("status", "all"),
        Kind::PaymentMethods => client.get("/v1/payment_methods"),
        Kind::Invoices => client.get("/v1/invoices"),
        Kind::Charges => client.get("/v1/charges"),
        Kind::TaxIds => {
            return client
                .get("/v1/customers/{id}/tax_ids")
                .fill("id", customer);
        }
    }
    .query("customer", customer)
}

fn record(kind: Kind, value: Value, answer: &Response) -> Result<Record, ConnectorError> {
    let no_sense = |why: &str| Err(answer.makes_no_sense(why));
    let Some(id) = text(&value, "id") else {
        return no_sense("a record has no id");
    };
    let id = id.to_owned();
    let standing = match (kind, text(&value, "status")) {
        (Kind::Subscriptions, Some("canceled" | "incomplete_expired")) => Standing::Ended,
        // Whatever else it says, now or in versions to come: it may go on charging.
        (Kind::Subscriptions, Some(_)) => Standing::Running,
        (Kind::Invoices, Some("draft")) => Standing::Draft,
        (Kind::Invoices, Some("open")) => Standing::Open,
        (Kind::Invoices, Some("paid" | "void" | "uncollectible")) => Standing::Final,
        (Kind::Subscriptions | Kind::Invoices, _) => {
            return no_sense("a record has no known status");
        }
        (Kind::PaymentMethods, _) => Standing::Attached,
        (Kind::Charges, _) => Standing::Charged,
        (Kind::TaxIds, _) => Standing::TaxId,
    };
    let finalized = value["status_transitions"]["finalized_at"].as_i64();
    let day = finalized
        .or_else(|| value["created"].as_i64())
        .and_then(day_of);
    Ok(Record {
        id,
        standing,
        day,
        value,
    })
}

fn day_of(seconds: i64) -> Option<Date> {
    let at = Timestamp::from_second(seconds).ok()?;
    Some(at.to_zoned(TimeZone::UTC).date())
}
