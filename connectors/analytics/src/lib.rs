#![doc = include_str!("../README.md")]

mod config;
mod connector;
mod erase;
mod google;
mod survey;
mod visitor;

pub use config::AnalyticsConfig;
pub use connector::AnalyticsConnector;
