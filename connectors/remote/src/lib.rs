#![doc = include_str!("../README.md")]

mod config;
mod connector;
mod erase;
mod export;
mod opendsr;
mod service;
mod signature;
mod survey;

pub use config::{RemoteCollection, RemoteConfig};
pub use connector::RemoteConnector;
pub use opendsr::{
    Callback, NotACallback, OpendsrConfig, OpendsrConnector, OpendsrIdentity, Regulation,
};
