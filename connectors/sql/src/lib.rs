#![doc = include_str!("../README.md")]

mod catalogue;
mod classify;
mod compare;
pub mod config;
mod connector;
mod constant;
mod descriptor;
mod dialect;
mod equality;
mod erase;
mod error;
mod export;
pub mod inspect;
mod key;
mod links;
mod pace;
mod pseudonym;
mod record;
mod selection;
mod snapshot;
mod survey;
mod sweep;
mod walk;

pub use config::SqlConfig;
pub use connector::SqlConnector;
pub use inspect::Uncovered;

#[cfg(test)]
mod plans;
