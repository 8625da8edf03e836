//! One call: what is asked of a provider.

use std::borrow::Cow;
use std::fmt;

use adieu_core::{ConnectorError, ErrorKind, Secret};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use reqwest::Url;
use serde::Serialize;

use crate::client::Client;
use crate::credential::Credential;
use crate::response::{Reply, Response, Streamed};

/// One call to a provider, before it is sent.
///
/// A mistake in it (a placeholder without a value, a header that cannot be one) is told when it is sent.
#[must_use = "a call does nothing until it is sent"]
pub struct Call<'c> {
    client: &'c Client,
    method: Method,
    route: Cow<'static, str>,
    url: Option<Url>,
    placeholders: Vec<(&'c str, &'c str)>,
    query: Vec<(Cow<'c, str>, Cow<'c, str>)>,
    headers: HeaderMap,
    body: Bytes,
    repeat: Option<bool>,
    max_body_bytes: Option<u64>,
    problem: Option<ConnectorError>,
}

/// A call as it goes through the stack.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) route: Cow<'static, str>,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether it may be sent again when it is not known what became of it.
    pub(crate) repeat: bool,
    /// Answers longer than this are refused.
    pub(crate) max_body_bytes: u64,
    /// Whether the body of a success is handed over unread.
    pub(crate) streams: bool,
}

impl Request {
    /// Whether it only reads (RFC 9110, section 9.2.1).
    pub(crate) fn is_safe(&self) -> bool {
        self.method.is_safe()
    }

    /// Says who calls.
    pub(crate) fn authorize(&mut self, token: &Secret) -> Result<(), ConnectorError> {
        let (name, value) = bearer(token)?;
        self.headers.insert(name, value);
        Ok(())
    }
}

fn bearer(token: &Secret) -> Result<(HeaderName, HeaderValue), ConnectorError> {
    let header = Credential::Bearer(token.clone()).header();
    let what = "the token holds what no header may";
    header.ok_or_else(|| ConnectorError::new(ErrorKind::Unauthorized, what))
}

impl<'c> Call<'c> {
    pub(crate) fn new(client: &'c Client, method: Method, route: Cow<'static, str>) -> Self {
        Self {
            client,
            method,
            route,
            url: None,
            placeholders: Vec::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            repeat: None,
            max_body_bytes: None,
            problem: None,
        }
    }

    /// Goes to a URL that the provider gave, such as the next page, instead of the route. It must be on the configured host; the
    /// route only names the call in logs and errors.
    pub fn at(mut self, url: &str) -> Self {
        match self.client.base().join(url) {
            Ok(url) if self.client.is_home(&url) => self.url = Some(url),
            _ => self.fail(
                ErrorKind::Protocol,
                "the provider named a URL of another host",
            ),
        }
        self
    }

    /// Puts a value where the route says `{name}`. It stays within its segment of the path, whatever it is.
    pub fn fill(mut self, name: &'c str, value: &'c str) -> Self {
        self.placeholders.push((name, value));
        self
    }

    /// Adds a parameter to the query.
    pub fn query(mut self, name: impl Into<Cow<'c, str>>, value: impl Into<Cow<'c, str>>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(name, value);
            }
            Err(_) => self.fail(
                ErrorKind::Config,
                "a header's value holds what no header may",
            ),
        }
        self
    }

    /// Uses this token instead of the client's credential.
    pub fn bearer(mut self, token: &Secret) -> Self {
        match bearer(token) {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(problem) => {
                self.problem.get_or_insert(problem);
            }
        }
        self
    }

    /// Sends a form (`application/x-www-form-urlencoded`).
    pub fn form<K: AsRef<str>, V: AsRef<str>>(
        self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        self.body("application/x-www-form-urlencoded", form.finish())
    }

    /// Sends JSON.
    pub fn json(mut self, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.body("application/json", json),
            Err(_) => {
                self.fail(ErrorKind::Internal, "a body cannot be written as JSON");
                self
            }
        }
    }

    /// Sends these bytes.
    pub fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE, media_type)
    }

    /// Takes a longer or only a shorter answer than the client's others.
    pub fn max_body_bytes(mut self, max_bytes: u64) -> Self {
        self.max_body_bytes = Some(max_bytes);
        self
    }

    /// Names the call to a provider that recognises a repeated one by `Idempotency-Key`. It may then be sent again when it is not
    /// known what became of it.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.repeat = Some(true);
        self.header(HeaderName::from_static("idempotency-key"), key)
    }

    /// Says that sending it twice equals sending it once, although its method does not: a search by POST.
    pub fn repeatable(mut self) -> Self {
        self.repeat = Some(true);
        self
    }

    /// Says that it must not be sent again when it is not known what became of it, although its method would allow it.
    pub fn once(mut self) -> Self {
        self.repeat = Some(false);
        self
    }

    /// Sends the call and reads the answer whole, whatever its status.
    ///
    /// # Errors
    /// When no whole answer came, after as many attempts as are allowed; by its kind, retry and effect.
    ///
    /// # Cancel safety
    /// When the future is dropped, it is not known what became of the call.
    pub async fn send(self) -> Result<Response, ConnectorError> {
        let client = self.client;
        match client.run(self.into_request(false)?).await? {
            Reply::Whole(response) => Ok(response),
            Reply::Streamed(_) => Err(ConnectorError::new(
                ErrorKind::Internal,
                "an answer was not read whole",
            )),
        }
    }

    /// Sends the call and hands over the body of a success unread, at most so many bytes of it. An answer that is no success
    /// becomes an error.
    ///
    /// # Errors
    /// As [`Call::send`] and [`Response::success`].
    ///
    /// # Cancel safety
    /// As [`Call::send`].
    pub async fn stream(mut self, max_bytes: u64) -> Result<Streamed, ConnectorError> {
        self.max_body_bytes = Some(max_bytes);
        let client = self.client;
        match client.run(self.into_request(true)?).await? {
            Reply::Streamed(streamed) => Ok(streamed),
            Reply::Whole(response) => Err(response.error()),
        }
    }

    fn into_request(self, streams: bool) -> Result<Request, ConnectorError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let mut url = match self.url {
            Some(url) => url,
            None => fill(self.client.base(), &self.route, &self.placeholders)?,
        };
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut headers = self.client.headers().clone();
        headers.extend(self.headers);
        Ok(Request {
            repeat: self.repeat.unwrap_or_else(|| self.method.is_idempotent()),
            max_body_bytes: self
                .max_body_bytes
                .unwrap_or_else(|| self.client.max_body_bytes()),
            streams,
            method: self.method,
            route: self.route,
            url,
            headers,
            body: self.body,
        })
    }

    fn fail(&mut self, kind: ErrorKind, what: &'static str) {
        self.problem
            .get_or_insert_with(|| ConnectorError::new(kind, what));
    }
}

/// Shows what is asked, not of whom.
impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

/// The URL of a route. Each segment is written on its own, so that no value can add or leave one.
fn fill(base: &Url, route: &str, values: &[(&str, &str)]) -> Result<Url, ConnectorError> {
    let unfit = |what: &'static str| ConnectorError::new(ErrorKind::Protocol, what);
    let mut url = base.clone();
    {
        let mut segments = url
            .path_segments_mut()
            .map_err(|()| unfit("the configured URL has no path"))?;
        segments.pop_if_empty();
        for template in route.strip_prefix('/').unwrap_or(route).split('/') {
            let segment = fill_segment(template, values)?;
            let is_filled = template.contains('{');
            if is_filled && (segment.is_empty() || segment == "." || segment == "..") {
                return Err(unfit("a value cannot stand in a path"));
            }
            segments.push(&segment);
        }
    }
    Ok(url)
}

fn fill_segment<'t>(
    template: &'t str,
    values: &[(&str, &str)],
) -> Result<Cow<'t, str>, ConnectorError> {
    if !template.contains('{') {
        return Ok(Cow::Borrowed(template));
    }
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let value = after.split_once('}').and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value, after))
        });
        let Some((value, after)) = value else {
            let what = "a placeholder of a path has no value";
            return Err(ConnectorError::new(ErrorKind::Config, what));
        };
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(Cow::Owned(filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(route: &str, id: &str) -> Result<String, ErrorKind> {
        let base = Url::parse("https://api.example.com/v1/").unwrap();
        fill(&base, route, &[("id", id)])
            .map(|url| url.to_string())
            .map_err(|error| error.kind())
    }

    #[test]
    fn a_value_stays_within_its_segment() {
        for (id, segment) in [
            ("cus_1", "cus_1"),
            ("a/b", "a%2Fb"),
            ("../x", "..%2Fx"),
            ("%2e%2e", "%252e%252e"),
            ("a?b#c", "a%3Fb%23c"),
            ("ä b", "%C3%A4%20b"),
            ("{id}", "%7Bid%7D"),
        ] {
            assert_eq!(
                filled("/customers/{id}", id).unwrap(),
                format!("https://api.example.com/v1/customers/{segment}")
            );
        }
        for id in ["", ".", ".."] {
            assert_eq!(
                filled("/customers/{id}", id),
                Err(ErrorKind::Protocol),
                "{id}"
            );
        }
    }

    #[test]
    fn a_placeholder_may_be_part_of_a_segment_and_needs_a_value() {
        assert_eq!(
            filled("properties/{id}:submit", "7").unwrap(),
            "https://api.example.com/v1/properties/7:submit"
        );
        assert_eq!(filled("/{other}", "7"), Err(ErrorKind::Config));
        assert_eq!(filled("/{id", "7"), Err(ErrorKind::Config));
        assert_eq!(
            filled("/list/", "7").unwrap(),
            "https://api.example.com/v1/list/"
        );
    }
}
