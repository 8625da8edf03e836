//! Reading an object.

use adieu_core::{ConnectorError, ErrorKind};
use http::Method;
use http::header::{CONTENT_TYPE, IF_MATCH, RANGE};

use super::super::encode;
use super::super::read::{Got, time_of, whole_length};
use super::S3;
use crate::object::{At, Object};

/// What S3 calls the metadata that an application gave to an object.
pub(super) const METADATA: &str = "x-amz-meta-";

impl S3 {
    /// See [`Api::get`](super::super::Api::get).
    pub(super) async fn read(
        &self,
        object: &Object,
        from: u64,
    ) -> Result<Option<Got>, ConnectorError> {
        let key = String::from_utf8_lossy(&object.key);
        let At::Key { version, etag, .. } = &object.at else {
            return Ok(None);
        };
        let (query, permission) = match version {
            Some(version) => (
                encode::query(&[("versionId", version)]),
                "s3:GetObjectVersion",
            ),
            None => (String::new(), "s3:GetObject"),
        };
        let mut call = self
            .of_object(Method::GET, &key, &query, "reading an object", permission)
            .expecting(&[404, 405, 412]);
        if from > 0 {
            call = call.header(RANGE, &format!("bytes={from}-"));
        }
        if let Some(etag) = etag {
            call = call.header(IF_MATCH, etag);
        }
        let answer = self.client.send(&call).await?;
        if !answer.status.is_success() {
            return Ok(None);
        }
        let size_bytes = if from == 0 {
            answer
                .text("content-length")
                .and_then(|length| length.parse().ok())
        } else {
            answer
                .text("content-range")
                .and_then(|range| whole_length(&range, from))
        };
        let size_bytes = size_bytes.ok_or_else(|| {
            ConnectorError::new(
                ErrorKind::Protocol,
                "the store does not say how long an object is",
            )
        })?;
        Ok(Some(Got {
            size_bytes,
            etag: answer.text("etag"),
            modified_at: answer.text("last-modified").and_then(|at| time_of(&at)),
            media_type: answer.text(CONTENT_TYPE.as_str()),
            metadata: answer.metadata(METADATA),
            answer,
        }))
    }
}
