//! What every package of the house has.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::path::{Path, PathBuf};

use toml::Table;

#[test]
fn every_package_is_described_and_keeps_the_house_lints() {
    let root = root();
    let mut wrong = Vec::new();
    let mut descriptions = Vec::new();
    let packages = packages(&root);
    assert!(
        packages.len() >= 11,
        "only {} packages were found",
        packages.len()
    );
    for folder in packages {
        let name = folder.strip_prefix(&root).unwrap().display().to_string();
        let manifest = read_table(&folder.join("Cargo.toml"));
        if manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            != Some(&true.into())
        {
            wrong.push(format!("{name}: its lints are not those of the workspace"));
        }
        match manifest["package"]
            .get("description")
            .and_then(|text| text.as_str())
        {
            Some(description) if description.split_whitespace().count() >= 4 => {
                if descriptions.contains(&description.to_owned()) {
                    wrong.push(format!("{name}: has the description of another package"));
                }
                descriptions.push(description.to_owned());
            }
            _ => wrong.push(format!("{name}: has no description in words")),
        }
        for shared in ["version", "edition", "rust-version", "license", "authors"] {
            let inherited = manifest["package"]
                .get(shared)
                .and_then(|value| value.get("workspace"));
            if inherited != Some(&true.into()) {
                wrong.push(format!("{name}: its {shared} is not that of the workspace"));
            }
        }
        if !has_text(&folder.join("README.md")) {
            wrong.push(format!("{name}: has no README.md"));
        }
        wrong.extend(front_page_problem(&folder).map(|problem| format!("{name}: {problem}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    let root = root();
    let workspace = read_table(&root.join("Cargo.toml"));
    let lint = &workspace["workspace"]["lints"]["rust"]["unsafe_code"];
    assert_eq!(lint.as_str(), Some("forbid"));
}

#[test]
fn dependencies_are_named_once_in_the_workspace() {
    let root = root();
    let mut wrong = Vec::new();
    for folder in packages(&root) {
        let manifest = read_table(&folder.join("Cargo.toml"));
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(named) = manifest.get(kind).and_then(|table| table.as_table()) else {
                continue;
            };
            for (name, dependency) in named {
                if dependency.get("workspace") != Some(&true.into()) {
                    wrong.push(format!(
                        "{}: {name}",
                        folder.strip_prefix(&root).unwrap().display()
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "not from the workspace:\n{}",
        wrong.join("\n")
    );
}

/// Every library and program begins with its README as its documentation.
fn front_page_problem(folder: &Path) -> Option<String> {
    let source = folder.join("src");
    let front = ["lib.rs", "main.rs"]
        .map(|file| source.join(file))
        .into_iter()
        .find(|file| file.is_file());
    let Some(front) = front else {
        return Some("has neither src/lib.rs nor src/main.rs".to_owned());
    };
    let text = std::fs::read_to_string(front).unwrap();
    (!text.starts_with("#![doc = include_str!(\"../README.md\")]"))
        .then(|| "its README is not its front page".to_owned())
}

fn packages(root: &Path) -> Vec<PathBuf> {
    let mut packages = vec![root.join("examples"), root.join("tests")];
    for folder in ["crates", "connectors"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.join("Cargo.toml").is_file() {
                packages.push(path);
            }
        }
    }
    packages.sort();
    packages
}

fn has_text(file: &Path) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.trim().len() > 80)
}

fn read_table(file: &Path) -> Table {
    std::fs::read_to_string(file).unwrap().parse().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}
