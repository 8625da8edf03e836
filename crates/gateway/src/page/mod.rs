//! The self-service page: one document with its style and its script in it, that nothing else needs to be loaded for.

mod config;
mod document;

pub use config::PageConfig;
pub(crate) use document::Page;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::body::OwnBody;

impl Page {
    /// `GET /`
    pub(crate) fn answer(&self, asked: &HeaderMap) -> Response<OwnBody> {
        let is_known = asked
            .get(IF_NONE_MATCH)
            .is_some_and(|known| known == self.etag);
        let mut response = if is_known {
            let mut response = Response::new(OwnBody::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            Response::new(OwnBody::Whole(self.html.clone()))
        };
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        let fixed: [(HeaderName, HeaderValue); 5] = [
            (CONTENT_TYPE, html),
            // It holds nothing personal, and is asked for again each time.
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (ETAG, self.etag.clone()),
            (CONTENT_SECURITY_POLICY, self.policy.clone()),
            (
                HeaderName::from_static("cross-origin-opener-policy"),
                HeaderValue::from_static("same-origin"),
            ),
        ];
        response.headers_mut().extend(fixed);
        response
    }

    fn new(html: String, etag: HeaderValue, policy: HeaderValue) -> Self {
        Self {
            html: Bytes::from(html),
            etag,
            policy,
        }
    }
}
