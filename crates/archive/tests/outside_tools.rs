//! Archives are opened by tools that nobody here wrote.
//!
//! A tool that is not installed is reported; with `CI` set, that is a failure.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use adieu_archive::Format;
use common::World;
use common::shop::{hostile, shop};
use common::tools::{python, run, succeeded};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Opened {
    folder: TempDir,
    zip: PathBuf,
}

impl Opened {
    async fn from(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let zip = folder.path().join("archive.zip");
        fs::write(&zip, world.archive().await).unwrap();
        Self { folder, zip }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

async fn all() -> Vec<(World, Value)> {
    let mut worlds = vec![
        (shop(Format::Zip).await, json!({})),
        (shop(Format::Csv).await, json!({})),
    ];
    worlds.push(hostile(Format::Zip).await);
    worlds.push(hostile(Format::Csv).await);
    worlds.push((World::new(Format::Zip), json!({})));
    worlds
}

#[tokio::test]
async fn unzip_finds_no_error() {
    for (world, _) in all().await {
        let archive = Opened::from(&world).await;
        let Some(output) = run("unzip", &["-t".as_ref(), &archive.zip]) else {
            return;
        };
        assert!(succeeded(&output).contains("No errors detected"));
    }
}

#[tokio::test]
async fn seven_zip_finds_no_error() {
    for (world, _) in all().await {
        let archive = Opened::from(&world).await;
        let Some(output) = run("7z", &["t".as_ref(), &archive.zip]) else {
            return;
        };
        let text = succeeded(&output);
        assert!(
            text.contains("Everything is Ok") && !text.contains("Warning"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn bsdtar_unpacks_every_entry_inside_its_folder() {
    for (world, _) in all().await {
        let archive = Opened::from(&world).await;
        let target = archive.path("out");
        fs::create_dir(&target).unwrap();
        let arguments = [
            "-x".as_ref(),
            "-f".as_ref(),
            archive.zip.as_path(),
            "-C".as_ref(),
            target.as_path(),
        ];
        let Some(output) = run("bsdtar", &arguments) else {
            return;
        };
        succeeded(&output);
        let entries = world.unzipped().await;
        for (name, bytes) in &entries {
            assert_eq!(&fs::read(target.join(name)).unwrap(), bytes);
        }
        assert_eq!(files_below(&target), entries.len());
        // Beside the archive there is nothing but what was unpacked.
        assert_eq!(fs::read_dir(archive.folder.path()).unwrap().count(), 2);
    }
}

fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { files_below(&path) } else { 1 })
        .sum()
}

#[tokio::test]
async fn python_reads_the_same_values_and_every_sum_is_right() {
    for (world, expected) in all().await {
        let archive = Opened::from(&world).await;
        let expectation = archive.path("expected.json");
        fs::write(&expectation, expected.to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check_archive.py");
        let Some(output) = run(python(), &[&script, &archive.zip, &expectation]) else {
            return;
        };
        assert!(succeeded(&output).contains("entries"));
    }
}

#[tokio::test]
async fn frictionless_finds_the_package_valid() {
    for (world, _) in all().await {
        let archive = Opened::from(&world).await;
        let target = archive.path("out");
        zip::ZipArchive::new(fs::File::open(&archive.zip).unwrap())
            .unwrap()
            .extract(&target)
            .unwrap();
        let has_it = run(python(), &["-c".as_ref(), "import frictionless".as_ref()]);
        if !has_it.is_some_and(|output| output.status.success()) {
            assert!(
                std::env::var_os("CI").is_none(),
                "the Python package frictionless is not installed"
            );
            println!("skipped: the Python package frictionless is not installed");
            return;
        }
        let output = Command::new(python())
            .args([
                "-m",
                "frictionless",
                "validate",
                "--json",
                "datapackage.json",
            ])
            .current_dir(&target)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let report: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("no report: {output:?}"));
        let failed: Vec<_> = report["tasks"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|task| task["valid"] != true)
            .collect();
        assert!(
            output.status.success() && report["valid"] == true,
            "{:#} {failed:#?}",
            report["errors"]
        );
        let package: Value =
            serde_json::from_slice(&fs::read(target.join("datapackage.json")).unwrap()).unwrap();
        assert_eq!(
            report["stats"]["tasks"],
            package["resources"].as_array().unwrap().len()
        );
    }
}

#[tokio::test]
async fn chromium_shows_the_page_offline() {
    for (world, shown) in [
        (shop(Format::Zip).await, "Your orders"),
        (hostile(Format::Zip).await.0, "Cells"),
    ] {
        let archive = Opened::from(&world).await;
        let target = archive.path("out");
        zip::ZipArchive::new(fs::File::open(&archive.zip).unwrap())
            .unwrap()
            .extract(&target)
            .unwrap();
        let page = format!("file://{}", target.join("index.html").display());
        let profile = format!("--user-data-dir={}", archive.path("profile").display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            "--v=0",
            &profile,
            "--dump-dom",
            &page,
        ];
        let arguments: Vec<&Path> = arguments.iter().map(Path::new).collect();
        let Some(output) = run("chromium", &arguments) else {
            return;
        };
        succeeded(&output);
        let dom = String::from_utf8_lossy(&output.stdout);
        assert!(
            dom.contains(shown) && dom.contains("What is missing, and why"),
            "{dom}"
        );
        assert!(!dom.contains("<script"), "a cell became markup");
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(!log.contains("Content Security Policy"), "{log}");
        if let Some(folder) = std::env::var_os("ADIEU_TEST_SCREENSHOTS") {
            take_screenshots(&archive, &page, &Path::new(&folder).join(shown));
        }
    }
}

/// Pictures to look at: phone and desktop, light and dark.
fn take_screenshots(archive: &Opened, page: &str, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let profile = format!("--user-data-dir={}", archive.path("profile").display());
    for (device, size) in [
        ("phone", "390,844"),
        ("phone-whole", "390,5000"),
        ("desktop", "1280,900"),
        ("desktop-whole", "1280,4500"),
    ] {
        for (scheme, setting) in [("light", "1"), ("dark", "0")] {
            let output = Command::new("chromium")
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--no-first-run",
                    "--disable-background-networking",
                ])
                .args([
                    "--disable-component-update",
                    "--disable-sync",
                    "--hide-scrollbars",
                    &profile,
                ])
                .arg(format!("--blink-settings=preferredColorScheme={setting}"))
                .arg(format!("--window-size={size}"))
                .arg(format!(
                    "--screenshot={}",
                    to.join(format!("{device}-{scheme}.png")).display()
                ))
                .arg(page)
                .output()
                .unwrap();
            succeeded(&output);
        }
    }
}
