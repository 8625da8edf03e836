//! The configuration: pure, checked whole before anything is opened.

use std::path::Path;

use adieu_core::{ConfigProblem, LegalBasis, RetentionBasis, Setting, Unreachable};
use serde::Deserialize;

use crate::classify::Keep;
use crate::credentials::Credentials;
use crate::finding::{self, ManifestRule, MarkedRule};
use crate::location::Location;
use crate::place::Finder;
use crate::store::Store;
use crate::template::Template;

/// One store and how a person's objects are found in it: the content of a `[[connector]]` of kind `object-storage`.
///
/// `Debug` shows where the store's URL comes from and never a literal one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectStorageConfig {
    /// The store: `folder:PATH` (relative to the configuration's own folder), `s3://BUCKET`, `r2://BUCKET`, `gs://BUCKET` or
    /// `azblob://CONTAINER`; the crate's front page lists what may follow.
    pub url: Setting,
    /// How to get in, where the environment of the process does not say.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// Under which prefixes a person's objects lie, such as `users/{customer_id}/`. A placeholder is a kind of identity,
    /// or `{tenant}`.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// The kinds of identity whose value is an object's key: what another connector yields from a column of file keys.
    #[serde(default)]
    pub keys: Vec<String>,
    /// What stands in the store before a key of `keys`, such as `uploads/`.
    #[serde(default)]
    pub key_prefix: Option<String>,
    /// What a value of `keys` begins with when it is a URL, such as `https://cdn.example.com/`; what follows is the whole key.
    #[serde(default)]
    pub key_urls: Vec<String>,
    /// Where objects say themselves whose they are, by a tag or their metadata.
    #[serde(default)]
    pub marked: Vec<MarkedRule>,
    /// Objects that list the keys of a person's other objects.
    #[serde(default)]
    pub manifests: Vec<ManifestRule>,
    /// Which objects are kept, and why.
    #[serde(default)]
    pub retain: Vec<RetainRule>,
    /// The company that runs the store; the controller itself when it is left out.
    #[serde(default)]
    pub processor: Option<String>,
    /// Where the data lies, in words.
    #[serde(default)]
    pub location: Option<String>,
    /// What the objects are to the person they are about.
    #[serde(default)]
    pub title: Option<String>,
    /// What they are for.
    #[serde(default)]
    pub purpose: Option<String>,
    /// Which categories of personal data they hold.
    #[serde(default)]
    pub categories: Vec<String>,
    /// On what ground they are processed.
    #[serde(default)]
    pub legal_basis: Option<LegalBasis>,
    /// How long they are stored, in words.
    #[serde(default)]
    pub storage_period: Option<String>,
    /// What an erasure does not reach. When nothing is named here: the backups of the store.
    #[serde(default)]
    pub unreachable: Vec<Unreachable>,
}

/// Objects that an erasure keeps for some years.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetainRule {
    /// Where they lie, such as `users/{customer_id}/invoices/`; a placeholder is any one segment here. Everywhere, when it
    /// is left out.
    #[serde(default)]
    pub prefix: Option<String>,
    /// The ground in law.
    pub basis: RetentionBasis,
    /// The reason, in words for the person.
    pub reason: String,
    /// For how many years.
    pub years: u16,
    /// From when on.
    #[serde(default)]
    pub from: RetainFrom,
}

/// When the years of a [`RetainRule`] begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RetainFrom {
    /// When the object was last changed, by the day in UTC.
    #[default]
    Modified,
}

impl ObjectStorageConfig {
    /// A store at this URL in which nothing is found yet.
    pub fn new(url: Setting) -> Self {
        Self {
            url,
            credentials: None,
            prefixes: Vec::new(),
            keys: Vec::new(),
            key_prefix: None,
            key_urls: Vec::new(),
            marked: Vec::new(),
            manifests: Vec::new(),
            retain: Vec::new(),
            processor: None,
            location: None,
            title: None,
            purpose: None,
            categories: Vec::new(),
            legal_basis: None,
            storage_period: None,
            unreachable: Vec::new(),
        }
    }

    /// All mistakes at once, without opening anything.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        if let Setting::Literal(url) = &self.url {
            match self.locate(url.expose()) {
                Ok(location) => problems.extend(self.location_problems(&location)),
                Err(found) => problems.extend(found),
            }
        }
        let _ = finding::read(self, &mut problems);
        let _ = self.read_keeps(&mut problems);
        problems
    }

    /// The same, read into what the connector works with.
    pub(crate) fn read(
        &self,
        folder: &Path,
    ) -> Result<(Store, Finder, Vec<Keep>), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        let store = self.open(folder);
        let store = store.map_err(|found| problems.extend(found));
        let mut finder = finding::read(self, &mut problems);
        if let Ok(Store::Remote(remote)) = &store {
            finder.key_urls.push(remote.url().to_owned());
        }
        let keeps = self.read_keeps(&mut problems);
        match store {
            Ok(store) if problems.is_empty() => Ok((store, finder, keeps)),
            _ => Err(problems),
        }
    }

    fn open(&self, folder: &Path) -> Result<Store, Vec<ConfigProblem>> {
        let url = self.url.resolve(folder);
        let url = url.map_err(|problem| vec![ConfigProblem::new(["url"], problem)])?;
        let location = self.locate(url.expose())?;
        let mut problems = self.location_problems(&location);
        let credentials = self.credentials.clone().unwrap_or_default();
        match credentials.resolve(folder) {
            Ok(known) if problems.is_empty() => location
                .open(folder, &known)
                .map_err(|problem| vec![ConfigProblem::new(["url"], problem)]),
            Ok(_) => Err(problems),
            Err(found) => {
                problems.extend(found.into_iter().map(|one| one.under(["credentials"])));
                Err(problems)
            }
        }
    }

    /// Where the store is. A person's prefixes stand in `prefixes` alone, so the URL ends at the bucket.
    fn locate(&self, url: &str) -> Result<Location, Vec<ConfigProblem>> {
        let at_url = |problem: String| ConfigProblem::new(["url"], problem);
        let location = Location::parse(url);
        let location =
            location.map_err(|found| found.into_iter().map(at_url).collect::<Vec<_>>())?;
        if location.root().is_empty() {
            Ok(location)
        } else {
            Err(vec![at_url(
                "the URL ends at the bucket here; what follows it stands in front of each of `prefixes`".to_owned(),
            )])
        }
    }

    /// What does not fit this store.
    fn location_problems(&self, location: &Location) -> Vec<ConfigProblem> {
        let found = self.credentials.as_ref().map(|one| one.problems(location));
        let found = found.into_iter().flatten();
        let mut problems: Vec<_> = found.map(|one| one.under(["credentials"])).collect();
        problems.extend(finding::store_problems(self, location));
        problems
    }

    fn read_keeps(&self, problems: &mut Vec<ConfigProblem>) -> Vec<Keep> {
        let mut keeps = Vec::new();
        for (index, rule) in self.retain.iter().enumerate() {
            let mut wrong = |key: &str, problem: String| {
                let path = ["retain".to_owned(), index.to_string(), key.to_owned()];
                problems.push(ConfigProblem::new(path, problem));
            };
            if rule.years == 0 {
                wrong("years", "0 years keep nothing; write at least 1".to_owned());
            }
            if rule.reason.trim().is_empty() {
                wrong(
                    "reason",
                    "the person is told why; write it in words".to_owned(),
                );
            }
            let prefix = rule.prefix.as_deref().map(Template::parse_pattern);
            let prefix = prefix.transpose().unwrap_or_else(|problem| {
                wrong("prefix", problem);
                None
            });
            keeps.push(Keep {
                prefix,
                basis: rule.basis,
                reason: rule.reason.clone(),
                years: rule.years,
            });
        }
        keeps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(toml: &str) -> Vec<String> {
        let config: ObjectStorageConfig = toml::from_str(toml).unwrap();
        config.validate().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let toml = r#"
            url = "folder:uploads"
            prefixes = ["users/{customer_id}/"]
            keys = ["file_key"]
            key_prefix = "uploads/"
            key_urls = ["https://cdn.example.com/"]
            processor = "Example Hosting GmbH"
            location = "EU (Frankfurt)"
            title = "Your files"
            purpose = "what you uploaded"
            categories = ["files"]
            legal_basis = "contract"
            storage_period = "until you delete them"
            unreachable = [{ what = "backups", why = "they are written once", lives_for = "30 days" }]
            retain = [{ prefix = "users/{customer_id}/invoices/", basis = "legal_obligation", reason = "tax law", years = 10, from = "modified" }]
        "#;
        assert_eq!(problems(toml), [""; 0]);
        assert!(toml::from_str::<ObjectStorageConfig>("url = \"folder:x\"\nprefixs = []").is_err());
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_place_and_what_would_be_right() {
        let toml = r#"
            url = "s3://key:hunter2@uploads?regoin=x"
            credentials = { access_key_id = "a", account_key = "b" }
            prefixes = ["users/{customer_id}", "", "{id}/", "files/{id}/", "a/{Id}/"]
            keys = ["File"]
            key_prefix = "../x/"
            key_urls = ["https://cdn.example.com"]
            retain = [{ prefix = "invoices", basis = "legal_obligation", reason = " ", years = 0 }]
        "#;
        let found = problems(toml);
        for (place, words) in [
            ("url: ", "no secret"),
            ("url: ", "`regoin`"),
            ("prefixes.0: ", "write `users/{customer_id}/`"),
            ("prefixes.1: ", "empty prefix"),
            ("prefixes.3: ", "could reach the same objects"),
            ("prefixes.4: ", "no placeholder"),
            ("keys.0: ", "a-z"),
            ("key_prefix: ", "dot segment"),
            ("key_urls.0: ", "at its end"),
            ("retain.0.years: ", "at least 1"),
            ("retain.0.reason: ", "in words"),
            ("retain.0.prefix: ", "must end in `/`"),
        ] {
            assert!(
                found
                    .iter()
                    .any(|one| one.starts_with(place) && one.contains(words)),
                "{place}{words} is missing in {found:#?}"
            );
        }
        assert_eq!(found.len(), 12, "{found:#?}");
        assert!(found.iter().all(|one| !one.contains("hunter2")));
    }

    #[test]
    fn a_store_without_a_way_to_find_anybody_is_refused() {
        assert_eq!(problems("url = \"folder:x\"").len(), 1);
        assert!(problems("url = \"uploads\"\nkeys = [\"k\"]")[0].contains("folder:PATH"));
    }
}
