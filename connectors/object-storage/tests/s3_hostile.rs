//! No value of an identity reaches another person's objects, in a bucket.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use adieu_core::{Identity, Subject};
use common::hostile::{PEOPLE, hostile, is_own, keys_of};
use common::moto::Bucket;
use common::{erase, export};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 30, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn no_value_reaches_what_is_not_exactly_its_own(
        values in prop::collection::vec((hostile(), any::<bool>()), 2..6),
        full_after in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(no_other_is_reached(&values, full_after))?;
    }
}

fn everything() -> BTreeSet<String> {
    let theirs = PEOPLE.iter().flat_map(|person| keys_of(person));
    theirs.chain(["top.txt".to_owned()]).collect()
}

async fn no_other_is_reached(
    values: &[(String, bool)],
    full_after: usize,
) -> Result<(), TestCaseError> {
    static BUCKET: OnceLock<Bucket> = OnceLock::new();
    let bucket = BUCKET.get_or_init(Bucket::with_versions);
    let there: BTreeSet<String> = bucket.keys().into_iter().collect();
    for key in everything().difference(&there) {
        bucket.put(key, key.as_bytes());
    }
    let identities = values.iter().filter_map(|(value, is_id)| {
        let kind = if *is_id { "id" } else { "file_key" };
        Identity::new(kind, value.clone()).ok()
    });
    let subject = Subject::new(identities);
    let connector = bucket.connector(&["users/{id}/", "private/u-{id}.d/"], &["file_key"]);

    let collected = export(&connector, &subject, full_after).await;
    for (attachment, bytes) in collected.attachments() {
        prop_assert!(
            is_own(&attachment.name, values),
            "exported {:?}",
            attachment.name
        );
        prop_assert_eq!(attachment.name.as_bytes(), bytes);
    }
    erase(&connector, &subject, 3).await;
    let left: BTreeSet<String> = bucket.keys().into_iter().collect();
    for key in everything() {
        if !is_own(&key, values) {
            prop_assert!(left.contains(&key), "{:?} was touched", key);
        }
    }
    // And it does reach what is its own: nothing of the plainest ids is left.
    for (value, _) in values
        .iter()
        .filter(|(value, is_id)| *is_id && ["1", "10", "ada", "é", "*"].contains(&value.as_str()))
    {
        let own = format!("users/{value}/");
        prop_assert_eq!(left.iter().find(|key| key.starts_with(&own)), None);
    }
    Ok(())
}
