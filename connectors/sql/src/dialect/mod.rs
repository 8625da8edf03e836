//! The border between what is the same for every database and what is not.
//!
//! Above it: which rows are a person's, what happens to them, how a page is written. Below it: how a statement is spelled,
//! sent and answered, what the catalogue says, which values equal an identity, what an error means.

pub(crate) mod connections;
#[cfg(feature = "d1")]
pub(crate) mod d1;
mod inside;
mod mariadb;
mod postgres;
mod server;
mod session;
mod spelling;
pub(crate) mod sql;
mod sqlite;
mod surroundings;
mod url;
mod value;
mod write;

pub(crate) use session::{Applied, Database, RowStream, Session, Transaction};
pub(crate) use spelling::Dialect;
pub(crate) use sql::Sql;
pub(crate) use surroundings::Surroundings;
pub(crate) use url::DatabaseUrl;
pub(crate) use value::{Batch, Cell, Row, Value};
pub(crate) use write::{Unchanged, Write};

#[cfg(test)]
pub(crate) use write::statements;
