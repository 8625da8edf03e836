//! Deleting versions, a thousand at a time, and breaking off uploads.

use std::borrow::Cow;
use std::collections::HashMap;

use adieu_core::{ConnectorError, Effect, ErrorKind, Retry};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt as _, stream};
use http::Method;
use http::header::{CONTENT_TYPE, HeaderName};
use md5::{Digest as _, Md5};

use super::super::client::pause_before;
use super::super::failure::word;
use super::super::xml::{Document, escaped};
use super::super::{MOST_KEYS, encode};
use super::{S3, kind_of};
use crate::object::{Kind, Object};
use crate::store::Removed;

const DELETING: &str = "deleting objects";
const PERMISSION: &str = "s3:DeleteObject and s3:DeleteObjectVersion";
/// How often a key is sent again that failed for a passing reason.
const ROUNDS: u32 = 4;
/// How many calls run at once that are for one key each.
const AT_ONCE: usize = 8;

type Outcome = Result<Removed, ConnectorError>;

impl S3 {
    /// See [`Api::remove`](super::super::Api::remove).
    pub(super) async fn delete(&self, objects: &[&Object]) -> Result<Vec<Outcome>, ConnectorError> {
        let mut outcomes: Vec<Option<Outcome>> = objects.iter().map(|_| None).collect();
        let mut together = Vec::new();
        let mut alone = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            let entry = match object.kind {
                Kind::Upload => None,
                _ => Entry::of(object),
            };
            match entry {
                Some(entry) => together.push((index, entry)),
                None => alone.push(index),
            }
        }
        for batch in together.chunks(MOST_KEYS) {
            for (index, outcome) in self.delete_batch(batch).await? {
                outcomes[index] = Some(outcome);
            }
        }
        let mut singly = Vec::new();
        for index in alone {
            singly.push(async move { (index, self.delete_alone(objects[index]).await) });
        }
        let singly = stream::iter(singly).buffer_unordered(AT_ONCE);
        for (index, outcome) in singly.collect::<Vec<_>>().await {
            outcomes[index] = Some(outcome);
        }
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|| Err(not_told())))
            .collect())
    }

    /// Deletes up to a thousand, sending those again that failed for a passing reason.
    async fn delete_batch(
        &self,
        batch: &[(usize, Entry<'_>)],
    ) -> Result<Vec<(usize, Outcome)>, ConnectorError> {
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut left: Vec<&(usize, Entry<'_>)> = batch.iter().collect();
        for round in 1..=ROUNDS {
            let answers = self.delete_once(&left).await?;
            let mut again = Vec::new();
            for (one, outcome) in left.into_iter().zip(answers) {
                let may_pass =
                    matches!(&outcome, Err(error) if error.retry_advice() != Retry::Never);
                if may_pass && round < ROUNDS {
                    again.push(one);
                } else {
                    outcomes.push((one.0, outcome));
                }
            }
            left = again;
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(pause_before(round)).await;
        }
        Ok(outcomes)
    }

    async fn delete_once(
        &self,
        entries: &[&(usize, Entry<'_>)],
    ) -> Result<Vec<Outcome>, ConnectorError> {
        let mut body = String::from("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        for (_, entry) in entries {
            body.extend(["<Object><Key>", &entry.key_in_xml, "</Key>"]);
            if let Some(version) = &entry.version_in_xml {
                body.extend(["<VersionId>", version, "</VersionId>"]);
            }
            body.push_str("</Object>");
        }
        body.push_str("</Delete>");
        // Asked for by S3 itself, so that a body that was damaged on the way deletes nothing.
        let call = self
            .of_bucket(Method::POST, "delete=", DELETING, PERMISSION)
            .header(
                HeaderName::from_static("content-md5"),
                &digest(body.as_bytes()),
            )
            .header(CONTENT_TYPE, "application/xml")
            .body(body);
        let (_, _, answer) = self.client.ask(&call).await?;
        let answer = Document::parse(&answer).ok_or_else(not_told)?;
        Ok(told(entries, &answer))
    }

    /// Breaks off an upload, or deletes an object whose key XML cannot hold.
    async fn delete_alone(&self, object: &Object) -> Outcome {
        let key = String::from_utf8_lossy(&object.key);
        let version = object.version();
        let (query, doing, permission) = match (&object.kind, version) {
            (Kind::Upload, Some(upload)) => (
                encode::query(&[("uploadId", upload)]),
                "breaking off an upload",
                "s3:AbortMultipartUpload",
            ),
            (_, Some(version)) => (
                encode::query(&[("versionId", version)]),
                DELETING,
                PERMISSION,
            ),
            (_, None) => (String::new(), DELETING, PERMISSION),
        };
        let call = self
            .of_object(Method::DELETE, &key, &query, doing, permission)
            .expecting(&[404]);
        let (status, _, _) = self.client.ask(&call).await?;
        Ok(if status.is_success() {
            Removed::Now
        } else {
            Removed::Before
        })
    }
}

/// The hash of a body, by which a server sees that it came whole.
pub(super) fn digest(body: &[u8]) -> String {
    STANDARD.encode(Md5::digest(body))
}

/// One object in the body of a call.
struct Entry<'a> {
    key: &'a str,
    version: Option<&'a str>,
    key_in_xml: Cow<'a, str>,
    version_in_xml: Option<Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    /// `None` when XML has no way to write the key.
    fn of(object: &'a Object) -> Option<Self> {
        let key = std::str::from_utf8(&object.key).ok()?;
        let version = object.version();
        Some(Self {
            key,
            version,
            key_in_xml: escaped(key)?,
            version_in_xml: match version {
                Some(version) => Some(escaped(version)?),
                None => None,
            },
        })
    }
}

/// What an answer says of each object that was to be deleted.
fn told(entries: &[&(usize, Entry<'_>)], answer: &Document<'_>) -> Vec<Outcome> {
    let mut told = HashMap::with_capacity(entries.len());
    for one in answer.root().children() {
        if matches!(one.name(), "Deleted" | "Error") {
            told.insert((one.text("Key"), one.text("VersionId")), one);
        }
    }
    let entries = entries.iter().map(|(_, entry)| {
        let version = entry.version.unwrap_or_default();
        // Some servers leave the version out of an error. A deletion without it is not one of this version.
        let of_the_key = || {
            let of_the_key = told.get(&(entry.key, ""));
            of_the_key.filter(|one| one.name() == "Error")
        };
        match told.get(&(entry.key, version)).or_else(of_the_key) {
            Some(one) if one.name() == "Deleted" => Ok(Removed::Now),
            Some(one) => outcome_of(one.text("Code")),
            None => Err(not_told()),
        }
    });
    entries.collect()
}

/// What a code means for one key.
fn outcome_of(code: &str) -> Outcome {
    match code {
        "NoSuchKey" | "NoSuchVersion" => Ok(Removed::Before),
        _ => {
            let kind = kind_of(code).unwrap_or(ErrorKind::Protocol);
            let code = word(code);
            Err(ConnectorError::new(
                kind,
                format!("an object was not deleted ({code})"),
            ))
        }
    }
}

/// Silence is no success.
fn not_told() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        "the store does not say whether an object was deleted",
    )
    .effect(Effect::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_gone_when_the_answer_says_so_of_it() {
        let version = |version| {
            let entry = Entry {
                key: "a",
                version,
                key_in_xml: "a".into(),
                version_in_xml: version.map(Cow::from),
            };
            (0, entry)
        };
        let (first, second, plain) = (version(Some("1")), version(Some("2")), version(None));
        let ok = |answer: &str| {
            let answer = format!("<DeleteResult>{answer}</DeleteResult>");
            let answer = Document::parse(answer.as_bytes()).unwrap();
            told(&[&first, &second, &plain], &answer)
                .iter()
                .map(Result::is_ok)
                .collect::<Vec<_>>()
        };
        let deleted = "<Deleted><Key>a</Key><VersionId>1</VersionId></Deleted>";
        assert_eq!(ok(deleted), [true, false, false]);
        // What it says may be of a marker that was made.
        assert_eq!(ok("<Deleted><Key>a</Key></Deleted>"), [false, false, true]);
        let error = "<Error><Key>a</Key><Code>NoSuchVersion</Code></Error>";
        assert_eq!(ok(error), [true, true, true]);
        let locked = "<Error><Key>a</Key><Code>AccessDenied</Code></Error>";
        assert_eq!(ok(locked), [false, false, false]);
    }
}
