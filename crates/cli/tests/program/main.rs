//! The program as a person or a script meets it: what it prints, how it ends, and what is left in the systems.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by it, and says why it is skipped"
)]

mod chinook;
mod demo;
mod direct;
mod failures;
mod inspect;
mod life;
mod place;
mod readme;
#[path = "../../../../connectors/sql/tests/servers/mod.rs"]
mod servers;
mod token;
