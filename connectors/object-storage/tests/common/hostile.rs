//! Values of identities that try to reach somebody else's objects.

use adieu_core::{Identity, Subject};
use adieu_object_storage::{ManifestFormat, ManifestRule, MarkedRule, ObjectStorageConfig};
use proptest::prelude::*;

/// Whose folders and files there are, whatever is asked for.
pub(crate) const PEOPLE: &[&str] = &[
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

pub(crate) fn hostile() -> impl Strategy<Value = String> {
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

/// The objects of a person, in three prefixes and a folder of keys.
pub(crate) fn keys_of(person: &str) -> [String; 4] {
    [
        format!("users/{person}/a.txt"),
        format!("users/{person}/sub/b.txt"),
        format!("private/u-{person}.d/c.txt"),
        format!("files/{person}"),
    ]
}

/// By which way a value tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As an identity in prefixes, in the name of a manifest and in marks.
    Id,
    /// As a key that another system yielded.
    Key,
    /// The same as a URL.
    Url,
    /// As a key that the person's own manifest lists.
    Listed,
}

pub(crate) const URL: &str = "https://cdn.example.com/";
/// Whose manifest lists what is tried.
pub(crate) const OWN_LIST: &str = "own-list";

pub(crate) fn way() -> impl Strategy<Value = Way> {
    prop::sample::select(vec![Way::Id, Way::Id, Way::Key, Way::Url, Way::Listed])
}

/// The manifest of a person, and what it lists.
pub(crate) fn manifest_of(person: &str) -> (String, String) {
    (
        format!("lists/{person}.json"),
        format!(r#"["loose/{person}"]"#),
    )
}

/// What the manifest of the one who tries lists.
pub(crate) fn own_list(values: &[(String, Way)]) -> Vec<u8> {
    let listed = values.iter().filter(|(value, way)| {
        *way == Way::Listed && Identity::new("file_key", value.clone()).is_ok()
    });
    let listed: Vec<&String> = listed.map(|(value, _)| value).collect();
    serde_json::to_vec(&listed).unwrap()
}

/// The one who tries, before anything is discovered.
pub(crate) fn subject(values: &[(String, Way)]) -> Subject {
    let identities = values.iter().filter_map(|(value, way)| match way {
        Way::Id => Identity::new("id", value.clone()).ok(),
        Way::Key => Identity::new("file_key", value.clone()).ok(),
        Way::Url => Identity::new("file_key", format!("{URL}{value}")).ok(),
        Way::Listed => None,
    });
    let own = Identity::new("id", OWN_LIST).ok();
    Subject::new(identities.chain(own))
}

/// The rules of a store for the ways above; marks where the store has them.
pub(crate) fn ways(config: ObjectStorageConfig, marked: Vec<MarkedRule>) -> ObjectStorageConfig {
    ObjectStorageConfig {
        prefixes: vec!["users/{id}/".to_owned(), "private/u-{id}.d/".to_owned()],
        keys: vec!["file_key".to_owned()],
        key_urls: vec![URL.to_owned()],
        manifests: vec![ManifestRule {
            object: "lists/{id}.json".to_owned(),
            format: ManifestFormat::Json,
            field: None,
            yields: "file_key".to_owned(),
        }],
        marked,
        ..config
    }
}

/// Whether a key is reached by one of these values, each by its way.
pub(crate) fn is_own(key: &str, values: &[(String, Way)]) -> bool {
    let is_key = |value: &str| {
        // A key of its own; where others are found otherwise, nothing is reached by a key.
        let is_free = ["files/", "loose/"].iter().any(|one| key.starts_with(one));
        key == value && (is_free || key == "top.txt")
    };
    let decoded = |value: &str| {
        let path = value.split(['?', '#']).next().unwrap_or_default();
        percent_encoding::percent_decode_str(path)
            .decode_utf8_lossy()
            .into_owned()
    };
    let is_of = |value: &str| {
        let is_segment = !value.contains(['/', '\\']);
        let prefixes = [format!("users/{value}/"), format!("private/u-{value}.d/")];
        is_segment && prefixes.iter().any(|prefix| key.starts_with(prefix))
            || key == format!("lists/{value}.json")
            // A person's own manifest counts as far as it is read.
            || key == format!("loose/{value}")
            || PEOPLE.iter().position(|person| *person == value).is_some_and(|n| key == format!("shared/{n}"))
    };
    key == format!("lists/{OWN_LIST}.json")
        || values.iter().any(|(value, way)| match way {
            Way::Id => is_of(value),
            Way::Key | Way::Listed => {
                is_key(value) || url_of(value).is_some_and(|one| is_key(&decoded(one)))
            }
            Way::Url => is_key(&decoded(value)),
        })
}

fn url_of(value: &str) -> Option<&str> {
    value.strip_prefix(URL)
}
