#![doc = include_str!("../README.md")]

mod classify;
mod config;
mod connector;
mod erase;
mod error;
mod export;
mod folder;
mod place;
mod segment;
mod survey;
mod template;

pub use config::{ObjectStorageConfig, RetainFrom, RetainRule};
pub use connector::{COLLECTION, ObjectStorageConnector};
