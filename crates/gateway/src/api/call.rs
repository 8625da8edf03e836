//! One call of the API: who asks, and what its body says.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use adieu_auth::Grant;
use adieu_engine::RequestId;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::gateway::{Gateway, Inner};
use crate::problem::Problem;
use crate::rate::{Caller, Pace};

/// A request's body broke off. Why is the server's own business.
pub(super) struct Unreadable;

/// A call under the prefix.
pub(super) struct Call {
    gateway: Gateway,
    parts: Parts,
    /// Never locked: the mutex only lets a call be looked at from several threads.
    body: Mutex<UnsyncBoxBody<Bytes, Unreadable>>,
    now: Timestamp,
}

/// Who asks.
pub(super) struct Person {
    pub(super) grant: Grant,
    pub(super) caller: Caller,
}

impl Call {
    pub(super) fn new(
        gateway: Gateway,
        parts: Parts,
        body: UnsyncBoxBody<Bytes, Unreadable>,
    ) -> Self {
        let now = gateway.inner.clock.now();
        Self {
            gateway,
            parts,
            body: Mutex::new(body),
            now,
        }
    }

    pub(super) fn method(&self) -> &Method {
        &self.parts.method
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    pub(super) fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.gateway.inner
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Whoever the token names, within the rate of calls.
    pub(super) async fn person(&self) -> Result<Person, Problem> {
        let inner = self.inner();
        let grant = inner
            .authenticator
            .authenticate(&self.parts.method, &self.parts.headers, self.now)
            .await?;
        let caller = inner.rates.caller(grant.subject(), grant.identity());
        self.within(caller, Pace::Calls, inner.limits.calls_per_minute)?;
        Ok(Person { grant, caller })
    }

    /// The same, for a call that makes connectors work.
    pub(super) async fn asking(&self) -> Result<Person, Problem> {
        let person = self.person().await?;
        self.within(
            person.caller,
            Pace::Asks,
            self.inner().limits.asks_per_minute,
        )?;
        Ok(person)
    }

    /// The rate of calls of whoever has a pass for this request's archive.
    pub(super) fn within_pace_of(&self, id: RequestId) -> Result<(), Problem> {
        let inner = self.inner();
        let caller = inner.rates.holder(id);
        self.within(caller, Pace::Calls, inner.limits.calls_per_minute)
    }

    fn within(&self, caller: Caller, pace: Pace, per_minute: u32) -> Result<(), Problem> {
        self.inner()
            .rates
            .take(caller, pace, per_minute, Instant::now())
            .map_err(Problem::too_many_calls)
    }

    /// Makes sure that a request is this person's. Of another one's it is not said that it is there.
    pub(super) async fn owned(&self, person: &Person, id: RequestId) -> Result<(), Problem> {
        let tenant = person
            .grant
            .subject()
            .tenant()
            .map(|tenant| tenant.expose());
        let owned = self
            .inner()
            .engine
            .is_owned_by(id, tenant, person.grant.identity())
            .await?;
        if owned {
            Ok(())
        } else {
            Err(Problem::not_found())
        }
    }

    /// The caller's own name for this submission, as our tables know it.
    pub(super) fn idempotency_key(&self) -> Result<Option<String>, Problem> {
        let mut all = self.parts.headers.get_all("idempotency-key").iter();
        let Some(key) = all.next() else {
            return Ok(None);
        };
        let key = key.as_bytes();
        let fits = (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(key) {
            Ok(key) if fits && all.next().is_none() => Ok(Some(key.to_owned())),
            _ => Err(Problem::idempotency_key_malformed()),
        }
    }

    /// Reads the body as JSON, within the limits.
    pub(super) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        if !is_json(&self.parts.headers) {
            return Err(Problem::unsupported_media_type());
        }
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| Problem::body_malformed(&error))
    }

    /// Reads a body that may be left out.
    pub(super) async fn json_or_nothing<T: DeserializeOwned + Default>(
        &mut self,
    ) -> Result<T, Problem> {
        let bytes = self.bytes().await?;
        if bytes.is_empty() {
            return Ok(T::default());
        }
        if !is_json(&self.parts.headers) {
            return Err(Problem::unsupported_media_type());
        }
        serde_json::from_slice(&bytes).map_err(|error| Problem::body_malformed(&error))
    }

    async fn bytes(&mut self) -> Result<Bytes, Problem> {
        let limits = self.inner().limits;
        let max_bytes = limits.max_body_bytes;
        let declared = self
            .parts
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok());
        if declared
            .and_then(|length| length.parse::<u64>().ok())
            .is_some_and(|length| length > max_bytes as u64)
        {
            return Err(Problem::body_too_large(max_bytes));
        }
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        let read = async {
            let mut bytes = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|Unreadable| Problem::body_unreadable())?;
                if let Ok(piece) = frame.into_data() {
                    if bytes.len() + piece.len() > max_bytes {
                        return Err(Problem::body_too_large(max_bytes));
                    }
                    bytes.extend_from_slice(&piece);
                }
            }
            Ok(bytes.freeze())
        };
        tokio::time::timeout(limits.body_timeout, read)
            .await
            .unwrap_or_else(|_| Err(Problem::body_too_slow()))
    }
}

/// A member that may be left out, and is not `null` when it is there.
pub(super) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}
