//! What a token lets its bearer do.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One scope: 1 to 200 of the characters that RFC 6749 (section 3.3) allows, compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// May ask for a copy of one's data: `privacy:export`.
    pub const EXPORT: Self = Self(Cow::Borrowed("privacy:export"));
    /// May ask to be forgotten: `privacy:erase`.
    pub const ERASE: Self = Self(Cow::Borrowed("privacy:erase"));
    /// May see and move the requests of others: `privacy:operator`.
    pub const OPERATOR: Self = Self(Cow::Borrowed("privacy:operator"));

    /// Parses a scope.
    ///
    /// # Errors
    /// When it breaks the rule above.
    pub fn new(scope: impl Into<String>) -> Result<Self, InvalidScope> {
        let scope = scope.into();
        let fits = (1..=200).contains(&scope.len())
            && scope
                .bytes()
                .all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
        if fits {
            Ok(Self(Cow::Owned(scope)))
        } else {
            Err(InvalidScope)
        }
    }

    /// The scope as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no scope. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is 1 to 200 visible ASCII characters without a quote or a backslash")]
pub struct InvalidScope;

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(scope: String) -> Result<Self, InvalidScope> {
        Self::new(scope)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0.into_owned()
    }
}
