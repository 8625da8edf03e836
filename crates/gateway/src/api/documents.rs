//! The data map, the keys of receipts, and the API's own document.

use adieu_core::Descriptor;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::body::OwnBody;

use super::Answer;
use super::call::Call;
use super::view;

/// OpenAPI 3.1, for the paths below the prefix.
pub(crate) const DOCUMENT: &str = include_str!("../openapi.json");

/// `GET /openapi.json`
pub(super) fn openapi() -> Response<OwnBody> {
    view::with_type(
        StatusCode::OK,
        "application/json",
        Bytes::from_static(DOCUMENT.as_bytes()),
    )
}

/// `GET /.well-known/jwks.json`
pub(super) fn keys(call: &Call) -> Response<OwnBody> {
    let keys = call.inner().engine.jwks().to_string();
    view::with_type(
        StatusCode::OK,
        "application/jwk-set+json",
        Bytes::from(keys),
    )
}

/// `GET /v1/data-map`
pub(super) async fn data_map(call: Call) -> Answer {
    call.person().await?;
    let connectors: Vec<&Descriptor> = call.inner().engine.descriptors().collect();
    let mut processors: Vec<Value> = Vec::new();
    for connector in &connectors {
        let processor = json!(connector.processor);
        if connector.processor.name.is_some() && !processors.contains(&processor) {
            processors.push(processor);
        }
    }
    let map = json!({ "connectors": connectors, "processors": processors });
    view::json(StatusCode::OK, &map)
}
