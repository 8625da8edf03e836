//! Pieces that the configuration of every connector is made of.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// A mistake in a configuration: where it is, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The keys that lead to the wrong value, from the connector's own table on: `table`, `customers`, `erase`.
    pub path: Vec<String>,
    /// What is wrong and what would be right, without repeating a secret.
    pub problem: String,
}

impl ConfigProblem {
    /// A mistake at the end of a path of keys.
    pub fn new<K: Into<String>>(
        path: impl IntoIterator<Item = K>,
        problem: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into_iter().map(Into::into).collect(),
            problem: problem.into(),
        }
    }

    /// The same mistake, seen from further up.
    #[must_use]
    pub fn under<K: Into<String>>(mut self, path: impl IntoIterator<Item = K>) -> Self {
        let mut full: Vec<String> = path.into_iter().map(Into::into).collect();
        full.append(&mut self.path);
        self.path = full;
        self
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join("."), self.problem)
    }
}

/// A value of the configuration that may lie elsewhere: `env:NAME`, `file:PATH`, or the value itself.
///
/// `Debug` and serialization show where a value comes from, never a literal one.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Setting {
    /// The environment variable of this name.
    Env(String),
    /// The content of this file, without its last line break; a relative path begins at the configuration's folder.
    File(PathBuf),
    /// The value itself.
    Literal(Secret),
}

impl Setting {
    /// Fetches the value.
    ///
    /// # Errors
    /// When the variable or the file is missing, empty or not text; in words that say what to do.
    pub fn resolve(&self, folder: &Path) -> Result<Secret, String> {
        let value = match self {
            Self::Literal(value) => return Ok(value.clone()),
            Self::Env(name) => std::env::var(name).map_err(|_| {
                format!("the environment variable {name} is not set (or is not text); set it")
            })?,
            Self::File(path) => {
                let path = folder.join(path);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    format!(
                        "the file {} cannot be read ({})",
                        path.display(),
                        error.kind()
                    )
                })?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        if value.is_empty() {
            return Err(match self {
                Self::Env(name) => format!("the environment variable {name} is empty; set it"),
                Self::File(path) => format!("the file {} is empty", path.display()),
                Self::Literal(_) => "the value is empty".to_owned(),
            });
        }
        Ok(Secret::new(value))
    }
}

impl From<String> for Setting {
    fn from(text: String) -> Self {
        match text.split_once(':') {
            Some(("env", name)) => Self::Env(name.to_owned()),
            Some(("file", path)) if !path.starts_with("//") => Self::File(PathBuf::from(path)),
            _ => Self::Literal(Secret::new(text)),
        }
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Literal(_) => f.write_str("…"),
        }
    }
}

impl Serialize for Setting {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{self:?}"))
    }
}

/// A text that is not shown: `Debug` leaves it out, there is no `Display`, and its memory is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_shows_where_it_comes_from_and_never_what_it_is() {
        let literal = Setting::from("postgres://adieu:hunter2@db/shop".to_owned());
        assert!(!format!("{literal:?}").contains("hunter2"));
        let env = Setting::from("env:DATABASE_URL".to_owned());
        assert_eq!(format!("{env:?}"), "env:DATABASE_URL");
        assert_eq!(
            Setting::from("file:key.txt".to_owned()),
            Setting::File("key.txt".into())
        );
    }

    #[test]
    fn a_missing_setting_says_what_to_do() {
        let error = Setting::Env("ADIEU_NOT_SET_ANYWHERE".to_owned())
            .resolve(Path::new("."))
            .unwrap_err();
        assert!(error.contains("ADIEU_NOT_SET_ANYWHERE"), "{error}");
        let error = Setting::File("no-such-file".into())
            .resolve(Path::new("/nowhere"))
            .unwrap_err();
        assert!(error.contains("/nowhere/no-such-file"), "{error}");
    }
}
