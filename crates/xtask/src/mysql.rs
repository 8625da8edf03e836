//! A MySQL server for the tests. Debian 12 has none, so Ubuntu's packages are unpacked beside the other tools; nothing of them is
//! installed into the system.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::run;
use crate::house::House;
use crate::tools::is_root;

/// A package of Ubuntu 22.04, which keeps its first release for as long as there is an Ubuntu 22.04.
struct Package {
    /// Below [`ARCHIVE`].
    path: &'static str,
    sha256: &'static str,
}

const ARCHIVE: &str = "http://archive.ubuntu.com/ubuntu/pool/main";

/// The server, and the libraries that Debian 12 has in another version.
const PACKAGES: &[Package] = &[
    Package {
        path: "m/mysql-8.0/mysql-server-core-8.0_8.0.28-0ubuntu4_amd64.deb",
        sha256: "69a97fa36a94ce981cf4a5fd6eb674003fa42559b442ba9807309c69d1b90fdb",
    },
    Package {
        path: "p/protobuf/libprotobuf-lite23_3.12.4-1ubuntu7_amd64.deb",
        sha256: "74213165bb99962044366f56d43eaebf7f7ffd7903d60820abd8373f6fe067c0",
    },
    Package {
        path: "m/mecab/libmecab2_0.996-14build9_amd64.deb",
        sha256: "cb25c996ff0ed53158bc6b9cda66f68f003ff3824f8276ddfa0ad20d60e1411a",
    },
    Package {
        path: "i/icu/libicu70_70.1-2_amd64.deb",
        sha256: "58a154f6307289813da2276f900498ef536ae7c0522d2cf31a3c3c5cf62dfd9a",
    },
    Package {
        path: "libe/libevent/libevent-pthreads-2.1-7_2.1.12-stable-1build3_amd64.deb",
        sha256: "078211a125a9ef5a9c7d24eb441761cefde8812b69889f7cee96824b0dc66831",
    },
    Package {
        path: "libe/libevent/libevent-core-2.1-7_2.1.12-stable-1build3_amd64.deb",
        sha256: "9317ae74915b9e4372f7506fbd16ae2a021e0ead79a8d88f96dad49b87d94508",
    },
    Package {
        path: "liba/libaio/libaio1_0.3.112-13build1_amd64.deb",
        sha256: "2dcfe0b49d7cccfbf1bd6a3f627cf44bea9f51fb32f7e0e552a0df75698e0d27",
    },
];

/// Starts the server with the libraries and the messages that were unpacked with it. The options are the server's.
const START: &str = r#"#!/bin/sh
root=$(cd "$(dirname "$0")" && pwd)/root
LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
exec "$root/usr/sbin/mysqld" "$@" --basedir="$root/usr"
"#;

/// Whether such packages run on this machine at all.
pub(crate) const fn runs_here() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

/// Installs the server. Where it cannot be had its tests are passed over, which is no failure: it says so, and
/// [`why_absent`] says it again.
pub(crate) fn install(house: &House) -> Result<(), String> {
    let folder = house.mysql();
    let note = folder.join("installed.txt");
    let packages = PACKAGES.iter().map(|package| package.sha256);
    let wanted: Vec<&str> = packages.chain([START]).collect();
    let wanted = wanted.join("\n");
    if fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        println!("MySQL: all there");
        return Ok(());
    }
    fs::create_dir_all(&folder).map_err(|error| cannot(&folder, "be made", &error))?;
    match unpack(&folder) {
        Ok(()) => {
            let absent = absent(house);
            if absent.exists() {
                fs::remove_file(&absent).map_err(|error| cannot(&absent, "be removed", &error))?;
            }
            fs::write(&note, wanted).map_err(|error| cannot(&note, "be written", &error))
        }
        Err(why) => {
            println!("MySQL cannot be had, so its tests do not run: {why}");
            let absent = absent(house);
            fs::write(&absent, why).map_err(|error| cannot(&absent, "be written", &error))
        }
    }
}

/// Why the tests of MySQL do not run; none where they do.
pub(crate) fn why_absent(house: &House) -> Option<String> {
    fs::read_to_string(absent(house)).ok()
}

/// The file that says why it is not there. The tests read it too.
fn absent(house: &House) -> PathBuf {
    house.mysql().join("absent.txt")
}

fn unpack(folder: &Path) -> Result<(), String> {
    let program = folder.join("mysqld");
    if program.exists() {
        fs::remove_file(&program).map_err(|error| cannot(&program, "be removed", &error))?;
    }
    if !runs_here() {
        return Err("its packages are for Linux on x86-64".to_owned());
    }
    let packages = empty(folder.join("packages"))?;
    let root = empty(folder.join("root"))?;
    for package in PACKAGES {
        let name = package.path.rsplit('/').next().unwrap_or(package.path);
        let file = packages.join(name);
        fetch(package, &file)?;
        run(Command::new("dpkg-deb")
            .arg("--extract")
            .arg(&file)
            .arg(&root))?;
    }
    fs::remove_dir_all(&packages).map_err(|error| cannot(&packages, "be removed", &error))?;
    fs::write(&program, START).map_err(|error| cannot(&program, "be written", &error))?;
    run(Command::new("chmod").arg("+x").arg(&program))?;
    if !is_root() {
        return run(Command::new(&program).arg("--version"));
    }
    // A server does not run as root, so the tests start it as `nobody`, who must get at it.
    let mut as_nobody = Command::new("setpriv");
    as_nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    run(as_nobody.arg(&program).arg("--version"))
}

fn empty(folder: PathBuf) -> Result<PathBuf, String> {
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| cannot(&folder, "be emptied", &error))?;
    }
    fs::create_dir_all(&folder).map_err(|error| cannot(&folder, "be made", &error))?;
    Ok(folder)
}

/// Downloads a package, which must be the one that it was when this was written.
fn fetch(package: &Package, file: &Path) -> Result<(), String> {
    let url = format!("{ARCHIVE}/{}", package.path);
    let fetched = run(Command::new("curl")
        .args(["--fail", "--silent", "--show-error", "--location"])
        .args([
            "--connect-timeout",
            "20",
            "--max-time",
            "600",
            "--retry",
            "2",
        ])
        .arg("--output")
        .arg(file)
        .arg(&url));
    fetched.map_err(|_| format!("{url} could not be downloaded"))?;
    let content = File::open(file).map_err(|error| cannot(file, "be read", &error))?;
    let sum = Command::new("sha256sum")
        .stdin(content)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`sha256sum` cannot be started: {error}"))?;
    let sum = String::from_utf8_lossy(&sum.stdout);
    if sum.split_whitespace().next() == Some(package.sha256) {
        return Ok(());
    }
    Err(format!(
        "what came as {} is not that package: its SHA-256 is another one",
        package.path
    ))
}

fn cannot(path: &Path, what: &str, error: &std::io::Error) -> String {
    format!("{} cannot {what}: {error}", path.display())
}
