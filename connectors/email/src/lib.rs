#![doc = include_str!("../README.md")]

mod address;
mod config;
mod connector;
mod descriptor;
mod erase;
mod export;
mod provider;
mod resend;
mod survey;
mod walk;

pub use config::{EmailConfig, ProviderName, SuppressionPolicy};
pub use connector::EmailConnector;
