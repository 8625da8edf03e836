//! The configuration: pure, checked whole before anything is called.

use std::collections::BTreeSet;

use adieu_core::{
    Collection, CollectionName, ConfigProblem, Field, IdentityKind, InvalidWord, LegalBasis, Need,
    Setting, Support, Unreachable,
};
use adieu_http_client::HttpConfig;
use serde::Deserialize;

/// One service that speaks adieu's own protocol: the content of a `[[connector]]` of kind `remote`.
///
/// `Debug` shows where the key comes from and never a literal one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteConfig {
    /// Where the service is: `https://HOST/PATH`. The calls are below it.
    pub url: Setting,
    /// The key that both sides share: at least 32 random bytes in base64, `env:NAME` or `file:PATH`.
    pub key: Setting,
    /// What the key is called, so that a service can know the next one before the last one goes.
    #[serde(default = "key_id")]
    pub key_id: String,
    /// The company that runs the service; the controller itself when it is left out.
    #[serde(default)]
    pub processor: Option<String>,
    /// Where the data lies, in words.
    #[serde(default)]
    pub location: Option<String>,
    /// The collections, in the order in which they are erased.
    #[serde(default)]
    pub collection: Vec<RemoteCollection>,
    /// What the service does not reach.
    #[serde(default)]
    pub unreachable: Vec<Unreachable>,
    /// Whether it is erased before other systems, as log-ins are.
    #[serde(default)]
    pub first: bool,
    /// Whether it may answer with reasons why an erasure cannot start.
    #[serde(default)]
    pub may_block: bool,
    /// How the service is called.
    #[serde(default)]
    pub http: HttpConfig,
}

/// A named set of records of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteCollection {
    /// Its name, as the service spells it.
    pub name: String,
    /// What it is to the person it is about.
    pub title: Option<String>,
    /// What the data is for.
    pub purpose: Option<String>,
    /// Which categories of personal data it holds.
    pub categories: Vec<String>,
    /// On what ground it is processed.
    pub legal_basis: Option<LegalBasis>,
    /// How long it is stored, in words.
    pub storage_period: Option<String>,
    /// By which kinds of identity its records are found: `[["email"], ["shop", "number"]]` is by an address, or by a shop and a
    /// number together.
    pub needs: Vec<Vec<String>>,
    /// Whether they are found within the tenant alone.
    pub tenant: bool,
    /// Which kinds of identity its records give away.
    pub yields: Vec<String>,
    /// The fields that get a column of their own in CSV; the rest lies together in a last one.
    pub fields: Vec<Field>,
    /// Why its records cannot be exported, in words.
    pub no_export: Option<String>,
    /// Why its records cannot be erased, in words.
    pub no_erase: Option<String>,
}

impl RemoteConfig {
    /// A service at this URL with this key, and no collections yet.
    pub fn new(url: Setting, key: Setting) -> Self {
        Self {
            url,
            key,
            key_id: key_id(),
            processor: None,
            location: None,
            collection: Vec::new(),
            unreachable: Vec::new(),
            first: false,
            may_block: false,
            http: HttpConfig::default(),
        }
    }

    /// All mistakes at once, without calling anything.
    pub fn validate(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        if matches!(self.key, Setting::Literal(_)) {
            let problem =
                "a key does not belong into this file; write \"env:NAME\" or \"file:PATH\"";
            problems.push(ConfigProblem::new(["key"], problem));
        }
        if self.key_id.is_empty() || !self.key_id.bytes().all(is_id) {
            let problem = "is 1 or more of a-z, A-Z, 0-9, -, _ and .";
            problems.push(ConfigProblem::new(["key_id"], problem));
        }
        if self.collection.is_empty() {
            let problem = "the service holds nothing; declare [[connector.collection]]";
            problems.push(ConfigProblem::new(["collection"], problem));
        }
        let mut names = BTreeSet::new();
        for (index, collection) in self.collection.iter().enumerate() {
            let mut wrong = |key: &str, problem: &str| {
                let path = ["collection", &index.to_string(), key].map(str::to_owned);
                problems.push(ConfigProblem::new(path, problem));
            };
            if !names.insert(&collection.name) {
                wrong("name", "is used twice");
            }
            if collection.needs.is_empty() || collection.needs.iter().any(Vec::is_empty) {
                wrong(
                    "needs",
                    "names what a record is found by, such as [[\"email\"]]",
                );
            }
            let mut fields = BTreeSet::new();
            if !collection
                .fields
                .iter()
                .all(|field| fields.insert(&field.name))
            {
                wrong("fields", "names a field twice");
            }
            if let Err(rule) = CollectionName::new(&*collection.name) {
                wrong("name", &rule.to_string());
            }
            for (key, kinds) in [
                (
                    "needs",
                    collection.needs.iter().flatten().collect::<Vec<_>>(),
                ),
                ("yields", collection.yields.iter().collect()),
            ] {
                for kind in kinds {
                    if let Err(rule) = IdentityKind::new(&**kind) {
                        wrong(key, &rule.to_string());
                    }
                }
            }
        }
        problems
    }
}

impl RemoteCollection {
    pub(crate) fn describe(&self) -> Result<Collection, InvalidWord> {
        let kinds = |kinds: &[String]| -> Result<BTreeSet<IdentityKind>, InvalidWord> {
            kinds
                .iter()
                .map(|kind| IdentityKind::new(&**kind))
                .collect()
        };
        let needs: Vec<Need> = self
            .needs
            .iter()
            .map(|all_of| {
                Ok(Need {
                    all_of: kinds(all_of)?,
                    tenant: self.tenant,
                })
            })
            .collect::<Result<_, InvalidWord>>()?;
        let support = |no: &Option<String>| match no {
            Some(why) => Support::Refused(why.clone()),
            None => Support::Offered,
        };
        let mut collection = Collection::new(CollectionName::new(&*self.name)?, needs);
        collection.title.clone_from(&self.title);
        collection.purpose.clone_from(&self.purpose);
        collection.categories.clone_from(&self.categories);
        collection.legal_basis = self.legal_basis;
        collection.storage_period.clone_from(&self.storage_period);
        collection.yields = kinds(&self.yields)?;
        collection.export = support(&self.no_export);
        collection.erasure = support(&self.no_erase);
        Ok(collection)
    }
}

fn key_id() -> String {
    "adieu".to_owned()
}

/// Whether it may stand in a quoted text of HTTP as it is.
fn is_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(toml: &str) -> Vec<String> {
        let config: RemoteConfig = toml::from_str(toml).unwrap();
        config.validate().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let toml = r#"
            url = "https://loyalty.example.com/adieu"
            key = "env:LOYALTY_KEY"
            key_id = "2026"
            processor = "Loyal Ltd"
            location = "EU (Paris)"
            first = true
            may_block = true
            unreachable = [{ what = "printed cards", why = "they are plastic" }]
            http = { requests_per_second = 20 }

            [[collection]]
            name = "members"
            title = "Your membership"
            purpose = "points"
            categories = ["contact details"]
            legal_basis = "contract"
            storage_period = "while you are a member"
            needs = [["email"], ["shop", "number"]]
            tenant = true
            yields = ["loyalty_member"]
            fields = [{ name = "id", type = "string" }, { name = "points", type = "integer", description = "So many" }]
            no_erase = "never"
        "#;
        assert_eq!(problems(toml), [""; 0]);
        assert!(toml::from_str::<RemoteConfig>(&toml.replace("tenant", "tenants")).is_err());
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_key_is_repeated() {
        let toml = r#"
            url = "https://loyalty.example.com"
            key = "hunter2"
            key_id = "a\"b"
            [[collection]]
            name = "members"
            needs = [[]]
            yields = ["Member"]
            [[collection]]
            name = "members"
            needs = [["E-Mail"]]
            fields = [{ name = "id", type = "string" }, { name = "id", type = "integer" }]
        "#;
        let found = problems(toml);
        for (place, words) in [
            ("key: ", "env:NAME"),
            ("key_id: ", "a-z"),
            ("collection.0.needs: ", "found by"),
            ("collection.0.yields: ", "a-z"),
            ("collection.1.name: ", "twice"),
            ("collection.1.needs: ", "a-z"),
            ("collection.1.fields: ", "twice"),
        ] {
            let told = found
                .iter()
                .any(|one| one.starts_with(place) && one.contains(words));
            assert!(told, "{place}{words} is missing in {found:#?}");
        }
        assert_eq!(found.len(), 7, "{found:#?}");
        assert!(found.iter().all(|one| !one.contains("hunter2")));
        assert_eq!(problems("url = \"u\"\nkey = \"env:K\"").len(), 1);
    }
}
