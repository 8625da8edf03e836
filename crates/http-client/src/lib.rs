#![doc = include_str!("../README.md")]

mod account;
mod attempt;
mod breaker;
mod call;
mod client;
mod config;
mod credential;
mod failure;
mod quota;
mod response;
mod retry;
mod tokens;
mod transport;

pub use account::{Account, Rate};
pub use call::Call;
pub use client::{Client, ClientBuilder};
pub use config::HttpConfig;
pub use credential::Credential;
pub use response::{Response, Streamed};
pub use retry::Verdict;
pub use tokens::{ServiceAccount, Tokens};
pub use transport::{Answer, Outgoing, Transport};

/// HTTP's own words, as this client takes and gives them.
pub use http;
