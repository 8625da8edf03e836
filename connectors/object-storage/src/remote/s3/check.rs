//! Trying the rights that an export and an erasure need, on names that nothing has.

use adieu_core::{ConnectorError, ErrorKind, Retry};
use http::Method;

use super::super::xml::Document;
use super::super::{Ask, encode};
use super::S3;
use crate::mark::MarkKind;
use crate::object::Listing;

/// What is asked of a key that is not there, and the right that it takes.
struct Trial {
    method: Method,
    query: String,
    permission: &'static str,
}

impl S3 {
    /// Lists one entry of each sort, asks what the bucket is set to, and tries to read and to delete under a name that
    /// nothing has: S3 looks at the right before it looks for the object.
    pub(super) async fn try_rights(
        &self,
        prefix: &str,
        marks: &[&MarkKind],
    ) -> Result<(), ConnectorError> {
        self.objects(&Ask::one_of(Listing::Objects, prefix)).await?;
        self.uploads(&Ask::one_of(Listing::Uploads, prefix)).await?;
        self.refuse_mfa().await?;
        let nothing = format!("{prefix}adieu-check-{:032x}", fastrand::u128(..));
        for trial in self.trials(marks).await? {
            let call = self
                .of_object(
                    trial.method,
                    &nothing,
                    &trial.query,
                    "trying a right on a name that nothing has",
                    trial.permission,
                )
                .expecting(&[400, 404, 405, 501]);
            self.client.ask(&call).await?;
        }
        Ok(())
    }

    async fn trials(&self, marks: &[&MarkKind]) -> Result<Vec<Trial>, ConnectorError> {
        let of = |method, pairs: &[(&str, &str)], permission| Trial {
            method,
            query: encode::query(pairs),
            permission,
        };
        let mut trials = vec![
            of(Method::GET, &[], "s3:GetObject"),
            // A version's name keeps this from leaving a note of deletion behind.
            of(
                Method::DELETE,
                &[("versionId", "null")],
                "s3:DeleteObjectVersion",
            ),
            of(
                Method::DELETE,
                &[("uploadId", "adieu-check")],
                "s3:AbortMultipartUpload",
            ),
        ];
        if self.versions.get() == Some(&true) {
            trials.push(of(
                Method::GET,
                &[("versionId", "null")],
                "s3:GetObjectVersion",
            ));
        } else {
            trials.remove(1);
        }
        // Without these a lock would not be seen, and what it keeps would count as failed.
        if self.may_lock().await? {
            trials.push(of(
                Method::GET,
                &[("retention", "")],
                "s3:GetObjectRetention",
            ));
            trials.push(of(
                Method::GET,
                &[("legal-hold", "")],
                "s3:GetObjectLegalHold",
            ));
        }
        if marks.iter().any(|mark| matches!(mark, MarkKind::Tag(_))) {
            trials.push(of(Method::GET, &[("tagging", "")], "s3:GetObjectTagging"));
            trials.push(of(
                Method::GET,
                &[("tagging", ""), ("versionId", "null")],
                "s3:GetObjectVersionTagging",
            ));
        }
        Ok(trials)
    }

    /// Where a deletion asks for a code from a device, no program can delete a version.
    async fn refuse_mfa(&self) -> Result<(), ConnectorError> {
        let call = self.of_bucket(
            Method::GET,
            "versioning=",
            "asking whether versions are kept",
            "s3:GetBucketVersioning",
        );
        let body = match self.client.ask(&call).await {
            Ok((_, _, body)) => body,
            // R2 has no such call.
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(()),
            Err(error) => return Err(error),
        };
        let is_on =
            Document::parse(&body).is_some_and(|xml| xml.root().text("MfaDelete") == "Enabled");
        if is_on {
            return Err(ConnectorError::new(
                ErrorKind::Config,
                "the bucket has MFA delete, so no program can delete a version; switch it off",
            )
            .retry(Retry::Never));
        }
        Ok(())
    }
}
