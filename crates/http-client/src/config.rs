//! What an operator may say about the calls to a provider.

use std::num::NonZeroU32;

use adieu_core::Setting;
use serde::Deserialize;

/// How a provider is called: `[connector.http]`. What is left out, the connector chooses for its provider.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// How many calls a second at most, of all requests together.
    pub requests_per_second: Option<NonZeroU32>,
    /// How many calls at the same time at most, of all requests together.
    pub concurrent_requests: Option<NonZeroU32>,
    /// How often a call is sent at most, the first time included.
    pub attempts: Option<NonZeroU32>,
    /// How long an attempt waits for the head of its answer, in milliseconds.
    pub answer_timeout_ms: Option<NonZeroU32>,
    /// How long the body of an answer may take, in milliseconds.
    pub body_timeout_ms: Option<NonZeroU32>,
    /// How long an answer may be, in bytes.
    pub max_body_bytes: Option<NonZeroU32>,
    /// The proxy, `http://HOST:PORT`. When it is left out, `HTTPS_PROXY`, `NO_PROXY` and their kin say.
    pub proxy: Option<Setting>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_known_and_no_other() {
        let all = r#"
            requests_per_second = 20
            concurrent_requests = 4
            attempts = 3
            answer_timeout_ms = 10000
            body_timeout_ms = 60000
            max_body_bytes = 1048576
            proxy = "env:PROXY"
        "#;
        assert!(toml::from_str::<HttpConfig>(all).is_ok());
        assert!(toml::from_str::<HttpConfig>("attempts = 0").is_err());
        assert!(toml::from_str::<HttpConfig>("retries = 3").is_err());
    }
}
