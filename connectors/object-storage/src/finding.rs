//! How a person's objects are found, read from the configuration: everything that could reach two people is refused here.

use adieu_core::{ConfigProblem, IdentityKind};
use serde::Deserialize;

use crate::config::ObjectStorageConfig;
use crate::location::{Location, Provider};
use crate::manifest::Manifest;
use crate::mark::{MarkKind, Marked};
use crate::place::Finder;
use crate::segment::fits;
use crate::template::Template;

/// Objects of many people in one prefix, of which each says itself whose it is: by a tag, or by its metadata.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkedRule {
    /// Where they lie, such as `shared/`. Everything in it is looked at for each request, so it should be no larger than it
    /// must. `{tenant}` may stand in it, and no identity.
    pub prefix: String,
    /// The tag whose value is the identity's. S3 and Azure have tags.
    #[serde(default)]
    pub tag: Option<String>,
    /// Or the word of an object's metadata. S3, R2, Google and Azure have them.
    #[serde(default)]
    pub metadata: Option<String>,
    /// The kind of identity that stands there.
    pub identity: String,
}

/// An object of a person that lists the keys of others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestRule {
    /// Its key, such as `lists/{customer_id}.json`.
    pub object: String,
    /// How it is written.
    pub format: ManifestFormat,
    /// Where a key stands in it. JSON: the names on the way to it, with dots between, through every array that is met (left
    /// out, when the whole is an array of texts). CSV: the column. Lines: left out for plain keys, and the names as for JSON
    /// where each line is an object.
    #[serde(default)]
    pub field: Option<String>,
    /// The kind of identity as which a key is yielded: one of `keys`, here or at another store.
    pub yields: String,
}

/// How a manifest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ManifestFormat {
    /// One JSON document.
    Json,
    /// CSV with a line of names at its head.
    Csv,
    /// A key, or a JSON object, in each line.
    Lines,
}

/// Reads all ways by which a person's objects are found, and tells every mistake.
pub(crate) fn read(config: &ObjectStorageConfig, problems: &mut Vec<ConfigProblem>) -> Finder {
    let is_empty = config.prefixes.is_empty()
        && config.keys.is_empty()
        && config.marked.is_empty()
        && config.manifests.is_empty();
    if is_empty {
        problems.push(ConfigProblem::new(
            ["prefixes"],
            "nothing says which objects are a person's; name a prefix such as `users/{customer_id}/`, or `keys`",
        ));
    }
    let mut ground = Ground::default();
    let prefixes = read_prefixes(config, &mut ground, problems);
    let marked = read_marked(config, &mut ground, problems);
    let manifests = read_manifests(config, &ground, problems);
    Finder {
        prefixes,
        marked,
        manifests,
        keys: read_keys(config, problems),
        key_prefix: config.key_prefix.clone().unwrap_or_default(),
        key_urls: config.key_urls.clone(),
    }
}

/// What a store does not have of what the configuration asks of it.
pub(crate) fn store_problems(
    config: &ObjectStorageConfig,
    location: &Location,
) -> Vec<ConfigProblem> {
    let (has_metadata, has_tags, scheme) = match location {
        Location::Folder(_) => (false, false, "folder"),
        Location::Bucket(bucket) => {
            let has_tags = matches!(bucket.provider, Provider::S3 | Provider::Azure);
            (true, has_tags, bucket.provider.scheme())
        }
    };
    let mut problems = Vec::new();
    for (index, rule) in config.marked.iter().enumerate() {
        if rule.metadata.is_some() && !has_metadata {
            let problem =
                format!("a `{scheme}:` has no metadata; find its objects by prefix or by key");
            problems.push(problem_in("marked", index, "metadata", problem));
        }
        if rule.tag.is_some() && !has_tags {
            let problem = format!("`{scheme}:` has no tags; S3 and Azure have");
            problems.push(problem_in("marked", index, "tag", problem));
        }
    }
    problems
}

/// The templates that were read so far, which must not meet.
#[derive(Default)]
struct Ground(Vec<(String, Template)>);

impl Ground {
    /// Takes a template, unless it could reach the same objects as one before.
    fn take(&mut self, text: &str, template: &Template) -> Result<(), String> {
        let met = self.0.iter().find(|(_, other)| template.may_meet(other));
        let told = met.map(|(other, _)| {
            format!(
                "`{text}` and `{other}` could reach the same objects; put a different word in front of each"
            )
        });
        self.0.push((text.to_owned(), template.clone()));
        told.map_or(Ok(()), Err)
    }
}

fn read_prefixes(
    config: &ObjectStorageConfig,
    ground: &mut Ground,
    problems: &mut Vec<ConfigProblem>,
) -> Vec<Template> {
    let mut prefixes = Vec::new();
    for (index, text) in config.prefixes.iter().enumerate() {
        match Template::parse(text) {
            Ok(template) => {
                if let Err(problem) = ground.take(text, &template) {
                    problems.push(problem_at("prefixes", index, problem));
                }
                prefixes.push(template);
            }
            Err(problem) => problems.push(problem_at("prefixes", index, problem)),
        }
    }
    prefixes
}

fn read_marked(
    config: &ObjectStorageConfig,
    ground: &mut Ground,
    problems: &mut Vec<ConfigProblem>,
) -> Vec<Marked> {
    let mut marked = Vec::new();
    for (index, rule) in config.marked.iter().enumerate() {
        let mut wrong = |key: &str, problem: String| {
            problems.push(problem_in("marked", index, key, problem));
        };
        let prefix = match Template::parse_pattern(&rule.prefix) {
            Ok(template) => Some(template),
            Err(problem) => {
                wrong("prefix", problem);
                None
            }
        };
        if let Some(template) = &prefix {
            if !template.kinds().is_empty() {
                let problem = "its objects say themselves whose they are, so no identity stands in it; write one such as `shared/`";
                wrong("prefix", problem.to_owned());
            } else if let Err(problem) = ground.take(&rule.prefix, template) {
                wrong("prefix", problem);
            }
        }
        let kind = match (&rule.tag, &rule.metadata) {
            (Some(tag), None) if is_tag(tag) => Some(MarkKind::Tag(tag.clone())),
            (None, Some(word)) if is_header(word) => Some(MarkKind::Metadata(word.clone())),
            (Some(_), None) => {
                wrong("tag", "this cannot be a tag's name".to_owned());
                None
            }
            (None, Some(_)) => {
                let problem = "a word of metadata has letters, digits, `-` and `_` only";
                wrong("metadata", problem.to_owned());
                None
            }
            _ => {
                wrong("tag", "name either `tag` or `metadata`".to_owned());
                None
            }
        };
        let identity = IdentityKind::new(&rule.identity);
        let identity = identity.map_err(|rule| wrong("identity", rule.to_string()));
        if let (Some(prefix), Some(kind), Ok(identity)) = (prefix, kind, identity) {
            marked.push(Marked {
                prefix,
                kind,
                identity,
            });
        }
    }
    marked
}

fn read_manifests(
    config: &ObjectStorageConfig,
    ground: &Ground,
    problems: &mut Vec<ConfigProblem>,
) -> Vec<Manifest> {
    let mut manifests: Vec<Manifest> = Vec::new();
    for (index, rule) in config.manifests.iter().enumerate() {
        let mut wrong = |key: &str, problem: String| {
            problems.push(problem_in("manifests", index, key, problem));
        };
        // An object's key is as a prefix without the slash at its end.
        let object = Template::parse(&format!("{}/", rule.object));
        let object = object.map_err(|problem| wrong("object", problem));
        if let Ok(template) = &object {
            let met = manifests.iter().find(|one| one.object.may_meet(template));
            if met.is_some() {
                let problem = format!("`{}` could be another manifest too", rule.object);
                wrong("object", problem);
            }
            // In a prefix that is filled otherwise, it could be somebody else's object.
            let met = ground.0.iter().find(|(text, prefix)| {
                prefix.may_meet(template) && !rule.object.starts_with(text.as_str())
            });
            if let Some((text, _)) = met {
                let problem = format!("`{}` could lie in somebody else's `{text}`", rule.object);
                wrong("object", problem);
            }
        }
        let is_marked = |one: &crate::MarkedRule| rule.object.starts_with(&one.prefix);
        if config.marked.iter().any(is_marked) {
            let problem = "it lies where objects say themselves whose they are; put it elsewhere";
            wrong("object", problem.to_owned());
        }
        let field = match (rule.format, &rule.field) {
            (ManifestFormat::Csv, None) => {
                wrong(
                    "field",
                    "name the column in which the keys stand".to_owned(),
                );
                None
            }
            (_, Some(field)) if field.split('.').any(str::is_empty) => {
                wrong(
                    "field",
                    "two dots follow each other, or one stands at an edge".to_owned(),
                );
                None
            }
            (_, field) => field.clone(),
        };
        let yields = IdentityKind::new(&rule.yields);
        let yields = yields.map_err(|rule| wrong("yields", rule.to_string()));
        if let (Ok(object), Ok(yields)) = (object, yields) {
            manifests.push(Manifest {
                object,
                format: rule.format,
                field,
                yields,
            });
        }
    }
    manifests
}

fn read_keys(config: &ObjectStorageConfig, problems: &mut Vec<ConfigProblem>) -> Vec<IdentityKind> {
    let mut keys = Vec::new();
    for (index, kind) in config.keys.iter().enumerate() {
        match IdentityKind::new(kind) {
            Ok(kind) => keys.push(kind),
            Err(rule) => problems.push(problem_at("keys", index, rule.to_string())),
        }
    }
    if let Some(prefix) = &config.key_prefix {
        problems.extend(key_prefix_problem(prefix, config.keys.is_empty()));
    }
    for (index, url) in config.key_urls.iter().enumerate() {
        let has_host = ["https://", "http://"].iter().any(|scheme| {
            url.strip_prefix(scheme)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('/'))
        });
        if config.keys.is_empty() || !has_host {
            let problem = "it is what values of `keys` begin with, such as `https://cdn.example.com/`, with a `/` at its end";
            problems.push(problem_at("key_urls", index, problem.to_owned()));
        }
    }
    keys
}

fn key_prefix_problem(prefix: &str, no_keys: bool) -> Option<ConfigProblem> {
    let problem = if no_keys {
        "it stands before the keys of `keys`, and there are none; leave it out".to_owned()
    } else {
        let Some(body) = prefix.strip_suffix('/') else {
            let problem = format!("`{prefix}` must end in `/`; write `{prefix}/`");
            return Some(ConfigProblem::new(["key_prefix"], problem));
        };
        let unfit = body.split('/').find_map(|segment| fits(segment).err())?;
        format!(
            "`{prefix}` has a segment that cannot be one: {}",
            unfit.as_str()
        )
    };
    Some(ConfigProblem::new(["key_prefix"], problem))
}

/// What may be a name of metadata with every provider: it becomes a part of a header's name.
fn is_header(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= 128
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_tag(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control)
}

fn problem_at(list: &str, index: usize, problem: String) -> ConfigProblem {
    ConfigProblem::new([list.to_owned(), index.to_string()], problem)
}

fn problem_in(list: &str, index: usize, key: &str, problem: String) -> ConfigProblem {
    let path = [list.to_owned(), index.to_string(), key.to_owned()];
    ConfigProblem::new(path, problem)
}
