//! The engine over systems in memory and its real store, whole lives of requests.

#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on should stop

mod deaths;
mod failures;
mod host;
mod life;
mod notices;
mod operators;
mod queue;
mod rounds;
mod spools;
mod vault;
mod world;
