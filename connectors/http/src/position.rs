//! Where a step goes on.

use adieu_core::{ConnectorError, Cursor, Effect, ErrorKind, Retry, Step};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::page::Turn;

/// Where an export goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Read {
    /// Which way of finding records, for which identities.
    pub(crate) source: String,
    /// Which page.
    pub(crate) turn: Turn,
    /// How many of its records were seen, and the last one's mark.
    pub(crate) seen: usize,
    pub(crate) last: Option<String>,
}

/// Where an erasure goes on: from the beginning of a list that shrinks, past the records that are still in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Erased {
    /// Which way of finding records, for which identities.
    pub(crate) source: String,
    /// The last record that was handled and may still be listed.
    pub(crate) left: Option<String>,
    /// How many were handled and are certainly still listed.
    pub(crate) stay: u64,
    /// The first record that was deleted by the step before.
    pub(crate) gone: Option<String>,
}

/// A state with what shows that it was not changed on the way: it leads to a person's records.
#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    seal: String,
    state: T,
}

/// # Errors
/// `Internal` when it is longer than a cursor may be.
pub(crate) fn write<T: Serialize>(step: &Step, state: T) -> Result<Cursor, ConnectorError> {
    let seal = seal(step, &state)?;
    Cursor::encode(step.collection(), &Sealed { seal, state })
}

/// # Errors
/// `Protocol`, when this connector did not make it.
pub(crate) fn read<T: Serialize + DeserializeOwned>(
    step: &Step,
) -> Result<Option<T>, ConnectorError> {
    let Some(cursor) = step.cursor() else {
        return Ok(None);
    };
    let sealed: Sealed<T> = cursor.decode(step.collection())?;
    match seal(step, &sealed.state)? == sealed.seal {
        true => Ok(Some(sealed.state)),
        false => Err(foreign()),
    }
}

/// A cursor that somebody else made, or for somebody else.
pub(crate) fn foreign() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        "the cursor was not made by this collection for this person",
    )
    .retry(Retry::Never)
    .effect(Effect::None)
}

fn seal<T: Serialize>(step: &Step, state: &T) -> Result<String, ConnectorError> {
    let json = serde_json::to_string(state)
        .map_err(|_| ConnectorError::new(ErrorKind::Internal, "a cursor could not be written"))?;
    Ok(mark([step.collection().as_str(), &json]))
}

/// A short text that stands for these, and shows nothing of them.
pub(crate) fn mark<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
