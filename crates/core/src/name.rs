//! Names that operators give to systems and that schemas give to collections. They are never personal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A word that does not fit its place: which one, and what would.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {rule}")]
pub struct InvalidWord {
    what: &'static str,
    rule: &'static str,
}

impl InvalidWord {
    pub(crate) const fn new(what: &'static str, rule: &'static str) -> Self {
        Self { what, rule }
    }
}

/// The name of a connector, such as `shop`: 1 to 64 of `a-z`, `0-9`, `-` and `_`, beginning with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectorName(String);

impl ConnectorName {
    /// Parses a name.
    ///
    /// # Errors
    /// When it breaks the rule above.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidWord> {
        let name = name.into();
        let fits = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if fits {
            Ok(Self(name))
        } else {
            Err(InvalidWord::new(
                "a connector's name",
                "is 1 to 64 of a-z, 0-9, - and _, beginning with a letter",
            ))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a collection as its system spells it, such as `InvoiceLine`: 1 to 200 characters, none of them a control.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CollectionName(String);

impl CollectionName {
    /// Parses a name.
    ///
    /// # Errors
    /// When it breaks the rule above.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidWord> {
        let name = name.into();
        let length = name.chars().count();
        if (1..=200).contains(&length) && !name.chars().any(char::is_control) {
            Ok(Self(name))
        } else {
            Err(InvalidWord::new(
                "a collection's name",
                "is 1 to 200 characters, none of them a control character",
            ))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! word {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = InvalidWord;

            fn from_str(text: &str) -> Result<Self, InvalidWord> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidWord;

            fn try_from(text: String) -> Result<Self, InvalidWord> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.as_str().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
    };
}
pub(crate) use word;

word!(ConnectorName);
word!(CollectionName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_name_is_safe_in_paths_and_urls() {
        for good in ["shop", "a", "crm-2", "object_storage"] {
            assert_eq!(ConnectorName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "Shop", "2crm", "../x", "a b", "ä", &"a".repeat(65)] {
            assert!(ConnectorName::new(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_collection_name_keeps_the_spelling_of_its_system() {
        for good in ["InvoiceLine", "public.order items", "données"] {
            assert_eq!(CollectionName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "a\0", &"x".repeat(201)] {
            assert!(CollectionName::new(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
