//! Keys by which a system recognises a repeated step.

use adieu_core::{CollectionName, ConnectorName, Cursor, StepKey};

use crate::keys::{hex, sha256};
use crate::request::RequestId;

/// Makes the keys of one request's steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepKeys(pub(crate) RequestId);

impl StepKeys {
    /// The same for the same step however often it is sent, another for every other step.
    pub(crate) fn key(
        self,
        verb: &str,
        connector: &ConnectorName,
        collection: &CollectionName,
        cursor: Option<&Cursor>,
        round: u32,
    ) -> StepKey {
        let id = self.0.to_string();
        let round = round.to_string();
        let parts = [
            id.as_str(),
            verb,
            connector.as_str(),
            collection.as_str(),
            round.as_str(),
        ];
        let mut bytes = parts.join("\n").into_bytes();
        bytes.push(b'\n');
        let hash = sha256(&[&bytes, cursor.map_or(&[][..], Cursor::as_bytes)]);
        StepKey::new(hex(&hash[..16]))
    }

    /// Names a run: the steps of one verb on one connector.
    pub(crate) fn run(self, verb: &str, connector: &ConnectorName) -> StepKey {
        let id = self.0.to_string();
        let bytes = [id.as_str(), verb, connector.as_str()].join("\n");
        StepKey::new(hex(&sha256(&[bytes.as_bytes()])[..16]))
    }
}
