//! Azure Blob Storage.

mod blob;

use adieu_core::{ConnectorError, ErrorKind, async_trait};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH, RANGE};
use reqsign_azure_storage::{
    Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider,
};
use reqsign_core::Signer;

use super::client::{self, Call, Client};
use super::failure::Refusal;
use super::read::{Got, time_of, whole_length};
use super::upload::Part;
use super::xml::Document;
use super::{Api, Ask, MOST_KEYS, Page, encode};
use crate::credentials::Known;
use crate::location::Bucket;
use crate::mark::MarkKind;
use crate::object::{At, Listing, Object};
use crate::store::Removed;
use blob::{Which, object_of, order};

/// The version of the API that this is written for.
const VERSION: &str = "2021-12-02";
const VERSION_HEADER: HeaderName = HeaderName::from_static("x-ms-version");
const BLOB_TYPE: HeaderName = HeaderName::from_static("x-ms-blob-type");
/// Everything that may lie under a name.
const EVERYTHING: &str = "deleted,immutabilitypolicy,legalhold,snapshots,uncommittedblobs,versions";
/// The same for accounts with folders of their own, which know neither versions nor locks.
const LESS: &str = "deleted,snapshots,uncommittedblobs";
const METADATA: &str = "x-ms-meta-";
const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
const READ_WITH_TAGS: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read and …/blobs/tags/read";
const DELETE_BLOB: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete";
const DELETE_VERSION: &str =
    "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/deleteBlobVersion/action";
const DELETE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete and …/blobs/deleteBlobVersion/action";
const WRITING: &str = "writing a blob";
const WRITE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
/// How many calls run at once that are for one blob each.
const AT_ONCE: usize = 16;

/// A container.
pub(super) struct Azure {
    client: Client<Credential>,
    container: String,
    /// What the account lets one ask for; found out by the first listing.
    include: tokio::sync::OnceCell<&'static str>,
}

impl Azure {
    pub(super) fn new(bucket: &Bucket, known: &Known) -> Result<Self, String> {
        let account = bucket
            .account
            .clone()
            .or_else(|| std::env::var("AZURE_STORAGE_ACCOUNT_NAME").ok());
        let endpoint = match (&bucket.endpoint, &account) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(account)) => format!("https://{account}.blob.core.windows.net"),
            (None, None) => {
                return Err(
                    "it is not known whose container it is: write `?account=NAME` after it, or set AZURE_STORAGE_ACCOUNT_NAME"
                        .to_owned(),
                );
            }
        };
        let http = client::http_client()?;
        let context = client::context(&http);
        let request = RequestSigner::new();
        let signer = match (&known.account_key, &known.sas_token) {
            (Some(key), _) => {
                let account = account.ok_or("`account_key` needs the account's name: write `?account=NAME` after the container")?;
                let fixed = StaticCredentialProvider::new_shared_key(&account, key.expose());
                Signer::new(context, fixed, request)
            }
            (None, Some(token)) => {
                let token = token.expose().trim_start_matches('?');
                Signer::new(
                    context,
                    StaticCredentialProvider::new_sas_token(token),
                    request,
                )
            }
            (None, None) => Signer::new(context, DefaultCredentialProvider::new(), request),
        };
        Ok(Self {
            client: Client::new(http, endpoint, signer, explain),
            container: bucket.name.clone(),
            include: tokio::sync::OnceCell::new(),
        })
    }

    fn of_blob(
        &self,
        method: Method,
        key: &[u8],
        query: &str,
        doing: &'static str,
        permission: &'static str,
    ) -> Call {
        let mark = if query.is_empty() { "" } else { "?" };
        let key = encode::path(&String::from_utf8_lossy(key));
        let path = format!("/{}/{key}{mark}{query}", self.container);
        Call::new(method, path, doing, permission).header(VERSION_HEADER, VERSION)
    }

    async fn list(&self, ask: &Ask<'_>) -> Result<Page, ConnectorError> {
        let (body, include) = match self.include.get() {
            Some(include) => (self.list_with(ask, include).await?, *include),
            None => match self.list_with(ask, EVERYTHING).await {
                Err(error) if error.kind() == ErrorKind::Protocol => {
                    (self.list_with(ask, LESS).await?, LESS)
                }
                answer => (answer?, EVERYTHING),
            },
        };
        let answer = Document::parse(&body).ok_or_else(nonsense)?;
        let _ = self.include.set(include);
        let list = answer.root();
        let blobs = list.child("Blobs").unwrap_or_default().children();
        let mut objects = Vec::new();
        for blob in blobs.filter(|blob| blob.name() == "Blob") {
            objects.push(object_of(blob, ask.mark)?);
        }
        Ok(Page::of(ask, objects, list.some_text("NextMarker"), order))
    }

    async fn list_with(&self, ask: &Ask<'_>, include: &str) -> Result<Bytes, ConnectorError> {
        let limit = MOST_KEYS.to_string();
        let (include, permission) = match ask.mark {
            Some(MarkKind::Tag(_)) => (format!("{include},tags"), READ_WITH_TAGS),
            Some(MarkKind::Metadata(_)) => (format!("{include},metadata"), READ),
            None => (include.to_owned(), READ),
        };
        let mut pairs = vec![
            ("comp", "list"),
            ("include", include.as_str()),
            ("maxresults", &limit),
            ("prefix", ask.prefix),
            ("restype", "container"),
        ];
        pairs.extend(ask.page.map(|page| ("marker", page)));
        let path = format!("/{}?{}", self.container, encode::query(&pairs));
        let call = Call::new(Method::GET, path, "listing the blobs", permission)
            .header(VERSION_HEADER, VERSION);
        let (_, _, body) = self.client.ask(&call).await?;
        Ok(body)
    }

    async fn delete(&self, object: &Object) -> Result<Removed, ConnectorError> {
        let which = Which::of(object);
        let deleted = self.delete_once(object, &which.query()).await?;
        match which {
            // Without its version's name, what is current becomes one of the older versions; that goes then.
            Which::Current(version) => {
                let older = self
                    .delete_once(object, &encode::query(&[("versionid", &version)]))
                    .await?;
                Ok(if deleted == Removed::Now {
                    deleted
                } else {
                    older
                })
            }
            Which::Base if deleted == Removed::Before => self.delete_uncommitted(object).await,
            _ => Ok(deleted),
        }
    }

    async fn delete_once(&self, object: &Object, query: &str) -> Result<Removed, ConnectorError> {
        let call = self
            .of_blob(
                Method::DELETE,
                &object.key,
                query,
                "deleting a blob",
                DELETE,
            )
            .expecting(&[404]);
        let (status, _, _) = self.client.ask(&call).await?;
        Ok(if status.is_success() {
            Removed::Now
        } else {
            Removed::Before
        })
    }

    /// Tries to delete and to write under a name that nothing has. The account looks at the right before it looks for the
    /// blob.
    async fn try_rights(&self, prefix: &str) -> Result<(), ConnectorError> {
        let trying = "trying a right on a name that nothing has";
        let nothing = format!("{prefix}adieu-check-{:032x}", fastrand::u128(..));
        let blob = |method, query: &str, permission| {
            self.of_blob(method, nothing.as_bytes(), query, trying, permission)
        };
        let long_ago = encode::query(&[("versionid", "2020-01-01T00:00:00.0000000Z")]);
        let calls = [
            blob(Method::DELETE, "", DELETE_BLOB),
            blob(Method::DELETE, &long_ago, DELETE_VERSION),
            // A condition that no blob meets which is not there: nothing is written.
            blob(Method::PUT, "", WRITE)
                .header(BLOB_TYPE, "BlockBlob")
                .header(CONTENT_LENGTH, "0")
                .header(IF_MATCH, "\"0x0\""),
        ];
        for call in calls {
            self.client
                .ask(&call.expecting(&[400, 404, 409, 412]))
                .await?;
        }
        Ok(())
    }

    /// Blocks that were sent and never put together cannot be deleted. An empty blob of that name takes them along.
    async fn delete_uncommitted(&self, object: &Object) -> Result<Removed, ConnectorError> {
        let call = self
            .of_blob(
                Method::PUT,
                &object.key,
                "",
                "clearing an unfinished upload",
                WRITE,
            )
            .header(BLOB_TYPE, "BlockBlob")
            .header(CONTENT_LENGTH, "0")
            // Never over one that somebody finished meanwhile.
            .header(IF_NONE_MATCH, "*")
            .expecting(&[409, 412]);
        let (status, _, _) = self.client.ask(&call).await?;
        if !status.is_success() {
            return Err(ConnectorError::new(
                ErrorKind::Unavailable,
                "a blob came back while it was deleted",
            ));
        }
        self.delete_once(object, "").await?;
        Ok(Removed::Now)
    }
}

#[async_trait]
impl Api for Azure {
    async fn page(&self, ask: Ask<'_>) -> Result<Page, ConnectorError> {
        // Unfinished uploads and what is deleted but kept come in the same listing.
        if ask.listing != Listing::Objects {
            return Ok(Page::default());
        }
        self.list(&ask).await
    }

    async fn get(&self, object: &Object, from: u64) -> Result<Option<Got>, ConnectorError> {
        let which = Which::of(object);
        let query = match &which {
            Which::Current(version) => encode::query(&[("versionid", version)]),
            _ => which.query(),
        };
        let mut call = self
            .of_blob(Method::GET, &object.key, &query, "reading a blob", READ)
            .expecting(&[404, 412]);
        if from > 0 {
            call = call.header(RANGE, &format!("bytes={from}-"));
        }
        if let At::Key {
            etag: Some(etag), ..
        } = &object.at
        {
            call = call.header(IF_MATCH, etag);
        }
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
                "the store does not say how long a blob is",
            )
        })?;
        Ok(Some(Got {
            size_bytes,
            etag: answer.text("etag"),
            modified_at: answer.text("last-modified").and_then(|at| time_of(&at)),
            media_type: answer.text(CONTENT_TYPE.as_str()),
            metadata: answer.metadata(METADATA),
            answer,
        }))
    }

    async fn remove(
        &self,
        objects: &[&Object],
    ) -> Result<Vec<Result<Removed, ConnectorError>>, ConnectorError> {
        // A blob cannot go before its snapshots.
        let mut outcomes: Vec<_> = objects.iter().map(|_| Ok(Removed::Before)).collect();
        for of_base in [false, true] {
            let mut deleting = Vec::new();
            for (index, object) in objects.iter().enumerate() {
                if matches!(Which::of(object), Which::Base | Which::Current(_)) == of_base {
                    deleting.push(async move { (index, self.delete(object).await) });
                }
            }
            let mut answers = stream::iter(deleting).buffer_unordered(AT_ONCE);
            while let Some((index, outcome)) = answers.next().await {
                outcomes[index] = outcome;
            }
        }
        Ok(outcomes)
    }

    fn has_locks(&self) -> bool {
        false
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ConnectorError> {
        let call = self
            .of_blob(Method::PUT, key.as_bytes(), "", WRITING, WRITE)
            .header(BLOB_TYPE, "BlockBlob")
            .header(CONTENT_LENGTH, &bytes.len().to_string())
            .body(bytes);
        self.client.ask(&call).await.map(drop)
    }

    async fn begin(&self, _: &str) -> Result<String, ConnectorError> {
        // Blocks of two uploads to one name must not be mixed up.
        Ok(format!("{:016x}", fastrand::u64(..)))
    }

    async fn part(&self, part: Part<'_>) -> Result<String, ConnectorError> {
        let id = STANDARD.encode(format!("{}-{:08}", part.session, part.index));
        let query = encode::query(&[("blockid", &id), ("comp", "block")]);
        let call = self
            .of_blob(Method::PUT, part.key.as_bytes(), &query, WRITING, WRITE)
            .header(CONTENT_LENGTH, &part.bytes.len().to_string())
            .body(part.bytes);
        self.client.ask(&call).await?;
        Ok(id)
    }

    async fn complete(&self, key: &str, _: &str, parts: &[String]) -> Result<(), ConnectorError> {
        let blocks: String = parts
            .iter()
            .map(|id| format!("<Latest>{id}</Latest>"))
            .collect();
        let body =
            format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{blocks}</BlockList>");
        let call = self
            .of_blob(
                Method::PUT,
                key.as_bytes(),
                "comp=blocklist",
                WRITING,
                WRITE,
            )
            .header(CONTENT_LENGTH, &body.len().to_string())
            .body(body);
        self.client.ask(&call).await.map(drop)
    }

    async fn check(&self, prefix: &str, marks: &[&MarkKind]) -> Result<(), ConnectorError> {
        let ask = Ask::one_of(Listing::Objects, prefix);
        self.list(&ask).await?;
        for mark in marks {
            let mark = Some(*mark);
            self.list(&Ask { mark, ..ask }).await?;
        }
        self.try_rights(prefix).await
    }
}

/// The answer is no list.
fn nonsense() -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Protocol,
        "the store's list of blobs makes no sense",
    )
}

/// Azure names its reason in a header.
fn explain(refusal: &Refusal<'_>) -> ConnectorError {
    let code = client::text_of(refusal.headers, "x-ms-error-code").unwrap_or_default();
    let kind = match code.as_str() {
        "AuthenticationFailed" | "InvalidAuthenticationInfo" | "NoAuthenticationInformation" => {
            ErrorKind::Unauthorized
        }
        "ServerBusy" => ErrorKind::RateLimited,
        "BlobImmutableDueToPolicy" | "LeaseIdMissing" => ErrorKind::Forbidden,
        "OperationTimedOut" => ErrorKind::TimedOut,
        _ => refusal.kind(),
    };
    refusal.error(kind, &code)
}
