//! What is tried for each clause, in the order of the contract.

mod description;
mod erasure;
mod failures;
mod refusals;
mod shown;
mod steps;
mod whose;

pub(crate) use description::{check_changes_nothing, described_honestly};
pub(crate) use erasure::{
    erasing_twice_equals_erasing_once, progresses_past_retained, survey_changes_nothing,
    survey_counts_what_erase_does, verified_clean,
};
pub(crate) use failures::errors_classified;
pub(crate) use refusals::{garbage_cursor_refused, unknown_collection_refused};
pub(crate) use shown::nothing_personal_shown;
pub(crate) use steps::{bounded, cancel_safe, cursor_survives_restart, repeatable, resumable};
pub(crate) use whose::{
    bystander_untouched, empty_subject_matches_nothing, unknown_identity_matches_nothing,
};

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use adieu_core::{CollectionName, Tally};

use crate::collector::Page;
use crate::trial::{Trial, Verdict};

/// Everything on some pages as sorted texts, so that sets of pages can be compared whatever their sizes.
fn contents(pages: &[Page]) -> Vec<String> {
    let mut contents = Vec::new();
    for page in pages {
        contents.extend(page.records.iter().map(|record| format!("record {record}")));
        contents.extend(
            page.identities.iter().map(|identity| {
                format!("identity {}={}", identity.kind(), identity.value().expose())
            }),
        );
        contents.extend(page.attachments.iter().map(|(attachment, bytes)| {
            format!(
                "attachment {} {attachment:?} {:x}",
                attachment.name,
                hash(bytes)
            )
        }));
        contents.extend(
            page.missing
                .iter()
                .map(|(what, _)| format!("missing {what}")),
        );
    }
    contents.sort_unstable();
    contents
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// What one list has and the other has not, by way of example; `None` when they are equal.
fn difference(expected: &[String], found: &[String]) -> Option<String> {
    let count = |texts: &[String]| {
        let mut counts = BTreeMap::<String, usize>::new();
        texts
            .iter()
            .for_each(|text| *counts.entry(text.clone()).or_default() += 1);
        counts
    };
    let (expected, found) = (count(expected), count(found));
    let missing = expected
        .iter()
        .find(|(text, n)| found.get(*text).is_none_or(|m| m < n));
    if let Some((text, _)) = missing {
        return Some(format!("this is missing: {text}"));
    }
    let surplus = found
        .iter()
        .find(|(text, n)| expected.get(*text).is_none_or(|m| m < n));
    surplus.map(|(text, n)| match expected.get(text) {
        Some(_) => format!("this is there {n} times: {text}"),
        None => format!("this does not belong there: {text}"),
    })
}

fn pending(tallies: &BTreeMap<CollectionName, Tally>) -> u64 {
    tallies.values().map(Tally::pending).sum()
}

/// That the records which a survey says must stay are still in the system.
async fn kept_stand(trial: &Trial, surveyed: &BTreeMap<CollectionName, Tally>) -> Verdict {
    let kept: u64 = surveyed
        .values()
        .map(|tally| kept(tally) + tally.pseudonymize())
        .sum();
    let standing = trial.state().await.of_subject.len() as u64;
    if standing < kept {
        return Err(format!(
            "{kept} records were to stay, and {standing} are left in the system"
        ));
    }
    Ok(())
}

fn kept(tally: &Tally) -> u64 {
    tally.retained().iter().map(|kept| kept.records).sum()
}
