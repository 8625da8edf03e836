//! Tools that nobody here wrote. One that is not installed is reported; with `CI` set, that is a failure.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs a tool; `None` when it is not installed.
pub fn run(tool: impl AsRef<Path>, arguments: &[&Path]) -> Option<Output> {
    let tool = tool.as_ref();
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(
                std::env::var_os("CI").is_none(),
                "{} is not installed",
                tool.display()
            );
            println!("skipped: {} is not installed", tool.display());
            None
        }
        Err(error) => panic!("{} does not run: {error}", tool.display()),
    }
}

pub fn succeeded(output: &Output) -> String {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{}:\n{text}", output.status);
    text
}

/// The Python that has the `frictionless` package: `ADIEU_TEST_PYTHON`, the one of `target/tools`, or any.
pub fn python() -> PathBuf {
    if let Some(named) = std::env::var_os("ADIEU_TEST_PYTHON") {
        return named.into();
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/venv/bin/python");
    if ours.exists() {
        ours
    } else {
        "python3".into()
    }
}
