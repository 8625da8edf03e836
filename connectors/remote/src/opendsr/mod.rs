//! Processors that speak OpenDSR 2, or OpenGDPR 1 as it was called before.

mod callback;
mod config;
mod connector;
mod erase;
mod names;
mod processor;
mod proof;
mod survey;
mod written;

pub use callback::{Callback, NotACallback};
pub use config::{OpendsrConfig, OpendsrIdentity, Regulation};
pub use connector::OpendsrConnector;
