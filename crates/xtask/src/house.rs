//! Where things are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folders of the project, and whether this run is one of continuous integration.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) root: PathBuf,
    /// `target`, or what `CARGO_TARGET_DIR` names.
    pub(crate) target: PathBuf,
    pub(crate) in_ci: bool,
}

impl House {
    pub(crate) fn find() -> Result<Self, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here
            .ancestors()
            .nth(2)
            .ok_or_else(|| format!("{} has no folder two levels up", here.display()))?
            .to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(target) => root.join(target),
            None => root.join("target"),
        };
        let in_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
        Ok(Self {
            root,
            target,
            in_ci,
        })
    }

    /// The Python environment that holds the tools from PyPI.
    pub(crate) fn venv(&self) -> PathBuf {
        self.target.join("tools").join("venv")
    }

    /// The folder whose `node_modules` holds the tools from npm.
    pub(crate) fn node(&self) -> PathBuf {
        self.target.join("tools").join("node")
    }

    /// The folder of the MySQL server that the tests start.
    pub(crate) fn mysql(&self) -> PathBuf {
        self.target.join("tools").join("mysql")
    }

    /// A program of the tools' own folder, or else of the `PATH`.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        let own = self.venv().join("bin").join(name);
        if own.is_file() {
            return Some(own);
        }
        on_path(name)
    }

    /// The `PATH` with the tools' own folders behind what is there already.
    pub(crate) fn path(&self) -> OsString {
        let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
            .map(|path| std::env::split_paths(&path).collect())
            .unwrap_or_default();
        folders.push(self.venv().join("bin"));
        folders.push(self.node().join("node_modules").join(".bin"));
        std::env::join_paths(folders).unwrap_or_default()
    }
}

/// The program of this name on the `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
