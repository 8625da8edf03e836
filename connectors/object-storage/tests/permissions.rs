//! The least that each store must allow stands in the README, and `check` names what of it is missing.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Connector as _, ConnectorName, ErrorKind};
use adieu_object_storage::{MarkedRule, ObjectStorageConfig, ObjectStorageConnector};
use common::azurite::{Container, azurite};
use common::between::{Act, Between, Call};
use common::gcs::{GcsBucket, gcs};
use common::moto::{Bucket, config_at, moto};
use serde_json::Value;

/// The policies of the README, in their order.
fn policies() -> Vec<Value> {
    let readme = include_str!("../README.md");
    let blocks = readme.split("```json\n").skip(1);
    let policies = blocks.map(|rest| rest.split("```").next().unwrap());
    policies
        .map(|one| serde_json::from_str(one).unwrap())
        .collect()
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn open(config: ObjectStorageConfig, has_tags: bool) -> ObjectStorageConnector {
    let mark = "owner".to_owned();
    let (tag, metadata) = if has_tags {
        (Some(mark), None)
    } else {
        (None, Some(mark))
    };
    let config = ObjectStorageConfig {
        prefixes: vec!["users/{id}/".to_owned()],
        marked: vec![MarkedRule {
            prefix: "shared/".to_owned(),
            tag,
            metadata,
            identity: "id".to_owned(),
        }],
        ..config
    };
    let name = ConnectorName::new("uploads").unwrap();
    ObjectStorageConnector::new(name, &config, ".".as_ref()).unwrap()
}

/// What a call of a check takes at S3, by docs.aws.amazon.com/service-authorization (actions of Amazon S3).
fn s3_actions(call: &Call) -> Vec<&'static str> {
    let (method, path, query) = call.parts();
    let has = |name: &str| query.contains_key(name);
    let is_version = has("versionId");
    let of_object = path.trim_matches('/').contains('/');
    match (method.as_str(), of_object) {
        ("GET", false) if has("versions") => vec!["s3:ListBucketVersions"],
        ("GET", false) if has("uploads") => vec!["s3:ListBucketMultipartUploads"],
        ("GET", false) if has("object-lock") => vec!["s3:GetBucketObjectLockConfiguration"],
        ("GET", false) if has("versioning") => vec!["s3:GetBucketVersioning"],
        ("GET", false) => vec!["s3:ListBucket"],
        ("GET", true) if has("retention") => vec!["s3:GetObjectRetention"],
        ("GET", true) if has("legal-hold") => vec!["s3:GetObjectLegalHold"],
        ("GET", true) if has("tagging") && is_version => vec!["s3:GetObjectVersionTagging"],
        ("GET", true) if has("tagging") => vec!["s3:GetObjectTagging"],
        ("GET" | "HEAD", true) if is_version => vec!["s3:GetObjectVersion"],
        ("GET" | "HEAD", true) => vec!["s3:GetObject"],
        ("DELETE", true) if has("uploadId") => vec!["s3:AbortMultipartUpload"],
        ("DELETE", true) if is_version => vec!["s3:DeleteObjectVersion"],
        _ => vec!["what no policy allows"],
    }
}

#[tokio::test]
async fn each_action_of_s3s_policy_is_named_when_it_alone_is_missing_and_no_other_is_needed() {
    let statements = policies()[0]["Statement"].as_array().unwrap().clone();
    let allowed: Vec<String> = statements
        .iter()
        .flat_map(|one| texts(&one["Action"]))
        .collect();
    let bucket = Bucket::with_locks();
    let before = bucket.entries();
    for missing in std::iter::once("none").chain(allowed.iter().map(String::as_str)) {
        let (rights, without) = (allowed.clone(), missing.to_owned());
        // A server that lists no versions asks for another right.
        let is_plain = ["s3:ListBucket", "s3:DeleteObject"].contains(&missing);
        let between = Between::start(moto().port, move |call| {
            if is_plain && call.line().contains("versions=") {
                let code = "<Error><Code>NotImplemented</Code></Error>";
                return Act::Answer("501 Not Implemented", code.to_owned());
            }
            let is_denied =
                |action: &&str| **action == without || !rights.iter().any(|one| one == *action);
            if s3_actions(call).iter().any(is_denied) {
                let code = "<Error><Code>AccessDenied</Code></Error>";
                return Act::Answer("403 Forbidden", code.to_owned());
            }
            Act::Pass
        });
        let connector = open(config_at(&bucket.url_at(between.port)), true);
        let answer = connector.check().await;
        match missing {
            "none" => answer.unwrap(),
            // Only a deletion without a version's name asks for it, and that would leave a note of deletion behind.
            "s3:DeleteObject" => answer.unwrap(),
            _ => {
                let error = answer.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Forbidden, "{missing}: {error}");
                assert!(error.what().contains(missing), "{missing}: {error}");
            }
        }
    }
    assert_eq!(bucket.entries(), before, "a check leaves nothing behind");
}

#[tokio::test]
async fn a_policy_that_the_server_itself_enforces_is_named() {
    let bucket = Bucket::with_versions();
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::{}/users/*"}}]}}"#,
        bucket.name
    );
    bucket.ok("PUT", "?policy", &[], policy.as_bytes());
    let error = open(config_at(&bucket.url()), false)
        .check()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.what().contains("s3:GetObject"), "{error}");
}

#[tokio::test]
async fn each_permission_of_googles_role_is_named_when_it_is_missing() {
    let allowed = texts(&policies()[1]["includedPermissions"]);
    let bucket = GcsBucket::new();
    for missing in &allowed {
        let granted: Vec<String> = allowed
            .iter()
            .filter(|one| *one != missing)
            .cloned()
            .collect();
        let between = Between::start(gcs().port, move |call| {
            if !call.line().contains("testPermissions") {
                return Act::Pass;
            }
            // As the method's documentation has it: those of the asked ones that are granted.
            let answer = serde_json::json!({ "permissions": granted });
            Act::Answer("200 OK", answer.to_string())
        });
        let error = open(bucket.config_behind(between.port), false)
            .check()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(error.what().contains(missing.as_str()), "{error}");
    }
}

#[tokio::test]
async fn each_action_of_azures_role_is_named_when_it_is_missing_and_a_check_writes_nothing() {
    let role = policies()[2].clone();
    let container = Container::new().await;
    let blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/";
    let needed = |call: &Call| {
        let (method, _, query) = call.parts();
        match method.as_str() {
            "GET" if query.get("include").is_some_and(|one| one.contains("tags")) => "tags/read",
            "GET" => "read",
            "PUT" => "write",
            "DELETE" if query.contains_key("versionid") => "deleteBlobVersion/action",
            _ => "delete",
        }
    };
    for action in texts(&role["DataActions"]) {
        let missing = action.strip_prefix(blobs).unwrap().to_owned();
        let between = Between::start(azurite().port, move |call| {
            if needed(call) != missing {
                return Act::Pass;
            }
            let code = "x-ms-error-code: AuthorizationPermissionMismatch\r\n";
            Act::AnswerWith("403 Forbidden", code.to_owned(), String::new())
        });
        let connector = open(container.config_behind(between.port), true);
        let error = connector.check().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
        let last = action.strip_prefix(blobs).unwrap();
        assert!(error.what().contains(last), "{action}: {error}");
    }
    open(container.config(), true).check().await.unwrap();
    assert!(
        container.entries().await.is_empty(),
        "a check leaves nothing behind"
    );
}
