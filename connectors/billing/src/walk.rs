//! From customer to customer, and from record to record: where a step begins and where the next one goes on.

use adieu_core::{ConnectorError, Cursor, ErrorKind, Retry, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::connector::BillingConnector;
use crate::provider::Found;

/// One person's customers are written into the cursor, so that they are looked for once.
const MOST_CUSTOMERS: usize = 500;

/// Where a step is.
#[derive(Serialize, Deserialize)]
pub(crate) struct Place {
    /// The customers that are left, the current one last.
    customers: Vec<String>,
    /// The record of the current customer that was the last one: the last one read, or the last one left standing.
    pub(crate) after: Option<String>,
    /// What is known of the customers without asking again.
    #[serde(skip)]
    known: Vec<Found>,
}

impl Place {
    /// Where a step begins.
    pub(crate) async fn begin(
        connector: &BillingConnector,
        step: &Step,
    ) -> Result<Self, ConnectorError> {
        if let Some(cursor) = step.cursor() {
            return cursor.decode(step.collection());
        }
        let known = connector.provider.find(step.subject()).await?;
        if known.len() > MOST_CUSTOMERS {
            let what = "one person has more than 500 customers; that is more than this connector goes through";
            return Err(ConnectorError::new(ErrorKind::Unsupported, what).retry(Retry::Never));
        }
        Ok(Self {
            customers: known.iter().rev().map(|found| found.id.clone()).collect(),
            after: None,
            known,
        })
    }

    /// The customer whose records come now.
    pub(crate) fn customer(&self) -> Option<&str> {
        self.customers.last().map(String::as_str)
    }

    /// What finding the current customer told of it.
    pub(crate) fn told(&mut self) -> Option<Value> {
        let current = self.customers.last()?;
        let found = self.known.iter_mut().find(|found| found.id == *current)?;
        found.value.take()
    }

    /// Goes on to the next customer.
    pub(crate) fn next_customer(&mut self) {
        self.customers.pop();
        self.after = None;
    }

    /// The cursor of this place; `None` at the end.
    pub(crate) fn cursor(&self, step: &Step) -> Result<Option<Cursor>, ConnectorError> {
        if self.customers.is_empty() {
            return Ok(None);
        }
        Cursor::encode(step.collection(), self).map(Some)
    }
}
