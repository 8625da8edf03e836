//! By what a data subject is known to a system.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::name::{InvalidWord, word};

/// What sort of identifier an [`Identity`] is: `user_id`, `email`, `stripe_customer`, …
///
/// 1 to 64 of `a-z`, `0-9` and `_`, beginning with a letter. Two connectors that mean the same thing use the same kind;
/// that is how what one system yields reaches another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdentityKind(String);

impl IdentityKind {
    /// Parses a kind.
    ///
    /// # Errors
    /// When it breaks the rule above.
    pub fn new(kind: impl Into<String>) -> Result<Self, InvalidWord> {
        let kind = kind.into();
        let fits = kind.len() <= 64
            && kind.starts_with(|c: char| c.is_ascii_lowercase())
            && kind
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(kind))
        } else {
            Err(InvalidWord::new(
                "an identity's kind",
                "is 1 to 64 of a-z, 0-9 and _, beginning with a letter, such as email",
            ))
        }
    }

    /// The kind as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

word!(IdentityKind);

/// The value of an identity. Its `Debug` shows nothing of it, there is no `Display`, and its memory is wiped when dropped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdentityValue(String);

impl IdentityValue {
    /// Parses a value: 1 to 1,024 bytes, not only white space, no control characters.
    ///
    /// # Errors
    /// When it breaks that rule. The error does not repeat the value.
    pub fn new(value: impl Into<String>) -> Result<Self, InvalidWord> {
        let mut value = value.into();
        if value.len() <= 1024 && !value.trim().is_empty() && !value.chars().any(char::is_control) {
            Ok(Self(value))
        } else {
            value.zeroize();
            Err(InvalidWord::new(
                "an identity's value",
                "is 1 to 1024 bytes, not only white space, without control characters",
            ))
        }
    }

    /// The value itself: for a query to the system that knows it, never for a log, an error or a URL that is logged.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdentityValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Drop for IdentityValue {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl TryFrom<String> for IdentityValue {
    type Error = InvalidWord;

    fn try_from(value: String) -> Result<Self, InvalidWord> {
        Self::new(value)
    }
}

impl From<IdentityValue> for String {
    fn from(value: IdentityValue) -> String {
        value.expose().to_owned()
    }
}

/// One identifier of a data subject: a kind and a value, such as `email` and an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    kind: IdentityKind,
    value: IdentityValue,
}

impl Identity {
    /// Parses a kind and a value.
    ///
    /// # Errors
    /// When one of them breaks its rule; see [`IdentityKind::new`] and [`IdentityValue::new`].
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Result<Self, InvalidWord> {
        Ok(Self {
            kind: IdentityKind::new(kind)?,
            value: IdentityValue::new(value)?,
        })
    }

    /// Puts together what was parsed before.
    pub fn from_parts(kind: IdentityKind, value: IdentityValue) -> Self {
        Self { kind, value }
    }

    /// What sort of identifier this is.
    pub fn kind(&self) -> &IdentityKind {
        &self.kind
    }

    /// The identifier.
    pub fn value(&self) -> &IdentityValue {
        &self.value
    }
}

/// Parses `KIND=VALUE`, the way a person writes it on a command line.
impl FromStr for Identity {
    type Err = InvalidWord;

    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        let (kind, value) = text.split_once('=').ok_or(InvalidWord::new(
            "an identity",
            "is written KIND=VALUE, such as email=ada@example.com",
        ))?;
        Self::new(kind, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_written_kind_equals_value() {
        let identity: Identity = "email=ada@example.com".parse().unwrap();
        assert_eq!(identity.kind().as_str(), "email");
        assert_eq!(identity.value().expose(), "ada@example.com");
        let equals: Identity = "token=a=b".parse().unwrap();
        assert_eq!(equals.value().expose(), "a=b");
    }

    #[test]
    fn empty_and_blank_values_are_refused_without_repeating_them() {
        for bad in ["email=", "email=  ", "email=a\0b", "Email=x", "=x", "plain"] {
            assert!(bad.parse::<Identity>().is_err(), "{bad:?} was accepted");
        }
        let error = Identity::new("email", "ada@example.com\n").unwrap_err();
        assert!(!error.to_string().contains("ada"));
    }

    #[test]
    fn debug_shows_the_kind_and_hides_the_value() {
        let shown = format!("{:?}", Identity::new("email", "ada@example.com").unwrap());
        assert!(shown.contains("email") && !shown.contains("ada"), "{shown}");
    }
}
