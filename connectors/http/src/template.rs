//! Texts with placeholders, and what is put into them.

use std::collections::BTreeMap;

use adieu_core::{ConnectorError, ErrorKind, Identity, IdentityKind, Secret};
use jiff::civil::Date;
use jiff::{Span, Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::path::{JsonPath, scalar};

/// A text with placeholders: `{email}`, `{$.id}`, `{today-30}`, `{email|quoted}`. `{{` is a brace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Hole(Hole),
}

/// One placeholder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hole {
    /// As it is written, without its braces.
    pub(crate) name: String,
    pub(crate) what: What,
    /// As a JSON string in its quotes, for a place that reads a language of its own.
    quoted: bool,
}

/// What a placeholder stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Setting(String),
    Identity(IdentityKind),
    Record(JsonPath),
    /// The number of a deletion job.
    Job,
    /// Today in UTC, and so many days later.
    Today(i32),
}

/// What placeholders may stand for in one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) settings: &'a [String],
    pub(crate) identities: &'a [IdentityKind],
    pub(crate) record: bool,
    pub(crate) job: bool,
}

/// What they stand for now.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) settings: &'a BTreeMap<String, Secret>,
    pub(crate) identities: &'a [Identity],
    pub(crate) record: Option<&'a Value>,
    pub(crate) job: Option<&'a str>,
}

impl Template {
    /// # Errors
    /// When a placeholder is broken or stands for nothing here, in words that say what it may be.
    pub(crate) fn parse(text: &str, scope: Scope<'_>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('{') {
                plain.push('{');
                rest = after;
                continue;
            }
            let (name, after) = rest.split_once('}').ok_or_else(|| {
                format!("a `{{` of `{text}` has no `}}`; write `{{{{` for a brace")
            })?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Hole(Hole::parse(name, scope)?));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(crate) fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Text(_) => None,
        })
    }

    /// The place in a record, when the template is that alone.
    pub(crate) fn as_record(&self) -> Option<&JsonPath> {
        match self.parts.as_slice() {
            [
                Part::Hole(Hole {
                    what: What::Record(path),
                    quoted: false,
                    ..
                }),
            ] => Some(path),
            _ => None,
        }
    }

    /// # Errors
    /// When a record lacks what is to be picked from it.
    pub(crate) fn render(&self, values: &Values<'_>) -> Result<String, ConnectorError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Hole(hole) => text.push_str(&hole.render(values)?),
            }
        }
        Ok(text)
    }
}

impl Hole {
    pub(crate) fn is_of_a_record(&self) -> bool {
        matches!(self.what, What::Record(_))
    }

    fn parse(name: &str, scope: Scope<'_>) -> Result<Self, String> {
        let (what, quoted) = match name.split_once('|') {
            Some((what, "quoted")) => (what, true),
            Some((_, other)) => {
                return Err(format!(
                    "`{other}` is not known; only `quoted` may follow a `|`"
                ));
            }
            None => (name, false),
        };
        Ok(Self {
            name: name.to_owned(),
            what: What::parse(what, scope)?,
            quoted,
        })
    }

    pub(crate) fn render(&self, values: &Values<'_>) -> Result<String, ConnectorError> {
        let text = self.what.value(values)?;
        Ok(match self.quoted {
            true => Value::String(text).to_string(),
            false => text,
        })
    }
}

impl What {
    fn parse(name: &str, scope: Scope<'_>) -> Result<Self, String> {
        if name.starts_with('$') {
            return match scope.record {
                true if name.contains(['/', '{']) => {
                    Err(format!("`{name}` cannot stand in a placeholder"))
                }
                true => JsonPath::parse(name).map(Self::Record),
                false => Err(format!(
                    "`{{{name}}}` picks from a record, and here is none yet"
                )),
            };
        }
        if let Some(days) = name.strip_prefix("today") {
            let shift = if days.is_empty() { Ok(0) } else { days.parse() };
            return shift.map(Self::Today).map_err(|_| {
                format!(
                    "`{{{name}}}` is no day; write `{{today}}`, `{{today-30}}` or `{{today+30}}`"
                )
            });
        }
        if name == "job" && scope.job {
            return Ok(Self::Job);
        }
        if scope.settings.iter().any(|setting| setting == name) {
            return Ok(Self::Setting(name.to_owned()));
        }
        if let Some(kind) = scope.identities.iter().find(|kind| kind.as_str() == name) {
            return Ok(Self::Identity(kind.clone()));
        }
        let mut known: Vec<&str> = scope.settings.iter().map(String::as_str).collect();
        known.extend(scope.identities.iter().map(IdentityKind::as_str));
        Err(match known.as_slice() {
            [] => {
                format!("`{{{name}}}` stands for nothing; no setting and no identity is known here")
            }
            known => format!(
                "`{{{name}}}` stands for nothing; known here: {}",
                known.join(", ")
            ),
        })
    }

    fn value(&self, values: &Values<'_>) -> Result<String, ConnectorError> {
        let found = match self {
            Self::Setting(name) => values
                .settings
                .get(name)
                .map(|value| value.expose().to_owned()),
            Self::Identity(kind) => values
                .identities
                .iter()
                .find(|identity| identity.kind() == kind)
                .map(|identity| identity.value().expose().to_owned()),
            Self::Record(path) => values.record.and_then(|record| path.text(record)),
            Self::Job => values.job.map(str::to_owned),
            Self::Today(days) => today()
                .checked_add(Span::new().days(*days))
                .ok()
                .map(|day| day.to_string()),
        };
        found.ok_or_else(|| match self {
            Self::Record(path) => lacks(path),
            _ => ConnectorError::new(ErrorKind::Internal, "a placeholder has no value"),
        })
    }
}

/// A record that does not have what the declaration picks from it.
pub(crate) fn lacks(path: &JsonPath) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        format!("a record of the provider has no value at `{path:?}`"),
    )
}

/// The day in UTC.
pub(crate) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// Whether a picked value is this text.
pub(crate) fn is_same(value: &Value, text: &str, ignore_case: bool) -> bool {
    scalar(value).is_some_and(|value| match ignore_case {
        true => value.eq_ignore_ascii_case(text),
        false => value == text,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(template: &str, email: &str, record: &Value) -> Result<String, String> {
        let email_kind = [IdentityKind::new("email").unwrap()];
        let settings = ["project".to_owned()];
        let scope = Scope {
            settings: &settings,
            identities: &email_kind,
            record: true,
            job: false,
        };
        let template = Template::parse(template, scope)?;
        let values = Values {
            settings: &BTreeMap::from([("project".to_owned(), Secret::new("42"))]),
            identities: &[Identity::new("email", email).unwrap()],
            record: Some(record),
            job: None,
        };
        template.render(&values).map_err(|error| error.to_string())
    }

    #[test]
    fn each_placeholder_is_filled_and_a_quoted_one_stays_one_word() {
        let record = json!({"id": 7, "a b": "x"});
        assert_eq!(
            rendered("{project}/{email}/{$.id}{{}", "a@b", &record).unwrap(),
            "42/a@b/7{}"
        );
        assert_eq!(
            rendered("email eq {email|quoted}", "a\" or \"1\"=\"1\\", &record).unwrap(),
            r#"email eq "a\" or \"1\"=\"1\\""#
        );
        assert_eq!(rendered("{$['a b']}", "a", &record).unwrap(), "x");
        assert_eq!(
            rendered("{today+0}", "a", &record).unwrap(),
            today().to_string()
        );
    }

    #[test]
    fn a_placeholder_that_stands_for_nothing_is_told_with_what_is_known() {
        let record = json!({});
        for (bad, words) in [
            ("{mail}", "known here: project, email"),
            ("{email", "has no `}`"),
            ("{email|lower}", "`lower` is not known"),
            ("{$..id}", "names no place"),
            ("{today-x}", "is no day"),
        ] {
            let problem = rendered(bad, "a", &record).unwrap_err();
            assert!(problem.contains(words), "{bad}: {problem}");
        }
        let missing = rendered("{$.id}", "ada@example.com", &record).unwrap_err();
        assert!(
            missing.contains("`$.id`") && !missing.contains("ada"),
            "{missing}"
        );
    }
}
