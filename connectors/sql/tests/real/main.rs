//! The connector over real PostgreSQL, MariaDB and MySQL servers, and over schemas that nobody here designed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/links.rs"]
mod links;
#[path = "../servers/mod.rs"]
mod servers;
#[path = "../common/inside.rs"]
mod whose;

mod chinook;
mod constants;
mod guards;
mod inside;
mod jambonz;
mod mariadb_contract;
mod mariadb_types;
mod mysql_contract;
mod mysql_login;
mod mysql_types;
mod pagila;
mod people;
mod place;
mod places;
mod postgres_contract;
mod postgres_types;
mod proposals;
mod snapshots;
mod writing;
