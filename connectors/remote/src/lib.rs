#![doc = include_str!("../README.md")]

mod config;
mod connector;
mod erase;
mod export;
mod service;
mod signature;
mod survey;

pub use config::{RemoteCollection, RemoteConfig};
pub use connector::RemoteConnector;
