//! Google Cloud Storage, by its JSON API.

mod list;

use adieu_core::{ConnectorError, ErrorKind, async_trait};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{ACCEPT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HeaderName, RANGE};
use http::{Method, Uri};
use jiff::Timestamp;
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
use crate::mark::MarkKind;
use crate::object::{Listing, Object};
use crate::store::Removed;
use list::{FIELDS, List};

const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
const ENDPOINT: &str = "https://storage.googleapis.com";
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
        let fields = match ask.mark {
            Some(_) => format!("{FIELDS},metadata)"),
            None => format!("{FIELDS})"),
        };
        let mut pairs = vec![
            ("fields", fields.as_str()),
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
        objects: &[&Object],
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

    async fn check(&self, prefix: &str, _: &[&MarkKind]) -> Result<(), ConnectorError> {
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
