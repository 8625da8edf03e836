#![doc = include_str!("../README.md")]

pub mod newsletter;
pub mod setup;
