//! What the program prints: results on standard output, all else on standard error.

use std::io::{IsTerminal, Write};

use serde::Serialize;

/// Standard output and standard error.
#[derive(Debug)]
pub(crate) struct Terminal {
    json: bool,
}

impl Terminal {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether somebody watches who would like to see progress.
    pub(crate) fn is_watched(&self) -> bool {
        !self.json && std::io::stderr().is_terminal() && std::io::stdout().is_terminal()
    }

    /// Prints a result for a person. A reader that has gone away is no failure.
    pub(crate) fn say(&self, text: &str) {
        if !self.json {
            let _ = writeln!(std::io::stdout().lock(), "{text}");
        }
    }

    /// Prints the result for a program.
    pub(crate) fn json<T: Serialize>(&self, document: &T) {
        if self.json {
            let mut out = std::io::stdout().lock();
            if serde_json::to_writer_pretty(&mut out, document).is_ok() {
                let _ = writeln!(out);
            }
        }
    }

    /// Prints text that is the same for persons and programs.
    pub(crate) fn print(&self, text: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Tells something beside the result.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Tells what went wrong.
    pub(crate) fn complain(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "adieu: {text}");
    }
}
