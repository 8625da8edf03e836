//! Comparing what is in a system, or on pages, before and after.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::collector::Page;
use crate::trial::Verdict;

/// Everything on some pages as sorted texts, so that sets of pages can be compared whatever their sizes.
pub(crate) fn contents(pages: &[Page]) -> Vec<String> {
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
pub(crate) fn difference(expected: &[String], found: &[String]) -> Option<String> {
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

/// What is gone and what is new, by way of example.
pub(crate) fn unchanged(before: &[String], now: &[String]) -> Verdict {
    let count = |texts: &[String]| {
        let mut counts = BTreeMap::<String, i64>::new();
        for text in texts {
            *counts.entry(text.clone()).or_default() += 1;
        }
        counts
    };
    let (before, now) = (count(before), count(now));
    if before == now {
        return Ok(());
    }
    let only = |one: &BTreeMap<String, i64>, other: &BTreeMap<String, i64>| {
        let differing = one
            .iter()
            .filter(|(text, n)| other.get(*text).is_none_or(|m| m < *n));
        let texts: Vec<&str> = differing.map(|(text, _)| text.as_str()).collect();
        match texts.as_slice() {
            [] => "nothing".to_owned(),
            [first] => format!("1 ({first})"),
            [first, ..] => format!("{} (such as {first})", texts.len()),
        }
    };
    Err(format!(
        "gone: {}; new: {}",
        only(&before, &now),
        only(&now, &before)
    ))
}
