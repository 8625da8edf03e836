//! The layer in real servers, and the API as a client meets it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by it, or says why it is skipped"
)]

mod client;
mod direct;
mod documents;
mod downloads;
mod erasures;
mod exports;
mod foreign;
mod guard;
mod http2;
mod limits;
mod notices;
mod operators;
mod page;
mod refusals;
mod schemathesis;
mod silence;
mod worker;
mod world;
