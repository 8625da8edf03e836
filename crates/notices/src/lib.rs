#![doc = include_str!("../README.md")]

mod config;
mod error;
mod smtp;
mod template;

pub use config::NoticesConfig;
pub use smtp::SmtpCourier;
