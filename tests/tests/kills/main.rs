//! What is killed at random instants, again and again, goes on: no request lost, none doubled, no record missing or twice,
//! nothing of anybody else touched, the receipt true to the database.
//!
//! Once as a command that a person runs (`program`), once as a server under load (`server`). The seeds are printed.
//! `ADIEU_KILLS=N` kills each of them N times.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // it stops when it cannot go on, and shows its seeds

mod crowd;
mod program;
mod proof;
mod server;
mod shop;

/// How often to kill.
fn kills(usual: usize) -> usize {
    std::env::var("ADIEU_KILLS").map_or(usual, |text| text.parse().unwrap())
}
