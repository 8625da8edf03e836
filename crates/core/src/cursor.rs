//! Where the next step goes on.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{ConnectorError, Effect, ErrorKind, Retry};
use crate::name::CollectionName;

/// Where the next step of a collection goes on: the connector's own words, at most [`Cursor::MAX_BYTES`] long.
///
/// A cursor names the last *key* that was worked on, never an offset: an offset over a set that shrinks skips half of
/// it. It outlives the process, so it holds all that is needed to go on. Because a key may be personal, `Debug` shows
/// the length alone, and the engine keeps cursors sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    /// The most a cursor may hold.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Writes down where a collection goes on.
    ///
    /// # Errors
    /// `Internal` when the state cannot be written as JSON, or is longer than [`Cursor::MAX_BYTES`].
    pub fn encode(
        collection: &CollectionName,
        state: &impl Serialize,
    ) -> Result<Self, ConnectorError> {
        let bytes = serde_json::to_vec(&(collection, state)).map_err(|_| {
            ConnectorError::new(ErrorKind::Internal, "a cursor could not be written")
        })?;
        if bytes.len() > Self::MAX_BYTES {
            return Err(
                ConnectorError::new(ErrorKind::Internal, "a cursor is longer than 16 KiB")
                    .retry(Retry::Never),
            );
        }
        Ok(Self(bytes))
    }

    /// Reads what [`Cursor::encode`] wrote for the same collection.
    ///
    /// # Errors
    /// `Protocol`, never to be retried and without effect, when these are not the words of this collection's connector.
    pub fn decode<T: DeserializeOwned>(
        &self,
        collection: &CollectionName,
    ) -> Result<T, ConnectorError> {
        match serde_json::from_slice::<(CollectionName, T)>(&self.0) {
            Ok((written_for, state)) if written_for == *collection => Ok(state),
            _ => Err(ConnectorError::new(
                ErrorKind::Protocol,
                "the cursor was not made by this collection",
            )
            .retry(Retry::Never)
            .effect(Effect::None)),
        }
    }

    /// Takes bytes as a cursor, for one that was stored. Only the connector can tell whether it means anything.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes to store; they may be personal.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_of_another_collection_is_refused() {
        let orders = CollectionName::new("orders").unwrap();
        let lines = CollectionName::new("lines").unwrap();
        let cursor = Cursor::encode(&orders, &("ada@example.com", 7)).unwrap();
        assert_eq!(
            cursor.decode::<(String, u64)>(&orders).unwrap(),
            ("ada@example.com".to_owned(), 7)
        );
        let error = cursor.decode::<(String, u64)>(&lines).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(error.retry_advice(), Retry::Never);
        assert!(
            Cursor::from_bytes(*b"\xff\x00")
                .decode::<u64>(&orders)
                .is_err()
        );
        assert!(!format!("{cursor:?}").contains("ada"));
    }
}
