//! What stands in requests and answers, as the specification spells it.

use serde::{Deserialize, Serialize};

use super::names::Named;

/// A request for erasure (section 7.1).
#[derive(Serialize)]
pub(super) struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) regulation: Option<&'static str>,
    pub(super) subject_request_id: &'a str,
    pub(super) subject_request_type: &'static str,
    pub(super) submitted_time: String,
    pub(super) subject_identities: [Identity<'a>; 1],
    pub(super) api_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_callback_urls: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extensions: Option<serde_json::Value>,
}

/// Section 5.3.
#[derive(Serialize)]
pub(super) struct Identity<'a> {
    identity_type: &'a str,
    identity_value: &'a str,
    identity_format: &'a str,
}

impl<'a> From<&'a Named> for Identity<'a> {
    fn from(named: &'a Named) -> Self {
        Self {
            identity_type: &named.name,
            identity_value: &named.value,
            identity_format: &named.format,
        }
    }
}

/// Section 7.3.
#[derive(Deserialize)]
pub(super) struct Received {
    pub(super) subject_request_id: String,
    pub(super) expected_completion_time: jiff::Timestamp,
    pub(super) encoded_request: String,
}

/// Sections 8.3 and 8.6.
#[derive(Deserialize)]
pub(super) struct Stands {
    pub(super) subject_request_id: String,
    pub(super) request_status: Status,
    pub(super) expected_completion_time: jiff::Timestamp,
    #[serde(default)]
    pub(super) status_callback_url: Option<String>,
}

/// Section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Pending,
    InProgress,
    Completed,
    Cancelled,
}

/// Section 6.3.
#[derive(Deserialize)]
pub(super) struct Discovery {
    pub(super) api_version: String,
    pub(super) supported_identities: Vec<Supported>,
    pub(super) supported_subject_request_types: Vec<String>,
    pub(super) processor_certificate: String,
}

#[derive(Deserialize)]
pub(super) struct Supported {
    pub(super) identity_type: String,
    pub(super) identity_format: String,
}
