//! The append-only log of what happened to requests, each entry chained to the one before. Nothing in it is personal.

use jiff::Timestamp;
use serde::Serialize;

use crate::keys::sha256;

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Its place in the log, from 1 on without gaps.
    pub sequence: u64,
    /// When it was written.
    pub at: Timestamp,
    /// About which request, or legal hold.
    pub request_id: String,
    /// What happened: `submitted`, `erasure_began`, `erased shop`, `completed`, …
    pub event: String,
    /// In which tenant, as the tables know it.
    #[serde(skip)]
    pub(crate) tenant: Option<Vec<u8>>,
    #[serde(skip)]
    pub(crate) previous: Vec<u8>,
    #[serde(skip)]
    pub(crate) hash: Vec<u8>,
}

impl AuditEntry {
    /// The entry that follows another.
    pub(crate) fn following(
        last: Option<(u64, Vec<u8>)>,
        at: Timestamp,
        request_id: String,
        tenant: Option<Vec<u8>>,
        event: String,
    ) -> Self {
        let (sequence, previous) =
            last.map_or((1, vec![0; 32]), |(sequence, hash)| (sequence + 1, hash));
        let mut entry = Self {
            sequence,
            at,
            request_id,
            event,
            tenant,
            previous,
            hash: Vec::new(),
        };
        entry.hash = entry.chained();
        entry
    }

    /// Whether the entry is what was written, and follows `previous`.
    pub(crate) fn follows(&self, sequence: u64, previous: &[u8]) -> bool {
        self.sequence == sequence && self.previous == previous && self.hash == self.chained()
    }

    fn chained(&self) -> Vec<u8> {
        let id = self.request_id.as_bytes();
        let tenant = self.tenant.as_deref().unwrap_or_default();
        sha256(&[
            &self.previous,
            &self.sequence.to_be_bytes(),
            &self.at.as_millisecond().to_be_bytes(),
            &(id.len() as u64).to_be_bytes(),
            id,
            &(tenant.len() as u64).to_be_bytes(),
            tenant,
            self.event.as_bytes(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_entry_breaks_the_chain() {
        let at = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        let first = AuditEntry::following(None, at, "r".into(), None, "submitted".into());
        let second = AuditEntry::following(
            Some((1, first.hash.clone())),
            at,
            "r".into(),
            Some(vec![7]),
            "completed".into(),
        );
        assert!(first.follows(1, &[0; 32]));
        assert!(second.follows(2, &first.hash));
        let mut forged = second.clone();
        forged.event = "cancelled".into();
        assert!(!forged.follows(2, &first.hash));
        let mut moved = second.clone();
        moved.tenant = None;
        assert!(!moved.follows(2, &first.hash));
        assert!(!second.follows(3, &first.hash));
    }
}
