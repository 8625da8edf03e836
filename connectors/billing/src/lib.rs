#![doc = include_str!("../README.md")]

mod classify;
mod config;
mod connector;
mod descriptor;
mod erase;
mod export;
mod provider;
mod redact;
mod stripe;
mod survey;
mod walk;

pub use config::{BillingConfig, OpenInvoices, ProviderName, RetainRule};
pub use connector::BillingConnector;
