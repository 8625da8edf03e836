//! From address to address: where a step begins and where the next one goes on.

use adieu_core::{ConnectorError, Cursor, Step};
use serde::{Deserialize, Serialize};

use crate::connector::EmailConnector;

/// Where a step is.
#[derive(Serialize, Deserialize)]
pub(crate) struct Place {
    /// The address at which the next step goes on. Addresses are gone through in order, so that one that is learned later neither
    /// moves nor hides another.
    address: String,
    /// The record of this address after which it goes on; `None` at its first.
    pub(crate) after: Option<String>,
}

/// The addresses that a step goes through.
pub(crate) struct Walk {
    left: Vec<String>,
    pub(crate) after: Option<String>,
}

impl Walk {
    /// Where a step begins.
    pub(crate) fn begin(connector: &EmailConnector, step: &Step) -> Result<Self, ConnectorError> {
        let addresses = connector.addresses(step.subject()).into_iter().rev();
        let place: Option<Place> = step
            .cursor()
            .map(|cursor| cursor.decode(step.collection()))
            .transpose()?;
        Ok(match place {
            None => Self {
                left: addresses.collect(),
                after: None,
            },
            Some(place) => {
                let left: Vec<_> = addresses
                    .filter(|address| *address >= place.address)
                    .collect();
                // What stands after a record of one address says nothing about another.
                let same = left.last() == Some(&place.address);
                Self {
                    left,
                    after: place.after.filter(|_| same),
                }
            }
        })
    }

    /// The address that comes now.
    pub(crate) fn address(&self) -> Option<&str> {
        self.left.last().map(String::as_str)
    }

    /// Goes on to the next address.
    pub(crate) fn next_address(&mut self) {
        self.left.pop();
        self.after = None;
    }

    /// The cursor of this place; `None` at the end.
    pub(crate) fn cursor(&self, step: &Step) -> Result<Option<Cursor>, ConnectorError> {
        let Some(address) = self.address() else {
            return Ok(None);
        };
        let place = Place {
            address: address.to_owned(),
            after: self.after.clone(),
        };
        Cursor::encode(step.collection(), &place).map(Some)
    }
}
