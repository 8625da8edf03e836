//! What tallies say, put so that two of them can be compared.

use std::collections::BTreeMap;

use adieu_core::{CollectionName, Tally};

/// What an erasure and a survey count alike, in words: all but the absent.
pub(crate) fn counted(tally: &Tally) -> String {
    let mut words = vec![format!("{} erased", tally.erase())];
    if tally.pseudonymize() > 0 {
        words.push(format!("{} pseudonymized", tally.pseudonymize()));
    }
    for kept in tally.retained() {
        let mut word = format!("{} kept ({}: {})", kept.records, kept.basis, kept.reason);
        if let Some(until) = kept.until {
            word.push_str(&format!(" until {} to {}", until.first, until.last));
        }
        if kept.pseudonymize > 0 {
            word.push_str(&format!(", {} of them pseudonymized", kept.pseudonymize));
        }
        words.push(word);
    }
    if let Some(later) = tally.scheduled() {
        let by = later
            .by
            .map(|by| format!(" by {} to {}", by.first, by.last));
        words.push(format!(
            "{} scheduled{}",
            later.records,
            by.unwrap_or_default()
        ));
    }
    for failed in tally.failed() {
        words.push(format!("{} failed ({})", failed.records, failed.kind));
    }
    words.join(", ")
}

/// How many records a tally speaks of.
pub(crate) fn touched(tally: &Tally) -> u64 {
    tally.held() + tally.absent()
}

pub(crate) fn changed_something(tally: &Tally) -> bool {
    let reduced: u64 = tally.retained().iter().map(|kept| kept.pseudonymize).sum();
    tally.erase() + tally.pseudonymize() + reduced > 0
}

/// How many records an erasure would still change.
pub(crate) fn pending(tallies: &BTreeMap<CollectionName, Tally>) -> u64 {
    tallies.values().map(Tally::pending).sum()
}

/// How many records stay.
pub(crate) fn kept(tally: &Tally) -> u64 {
    tally.retained().iter().map(|kept| kept.records).sum()
}
