//! No value of an identity reaches another person's objects, on a real folder.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::collections::BTreeMap;

use adieu_core::{ConnectorName, Setting};
use adieu_object_storage::{ObjectStorageConfig, ObjectStorageConnector};
use adieu_testkit::discover;
use common::hostile::{
    OWN_LIST, PEOPLE, Way, hostile, is_own, keys_of, manifest_of, own_list, subject, way, ways,
};
use common::{erase, export, put, tree};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_value_reaches_what_is_not_exactly_its_own(
        values in prop::collection::vec((hostile(), way()), 1..4),
        full_after in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(no_other_is_reached(&values, full_after))?;
    }
}

async fn no_other_is_reached(
    values: &[(String, Way)],
    full_after: usize,
) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    put(folder.path(), "outside.txt", b"outside of the store");
    put(folder.path(), "ada/outside.txt", b"outside of the store");
    for person in PEOPLE {
        for key in keys_of(person) {
            put(&store, &key, key.as_bytes());
        }
    }
    for person in PEOPLE {
        let (manifest, listed) = manifest_of(person);
        put(&store, &manifest, listed.as_bytes());
        put(&store, &format!("loose/{person}"), person.as_bytes());
    }
    put(&store, &format!("lists/{OWN_LIST}.json"), &own_list(values));
    put(&store, "top.txt", b"of nobody");
    let before = files(folder.path());

    let own = |key: &str| {
        let key = key.strip_prefix("store/");
        key.is_some_and(|key| is_own(key, values))
    };

    let config = ObjectStorageConfig::new(Setting::from("folder:.".to_owned()));
    let name = ConnectorName::new("uploads").unwrap();
    let connector = ObjectStorageConnector::new(name, &ways(config, Vec::new()), &store).unwrap();
    let subject = discover(&connector, subject(values)).await.unwrap();
    let collected = export(&connector, &subject, full_after).await;
    for (attachment, bytes) in collected.attachments() {
        let key = format!("store/{}", attachment.name);
        prop_assert!(own(&key), "exported {key:?}");
        prop_assert_eq!(before.get(&key).map(Vec::as_slice), Some(bytes));
    }
    erase(&connector, &subject, 2).await;
    let after = files(folder.path());
    for (key, content) in &before {
        if !own(key) {
            prop_assert_eq!(after.get(key), Some(content), "{:?} was touched", key);
        }
    }
    // And it does reach what is its own: nothing of the plainest ids is left.
    let plain = ["1", "10", "ada", "é", "*"];
    for (value, _) in values
        .iter()
        .filter(|(value, way)| *way == Way::Id && plain.contains(&value.as_str()))
    {
        let own = [
            format!("store/users/{value}/"),
            format!("store/loose/{value}\0"),
        ];
        let left = after
            .keys()
            .find(|key| own.iter().any(|own| format!("{key}\0").starts_with(own)));
        prop_assert_eq!(left, None);
    }
    Ok(())
}

fn files(folder: &std::path::Path) -> BTreeMap<String, Vec<u8>> {
    tree(folder)
        .into_iter()
        .filter(|(key, _)| !key.ends_with('/'))
        .collect()
}
