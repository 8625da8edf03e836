//! Writing an object in parts.

use std::fmt::Write as _;

use adieu_core::{ConnectorError, ErrorKind};
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderName};

use super::super::client::text_of;
use super::super::encode;
use super::super::upload::Part;
use super::super::xml::{Document, escaped};
use super::S3;

const WRITING: &str = "writing an object";
const PERMISSION: &str = "s3:PutObject";
const BINARY: &str = "application/octet-stream";

impl S3 {
    pub(super) async fn put_whole(&self, key: &str, bytes: Bytes) -> Result<(), ConnectorError> {
        let call = self
            .of_object(Method::PUT, key, "", WRITING, PERMISSION)
            .header(CONTENT_TYPE, BINARY)
            .header(
                HeaderName::from_static("content-md5"),
                &super::delete::digest(&bytes),
            )
            .body(bytes);
        self.client.ask(&call).await.map(drop)
    }

    pub(super) async fn begin_upload(&self, key: &str) -> Result<String, ConnectorError> {
        let call = self
            .of_object(Method::POST, key, "uploads=", WRITING, PERMISSION)
            .header(CONTENT_TYPE, BINARY);
        let (_, _, body) = self.client.ask(&call).await?;
        let answer = Document::parse(&body).ok_or_else(nonsense)?;
        answer.root().some_text("UploadId").ok_or_else(nonsense)
    }

    pub(super) async fn send_part(&self, part: Part<'_>) -> Result<String, ConnectorError> {
        let number = (part.index + 1).to_string();
        let query = encode::query(&[("partNumber", &number), ("uploadId", part.session)]);
        let call = self
            .of_object(Method::PUT, part.key, &query, WRITING, PERMISSION)
            .header(
                HeaderName::from_static("content-md5"),
                &super::delete::digest(&part.bytes),
            )
            .body(part.bytes);
        let (_, headers, _) = self.client.ask(&call).await?;
        text_of(&headers, "etag").ok_or_else(nonsense)
    }

    pub(super) async fn complete_upload(
        &self,
        key: &str,
        session: &str,
        parts: &[String],
    ) -> Result<(), ConnectorError> {
        let mut body = String::from(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        );
        for (index, etag) in parts.iter().enumerate() {
            let etag = escaped(etag).ok_or_else(nonsense)?;
            let number = index + 1;
            let _ = write!(
                body,
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            );
        }
        body.push_str("</CompleteMultipartUpload>");
        let query = encode::query(&[("uploadId", session)]);
        let call = self
            .of_object(Method::POST, key, &query, WRITING, PERMISSION)
            .header(CONTENT_TYPE, "application/xml")
            .body(body);
        let (_, _, body) = self.client.ask(&call).await?;
        // S3 may say 200 and tell of a failure afterwards.
        match Document::parse(&body) {
            Some(answer) if answer.root().name() == "CompleteMultipartUploadResult" => Ok(()),
            _ => Err(ConnectorError::new(
                ErrorKind::Unavailable,
                "the store did not put the parts of an object together",
            )),
        }
    }
}

fn nonsense() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        "the store's answer to an upload makes no sense",
    )
}
