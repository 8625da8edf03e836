//! No value of an identity reaches another person's objects, in a bucket.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use adieu_core::ConnectorName;
use adieu_object_storage::{MarkedRule, ObjectStorageConnector};
use adieu_testkit::discover;
use common::hostile::{
    OWN_LIST, PEOPLE, Way, hostile, is_own, keys_of, manifest_of, own_list, subject, way, ways,
};
use common::moto::{Bucket, config_at};
use common::{erase, export};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 30, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn no_value_reaches_what_is_not_exactly_its_own(
        values in prop::collection::vec((hostile(), way()), 2..6),
        full_after in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(no_other_is_reached(&values, full_after))?;
    }
}

/// Every object, with what it says and whose it says that it is.
fn everything() -> BTreeMap<String, (String, Option<String>)> {
    let mut all = BTreeMap::from([("top.txt".to_owned(), ("top.txt".to_owned(), None))]);
    for (n, person) in PEOPLE.iter().enumerate() {
        all.extend(keys_of(person).map(|key| (key.clone(), (key, None))));
        let (manifest, listed) = manifest_of(person);
        all.insert(manifest, (listed, None));
        let loose = format!("loose/{person}");
        all.insert(loose.clone(), (loose, None));
        // A header carries no other letters.
        let owner = person.is_ascii().then(|| (*person).to_owned());
        let shared = format!("shared/{n}");
        all.insert(shared.clone(), (shared, owner));
    }
    all
}

async fn no_other_is_reached(
    values: &[(String, Way)],
    full_after: usize,
) -> Result<(), TestCaseError> {
    static BUCKET: OnceLock<Bucket> = OnceLock::new();
    let bucket = BUCKET.get_or_init(Bucket::with_versions);
    let there: BTreeSet<String> = bucket.keys().into_iter().collect();
    let everything = everything();
    for (key, (content, owner)) in &everything {
        if !there.contains(key) {
            let mark = owner
                .iter()
                .map(|owner| ("x-amz-meta-owner", owner.as_str()));
            bucket.put_with(key, content.as_bytes(), &mark.collect::<Vec<_>>());
        }
    }
    bucket.put(&format!("lists/{OWN_LIST}.json"), &own_list(values));
    let marked = vec![MarkedRule {
        prefix: "shared/".to_owned(),
        tag: None,
        metadata: Some("owner".to_owned()),
        identity: "id".to_owned(),
    }];
    let name = ConnectorName::new("uploads").unwrap();
    let config = ways(config_at(&bucket.url()), marked);
    let connector = ObjectStorageConnector::new(name, &config, ".".as_ref()).unwrap();
    let subject = discover(&connector, subject(values)).await.unwrap();

    let collected = export(&connector, &subject, full_after).await;
    for (attachment, bytes) in collected.attachments() {
        prop_assert!(
            is_own(&attachment.name, values),
            "exported {:?}",
            attachment.name
        );
        if let Some((content, _)) = everything.get(&attachment.name) {
            prop_assert_eq!(content.as_bytes(), bytes);
        }
    }
    erase(&connector, &subject, 3).await;
    let left: BTreeSet<String> = bucket.keys().into_iter().collect();
    for key in everything.keys() {
        if !is_own(key, values) {
            prop_assert!(left.contains(key), "{:?} was touched", key);
        }
    }
    // And it does reach what is its own: nothing of the plainest ids is left.
    let plain = ["1", "10", "ada", "é", "*"];
    for (value, _) in values
        .iter()
        .filter(|(value, way)| *way == Way::Id && plain.contains(&value.as_str()))
    {
        let own = format!("users/{value}/");
        prop_assert_eq!(left.iter().find(|key| key.starts_with(&own)), None);
        let n = PEOPLE.iter().position(|person| person == value).unwrap();
        let (loose, shared) = (format!("loose/{value}"), format!("shared/{n}"));
        prop_assert!(!left.contains(&loose));
        prop_assert!(!left.contains(&shared) || !value.is_ascii());
    }
    Ok(())
}
