//! Amazon S3, and what speaks as it does: Cloudflare R2, MinIO, Ceph and others.

mod check;
mod delete;
mod list;
mod lock;
mod mark;
mod read;
mod upload;

use adieu_core::{ConnectorError, ErrorKind, async_trait};
use bytes::Bytes;
use http::Method;
use reqsign_aws_v4::{
    Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider,
};
use reqsign_core::{ProvideCredentialChain, Signer};
use tokio::sync::OnceCell;

use super::client::{self, Call, Client};
use super::failure::Refusal;
use super::read::Got;
use super::upload::Part;
use super::xml::Document;
use super::{Api, Ask, Page, encode};
use crate::credentials::Known;
use crate::location::{Bucket, Provider};
use crate::mark::MarkKind;
use crate::object::{Listing, Object};
use crate::store::Removed;

/// A bucket.
pub(super) struct S3 {
    client: Client<Credential>,
    bucket: String,
    /// Whether it lists versions; found out by the first listing.
    versions: OnceCell<bool>,
    /// Whether objects may be locked; found out by the first erasure.
    locks: OnceCell<bool>,
}

impl S3 {
    pub(super) fn new(bucket: &Bucket, known: &Known) -> Result<Self, String> {
        let region = region_of(bucket)?;
        let endpoint = match (&bucket.endpoint, &bucket.account) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(account)) => format!("https://{account}.r2.cloudflarestorage.com"),
            (None, None) => format!("https://s3.{region}.{}", domain_of(&region)),
        };
        let http = client::http_client()?;
        let mut chain = ProvideCredentialChain::new();
        if let (Some(id), Some(key)) = (&known.access_key_id, &known.secret_access_key) {
            let mut fixed = StaticCredentialProvider::new(id.expose(), key.expose());
            if let Some(token) = &known.session_token {
                fixed = fixed.with_session_token(token.expose());
            }
            chain = chain.push(fixed);
        } else {
            let mut usual = DefaultCredentialProvider::builder();
            if let Some(profile) = &known.profile {
                usual = usual.with_profile(profile.expose());
            }
            chain = chain.push(usual.build());
        }
        let signer = Signer::new(
            client::context(&http),
            chain,
            RequestSigner::new("s3", &region),
        );
        Ok(Self {
            client: Client::new(http, endpoint, signer, explain),
            bucket: bucket.name.clone(),
            versions: OnceCell::new(),
            locks: OnceCell::new(),
        })
    }

    /// A call about the bucket.
    fn of_bucket(
        &self,
        method: Method,
        query: &str,
        doing: &'static str,
        permission: &'static str,
    ) -> Call {
        Call::new(
            method,
            format!("/{}?{query}", self.bucket),
            doing,
            permission,
        )
    }

    /// A call about one object.
    fn of_object(
        &self,
        method: Method,
        key: &str,
        query: &str,
        doing: &'static str,
        permission: &'static str,
    ) -> Call {
        let mark = if query.is_empty() { "" } else { "?" };
        let path = format!("/{}/{}{mark}{query}", self.bucket, encode::path(key));
        Call::new(method, path, doing, permission)
    }
}

#[async_trait]
impl Api for S3 {
    async fn page(&self, ask: Ask<'_>) -> Result<Page, ConnectorError> {
        match ask.listing {
            Listing::Objects => self.objects(&ask).await,
            Listing::Uploads => self.uploads(&ask).await,
            Listing::Leaving => Ok(Page::default()),
        }
    }

    async fn look_up_holds(&self, objects: &mut [Object]) -> Result<(), ConnectorError> {
        if self.may_lock().await? {
            self.holds(objects).await?;
        }
        Ok(())
    }

    async fn look_up_marks(
        &self,
        mark: &MarkKind,
        objects: &mut [Object],
    ) -> Result<(), ConnectorError> {
        self.look_up(mark, objects).await
    }

    async fn get(&self, object: &Object, from: u64) -> Result<Option<Got>, ConnectorError> {
        self.read(object, from).await
    }

    async fn remove(
        &self,
        objects: &[&Object],
    ) -> Result<Vec<Result<Removed, ConnectorError>>, ConnectorError> {
        self.delete(objects).await
    }

    fn has_locks(&self) -> bool {
        self.locks.get().copied().unwrap_or(false)
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ConnectorError> {
        self.put_whole(key, bytes).await
    }

    async fn begin(&self, key: &str) -> Result<String, ConnectorError> {
        self.begin_upload(key).await
    }

    async fn part(&self, part: Part<'_>) -> Result<String, ConnectorError> {
        self.send_part(part).await
    }

    async fn complete(
        &self,
        key: &str,
        session: &str,
        parts: &[String],
    ) -> Result<(), ConnectorError> {
        self.complete_upload(key, session, parts).await
    }

    async fn check(&self, prefix: &str, marks: &[&MarkKind]) -> Result<(), ConnectorError> {
        self.try_rights(prefix, marks).await
    }
}

fn region_of(bucket: &Bucket) -> Result<String, String> {
    if bucket.provider == Provider::R2 {
        return Ok("auto".to_owned());
    }
    let from_process = || {
        ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|region| !region.is_empty()))
    };
    let elsewhere = || bucket.endpoint.as_ref().map(|_| "us-east-1".to_owned());
    let region = bucket
        .region
        .clone()
        .or_else(from_process)
        .or_else(elsewhere);
    region.ok_or_else(|| {
        "it is not known where the bucket lies: write `?region=eu-central-1` after it, or set AWS_REGION".to_owned()
    })
}

fn domain_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// S3 answers errors in XML with a code, which says more than the status.
fn explain(refusal: &Refusal<'_>) -> ConnectorError {
    let body = Document::parse(refusal.body);
    let code = body
        .as_ref()
        .map(|body| body.root().text("Code"))
        .unwrap_or_default();
    if code == "PermanentRedirect" || code == "AuthorizationHeaderMalformed" {
        return ConnectorError::new(
            ErrorKind::Config,
            format!(
                "the bucket lies in another region{}; write it behind `?region=`",
                region_told(refusal)
            ),
        );
    }
    let kind = kind_of(code).unwrap_or_else(|| refusal.kind());
    refusal.error(kind, code)
}

/// What a code of S3 means, for a call or for one key of a call.
fn kind_of(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "InvalidObjectState" => {
            ErrorKind::Forbidden
        }
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "RequestTimeTooSkewed" => ErrorKind::Unauthorized,
        "NoSuchBucket" | "InvalidBucketName" => ErrorKind::Config,
        "SlowDown" | "TooManyRequests" | "RequestLimitExceeded" | "Throttling" => {
            ErrorKind::RateLimited
        }
        "InternalError" | "ServiceUnavailable" | "OperationAborted" => ErrorKind::Unavailable,
        "RequestTimeout" => ErrorKind::TimedOut,
        "NotImplemented" | "MethodNotAllowed" => ErrorKind::Unsupported,
        _ => return None,
    })
}

fn region_told(refusal: &Refusal<'_>) -> String {
    let region = refusal.headers.get("x-amz-bucket-region");
    let region = region.and_then(|value| value.to_str().ok());
    let is_region = |text: &&str| {
        text.len() < 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    region
        .filter(is_region)
        .map(|region| format!(" ({region})"))
        .unwrap_or_default()
}
