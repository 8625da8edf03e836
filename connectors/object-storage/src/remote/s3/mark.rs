//! Tags and metadata by which objects say whose they are. No listing tells them.

use adieu_core::ConnectorError;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;

use super::super::encode;
use super::super::xml::Document;
use super::S3;
use super::read::METADATA;
use crate::mark::MarkKind;
use crate::object::{Kind, Object};

/// How many objects are asked for at once.
const AT_ONCE: usize = 32;

impl S3 {
    /// Looks up what each version is marked with. What has no content of its own has no mark.
    pub(super) async fn look_up(
        &self,
        mark: &MarkKind,
        objects: &mut [Object],
    ) -> Result<(), ConnectorError> {
        let mut asking = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            if matches!(object.kind, Kind::File) {
                asking
                    .push(async move { self.mark(mark, object).await.map(|found| (index, found)) });
            }
        }
        let answers = stream::iter(asking).buffer_unordered(AT_ONCE);
        let found: Vec<(usize, Option<Vec<u8>>)> = answers.try_collect().await?;
        for (index, value) in found {
            objects[index].mark = value;
        }
        Ok(())
    }

    async fn mark(
        &self,
        mark: &MarkKind,
        object: &Object,
    ) -> Result<Option<Vec<u8>>, ConnectorError> {
        let key = String::from_utf8_lossy(&object.key);
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        let (method, doing, permission) = match mark {
            MarkKind::Metadata(_) => (
                Method::HEAD,
                "looking up an object's metadata",
                "s3:GetObject and s3:GetObjectVersion",
            ),
            MarkKind::Tag(_) => {
                pairs.push(("tagging", ""));
                (
                    Method::GET,
                    "looking up an object's tags",
                    "s3:GetObjectTagging and s3:GetObjectVersionTagging",
                )
            }
        };
        // Where there are no versions, the name `null` is left out: not every server knows it here.
        let version = object
            .version()
            .filter(|&one| one != "null" || !object.is_current());
        pairs.extend(version.map(|version| ("versionId", version)));
        let call = self
            .of_object(method, &key, &encode::query(&pairs), doing, permission)
            // Gone meanwhile, or a delete marker.
            .expecting(&[404, 405]);
        let (status, headers, body) = self.client.ask(&call).await?;
        if !status.is_success() {
            return Ok(None);
        }
        Ok(match mark {
            MarkKind::Metadata(word) => {
                let value = headers.get(format!("{METADATA}{word}"));
                value.map(|value| value.as_bytes().to_vec())
            }
            MarkKind::Tag(name) => Document::parse(&body).and_then(|xml| {
                let mut tags = xml.root().child("TagSet")?.children();
                let tag = tags.find(|tag| tag.text("Key") == name)?;
                Some(tag.text("Value").as_bytes().to_vec())
            }),
        })
    }
}
