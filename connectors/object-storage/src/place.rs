//! Where a person's objects are: prefixes filled with the person's identities, and keys that another system yielded.

use std::collections::{BTreeMap, BTreeSet};

use adieu_core::{ConnectorError, ErrorKind, IdentityKind, Need, Subject};
use percent_encoding::percent_decode_str;

use crate::manifest::Manifest;
use crate::mark::{Mark, Marked};
use crate::segment::fits;
use crate::template::Template;

/// How a person's objects are found.
#[derive(Clone, Debug)]
pub(crate) struct Finder {
    pub(crate) prefixes: Vec<Template>,
    /// Where objects say themselves whose they are.
    pub(crate) marked: Vec<Marked>,
    /// Objects that list the keys of others.
    pub(crate) manifests: Vec<Manifest>,
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
    /// What is marked as the person's under a prefix that people share.
    Marked { segments: Vec<String>, mark: Mark },
    /// One object.
    Object { segments: Vec<String> },
}

/// The places of one person: in the order of their keys, none of them within another.
#[derive(Clone, Default)]
pub(crate) struct Places {
    places: Vec<Place>,
    /// Yielded keys that reach nothing, each with the reason.
    pub(crate) unfit: Vec<(String, &'static str)>,
}

impl Finder {
    /// What must be known of a person: any one of these.
    pub(crate) fn needs(&self) -> Vec<Need> {
        let prefixes = self.prefixes.iter().map(Template::need);
        let marked = self.marked.iter().map(Marked::need);
        let manifests = self.manifests.iter().map(|one| one.object.need());
        let keys = self.keys.iter().cloned().map(Need::one);
        let needs: BTreeSet<Need> = prefixes
            .chain(marked)
            .chain(manifests)
            .chain(keys)
            .collect();
        needs.into_iter().collect()
    }

    /// The kinds of identity that a person's manifests yield.
    pub(crate) fn yields(&self) -> BTreeSet<IdentityKind> {
        self.manifests
            .iter()
            .map(|one| one.yields.clone())
            .collect()
    }

    /// The places of a person. An identity that cannot be a part of a key reaches nothing; how many there were, and
    /// why, is traced.
    ///
    /// # Errors
    /// `Unsupported` when it is not known which of several identities belong together.
    pub(crate) fn places(&self, subject: &Subject) -> Result<Places, ConnectorError> {
        let mut reasons: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut places = Vec::new();
        for template in &self.prefixes {
            let shared = template.shared_segments();
            let prefixes = filled(template, subject, &mut reasons)?.into_iter();
            places.extend(prefixes.map(|segments| Place::Prefix { segments, shared }));
        }
        let own = places.len();
        for marked in &self.marked {
            let Some(mark) = marked.of(subject) else {
                continue;
            };
            match marked.prefix.fill_shared(subject) {
                Some(Ok(segments)) => places.push(Place::Marked { segments, mark }),
                Some(Err(reason)) => *reasons.entry(reason.as_str()).or_default() += 1,
                None => {}
            }
        }
        for manifest in &self.manifests {
            let objects = filled(&manifest.object, subject, &mut reasons)?.into_iter();
            let objects = objects.filter(|segments| self.is_nobody_elses(segments, &places[..own]));
            let objects: Vec<Place> = objects
                .filter(|segments| !is_in(segments, &places[..own]))
                .map(|segments| Place::Object { segments })
                .collect();
            places.extend(objects);
        }
        let mut unfit = Vec::new();
        for kind in &self.keys {
            for value in subject.values(kind) {
                let key = self.key_of(value.expose());
                let known =
                    |segments: &Vec<String>| places.iter().any(|place| place.is_object(segments));
                match key.and_then(|key| self.object(&key, &places[..own], known)) {
                    Ok(Some(object)) => places.push(object),
                    Ok(None) => {}
                    Err(reason) => {
                        *reasons.entry(reason).or_default() += 1;
                        unfit.push((value.expose().to_owned(), reason));
                    }
                }
            }
        }
        for (reason, identities) in reasons {
            tracing::warn!(
                reason,
                identities,
                "identities that cannot be part of a key reach no object"
            );
        }
        places.sort_by_cached_key(Place::key);
        places.dedup();
        Ok(Places { places, unfit })
    }

    /// Where a person's manifests lie.
    ///
    /// # Errors
    /// As [`Finder::places`].
    pub(crate) fn manifests_of(
        &self,
        subject: &Subject,
    ) -> Result<Vec<(&Manifest, Place)>, ConnectorError> {
        let mut reasons = BTreeMap::new();
        let mut own = Vec::new();
        for template in &self.prefixes {
            let prefixes = filled(template, subject, &mut reasons)?.into_iter();
            own.extend(prefixes.map(|segments| Place::Prefix {
                segments,
                shared: 0,
            }));
        }
        let mut found = Vec::new();
        for manifest in &self.manifests {
            let objects = filled(&manifest.object, subject, &mut reasons)?.into_iter();
            let objects = objects.filter(|segments| self.is_nobody_elses(segments, &own));
            found.extend(objects.map(|segments| (manifest, Place::Object { segments })));
        }
        Ok(found)
    }

    /// Whether an object lies in one of the person's prefixes, or in none of anybody.
    fn is_nobody_elses(&self, segments: &[String], own: &[Place]) -> bool {
        let key: Vec<&str> = segments.iter().map(String::as_str).collect();
        is_in(segments, own) || !self.prefixes.iter().any(|template| template.may_hold(&key))
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

    /// One object by its key; `None` when it is found otherwise: in one of the person's prefixes, or as what is `known`.
    fn object(
        &self,
        key: &str,
        own: &[Place],
        known: impl Fn(&Vec<String>) -> bool,
    ) -> Result<Option<Place>, &'static str> {
        let parts: Vec<&str> = key.split('/').collect();
        for part in &parts {
            fits(part).map_err(|unfit| unfit.as_str())?;
        }
        let segments: Vec<String> = parts.iter().map(|&part| part.to_owned()).collect();
        if is_in(&segments, own) || known(&segments) {
            return Ok(None);
        }
        // Whoever can write a key into a record must not reach by it what is found for others.
        if self.prefixes.iter().any(|one| one.may_hold(&parts)) {
            return Err("a key in somebody else's prefix");
        }
        if self.marked.iter().any(|one| one.prefix.may_hold(&parts)) {
            return Err("a key where objects say themselves whose they are");
        }
        if self.manifests.iter().any(|one| one.object.may_be(&parts)) {
            return Err("a key of somebody else's manifest");
        }
        Ok(Some(Place::Object { segments }))
    }
}

/// The prefixes of a person by a template. A value that cannot stand in it is counted by its reason.
fn filled(
    template: &Template,
    subject: &Subject,
    reasons: &mut BTreeMap<&'static str, usize>,
) -> Result<Vec<Vec<String>>, ConnectorError> {
    let filled = template.fill(subject).map_err(|_| {
        ConnectorError::new(
            ErrorKind::Unsupported,
            "a prefix needs several identities together and the person has more than one of a kind; \
             it is not known which belong together",
        )
    })?;
    for reason in filled.unfit {
        *reasons.entry(reason.as_str()).or_default() += 1;
    }
    Ok(filled.prefixes)
}

/// Whether an object lies in one of these prefixes.
fn is_in(segments: &[String], prefixes: &[Place]) -> bool {
    prefixes.iter().any(|prefix| prefix.holds(segments))
}

/// What follows these segments in a key that begins with them.
fn behind<'a>(segments: &[String], key: &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = key;
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix(b"/")?;
        }
        rest = rest.strip_prefix(segment.as_bytes())?;
    }
    Some(rest)
}

impl Place {
    /// The key, or the prefix with its slash.
    pub(crate) fn key(&self) -> Vec<u8> {
        match self {
            Self::Prefix { segments, .. } | Self::Marked { segments, .. } => {
                (segments.join("/") + "/").into_bytes()
            }
            Self::Object { segments } => segments.join("/").into_bytes(),
        }
    }

    /// Whether a key that a store lists belongs to this place.
    pub(crate) fn covers(&self, key: &[u8]) -> bool {
        match self {
            Self::Prefix { segments, .. } | Self::Marked { segments, .. } => {
                behind(segments, key).is_some_and(|rest| rest.starts_with(b"/"))
            }
            Self::Object { segments } => behind(segments, key).is_some_and(<[u8]>::is_empty),
        }
    }

    fn holds(&self, key: &[String]) -> bool {
        match self {
            Self::Prefix { segments, .. } => {
                key.len() > segments.len() && key.starts_with(segments)
            }
            Self::Marked { .. } | Self::Object { .. } => false,
        }
    }

    fn is_object(&self, key: &[String]) -> bool {
        matches!(self, Self::Object { segments } if segments == key)
    }
}

impl Places {
    /// A single one.
    pub(crate) fn one(place: Place) -> Self {
        Self {
            places: vec![place],
            unfit: Vec::new(),
        }
    }

    /// The one that this key lies in.
    pub(crate) fn of(&self, key: &[u8]) -> Option<&Place> {
        self.places.iter().find(|place| place.covers(key))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.places.iter()
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
            marked: vec![Marked {
                prefix: Template::parse_pattern("shared/").unwrap(),
                kind: crate::mark::MarkKind::Tag("owner".to_owned()),
                identity: IdentityKind::new("email").unwrap(),
            }],
            manifests: vec![Manifest {
                object: Template::parse("lists/{user_id}.txt/").unwrap(),
                format: crate::ManifestFormat::Lines,
                field: None,
                yields: IdentityKind::new("file_key").unwrap(),
            }],
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
        assert_eq!(
            found,
            ["a/b.txt", "lists/7.txt", "users.old/7/", "users/7/", "z"]
        );
    }

    #[test]
    fn a_yielded_key_reaches_nobody_elses_prefix() {
        for key in [
            "users/8/a.txt",
            "Users/8/a.txt",
            "users/8/x/y",
            "users.old/8/a",
            "lists/8.txt",
            "Lists/8.txt",
            "shared/8.txt",
            "SHARED/8.txt",
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
        assert_eq!(
            found,
            ["files/a b+c.txt", "lists/7.txt", "users.old/7/", "users/7/"]
        );
    }

    #[test]
    fn a_place_covers_what_its_key_says() {
        let segments = vec!["users".to_owned(), "7".to_owned()];
        let prefix = Place::Prefix {
            segments: segments.clone(),
            shared: 1,
        };
        let object = Place::Object { segments };
        for key in [
            "",
            "u",
            "users",
            "users/",
            "users/7",
            "users/7/",
            "users/7/a",
            "users/7//",
            "users/70",
            "users/70/a",
            "users//7/a",
            "users7/a",
            "xusers/7/a",
            "/users/7/a",
            "Users/7/a",
        ] {
            let key = key.as_bytes();
            assert_eq!(prefix.covers(key), key.starts_with(&prefix.key()));
            assert_eq!(object.covers(key), key == object.key());
        }
    }

    #[test]
    fn nobody_has_no_place() {
        assert!(keys(&[]).is_empty());
        assert!(keys(&[("name", "Ada")]).is_empty());
    }
}
