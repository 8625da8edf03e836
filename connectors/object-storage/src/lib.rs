#![doc = include_str!("../README.md")]

mod archives;
mod classify;
mod config;
mod connector;
mod credentials;
mod erase;
mod error;
mod export;
mod finding;
mod folder;
mod location;
mod manifest;
mod mark;
mod object;
mod place;
mod remote;
mod segment;
mod store;
mod survey;
mod template;

pub use archives::{ArchiveBucket, ArchiveNames, ArchiveUpload};
pub use config::{ObjectStorageConfig, RetainFrom, RetainRule};
pub use connector::{COLLECTION, ObjectStorageConnector};
pub use credentials::Credentials;
pub use finding::{ManifestFormat, ManifestRule, MarkedRule};
