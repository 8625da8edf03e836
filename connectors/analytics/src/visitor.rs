//! By what Google Analytics knows somebody, in the spelling it wants.

use std::collections::BTreeSet;
use std::fmt;

use adieu_core::{IdentityKind, InvalidWord, Subject};
use serde::{Deserialize, Serialize};

use crate::config::AnalyticsConfig;

/// Which identifier of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Name {
    UserId,
    ClientId,
    AppInstanceId,
    UserProvidedData,
}

impl Name {
    /// As a request spells it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UserId => "userId",
            Self::ClientId => "clientId",
            Self::AppInstanceId => "appInstanceId",
            Self::UserProvidedData => "userProvidedData",
        }
    }
}

/// One identifier of a visitor. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Visitor {
    pub(crate) name: Name,
    pub(crate) value: String,
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How a value is spelled for Google; nothing when it is no such thing.
type Spelling = fn(&str) -> Option<String>;

/// Which kinds of identity are which identifiers.
#[derive(Clone, Debug)]
pub(crate) struct Kinds(Vec<(IdentityKind, Name, Spelling)>);

impl Kinds {
    pub(crate) fn read(config: &AnalyticsConfig) -> Result<Self, InvalidWord> {
        let as_it_is: Spelling = |value| Some(value.to_owned());
        let all = [
            (&config.user_id, Name::UserId, as_it_is),
            (&config.client_id, Name::ClientId, as_it_is),
            (&config.app_instance_id, Name::AppInstanceId, as_it_is),
            (&config.email, Name::UserProvidedData, email as Spelling),
            (&config.phone, Name::UserProvidedData, phone),
        ];
        all.into_iter()
            .filter(|(kind, ..)| !kind.is_empty())
            .map(|(kind, name, spelling)| Ok((IdentityKind::new(&**kind)?, name, spelling)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &IdentityKind> {
        self.0.iter().map(|(kind, ..)| kind)
    }

    /// The identifiers of a person, in order. Two addresses that Google spells alike are one.
    pub(crate) fn visitors(&self, subject: &Subject) -> BTreeSet<Visitor> {
        let mut visitors = BTreeSet::new();
        for (kind, name, spelling) in &self.0 {
            let values = subject.values(kind);
            visitors.extend(values.filter_map(|value| {
                let value = spelling(value.expose())?;
                Some(Visitor { name: *name, value })
            }));
        }
        visitors
    }
}

/// Lower case, and for Google's own mail without the dots that it ignores. What has white space in it is no address: to take it out, as
/// Google would, could make somebody else's of it.
fn email(value: &str) -> Option<String> {
    if value.chars().any(char::is_whitespace) {
        return None;
    }
    let value = value.to_lowercase();
    let (local, domain) = value.rsplit_once('@')?;
    if local.is_empty() || domain.is_empty() {
        return None;
    }
    match domain {
        "gmail.com" | "googlemail.com" => Some(format!("{}@{domain}", local.replace('.', ""))),
        _ => Some(value),
    }
}

/// `+` and digits. Only what is written with a country code and the usual marks between digits is a number.
fn phone(value: &str) -> Option<String> {
    let rest = value.strip_prefix('+')?;
    let is_mark = |c: char| matches!(c, ' ' | '-' | '.' | '/' | '(' | ')');
    if !rest.chars().all(|c| c.is_ascii_digit() || is_mark(c)) || rest.ends_with(is_mark) {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    // ITU-T E.164.
    (7..=15)
        .contains(&digits.len())
        .then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_spelled_as_google_wants_it_and_what_is_none_is_nobody() {
        for (value, spelled) in [
            ("Ada@Example.COM", "ada@example.com"),
            ("a.d.a@gmail.com", "ada@gmail.com"),
            ("A.da+shop@GoogleMail.com", "ada+shop@googlemail.com"),
            ("a.da@example.com", "a.da@example.com"),
        ] {
            assert_eq!(email(value).as_deref(), Some(spelled), "{value}");
        }
        for value in [
            "ada",
            "@example.com",
            "ada@",
            " ada@example.com",
            "a da@example.com",
        ] {
            assert_eq!(email(value), None, "{value}");
        }
    }

    #[test]
    fn a_number_is_spelled_as_google_wants_it_and_what_is_none_is_nobody() {
        for value in [
            "+49 (30) 901820",
            "+49-30-901820",
            "+4930901820",
            "+49 30/90.18.20",
        ] {
            assert_eq!(phone(value).as_deref(), Some("+4930901820"), "{value}");
        }
        for value in [
            "030 901820",
            "+49",
            "+49 30 901820%",
            "++4930901820",
            "+4930901820 ",
            "+4930901820 ext 7",
            "+1234567890123456",
        ] {
            assert_eq!(phone(value), None, "{value}");
        }
    }
}
