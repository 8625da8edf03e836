#![doc = include_str!("../README.md")]

mod algorithm;
mod authenticator;
mod claims;
mod config;
mod credential;
mod denied;
mod development;
mod fetcher;
mod grant;
mod key;
mod key_ring;
mod key_set;
mod key_source;
mod remote_keys;
mod scope;
pub mod sign;
mod token;

pub use algorithm::Algorithm;
pub use authenticator::Authenticator;
pub use config::{AuthConfig, Cookie, IdentityClaim, KeySetLimits};
pub use denied::{Claim, Denied};
pub use development::{Undraftable, Unsignable};
pub use fetcher::{FetchFailed, KeyFetcher};
pub use grant::Grant;
pub use key_source::KeySource;
pub use scope::{InvalidScope, Scope};
