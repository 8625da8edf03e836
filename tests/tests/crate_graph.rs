//! Which crate may know which: the rooms stay apart.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may know whom, in the library and at build time. A name that ends in `/` means every package of that folder.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("adieu-core", &[]),
    ("adieu-archive", &["adieu-core"]),
    ("adieu-auth", &["adieu-core"]),
    ("adieu-http-client", &["adieu-core"]),
    ("adieu-testkit", &["adieu-core"]),
    ("connectors/", &["adieu-core", "adieu-http-client"]),
    ("adieu-engine", &["adieu-core", "adieu-archive"]),
    ("adieu-notices", &["adieu-core", "adieu-engine"]),
    (
        "adieu-gateway",
        &["adieu-core", "adieu-archive", "adieu-auth", "adieu-engine"],
    ),
    (
        "adieu",
        &[
            "adieu-core",
            "adieu-archive",
            "adieu-auth",
            "adieu-engine",
            "adieu-gateway",
            "adieu-http-client",
            "adieu-notices",
            "connectors/",
        ],
    ),
    ("adieu-cli", &["adieu"]),
    ("adieu-examples", &["adieu"]),
    ("adieu-tests", &["adieu"]),
    ("xtask", &[]),
];

/// What any room may know besides, for its own tests: the conformance kit and the whole.
const TESTS_MAY_KNOW: &[&str] = &["adieu", "adieu-core", "adieu-testkit"];

#[test]
fn every_room_knows_only_whom_it_may() {
    let graph = Graph::read();
    let mut wrong = Vec::new();
    for package in graph.packages.values() {
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(name, _)| package.is_meant_by(name)) else {
            wrong.push(format!("{} has no place in the plan", package.name));
            continue;
        };
        for (known, kind) in &package.house_dependencies {
            let known = &graph.packages[known];
            let for_tests = kind == "dev" && TESTS_MAY_KNOW.contains(&known.name.as_str());
            if !for_tests && !allowed.iter().any(|name| known.is_meant_by(name)) {
                wrong.push(format!("{} knows {} ({kind})", package.name, known.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_stays_small_and_free_of_runtimes_servers_and_providers() {
    let known = dependencies_of("adieu-core");
    assert!(
        known.contains("serde"),
        "the core's dependencies were not read"
    );
    assert!(known.len() <= 30, "{} dependencies: {known:?}", known.len());
    for banned in [
        "tokio",
        "async-std",
        "smol",
        "hyper",
        "http",
        "reqwest",
        "tower",
        "axum",
        "sqlx",
        "opendal",
    ] {
        let found = known
            .iter()
            .find(|name| *name == banned || name.starts_with(&format!("{banned}-")));
        assert!(found.is_none(), "the core knows {found:?}");
    }
}

/// The names of all that a package needs to be built and used on its own, without itself.
fn dependencies_of(package: &str) -> BTreeSet<String> {
    let tree = cargo(&[
        "tree",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--offline",
    ]);
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names
        .filter(|name| *name != package)
        .map(str::to_owned)
        .collect()
}

struct Graph {
    packages: BTreeMap<String, Package>,
}

struct Package {
    name: String,
    /// The folder it lies in, such as `connectors`.
    folder: String,
    /// The packages of the house that it names, and as what: `normal`, `dev` or `build`.
    house_dependencies: Vec<(String, String)>,
}

impl Package {
    fn is_meant_by(&self, name: &str) -> bool {
        match name.strip_suffix('/') {
            Some(folder) => self.folder == folder,
            None => self.name == name,
        }
    }
}

impl Graph {
    fn read() -> Self {
        let metadata = cargo(&[
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ]);
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        let members: Vec<&Value> = array(&metadata["packages"])
            .iter()
            .filter(|package| array(&metadata["workspace_members"]).contains(&package["id"]))
            .collect();
        let names: BTreeSet<&str> = members.iter().map(|member| text(&member["name"])).collect();
        let packages = members
            .iter()
            .map(|member| {
                (
                    text(&member["name"]).to_owned(),
                    read_package(member, &names),
                )
            })
            .collect();
        Self { packages }
    }
}

fn read_package(member: &Value, names: &BTreeSet<&str>) -> Package {
    let folder = std::path::Path::new(text(&member["manifest_path"]))
        .ancestors()
        .nth(2)
        .and_then(|folder| folder.file_name())
        .map(|folder| folder.to_string_lossy().into_owned())
        .unwrap_or_default();
    let house_dependencies = array(&member["dependencies"])
        .iter()
        .filter(|dependency| names.contains(text(&dependency["name"])))
        .map(|dependency| {
            let kind = dependency["kind"].as_str().unwrap_or("normal");
            (text(&dependency["name"]).to_owned(), kind.to_owned())
        })
        .collect();
    Package {
        name: text(&member["name"]).to_owned(),
        folder,
        house_dependencies,
    }
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problem}");
    String::from_utf8(output.stdout).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
