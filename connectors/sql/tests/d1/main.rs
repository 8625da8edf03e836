//! The connector over Cloudflare D1: its own engine, behind the HTTP API's path and envelope.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/links.rs"]
mod links;
#[path = "../common/board.rs"]
mod team;
#[path = "../common/inside.rs"]
mod whose;

mod board;
mod contract;
mod hard_times;
mod inside;
mod plans;
mod server;
mod values;
mod wide;
