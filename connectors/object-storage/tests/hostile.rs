//! No value of an identity reaches another person's objects, on a real folder.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::collections::BTreeMap;

use adieu_core::{Identity, Subject};
use common::{connector, erase, export, put, tree};
use proptest::prelude::*;

/// Whose folders and files there are, whatever is asked for.
const PEOPLE: &[&str] = &[
    "1",
    "10",
    "ada",
    "ada@example.com",
    "é",
    "e\u{301}",
    "bob",
    "..x",
    "%2e%2e",
    "a%2Fb",
    "*",
    "bob~1",
];

/// Names are put together from these, so that what is tried comes close to what is there.
const PIECES: &[&str] = &[
    "1",
    "10",
    "0",
    "ada",
    "ADA",
    "Ada",
    "bob",
    "é",
    "e\u{301}",
    "ｂob",
    "\u{430}da",
    "..",
    ".",
    "/",
    "\\",
    "%2F",
    "%2e",
    "%00",
    "*",
    "?",
    "[",
    "]",
    "~",
    "~1",
    " ",
    "\u{a0}",
    "\u{200b}",
    "\u{202e}",
    "users",
    "private",
    "files",
    "x",
    "-",
    "@example.com",
    "{id}",
    "$HOME",
    "|",
    ":",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_value_reaches_what_is_not_exactly_its_own(
        values in prop::collection::vec((hostile(), any::<bool>()), 1..4),
        full_after in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(no_other_is_reached(&values, full_after))?;
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        12 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => "\\PC{1,3}",
    ];
    let person = || prop::sample::select(PEOPLE);
    // A way to somebody's folder, and a way on into it.
    let to = [
        "",
        "../users/",
        "./",
        "/",
        "users/",
        "x/../",
        "..\\",
        " ",
        "private/u-",
        "files/",
    ];
    let on = [
        "",
        "/",
        "/.",
        "//",
        "/sub",
        "/sub/",
        "/../10",
        "\\sub",
        "/a.txt",
        "/sub/b.txt",
        ".d/c.txt",
        " ",
        ".",
    ];
    prop_oneof![
        3 => prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat()),
        2 => person().prop_map(str::to_owned),
        5 => (prop::sample::select(to.to_vec()), person(), prop::sample::select(on.to_vec()))
            .prop_map(|(to, person, on)| format!("{to}{person}{on}")),
        1 => prop::sample::select(vec![".", "..", "./", "../", "./."]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["/".repeat(300), "a".repeat(1024)]),
    ]
}

async fn no_other_is_reached(
    values: &[(String, bool)],
    full_after: usize,
) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    put(folder.path(), "outside.txt", b"outside of the store");
    put(folder.path(), "ada/outside.txt", b"outside of the store");
    for person in PEOPLE {
        for key in [
            format!("users/{person}/a.txt"),
            format!("users/{person}/sub/b.txt"),
            format!("private/u-{person}.d/c.txt"),
            format!("files/{person}"),
        ] {
            put(&store, &key, key.as_bytes());
        }
    }
    put(&store, "top.txt", b"of nobody");
    let before = files(folder.path());

    // Each value is tried as an id in prefixes, or as a yielded key.
    let identities = values.iter().filter_map(|(value, is_id)| {
        let kind = if *is_id { "id" } else { "file_key" };
        Identity::new(kind, value.clone()).ok()
    });
    let subject = Subject::new(identities);
    let own = |key: &str| {
        values.iter().any(|(value, is_id)| {
            if !is_id {
                // A key of its own; in the prefixes nothing is reached by a key.
                return key == format!("store/{value}") && key.starts_with("store/files/")
                    || key == format!("store/{value}") && key == "store/top.txt";
            }
            let is_segment = !value.contains(['/', '\\']);
            is_segment
                && [
                    format!("store/users/{value}/"),
                    format!("store/private/u-{value}.d/"),
                ]
                .iter()
                .any(|prefix| key.starts_with(prefix))
        })
    };

    let connector = connector(&store, &["users/{id}/", "private/u-{id}.d/"], &["file_key"]);
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
    for (value, _) in values
        .iter()
        .filter(|(value, is_id)| *is_id && ["1", "10", "ada", "é", "*"].contains(&value.as_str()))
    {
        let left = after
            .keys()
            .find(|key| key.starts_with(&format!("store/users/{value}/")));
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
