//! Real database servers for tests and benchmarks: one for each process that asks, over a Unix socket in a folder of its own.
//!
//! A server starts from a copy of a template that is made once on a machine. It ends, and its folder goes, when the
//! process that asked for it ends, however that happens: a guardian waits for the end of a pipe.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout
)]

mod guardian;
mod mariadb;
mod mysql;
mod postgres;
mod speaker;

pub(crate) use mariadb::mariadb;
pub(crate) use mysql::{mysql, mysql_on_loopback};
pub(crate) use postgres::postgres;
pub(crate) use speaker::Speaker;

/// Numbers for names that must not meet.
fn next_number() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
