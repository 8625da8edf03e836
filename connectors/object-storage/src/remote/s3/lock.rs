//! Locks and legal holds: what the store will not delete, and until when.

use adieu_core::{ConnectorError, ErrorKind, RetentionBasis};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::client::text_of;
use super::super::encode;
use super::super::xml::Document;
use super::S3;
use crate::object::{Hold, Kind, Object};

/// How many objects are asked for at once.
const AT_ONCE: usize = 16;

impl S3 {
    /// Whether objects of this bucket may be locked; asked once.
    pub(super) async fn may_lock(&self) -> Result<bool, ConnectorError> {
        self.locks
            .get_or_try_init(|| self.ask_for_locks())
            .await
            .copied()
    }

    async fn ask_for_locks(&self) -> Result<bool, ConnectorError> {
        let call = self
            .of_bucket(
                Method::GET,
                "object-lock=",
                "asking whether objects can be locked",
                "s3:GetBucketObjectLockConfiguration",
            )
            .expecting(&[404]);
        match self.client.ask(&call).await {
            Ok((status, _, body)) if status.is_success() => {
                let xml = Document::parse(&body);
                Ok(xml.is_some_and(|xml| xml.root().text("ObjectLockEnabled") == "Enabled"))
            }
            Ok(_) => Ok(false),
            // R2 and others have no such thing.
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Looks up what keeps each version. No listing tells it.
    pub(super) async fn holds(&self, objects: &mut [Object]) -> Result<(), ConnectorError> {
        let mut asking = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            if matches!(object.kind, Kind::File) {
                asking.push(async move { self.hold(object).await.map(|hold| (index, hold)) });
            }
        }
        let answers = stream::iter(asking).buffer_unordered(AT_ONCE);
        let found: Vec<(usize, Option<Hold>)> = answers.try_collect().await?;
        for (index, hold) in found {
            objects[index].hold = hold;
        }
        Ok(())
    }

    async fn hold(&self, object: &Object) -> Result<Option<Hold>, ConnectorError> {
        let key = String::from_utf8_lossy(&object.key);
        let query = match object.version() {
            Some(version) => encode::query(&[("versionId", version)]),
            None => String::new(),
        };
        let call = self
            .of_object(
                Method::HEAD,
                &key,
                &query,
                "looking up a lock",
                "s3:GetObjectVersion, s3:GetObjectRetention and s3:GetObjectLegalHold",
            )
            // Gone meanwhile, or a delete marker.
            .expecting(&[404, 405]);
        let (status, headers, _) = self.client.ask(&call).await?;
        if !status.is_success() {
            return Ok(None);
        }
        if text_of(&headers, "x-amz-object-lock-legal-hold").as_deref() == Some("ON") {
            return Ok(Some(Hold {
                basis: RetentionBasis::LegalClaims,
                reason: "a legal hold lies on it in the store",
                until: None,
            }));
        }
        let until = text_of(&headers, "x-amz-object-lock-retain-until-date");
        let Some(until) = until.and_then(|until| until.parse::<Timestamp>().ok()) else {
            return Ok(None);
        };
        if until <= Timestamp::now() {
            return Ok(None);
        }
        Ok(Some(Hold {
            basis: RetentionBasis::LegalObligation,
            reason: "it is locked in the store",
            until: Some(until.to_zoned(TimeZone::UTC).date()),
        }))
    }
}
