#![doc = include_str!("../README.md")]

mod clause;
mod clauses;
mod collector;
mod compare;
mod counts;
mod dice;
mod discover;
mod faults;
mod fit;
mod fixture;
pub mod memory;
mod trace;
mod trial;
mod verify;

pub use clause::Clause;
pub use collector::{Collector, Page};
pub use discover::discover;
pub use fixture::{Broken, Fixture, State};
pub use verify::{Faults, Report, Violation, prove, survives, verify, verify_all};

#[doc(hidden)]
pub use verify::{always_there, may_run};
