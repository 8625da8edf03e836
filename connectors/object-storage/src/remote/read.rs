//! Reading an object in pieces, going on where a connection broke off.

use std::sync::Arc;

use adieu_core::{Body, ConnectorError, ErrorKind, Retry};
use futures_util::stream;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::Api;
use super::client::{Answer, pause_before};
use crate::object::{At, Object};
use crate::store::Opened;

/// How often in a row a connection may break off without a byte having come.
const ATTEMPTS: u32 = 5;

/// An object's answer: what is known of it, and its bytes from some offset on.
pub(super) struct Got {
    pub(super) answer: Answer,
    /// The length of the whole object.
    pub(super) size_bytes: u64,
    pub(super) etag: Option<String>,
    pub(super) modified_at: Option<Timestamp>,
    pub(super) media_type: Option<String>,
    pub(super) metadata: Vec<(String, String)>,
}

/// Opens an object to be read whole.
pub(super) async fn open(api: &Arc<dyn Api>, object: &Object) -> Result<Opened, ConnectorError> {
    let Some(got) = api.get(object, 0).await? else {
        return Ok(Opened::Gone);
    };
    Ok(Opened::Bytes {
        body: body(api, object, got.answer, got.etag, 0, got.size_bytes),
        size_bytes: got.size_bytes,
        modified_at: got.modified_at,
        media_type: got.media_type,
        metadata: got.metadata,
    })
}

/// The length of an object, and its bytes from an offset on.
pub(super) async fn from(
    api: &Arc<dyn Api>,
    object: &Object,
    offset: u64,
) -> Result<Option<(u64, Body<'static>)>, ConnectorError> {
    let got = api.get(object, offset).await?;
    Ok(got.map(|got| {
        let size_bytes = got.size_bytes;
        let body = body(api, object, got.answer, got.etag, offset, size_bytes);
        (size_bytes, body)
    }))
}

/// The bytes of an object from an offset on, of which an answer has begun.
fn body(
    api: &Arc<dyn Api>,
    object: &Object,
    answer: Answer,
    content: Option<String>,
    offset: u64,
    size_bytes: u64,
) -> Body<'static> {
    let mut object = object.clone();
    // From here on it must stay the content that was begun.
    if let At::Key { etag, .. } = &mut object.at {
        *etag = content;
    }
    let reading = Reading {
        api: Arc::clone(api),
        object,
        answer: Some(answer),
        offset,
        size_bytes,
        broken: 0,
    };
    Box::pin(stream::try_unfold(reading, |mut reading| async move {
        let piece = reading.next().await?;
        Ok(piece.map(|piece| (piece, reading)))
    }))
}

struct Reading {
    api: Arc<dyn Api>,
    object: Object,
    /// The connection, while there is one.
    answer: Option<Answer>,
    offset: u64,
    size_bytes: u64,
    /// How often in a row it broke off.
    broken: u32,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>, ConnectorError> {
        while self.offset < self.size_bytes {
            let error = match self.piece().await {
                Ok(Some(piece)) if !piece.is_empty() => {
                    self.broken = 0;
                    self.offset += piece.len() as u64;
                    if self.offset > self.size_bytes {
                        return Err(ConnectorError::new(
                            ErrorKind::Protocol,
                            "the store sent more of an object than it has",
                        ));
                    }
                    return Ok(Some(piece));
                }
                Ok(Some(_)) => continue,
                Ok(None) => ConnectorError::new(
                    ErrorKind::Unavailable,
                    "reading an object failed: the connection broke off",
                ),
                Err(error) if error.retry_advice() == Retry::Never => return Err(error),
                Err(error) => error,
            };
            self.answer = None;
            self.broken += 1;
            if self.broken >= ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(pause_before(self.broken)).await;
        }
        Ok(None)
    }

    async fn piece(&mut self) -> Result<Option<bytes::Bytes>, ConnectorError> {
        if self.answer.is_none() {
            let got = self.api.get(&self.object, self.offset).await?;
            // A page must not hold the beginning of one content and the end of another.
            let changed = ConnectorError::new(
                ErrorKind::Unavailable,
                "an object was changed or removed while it was read",
            );
            let got = got.ok_or_else(|| changed.clone())?;
            if got.size_bytes != self.size_bytes {
                return Err(changed);
            }
            self.answer = Some(got.answer);
        }
        match &mut self.answer {
            Some(answer) => answer.piece("reading an object").await,
            None => Ok(None),
        }
    }
}

/// The length of the whole by `bytes 5-9/10`, when it begins where it should.
pub(super) fn whole_length(range: &str, from: u64) -> Option<u64> {
    let (span, length) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = span.split_once('-')?;
    (first.parse() == Ok(from)).then(|| length.parse().ok())?
}

/// A time as HTTP writes it.
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_begins_elsewhere_is_none() {
        assert_eq!(whole_length("bytes 5-9/10", 5), Some(10));
        assert_eq!(whole_length("bytes 0-9/10", 5), None);
        assert_eq!(whole_length("bytes 5-9/*", 5), None);
        assert_eq!(whole_length("lines 5-9/10", 5), None);
    }

    #[test]
    fn a_time_of_http_is_read() {
        let time = time_of("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        assert_eq!(time.to_string(), "2015-10-21T07:28:00Z");
    }
}
