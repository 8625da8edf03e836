//! GUARANTEES.md names only tests that exist.

#![allow(clippy::unwrap_used)] // a test that cannot read the project should stop

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_test_that_a_guarantee_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut known = BTreeSet::new();
    for folder in ["crates", "connectors", "examples", "tests"] {
        collect(&root.join(folder), &mut known);
    }
    let contract = fs::read_to_string(root.join("crates/core/src/contract.md")).unwrap();
    known.extend(quoted(&contract).map(str::to_owned));

    let guarantees = fs::read_to_string(root.join("GUARANTEES.md")).unwrap();
    let named: Vec<&str> = quoted(&guarantees).filter(|name| is_name(name)).collect();
    let unknown: Vec<_> = named
        .iter()
        .filter(|name| !known.contains(**name))
        .collect();
    assert!(named.len() > 60, "the page was read: {}", named.len());
    assert!(unknown.is_empty(), "no such test: {unknown:?}");
}

/// Every test of the Rust files below a folder.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    let entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for path in entries {
        if path.is_dir() {
            if path
                .file_name()
                .is_some_and(|name| name != "target" && name != "node_modules")
            {
                collect(&path, tests);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some(rest) =
                    line.strip_prefix("async fn ").or(line.strip_prefix("fn "))
                {
                    // Inside `proptest!` a test is any function with `in` among its arguments.
                    if is_test || line.contains(" in ") || line.ends_with('(') {
                        let name = rest.split(['(', '<']).next().unwrap_or_default();
                        tests.insert(name.to_owned());
                    }
                    is_test = false;
                }
            }
        }
    }
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
