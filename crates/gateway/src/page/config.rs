//! What a host says about its self-service page.

use std::collections::{BTreeMap, BTreeSet};

use adieu_core::ConfigProblem;
use serde::Deserialize;

use crate::pass::is_loopback;

/// What the self-service page says and where it leads: `[page]` of the configuration. Every field has a default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PageConfig {
    /// The heading: "Your data".
    pub title: Option<String>,
    /// Who answers for the data, as people know it: the controller of the engine.
    pub company: Option<String>,
    /// The language of the words (BCP 47): `en`. Dates are always the reader's own.
    pub language: String,
    /// Where people log in: an `https://` URL (`http://` on loopback) or a path of this host. `{return}` in it becomes the
    /// page's own address.
    pub login_url: Option<String>,
    /// Whom to ask about privacy: an e-mail address or an `https://` URL.
    pub contact: Option<String>,
    /// Other words for the page, by the key of `words.json`. Each may use the placeholders that the word it replaces has. A
    /// `blocker.CODE` may be added for a code of one's own.
    pub words: BTreeMap<String, String>,
}

/// Every word of the page, in plain English.
const WORDS: &str = include_str!("words.json");

impl Default for PageConfig {
    fn default() -> Self {
        Self {
            title: None,
            company: None,
            language: "en".to_owned(),
            login_url: None,
            contact: None,
            words: BTreeMap::new(),
        }
    }
}

impl PageConfig {
    /// Every mistake.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut wrong = |path: &[&str], problem: &str| {
            problems.push(ConfigProblem::new(path.iter().copied(), problem));
        };
        if !is_language(&self.language) {
            wrong(
                &["language"],
                "is no language tag; write \"en\" or \"de-AT\"",
            );
        }
        if self.login_url.as_deref().is_some_and(|url| !is_link(url)) {
            wrong(
                &["login_url"],
                "is an https:// URL (http:// on loopback alone) or a path that begins with one slash",
            );
        }
        if self.contact().is_none() && self.contact.is_some() {
            wrong(&["contact"], "is an e-mail address or an https:// URL");
        }
        for text in [("title", &self.title), ("company", &self.company)] {
            if text.1.as_deref().is_some_and(|text| text.trim().is_empty()) {
                wrong(&[text.0], "must not be empty; leave it out");
            }
        }
        let known = usual_words();
        for (key, word) in &self.words {
            match known.get(key) {
                // A code that only the host knows.
                None if key.starts_with("blocker.") && placeholders(word).is_empty() => {}
                None => wrong(&["words", key], "the page has no such word"),
                Some(usual) if !placeholders(word).is_subset(&placeholders(usual)) => {
                    wrong(&["words", key], "has a placeholder that is not filled here");
                }
                Some(_) => {}
            }
        }
        problems
    }

    /// Where the contact leads, and how it is shown.
    pub(super) fn contact(&self) -> Option<(String, &str)> {
        let contact = self.contact.as_deref()?;
        if contact.starts_with("https://") {
            return is_link(contact).then(|| (contact.to_owned(), contact));
        }
        let (name, host) = contact.split_once('@')?;
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b))
        };
        (plain(name) && plain(host)).then(|| (format!("mailto:{contact}"), contact))
    }

    /// All words, the host's own in the place of the usual ones.
    pub(super) fn all_words(&self) -> BTreeMap<String, String> {
        let mut words = usual_words();
        words.extend(self.words.clone());
        if let Some(title) = &self.title {
            words.insert("page.title".to_owned(), title.clone());
        }
        words
    }
}

fn usual_words() -> BTreeMap<String, String> {
    // A test makes sure that it can be read.
    serde_json::from_str(WORDS).unwrap_or_default()
}

/// The names in braces.
fn placeholders(word: &str) -> BTreeSet<&str> {
    word.split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0))
        .collect()
}

fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    parts.next().is_some_and(|first| {
        (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic())
    }) && parts.all(is_part)
}

/// Whether a link leads to where a person can log in, and is not a script in disguise.
fn is_link(url: &str) -> bool {
    // What a browser would skip or turn into a slash.
    if url.bytes().any(|b| b <= b' ' || b == b'\\' || b >= 0x7f) {
        return false;
    }
    if let Some(path) = url.strip_prefix('/') {
        return !path.starts_with('/');
    }
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Ok(authority) = authority.parse::<http::uri::Authority>() else {
        return false;
    };
    let is_bare = !authority.host().is_empty() && !authority.as_str().contains('@');
    is_bare && (scheme == "https" || (scheme == "http" && is_loopback(authority.host())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_words_can_be_read_and_none_is_empty() {
        let words: BTreeMap<String, String> = serde_json::from_str(WORDS).unwrap();
        assert!(words.len() > 50);
        assert!(words.values().all(|word| !word.trim().is_empty()));
        assert!(PageConfig::default().validate().is_empty());
    }

    #[test]
    fn a_link_is_never_a_script() {
        for good in [
            "/login",
            "/login?next={return}",
            "https://app.example.com/login?next={return}",
            "http://127.0.0.1:3000/",
        ] {
            assert!(is_link(good), "{good}");
        }
        for bad in [
            "",
            "login",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "JavaScript://x/%0aalert(1)",
            "data:text/html,x",
            "http://app.example.com/",
            "https://",
            "https://user@app.example.com/",
            " https://app.example.com/",
        ] {
            assert!(!is_link(bad), "{bad}");
        }
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let config = PageConfig {
            title: Some(" ".to_owned()),
            language: "english please".to_owned(),
            login_url: Some("javascript:alert(1)".to_owned()),
            contact: Some("privacy".to_owned()),
            words: [("page.lead", "{secret}"), ("no.such", "word")]
                .map(|(key, word)| (key.to_owned(), word.to_owned()))
                .into(),
            ..PageConfig::default()
        };
        let found: Vec<String> = config
            .validate()
            .into_iter()
            .map(|problem| problem.path.join("."))
            .collect();
        assert_eq!(
            found,
            [
                "language",
                "login_url",
                "contact",
                "title",
                "words.no.such",
                "words.page.lead"
            ]
        );
    }

    #[test]
    fn a_contact_is_shown_and_leads_somewhere() {
        let contact = |text: &str| {
            let config = PageConfig {
                contact: Some(text.to_owned()),
                ..PageConfig::default()
            };
            config.contact().map(|(link, _)| link)
        };
        assert_eq!(
            contact("privacy@example.com").as_deref(),
            Some("mailto:privacy@example.com")
        );
        assert_eq!(
            contact("https://example.com/privacy").as_deref(),
            Some("https://example.com/privacy")
        );
        for bad in ["a@b?cc=x@y", "http://example.com", "nobody", "a@b c"] {
            assert_eq!(contact(bad), None, "{bad}");
        }
    }
}
