//! The parts of `cargo xtask test`, in the order in which they run.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::{cargo, run as run_command, run_and_read};
use crate::count::{Count, is_closing_line};
use crate::house::House;
use crate::mysql;
use crate::tools;

/// One part: a name to choose it by, what it proves, and how.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    run: fn(&Run<'_>) -> Result<Count, String>,
}

struct Run<'a> {
    house: &'a House,
    advisories: bool,
}

/// What is quick comes first; what the tests say comes last.
pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "tools",
        what: "what the tests need is installed",
        run: |run| tools::install(run.house).map(|()| Count::default()),
    },
    Part {
        name: "fmt",
        what: "the code is formatted",
        run: |run| simple(cargo(run.house, &["fmt", "--all", "--check"])),
    },
    Part {
        name: "deny",
        what: "licences, banned crates and sources of all dependencies (cargo deny)",
        run: deny,
    },
    Part {
        name: "clippy",
        what: "no warning of the compiler or of clippy",
        run: clippy,
    },
    Part {
        name: "doc",
        what: "the documentation builds without a warning",
        run: doc,
    },
    Part {
        name: "examples",
        what: "every example builds",
        run: |run| {
            simple(cargo(
                run.house,
                &["build", "--workspace", "--examples", "--all-features"],
            ))
        },
    },
    Part {
        name: "demo",
        what: "`adieu demo --once` ends well and leaves its files",
        run: demo,
    },
    Part {
        name: "doctest",
        what: "every example in the documentation runs",
        run: |run| {
            tests(
                run.house,
                &["test", "--doc", "--workspace", "--all-features"],
            )
        },
    },
    Part {
        name: "test",
        what: "every test",
        run: test,
    },
];

/// Runs the parts (all of them when none is named), goes on after one that failed, and sums up.
pub(crate) fn run(house: &House, only: &[String], advisories: bool) -> Result<(), String> {
    let run = Run { house, advisories };
    let chosen = |part: &&Part| {
        only.is_empty() || part.name == "tools" || only.iter().any(|name| name == part.name)
    };
    let mut results = Vec::new();
    for part in PARTS.iter().filter(chosen) {
        println!("\n=== {}: {} ===", part.name, part.what);
        let begun = Instant::now();
        let result = (part.run)(&run);
        if let Err(problem) = &result {
            println!("--- {} FAILED: {problem}", part.name);
        }
        // Both streams go to one place in CI; keep their order.
        let _ = std::io::stdout().flush();
        results.push((part, begun.elapsed(), result));
    }
    sum_up(house, &results)
}

fn sum_up(
    house: &House,
    results: &[(&Part, Duration, Result<Count, String>)],
) -> Result<(), String> {
    println!("\n=== summary ===");
    let mut total = Count::default();
    let mut failed = Vec::new();
    for (part, took, result) in results {
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        println!(
            "{:<10} {word:<7} {:>6.1} s  {}",
            part.name,
            took.as_secs_f64(),
            part.what
        );
        match result {
            Ok(count) => total.add(*count),
            Err(problem) => failed.push((part.name, problem)),
        }
    }
    if let Some(why) = mysql::why_absent(house) {
        println!("The tests of MySQL did NOT run, because it cannot be had here: {why}");
    }
    for (name, problem) in &failed {
        println!("{name}: {problem}");
    }
    if failed.is_empty() {
        if total != Count::default() {
            println!("{total}");
        }
        return Ok(());
    }
    let names: Vec<&str> = failed.iter().map(|(name, _)| *name).collect();
    Err(format!("failed: {}", names.join(", ")))
}

fn simple(mut command: Command) -> Result<Count, String> {
    run_command(&mut command).map(|()| Count::default())
}

fn clippy(run: &Run<'_>) -> Result<Count, String> {
    let mut command = cargo(
        run.house,
        &["clippy", "--workspace", "--all-targets", "--all-features"],
    );
    command.args(["--", "-D", "warnings"]);
    simple(command)
}

fn doc(run: &Run<'_>) -> Result<Count, String> {
    let mut command = cargo(
        run.house,
        &["doc", "--workspace", "--no-deps", "--all-features"],
    );
    command.env("RUSTDOCFLAGS", "-D warnings");
    simple(command)
}

fn deny(run: &Run<'_>) -> Result<Count, String> {
    let program = run
        .house
        .program("cargo-deny")
        .ok_or("cargo-deny is not there; the part `tools` says why")?;
    let mut command = Command::new(program);
    command.current_dir(&run.house.root);
    command.args(["--all-features", "check", "--hide-inclusion-graph"]);
    command.args(["bans", "licenses", "sources"]);
    if run.advisories {
        command.arg("advisories");
    } else {
        println!(
            "(known vulnerabilities are not looked up: that needs the network; --advisories does it)"
        );
    }
    simple(command)
}

fn test(run: &Run<'_>) -> Result<Count, String> {
    let house = run.house;
    if house.program("cargo-nextest").is_some() {
        let arguments = ["nextest", "run", "--workspace", "--all-features"];
        return tests(house, &arguments);
    }
    println!(
        "(cargo-nextest is not there: `cargo test` runs the tests, one program after the other)"
    );
    let arguments = [
        "test",
        "--workspace",
        "--all-features",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
    ];
    tests(house, &arguments)
}

/// Runs a test runner and counts; a run of no test at all is a failure.
fn tests(house: &House, arguments: &[&str]) -> Result<Count, String> {
    let mut command = cargo(house, arguments);
    command.env("ADIEU_TEST_PYTHON", house.venv().join("bin").join("python"));
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let (lines, ended) = run_and_read(&mut command, is_closing_line);
    let count = Count::read(&lines);
    ended?;
    if count.passed == 0 {
        return Err("no test was run".to_owned());
    }
    Ok(count)
}

/// The whole way of the README's first command: exit code, the files it leaves, and whether the archive is sound.
fn demo(run: &Run<'_>) -> Result<Count, String> {
    let folder = run.house.target.join("xtask").join("demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .map_err(|error| format!("{} cannot be emptied: {error}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let mut command = cargo(run.house, &["run", "--package", "adieu-cli"]);
    command.args(["--", "demo", "--once", "--dir"]).arg(&folder);
    run_command(&mut command)?;
    for file in ["archive.zip", "receipt.jws", "jwks.json"] {
        must_hold_something(&folder.join(file))?;
    }
    let mut unzip = Command::new("unzip");
    unzip.arg("-tq").arg(folder.join("archive.zip"));
    simple(unzip)
}

fn must_hold_something(file: &Path) -> Result<(), String> {
    match std::fs::metadata(file) {
        Ok(found) if found.len() > 0 => Ok(()),
        Ok(_) => Err(format!("{} is empty", file.display())),
        Err(error) => Err(format!("{} was not left: {error}", file.display())),
    }
}
