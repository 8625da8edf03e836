#![doc = include_str!("../README.md")]

mod assemble;
mod attachment;
mod behind;
mod error;
mod format;
mod key;
mod log;
mod mark;
mod names;
mod page;
mod press;
mod record;
pub mod sealed;
mod spool;
mod synced;
mod vault;

pub use assemble::{
    Assembled, CollectionContents, ConnectorContents, Contents, Direct, DirectPage, Missing,
    MissingReason, Outflow,
};
pub use error::ArchiveError;
pub use format::{Format, UnknownFormat};
pub use key::ArchiveKey;
pub use mark::Mark;
pub use page::{Committed, Page};
pub use spool::{Spool, SpoolOptions};
pub use synced::SyncedFile;
pub use vault::{Archives, Deposit, Vault};
