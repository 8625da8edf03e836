//! SQLite, through its own library.

mod catalogue;
mod database;
mod error;
pub(super) mod inside;
mod types;
mod write;

#[cfg(feature = "d1")]
pub(crate) use catalogue::{assembled, queries};
pub(crate) use database::{SqliteDatabase, SqliteSession, SqliteStream};
pub(crate) use types::{coerced, equal_values};
