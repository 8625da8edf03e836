//! Google Cloud Storage, by its JSON API.

use adieu_core::{ConnectorError, ErrorKind, RetentionBasis, async_trait};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{ACCEPT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HeaderName, RANGE};
use http::{Method, Uri};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use reqsign_core::Signer;
use reqsign_google::{
    Credential, DefaultCredentialProvider, EnvCredentialProvider, RequestSigner,
    StaticCredentialProvider, TokenCredentialProvider, VmMetadataCredentialProvider,
    WellKnownCredentialProvider,
};
use serde::Deserialize;

use super::client::{self, Call, Client};
use super::failure::Refusal;
use super::read::{Got, whole_length};
use super::upload::Part;
use super::{Api, Ask, MOST_KEYS, Page, encode};
use crate::credentials::Known;
use crate::location::Bucket;
use crate::object::{At, Hold, Kind, Listing, Object, Spot};
use crate::store::Removed;

const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
const ENDPOINT: &str = "https://storage.googleapis.com";
/// What is asked of each object.
const FIELDS: &str = "nextPageToken,items(name,generation,updated,timeDeleted,softDeleteTime,hardDeleteTime,\
                      temporaryHold,eventBasedHold,retentionExpirationTime,retention)";
/// How many calls run at once that are for one object each.
const AT_ONCE: usize = 16;

const WRITING: &str = "writing an object";
const CREATE: &str = "storage.objects.create";
const BINARY: &str = "application/octet-stream";

/// A bucket.
pub(super) struct Gcs {
    client: Client<Credential>,
    /// The path of the bucket.
    bucket: String,
}

impl Gcs {
    pub(super) fn new(bucket: &Bucket, known: &Known) -> Result<Self, String> {
        let http = client::http_client()?;
        let context = client::context(&http);
        let request = RequestSigner::new("storage").with_scope(SCOPE);
        let signer = if let Some(token) = &known.access_token {
            Signer::new(
                context,
                TokenCredentialProvider::new(token.expose()),
                request,
            )
        } else if let Some(account) = &known.service_account {
            let fixed = StaticCredentialProvider::new(account.expose()).with_scope(SCOPE);
            Signer::new(context, fixed, request)
        } else {
            let usual = DefaultCredentialProvider::builder()
                .env(EnvCredentialProvider::new().with_scope(SCOPE))
                .well_known(WellKnownCredentialProvider::new().with_scope(SCOPE))
                .vm_metadata(VmMetadataCredentialProvider::new().with_scope(SCOPE));
            Signer::new(context, usual.build(), request)
        };
        let endpoint = bucket
            .endpoint
            .clone()
            .unwrap_or_else(|| ENDPOINT.to_owned());
        Ok(Self {
            client: Client::new(http, endpoint, signer, explain),
            bucket: format!("/storage/v1/b/{}", encode::part(&bucket.name)),
        })
    }

    fn of_object(
        &self,
        method: Method,
        object: &Object,
        query: &str,
        doing: &'static str,
        permission: &'static str,
    ) -> Call {
        let key = String::from_utf8_lossy(&object.key);
        let generation = object
            .version()
            .map(|one| format!("generation={}", encode::part(one)));
        let query: Vec<&str> = [query, generation.as_deref().unwrap_or_default()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        let path = format!(
            "{}/o/{}?{}",
            self.bucket,
            encode::part(&key),
            query.join("&")
        );
        Call::new(method, path, doing, permission)
    }

    async fn list(&self, ask: &Ask<'_>, what: (&str, &str)) -> Result<List, ConnectorError> {
        let limit = MOST_KEYS.to_string();
        let mut pairs = vec![
            ("fields", FIELDS),
            ("maxResults", &limit),
            ("prefix", ask.prefix),
            what,
        ];
        let after = ask.after.map(|spot| String::from_utf8_lossy(&spot.key.0));
        match (ask.page, &after) {
            (Some(page), _) => pairs.push(("pageToken", page)),
            (None, Some(key)) => pairs.push(("startOffset", key)),
            (None, None) => {}
        }
        let path = format!("{}/o?{}", self.bucket, encode::query(&pairs));
        let call = Call::new(
            Method::GET,
            path,
            "listing the objects",
            "storage.objects.list",
        );
        let (_, _, body) = self.client.ask(&call).await?;
        serde_json::from_slice(&body).map_err(|_| {
            ConnectorError::new(
                ErrorKind::Protocol,
                "the store's list of objects makes no sense",
            )
        })
    }

    async fn delete(&self, object: &Object) -> Result<Removed, ConnectorError> {
        let call = self
            .of_object(
                Method::DELETE,
                object,
                "",
                "deleting an object",
                "storage.objects.delete",
            )
            .expecting(&[404]);
        let (status, _, _) = self.client.ask(&call).await?;
        Ok(if status.is_success() {
            Removed::Now
        } else {
            Removed::Before
        })
    }
}

#[async_trait]
impl Api for Gcs {
    async fn page(&self, ask: Ask<'_>) -> Result<Page, ConnectorError> {
        let list = match ask.listing {
            Listing::Objects => self.list(&ask, ("versions", "true")).await?,
            Listing::Leaving => match self.list(&ask, ("softDeleted", "true")).await {
                Ok(list) => list,
                // A bucket that keeps nothing after its deletion, or a server that does not know of it.
                Err(error)
                    if matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Unsupported) =>
                {
                    return Ok(Page::default());
                }
                Err(error) => return Err(error),
            },
            // Resumable uploads cannot be listed; they are gone after a week.
            Listing::Uploads => return Ok(Page::default()),
        };
        Ok(list.page(&ask))
    }

    async fn get(&self, object: &Object, from: u64) -> Result<Option<Got>, ConnectorError> {
        let mut call = self
            .of_object(
                Method::GET,
                object,
                "alt=media",
                "reading an object",
                "storage.objects.get",
            )
            // Without it, what was stored packed would be unpacked on the way, and be of another length.
            .header(ACCEPT_ENCODING, "gzip")
            .expecting(&[404, 412]);
        if from > 0 {
            call = call.header(RANGE, &format!("bytes={from}-"));
        }
        let about = if from == 0 {
            let call = self
                .of_object(
                    Method::GET,
                    object,
                    "",
                    "reading about an object",
                    "storage.objects.get",
                )
                .expecting(&[404]);
            let (status, _, body) = self.client.ask(&call).await?;
            if !status.is_success() {
                return Ok(None);
            }
            serde_json::from_slice::<About>(&body).unwrap_or_default()
        } else {
            About::default()
        };
        let answer = self.client.send(&call).await?;
        if !answer.status.is_success() {
            return Ok(None);
        }
        let size_bytes = if from == 0 {
            answer
                .text("content-length")
                .and_then(|length| length.parse().ok())
        } else {
            answer
                .text("content-range")
                .and_then(|range| whole_length(&range, from))
        };
        let size_bytes = size_bytes.ok_or_else(|| {
            ConnectorError::new(
                ErrorKind::Protocol,
                "the store does not say how long an object is",
            )
        })?;
        Ok(Some(Got {
            size_bytes,
            // The generation names the content.
            etag: None,
            modified_at: about.updated,
            media_type: about.content_type.clone(),
            metadata: about.metadata(),
            answer,
        }))
    }

    async fn remove(
        &self,
        objects: &[Object],
    ) -> Result<Vec<Result<Removed, ConnectorError>>, ConnectorError> {
        let mut deleting = Vec::new();
        for object in objects {
            deleting.push(self.delete(object));
        }
        Ok(stream::iter(deleting).buffered(AT_ONCE).collect().await)
    }

    fn has_locks(&self) -> bool {
        false
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ConnectorError> {
        let path = format!(
            "/upload{}/o?{}",
            self.bucket,
            encode::query(&[("name", key), ("uploadType", "media")])
        );
        let call = Call::new(Method::POST, path, WRITING, CREATE)
            .header(CONTENT_TYPE, BINARY)
            .body(bytes);
        self.client.ask(&call).await.map(drop)
    }

    async fn begin(&self, key: &str) -> Result<String, ConnectorError> {
        let path = format!(
            "/upload{}/o?{}",
            self.bucket,
            encode::query(&[("name", key), ("uploadType", "resumable")])
        );
        let call = Call::new(Method::POST, path, WRITING, CREATE)
            .header(HeaderName::from_static("x-upload-content-type"), BINARY);
        let (_, headers, _) = self.client.ask(&call).await?;
        let session = client::text_of(&headers, "location").and_then(|url| url.parse::<Uri>().ok());
        // Its server is the one that was asked; a signed call goes nowhere else.
        let path = session.and_then(|url| url.path_and_query().map(ToString::to_string));
        path.ok_or_else(|| {
            ConnectorError::new(
                ErrorKind::Protocol,
                "the store's answer to an upload makes no sense",
            )
        })
    }

    async fn part(&self, part: Part<'_>) -> Result<String, ConnectorError> {
        let length = part.bytes.len() as u64;
        let end = part.offset + length;
        let whole = if part.is_last {
            end.to_string()
        } else {
            "*".to_owned()
        };
        // What came already is passed over by the store, so the call may be sent again.
        let range = if length == 0 {
            format!("bytes */{whole}")
        } else {
            format!("bytes {}-{}/{whole}", part.offset, end - 1)
        };
        let call = Call::new(Method::PUT, part.session.to_owned(), WRITING, CREATE)
            .header(CONTENT_RANGE, &range)
            .expecting(&[308])
            .body(part.bytes);
        let (status, _, _) = self.client.ask(&call).await?;
        if part.is_last != status.is_success() {
            return Err(ConnectorError::new(
                ErrorKind::Unavailable,
                "the store did not take a part of an object",
            ));
        }
        Ok(String::new())
    }

    async fn complete(&self, _: &str, _: &str, _: &[String]) -> Result<(), ConnectorError> {
        // The last part has done it.
        Ok(())
    }

    async fn check(&self, prefix: &str) -> Result<(), ConnectorError> {
        let ask = Ask::one_of(Listing::Objects, prefix);
        self.list(&ask, ("versions", "true")).await?;
        let wanted = [
            "storage.objects.list",
            "storage.objects.get",
            "storage.objects.delete",
        ];
        let pairs = wanted.map(|one| ("permissions", one));
        let path = format!(
            "{}/iam/testPermissions?{}",
            self.bucket,
            encode::query(&pairs)
        );
        let call = Call::new(
            Method::GET,
            path,
            "asking for the permissions",
            "storage.objects.list",
        )
        .expecting(&[404, 501]);
        let (status, _, body) = self.client.ask(&call).await?;
        if !status.is_success() {
            return Ok(());
        }
        let granted: Granted = serde_json::from_slice(&body).unwrap_or_default();
        let missing: Vec<&str> = wanted
            .into_iter()
            .filter(|one| !granted.permissions.iter().any(|has| has == one))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(ConnectorError::new(
            ErrorKind::Forbidden,
            format!(
                "the permission {} is missing on the bucket",
                missing.join(", ")
            ),
        ))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(default)]
    items: Vec<Item>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    name: String,
    generation: Option<String>,
    updated: Option<Timestamp>,
    time_deleted: Option<Timestamp>,
    soft_delete_time: Option<Timestamp>,
    hard_delete_time: Option<Timestamp>,
    #[serde(default)]
    temporary_hold: bool,
    #[serde(default)]
    event_based_hold: bool,
    retention_expiration_time: Option<Timestamp>,
    retention: Option<Retention>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retention {
    retain_until_time: Option<Timestamp>,
}

/// What is known of an object.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    updated: Option<Timestamp>,
    content_type: Option<String>,
    content_encoding: Option<String>,
    content_disposition: Option<String>,
    content_language: Option<String>,
    cache_control: Option<String>,
    #[serde(default)]
    metadata: std::collections::BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Granted {
    #[serde(default)]
    permissions: Vec<String>,
}

impl List {
    fn page(self, ask: &Ask<'_>) -> Page {
        let items = self.items.into_iter();
        let wanted = items
            .filter(|item| (ask.listing == Listing::Leaving) == item.soft_delete_time.is_some());
        let next = self.next_page_token.filter(|one| !one.is_empty());
        Page::of(ask, wanted.map(Item::object).collect(), next, order)
    }
}

impl Item {
    fn object(self) -> Object {
        let hold = self.hold();
        Object {
            key: self.name.into_bytes(),
            kind: match (self.soft_delete_time, self.hard_delete_time) {
                (Some(_), by) => Kind::Leaving(by.map(day)),
                (None, _) => Kind::File,
            },
            at: At::Key {
                version: self.generation,
                etag: None,
                is_current: self.time_deleted.is_none(),
            },
            modified_at: self.updated,
            hold,
        }
    }

    fn hold(&self) -> Option<Hold> {
        if self.temporary_hold || self.event_based_hold {
            return Some(Hold {
                basis: RetentionBasis::LegalClaims,
                reason: "a hold lies on it in the store",
                until: None,
            });
        }
        let own = self
            .retention
            .as_ref()
            .and_then(|one| one.retain_until_time);
        let until = own.max(self.retention_expiration_time)?;
        (until > Timestamp::now()).then(|| Hold {
            basis: RetentionBasis::LegalObligation,
            reason: "it is locked in the store",
            until: Some(day(until)),
        })
    }
}

impl About {
    fn metadata(self) -> Vec<(String, String)> {
        let own = [
            ("content-encoding", self.content_encoding),
            ("content-disposition", self.content_disposition),
            ("content-language", self.content_language),
            ("cache-control", self.cache_control),
        ];
        let own = own
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        own.chain(self.metadata).collect()
    }
}

/// Generations grow.
fn order(spot: &Spot) -> (Vec<u8>, Option<u64>) {
    let generation = spot
        .version
        .as_ref()
        .and_then(|version| version.parse().ok());
    (spot.key.0.clone(), generation)
}

fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// The answers of this API say in JSON why something was refused.
fn explain(refusal: &Refusal<'_>) -> ConnectorError {
    #[derive(Deserialize)]
    struct Told {
        error: Why,
    }
    #[derive(Deserialize)]
    struct Why {
        #[serde(default)]
        errors: Vec<Reason>,
    }
    #[derive(Deserialize)]
    struct Reason {
        #[serde(default)]
        reason: String,
    }
    let told: Option<Told> = serde_json::from_slice(refusal.body).ok();
    let reason = told.and_then(|told| told.error.errors.into_iter().next());
    refusal.error(
        refusal.kind(),
        &reason.map(|one| one.reason).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::For;

    fn page(json: &str, listing: Listing, after: Option<&Spot>, limit: usize) -> Page {
        let list: List = serde_json::from_str(json).unwrap();
        list.page(&Ask {
            listing,
            prefix: "u/",
            after,
            page: None,
            limit,
            wanted: For::Erasing,
        })
    }

    #[test]
    fn holds_and_retention_come_with_their_day() {
        let found = page(
            r#"{"items":[
                {"name":"u/a","generation":"1","temporaryHold":true},
                {"name":"u/b","generation":"1","eventBasedHold":true},
                {"name":"u/c","generation":"1","retentionExpirationTime":"2099-01-02T03:04:05Z"},
                {"name":"u/d","generation":"1","retention":{"mode":"Locked","retainUntilTime":"2098-01-02T03:04:05Z"}},
                {"name":"u/e","generation":"1","retentionExpirationTime":"2020-01-02T03:04:05Z"}]}"#,
            Listing::Objects,
            None,
            9,
        );
        let holds: Vec<_> = found
            .objects
            .iter()
            .map(|object| {
                object
                    .hold
                    .as_ref()
                    .map(|hold| hold.until.map(|day| day.to_string()))
            })
            .collect();
        let day = |day: &str| Some(Some(day.to_owned()));
        assert_eq!(
            holds,
            [
                Some(None),
                Some(None),
                day("2099-01-02"),
                day("2098-01-02"),
                None
            ]
        );
    }

    #[test]
    fn what_is_softly_deleted_is_told_apart_from_what_is_there() {
        let json = r#"{"items":[
            {"name":"u/a","generation":"1","softDeleteTime":"2026-01-01T00:00:00Z","hardDeleteTime":"2026-01-08T00:00:00Z"},
            {"name":"u/b","generation":"1"}]}"#;
        let leaving = page(json, Listing::Leaving, None, 9).objects;
        assert_eq!(leaving.len(), 1);
        assert!(
            matches!(leaving[0].kind, Kind::Leaving(Some(day)) if day.to_string() == "2026-01-08")
        );
        assert_eq!(page(json, Listing::Objects, None, 9).objects[0].key, b"u/b");
    }

    #[test]
    fn a_page_that_is_cut_goes_on_after_the_last_generation_that_came_through() {
        let json = r#"{"nextPageToken":"t","items":[
            {"name":"u/a","generation":"10"},{"name":"u/a","generation":"9"},{"name":"u/b","generation":"1"}]}"#;
        let first = page(json, Listing::Objects, None, 1);
        assert_eq!(first.objects[0].version(), Some("9"));
        let mark = first.next.unwrap();
        let rest = page(json, Listing::Objects, mark.after.as_ref(), 9);
        let versions: Vec<_> = rest.objects.iter().map(Object::version).collect();
        assert_eq!(versions, [Some("10"), Some("1")]);
        let mark = rest.next.unwrap();
        assert!(mark.after.is_none() && mark.page.as_deref() == Some("t"));
    }
}
