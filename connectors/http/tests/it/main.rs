//! The connector over servers that behave as their providers' documentation says.

#![allow(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by it, and says so when it is skipped"
)]

mod behaviour;
mod catalogue;
mod common;
mod declarations;
mod hostile;
mod schemas;
mod tutorial;
