//! Listing objects with all their versions and delete markers, and uploads that were not finished.

use adieu_core::{ConnectorError, ErrorKind};
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;

use super::super::xml::{Document, Element};
use super::super::{Ask, MOST_KEYS, Next, Page, encode};
use super::S3;
use crate::object::{At, Key, Kind, Object, Spot};

const LISTING: &str = "listing the objects";

impl S3 {
    /// Objects with their versions; without, where the server does not know of versions. R2 is one: that is found out
    /// once.
    pub(super) async fn objects(&self, ask: &Ask<'_>) -> Result<Page, ConnectorError> {
        if self.versions.get() != Some(&false) {
            match self.versions_page(ask).await {
                Ok(page) => {
                    let _ = self.versions.set(true);
                    return Ok(page);
                }
                Err(error)
                    if error.kind() == ErrorKind::Unsupported && self.versions.get().is_none() =>
                {
                    let _ = self.versions.set(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.plain_page(ask).await
    }

    async fn versions_page(&self, ask: &Ask<'_>) -> Result<Page, ConnectorError> {
        let limit = ask.limit.min(MOST_KEYS).to_string();
        let mut pairs = vec![
            ("encoding-type", "url"),
            ("max-keys", limit.as_str()),
            ("prefix", ask.prefix),
            ("versions", ""),
        ];
        let after = ask
            .after
            .map(|spot| (String::from_utf8_lossy(&spot.key.0), &spot.version));
        if let Some((key, version)) = &after {
            pairs.push(("key-marker", key));
            if let Some(version) = version {
                pairs.push(("version-id-marker", version));
            }
        }
        let body = self
            .listing(&pairs, LISTING, "s3:ListBucketVersions")
            .await?;
        let answer = Document::parse(&body).ok_or_else(nonsense)?;
        let list = List::of(answer.root());
        let mut page = Page::default();
        for entry in list.xml.children() {
            let kind = match entry.name() {
                "Version" => Kind::File,
                "DeleteMarker" => Kind::Marker,
                _ => continue,
            };
            let mut object = list.object(entry, kind)?;
            object.at = At::Key {
                version: entry.some_text("VersionId"),
                etag: entry.some_text("ETag"),
                is_current: entry.text("IsLatest") == "true",
            };
            page.objects.push(object);
        }
        // The order of the listing: by key, the newest first. Some servers write versions and delete markers apart.
        page.objects.sort_by(|a, b| {
            let newest_first = b.modified_at.cmp(&a.modified_at);
            a.key
                .cmp(&b.key)
                .then(newest_first)
                .then(b.is_current().cmp(&a.is_current()))
        });
        if list.is_cut() {
            let key = list.key("NextKeyMarker")?;
            let version = list.xml.some_text("NextVersionIdMarker");
            page.next = Some(mark_after(Spot { key, version }));
        }
        Ok(page)
    }

    async fn plain_page(&self, ask: &Ask<'_>) -> Result<Page, ConnectorError> {
        let limit = ask.limit.min(MOST_KEYS).to_string();
        let mut pairs = vec![
            ("encoding-type", "url"),
            ("list-type", "2"),
            ("max-keys", limit.as_str()),
            ("prefix", ask.prefix),
        ];
        let after = ask.after.map(|spot| String::from_utf8_lossy(&spot.key.0));
        if let Some(key) = &after {
            pairs.push(("start-after", key));
        }
        let body = self.listing(&pairs, LISTING, "s3:ListBucket").await?;
        let answer = Document::parse(&body).ok_or_else(nonsense)?;
        let list = List::of(answer.root());
        let mut page = Page::default();
        for entry in list.xml.children().filter(|one| one.name() == "Contents") {
            let mut object = list.object(entry, Kind::File)?;
            object.at = At::Key {
                version: None,
                etag: entry.some_text("ETag"),
                is_current: true,
            };
            page.objects.push(object);
        }
        if list.is_cut() {
            let last = page.objects.last().ok_or_else(nonsense)?;
            page.next = Some(mark_after(last.spot()));
        }
        Ok(page)
    }

    /// Uploads that were begun and not finished; none where the server does not know of any.
    pub(super) async fn uploads(&self, ask: &Ask<'_>) -> Result<Page, ConnectorError> {
        let limit = ask.limit.min(MOST_KEYS).to_string();
        let mut pairs = vec![
            ("encoding-type", "url"),
            ("max-uploads", limit.as_str()),
            ("prefix", ask.prefix),
            ("uploads", ""),
        ];
        let after = ask
            .after
            .map(|spot| (String::from_utf8_lossy(&spot.key.0), &spot.version));
        if let Some((key, version)) = &after {
            pairs.push(("key-marker", key));
            if let Some(version) = version {
                pairs.push(("upload-id-marker", version));
            }
        }
        let listed = self
            .listing(
                &pairs,
                "listing unfinished uploads",
                "s3:ListBucketMultipartUploads",
            )
            .await;
        let body = match listed {
            Ok(body) => body,
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(Page::default()),
            Err(error) => return Err(error),
        };
        let answer = Document::parse(&body).ok_or_else(nonsense)?;
        let list = List::of(answer.root());
        let mut page = Page::default();
        for entry in list.xml.children().filter(|one| one.name() == "Upload") {
            let mut object = list.object(entry, Kind::Upload)?;
            object.modified_at = entry.text("Initiated").parse().ok();
            object.at = At::Key {
                version: Some(entry.text("UploadId").to_owned()),
                etag: None,
                is_current: false,
            };
            page.objects.push(object);
        }
        if list.is_cut() {
            let key = list.key("NextKeyMarker")?;
            let version = list.xml.some_text("NextUploadIdMarker");
            page.next = Some(mark_after(Spot { key, version }));
        }
        Ok(page)
    }

    async fn listing(
        &self,
        pairs: &[(&str, &str)],
        doing: &'static str,
        permission: &'static str,
    ) -> Result<Bytes, ConnectorError> {
        let call = self.of_bucket(Method::GET, &encode::query(pairs), doing, permission);
        let (_, _, body) = self.client.ask(&call).await?;
        Ok(body)
    }
}

/// The answer to a listing.
struct List<'a> {
    xml: Element<'a>,
    /// Whether its keys are encoded, so that characters which XML cannot hold come through.
    is_encoded: bool,
}

impl<'a> List<'a> {
    fn of(xml: Element<'a>) -> Self {
        let is_encoded = xml.text("EncodingType") == "url";
        Self { xml, is_encoded }
    }

    fn is_cut(&self) -> bool {
        self.xml.text("IsTruncated") == "true"
    }

    fn object(&self, entry: Element<'_>, kind: Kind) -> Result<Object, ConnectorError> {
        Ok(Object {
            key: self.decoded(entry.text("Key"))?,
            kind,
            at: At::Key {
                version: None,
                etag: None,
                is_current: true,
            },
            modified_at: entry.text("LastModified").parse::<Timestamp>().ok(),
            size_bytes: entry.text("Size").parse().ok(),
            hold: None,
            mark: None,
        })
    }

    fn key(&self, name: &str) -> Result<Key, ConnectorError> {
        self.decoded(self.xml.text(name)).map(Key)
    }

    fn decoded(&self, key: &str) -> Result<Vec<u8>, ConnectorError> {
        if !self.is_encoded {
            return Ok(key.as_bytes().to_vec());
        }
        encode::decoded(key)
            .map(String::into_bytes)
            .ok_or_else(nonsense)
    }
}

/// Pages have no names here.
fn mark_after(spot: Spot) -> Next {
    Next {
        after: Some(spot),
        page: None,
    }
}

fn nonsense() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        "the store's list of objects makes no sense",
    )
}
