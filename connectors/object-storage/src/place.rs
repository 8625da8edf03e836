//! Where a person's objects are: prefixes filled with the person's identities, and keys that another system yielded.

use std::collections::{BTreeMap, BTreeSet};

use adieu_core::{ConnectorError, ErrorKind, IdentityKind, Need, Subject};
use percent_encoding::percent_decode_str;

use crate::segment::fits;
use crate::template::Template;

/// How a person's objects are found.
#[derive(Clone, Debug)]
pub(crate) struct Finder {
    pub(crate) prefixes: Vec<Template>,
    /// The kinds of identity whose value is a key.
    pub(crate) keys: Vec<IdentityKind>,
    /// What stands before such a value in the store.
    pub(crate) key_prefix: String,
    /// What such a value begins with when it is a URL; what follows is the whole key.
    pub(crate) key_urls: Vec<String>,
}

/// One place to look at. `Debug` is left out: a key is personal.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Everything under a prefix.
    Prefix {
        segments: Vec<String>,
        /// How many segments, from the front, are shared with other people.
        shared: usize,
    },
    /// One object.
    Object { segments: Vec<String> },
}

/// The places of one person: in the order of their keys, none of them within another.
#[derive(Clone, Default)]
pub(crate) struct Places(Vec<Place>);

impl Finder {
    /// What must be known of a person: any one of these.
    pub(crate) fn needs(&self) -> Vec<Need> {
        let prefixes = self.prefixes.iter().map(Template::need);
        let keys = self.keys.iter().cloned().map(Need::one);
        let needs: BTreeSet<Need> = prefixes.chain(keys).collect();
        needs.into_iter().collect()
    }

    /// The places of a person. An identity that cannot be a part of a key reaches nothing; how many there were, and
    /// why, is traced.
    ///
    /// # Errors
    /// `Unsupported` when it is not known which of several identities belong together.
    pub(crate) fn places(&self, subject: &Subject) -> Result<Places, ConnectorError> {
        let mut places = Vec::new();
        let mut unfit: BTreeMap<&'static str, usize> = BTreeMap::new();
        for template in &self.prefixes {
            let filled = template.fill(subject).map_err(|_| {
                ConnectorError::new(
                    ErrorKind::Unsupported,
                    "a prefix needs several identities together and the person has more than one of a kind; \
                     it is not known which belong together",
                )
            })?;
            let shared = template.shared_segments();
            places.extend(
                filled
                    .prefixes
                    .into_iter()
                    .map(|segments| Place::Prefix { segments, shared }),
            );
            for reason in filled.unfit {
                *unfit.entry(reason.as_str()).or_default() += 1;
            }
        }
        let prefixes = places.len();
        for kind in &self.keys {
            for value in subject.values(kind) {
                let key = self.key_of(value.expose());
                match key.and_then(|key| self.object(&key, &places[..prefixes])) {
                    Ok(Some(object)) => places.push(object),
                    Ok(None) => {}
                    Err(reason) => *unfit.entry(reason).or_default() += 1,
                }
            }
        }
        for (reason, identities) in unfit {
            tracing::warn!(
                reason,
                identities,
                "identities that cannot be part of a key reach no object"
            );
        }
        places.sort_by_cached_key(Place::key);
        places.dedup();
        Ok(Places(places))
    }

    /// The key that a value names, which may be a URL.
    fn key_of(&self, value: &str) -> Result<String, &'static str> {
        if !value.contains("://") {
            return Ok(format!("{}{value}", self.key_prefix));
        }
        let rest = self
            .key_urls
            .iter()
            .find_map(|url| value.strip_prefix(url.as_str()));
        let rest = rest.ok_or("a URL that leads elsewhere")?;
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let key = percent_decode_str(path).decode_utf8();
        key.map(Into::into).map_err(|_| "a URL that is no text")
    }

    /// One object by its key; `None` when it lies in one of the person's prefixes and is found there.
    fn object(&self, key: &str, prefixes: &[Place]) -> Result<Option<Place>, &'static str> {
        let segments: Vec<&str> = key.split('/').collect();
        for segment in &segments {
            fits(segment).map_err(|unfit| unfit.as_str())?;
        }
        if prefixes.iter().any(|prefix| prefix.holds(&segments)) {
            return Ok(None);
        }
        // Whoever can write a key into a record must not reach another person's prefix by it.
        if self
            .prefixes
            .iter()
            .any(|template| template.may_hold(&segments))
        {
            return Err("a key in somebody else's prefix");
        }
        let segments = segments.into_iter().map(str::to_owned).collect();
        Ok(Some(Place::Object { segments }))
    }
}

impl Place {
    /// The key, or the prefix with its slash.
    pub(crate) fn key(&self) -> Vec<u8> {
        match self {
            Self::Prefix { segments, .. } => (segments.join("/") + "/").into_bytes(),
            Self::Object { segments } => segments.join("/").into_bytes(),
        }
    }

    /// Whether a key that a store lists belongs to this place.
    pub(crate) fn covers(&self, key: &[u8]) -> bool {
        let own = self.key();
        match self {
            Self::Prefix { .. } => key.starts_with(&own),
            Self::Object { .. } => key == own,
        }
    }

    fn holds(&self, key: &[&str]) -> bool {
        match self {
            Self::Prefix { segments, .. } => {
                key.len() > segments.len()
                    && segments.iter().zip(key).all(|(one, part)| one == part)
            }
            Self::Object { .. } => false,
        }
    }
}

impl Places {
    /// A single one.
    pub(crate) fn one(place: Place) -> Self {
        Self(vec![place])
    }

    /// The one that this key lies in.
    pub(crate) fn of(&self, key: &[u8]) -> Option<&Place> {
        self.0.iter().find(|place| place.covers(key))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use adieu_core::Identity;

    use super::*;

    fn finder() -> Finder {
        Finder {
            prefixes: vec![
                Template::parse("users/{user_id}/").unwrap(),
                Template::parse("users.old/{user_id}/").unwrap(),
            ],
            keys: vec![IdentityKind::new("file_key").unwrap()],
            key_prefix: String::new(),
            key_urls: vec!["https://cdn.example.com/".to_owned()],
        }
    }

    fn keys(identities: &[(&str, &str)]) -> Vec<String> {
        let subject = Subject::new(
            identities
                .iter()
                .map(|(kind, value)| Identity::new(*kind, *value).unwrap()),
        );
        let places = finder().places(&subject).unwrap();
        places
            .iter()
            .map(|place| String::from_utf8(place.key()).unwrap())
            .collect()
    }

    #[test]
    fn places_come_in_the_order_of_their_keys_and_each_once() {
        let found = keys(&[
            ("user_id", "7"),
            ("file_key", "a/b.txt"),
            ("file_key", "users/7/inside.txt"),
            ("file_key", "z"),
        ]);
        assert_eq!(found, ["a/b.txt", "users.old/7/", "users/7/", "z"]);
    }

    #[test]
    fn a_yielded_key_reaches_nobody_elses_prefix() {
        for key in [
            "users/8/a.txt",
            "Users/8/a.txt",
            "users/8/x/y",
            "users.old/8/a",
        ] {
            assert!(
                keys(&[("user_id", "7"), ("file_key", key)])
                    .iter()
                    .all(|place| place.contains('7')),
                "{key}"
            );
        }
    }

    #[test]
    fn a_yielded_key_that_would_lead_elsewhere_names_nothing() {
        for key in ["../a", "a/../b", "/a", "a//b", "a/", "./a", "a\\b", "a/b."] {
            assert!(keys(&[("file_key", key)]).is_empty(), "{key}");
        }
    }

    #[test]
    fn a_url_names_the_key_behind_its_base_and_none_elsewhere() {
        let found = keys(&[
            ("user_id", "7"),
            (
                "file_key",
                "https://cdn.example.com/files/a%20b%2Bc.txt?sig=x#y",
            ),
            ("file_key", "https://cdn.example.com.evil.org/files/d.txt"),
            ("file_key", "http://cdn.example.com/files/e.txt"),
            (
                "file_key",
                "https://cdn.example.com/files/..%2Fusers/8/f.txt",
            ),
            ("file_key", "https://cdn.example.com/users/8/g.txt"),
            ("file_key", "https://cdn.example.com/%FF"),
        ]);
        assert_eq!(found, ["files/a b+c.txt", "users.old/7/", "users/7/"]);
    }

    #[test]
    fn nobody_has_no_place() {
        assert!(keys(&[]).is_empty());
        assert!(keys(&[("email", "ada@example.com")]).is_empty());
    }
}
