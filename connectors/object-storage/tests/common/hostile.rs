//! Values of identities that try to reach somebody else's objects.

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

/// Whether a key is reached by one of these values, of which each is an id in prefixes or a yielded key.
pub(crate) fn is_own(key: &str, values: &[(String, bool)]) -> bool {
    values.iter().any(|(value, is_id)| {
        if !is_id {
            // A key of its own; in the prefixes nothing is reached by a key.
            return key == value && (key.starts_with("files/") || key == "top.txt");
        }
        let is_segment = !value.contains(['/', '\\']);
        is_segment
            && [format!("users/{value}/"), format!("private/u-{value}.d/")]
                .iter()
                .any(|prefix| key.starts_with(prefix))
    })
}
