//! Manifests: an object of a person that lists the keys of others.

use std::sync::Arc;

use adieu_core::{ConnectorError, ErrorKind, Identity, IdentityKind, Retry, Subject};
use futures_util::TryStreamExt as _;
use serde_json::Value;

use crate::finding::ManifestFormat;
use crate::object::{Kind, Object, Position};
use crate::place::{Finder, Place, Places};
use crate::store::{For, Opened, Store};
use crate::template::Template;

/// The longest manifest that is read.
const MOST_BYTES: usize = 16 << 20;

/// How many versions of a manifest are listed to find the one that counts: the newest comes first or last.
const MOST_VERSIONS: usize = 1_000;

/// Where a person's manifest lies and how its keys are read.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// Its key, as a prefix without the slash at its end.
    pub(crate) object: Template,
    pub(crate) format: ManifestFormat,
    pub(crate) field: Option<String>,
    pub(crate) yields: IdentityKind,
}

/// The keys that a person's manifests list, each as an identity. What is written there now counts, not older versions.
///
/// # Errors
/// When a manifest cannot be read whole: what it lists would be left behind otherwise.
pub(crate) async fn listed_keys(
    store: &Store,
    finder: &Finder,
    subject: &Subject,
) -> Result<Vec<Identity>, ConnectorError> {
    let mut identities = Vec::new();
    for (manifest, place) in finder.manifests_of(subject)? {
        let Some(object) = current(store, place).await? else {
            continue;
        };
        let content = content(store, &object).await?;
        let keys = manifest.keys(&content).ok_or_else(not_as_declared)?;
        for key in keys {
            let identity = Identity::new(manifest.yields.as_str(), key);
            identities.push(identity.map_err(|_| not_as_declared())?);
        }
    }
    Ok(identities)
}

/// What the key of a manifest holds now.
async fn current(store: &Store, place: Place) -> Result<Option<Object>, ConnectorError> {
    let places = Arc::new(Places::one(place));
    let mut from = Some(Position::default());
    while let Some(position) = from {
        let listed = store
            .list(&places, &position, MOST_VERSIONS, For::Reading)
            .await?;
        for object in listed.objects {
            match object.kind {
                Kind::File if object.is_current() => return Ok(Some(object)),
                Kind::Closed(error) => return Err(error),
                Kind::Link => return Err(not_as_declared()),
                _ => {}
            }
        }
        from = listed.next;
    }
    Ok(None)
}

async fn content(store: &Store, object: &Object) -> Result<Vec<u8>, ConnectorError> {
    let Opened::Bytes { mut body, .. } = store.open(object).await? else {
        return Err(ConnectorError::new(
            ErrorKind::Unavailable,
            "a manifest was changed while it was read",
        ));
    };
    let mut content = Vec::new();
    while let Some(piece) = body.try_next().await? {
        if content.len() + piece.len() > MOST_BYTES {
            return Err(ConnectorError::new(
                ErrorKind::Unsupported,
                "a manifest is longer than 16 MiB; find its objects by a prefix",
            ));
        }
        content.extend_from_slice(&piece);
    }
    Ok(content)
}

impl Manifest {
    /// The keys in it; `None` when it is not written as declared.
    fn keys(&self, content: &[u8]) -> Option<Vec<String>> {
        let content = std::str::from_utf8(content).ok()?;
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        let mut keys = Vec::new();
        match (self.format, &self.field) {
            (ManifestFormat::Json, field) => {
                let document: Value = serde_json::from_str(content).ok()?;
                pick(&document, &names(field.as_deref()), &mut keys)?;
            }
            (ManifestFormat::Lines, field) => {
                for line in content.lines().filter(|line| !line.is_empty()) {
                    if field.is_none() {
                        keys.push(line.to_owned());
                        continue;
                    }
                    let entry: Value = serde_json::from_str(line).ok()?;
                    pick(&entry, &names(field.as_deref()), &mut keys)?;
                }
            }
            (ManifestFormat::Csv, field) => {
                let mut table = csv::Reader::from_reader(content.as_bytes());
                let wanted = field.as_deref()?;
                let column = table.headers().ok()?.iter().position(|one| one == wanted)?;
                for row in table.records() {
                    keys.push(row.ok()?.get(column)?.to_owned());
                }
            }
        }
        Some(keys)
    }
}

fn names(field: Option<&str>) -> Vec<&str> {
    field
        .map(|field| field.split('.').collect())
        .unwrap_or_default()
}

/// Follows the names, through every array that is met; `None` when something else than a text stands at their end.
fn pick(value: &Value, names: &[&str], keys: &mut Vec<String>) -> Option<()> {
    match (value, names) {
        (Value::Array(values), _) => values.iter().try_for_each(|one| pick(one, names, keys)),
        (Value::Object(fields), [name, rest @ ..]) => pick(fields.get(*name)?, rest, keys),
        (Value::String(key), []) => {
            keys.push(key.clone());
            Some(())
        }
        _ => None,
    }
}

fn not_as_declared() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        "a manifest is not written as the configuration says, so what it lists is not known",
    )
    .retry(Retry::Never)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(format: ManifestFormat, field: Option<&str>, content: &str) -> Option<Vec<String>> {
        let manifest = Manifest {
            object: Template::parse("lists/{id}/").unwrap(),
            format,
            field: field.map(str::to_owned),
            yields: IdentityKind::new("file_key").unwrap(),
        };
        manifest.keys(content.as_bytes())
    }

    #[test]
    fn keys_are_read_from_each_form() {
        let both = Some(vec!["a/1".to_owned(), "b, 2".to_owned()]);
        for (format, field, content) in [
            (ManifestFormat::Json, None, r#"["a/1", "b, 2"]"#),
            (
                ManifestFormat::Json,
                Some("key"),
                r#"[{"key":"a/1"},{"key":"b, 2"}]"#,
            ),
            (
                ManifestFormat::Json,
                Some("files.at.key"),
                r#"{"files":[{"at":{"key":"a/1"}},{"at":[{"key":"b, 2"}]}]}"#,
            ),
            (ManifestFormat::Lines, None, "a/1\r\nb, 2\n"),
            (
                ManifestFormat::Lines,
                Some("key"),
                "{\"key\":\"a/1\"}\n\n{\"key\":\"b, 2\"}",
            ),
            (
                ManifestFormat::Csv,
                Some("key"),
                "\u{feff}size,key\n1,a/1\n2,\"b, 2\"\n",
            ),
        ] {
            assert_eq!(keys(format, field, content), both, "{content}");
        }
        assert_eq!(keys(ManifestFormat::Json, None, "[]"), Some(Vec::new()));
        assert_eq!(keys(ManifestFormat::Lines, None, ""), Some(Vec::new()));
    }

    #[test]
    fn what_is_written_otherwise_is_no_empty_list() {
        for (format, field, content) in [
            (ManifestFormat::Json, None, ""),
            (ManifestFormat::Json, None, r#"{"files":["a"]}"#),
            (ManifestFormat::Json, Some("key"), r#"[{"path":"a"}]"#),
            (ManifestFormat::Json, Some("key"), r#"[{"key":7}]"#),
            (ManifestFormat::Json, Some("key"), r#"["a"]"#),
            (ManifestFormat::Lines, Some("key"), "a\n"),
            (ManifestFormat::Csv, Some("key"), "path\na\n"),
            (ManifestFormat::Csv, Some("key"), ""),
            (ManifestFormat::Csv, Some("key"), "size,key\n1\n"),
        ] {
            assert_eq!(keys(format, field, content), None, "{content}");
        }
    }
}
