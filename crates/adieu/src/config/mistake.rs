//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake: where it is, what is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The line, from 1 on.
    pub line: usize,
    /// The column in characters, from 1 on.
    pub column: usize,
    /// The keys that lead there: `connector.shop.table.customers.erase`. Empty where the text is no TOML at all.
    pub key: String,
    /// What is wrong and what would be right. No secret is repeated.
    pub problem: String,
}

/// All mistakes of a configuration at once.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    unreadable: Option<std::io::ErrorKind>,
    mistakes: Vec<Mistake>,
}

impl ConfigError {
    pub(crate) fn new(file: &Path, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort();
        mistakes.dedup();
        Self {
            file: file.to_owned(),
            unreadable: None,
            mistakes,
        }
    }

    pub(crate) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        Self {
            file: file.to_owned(),
            unreadable: Some(error.kind()),
            mistakes: Vec::new(),
        }
    }

    /// The file, as it was named.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The mistakes, from the first line to the last. None when the file could not be read.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

/// One line for each mistake: `adieu.toml:3:1: store.key: is missing`.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.unreadable {
            Some(std::io::ErrorKind::NotFound) => {
                return write!(f, "{file}: there is no such file; name one with --config");
            }
            Some(std::io::ErrorKind::InvalidData) => {
                return write!(f, "{file}: is not text in UTF-8");
            }
            Some(kind) => return write!(f, "{file}: cannot be read ({kind})"),
            None => {}
        }
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{file}:{mistake}")?;
        }
        Ok(())
    }
}

/// The same lines: it is what a `main` that returns an error shows.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for ConfigError {}
