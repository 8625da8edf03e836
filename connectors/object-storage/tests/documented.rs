//! What the counterparts of the tests cannot do: versions, locks and soft deletion of Azure, deletion and holds of generations
//! at Google, MFA delete and R2's region. Here small servers of our own answer as the providers' documentation says; that is
//! all that is proven by it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::sync::{Arc, Mutex};

use adieu_core::{Connector as _, ConnectorName, ErrorKind, Setting};
use adieu_object_storage::{Credentials, ObjectStorageConfig, ObjectStorageConnector};
use common::between::{Act, Between, Call};
use common::moto::{Bucket, config_at, connector_at, moto};
use common::{erase, export, person, survey};

fn open(config: ObjectStorageConfig) -> ObjectStorageConnector {
    let config = ObjectStorageConfig {
        prefixes: vec!["users/{id}/".to_owned()],
        ..config
    };
    let name = ConnectorName::new("uploads").unwrap();
    ObjectStorageConnector::new(name, &config, ".".as_ref()).unwrap()
}

/// A server of nothing but a rule; no other stands behind it.
fn server(rule: impl Fn(&Call) -> Act + Send + Sync + 'static) -> Between {
    Between::start(9, rule)
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Blob {
    name: &'static str,
    /// A version's time, or a snapshot's.
    at: &'static str,
    is_snapshot: bool,
    is_current: bool,
    is_deleted: bool,
    hold: bool,
    until: Option<&'static str>,
}

/// An account of Azure with versions, version-level immutability and soft deletion, by
/// learn.microsoft.com/rest/api/storageservices/list-blobs, …/delete-blob and …/azure/storage/blobs/versioning-overview.
fn azure(blobs: &Arc<Mutex<Vec<Blob>>>) -> Between {
    let blobs = Arc::clone(blobs);
    server(move |call| {
        let mut blobs = blobs.lock().unwrap();
        let (method, path, query) = call.parts();
        let has = |word: &str| query["include"].split(',').any(|one| one == word);
        if method == "GET" && query.contains_key("comp") {
            let listed = blobs.iter().filter(|blob| {
                blob.name.starts_with(&query["prefix"])
                    && (blob.is_current || has("versions") || blob.is_snapshot && has("snapshots"))
                    && (!blob.is_deleted || has("deleted"))
            });
            let listed: String = listed
                .map(|blob| {
                    let name = if blob.is_snapshot { "Snapshot" } else { "VersionId" };
                    let flag = |is: bool, text: &str| if is { text.to_owned() } else { String::new() };
                    let until = blob.until.filter(|_| has("immutabilitypolicy"));
                    format!(
                        "<Blob><Name>{}</Name><{name}>{}</{name}>{}{}<Properties>\
                         <Last-Modified>Wed, 21 Oct 2015 07:28:00 GMT</Last-Modified><Etag>0x1</Etag>{}{}{}</Properties></Blob>",
                        blob.name,
                        blob.at,
                        flag(blob.is_current, "<IsCurrentVersion>true</IsCurrentVersion>"),
                        flag(blob.is_deleted, "<Deleted>true</Deleted>"),
                        flag(blob.is_deleted, "<RemainingRetentionDays>6</RemainingRetentionDays>"),
                        flag(blob.hold && has("legalhold"), "<LegalHold>true</LegalHold>"),
                        until.map_or(String::new(), |until| format!(
                            "<ImmutabilityPolicyUntilDate>{until}</ImmutabilityPolicyUntilDate>"
                        )),
                    )
                })
                .collect();
            let list = format!(
                "<EnumerationResults><Blobs>{listed}</Blobs><NextMarker/></EnumerationResults>"
            );
            return Act::Answer("200 OK", list);
        }
        let refused = |status, code: &str| {
            Act::AnswerWith(
                status,
                format!("x-ms-error-code: {code}\r\n"),
                String::new(),
            )
        };
        let name = path.strip_prefix("/uploads/").unwrap();
        assert_eq!(method, "DELETE", "{name}");
        let named = query.get("versionid").or(query.get("snapshot"));
        let found = blobs
            .iter_mut()
            .filter(|blob| blob.name == name && !blob.is_deleted);
        let mut found = found.filter(|blob| match named {
            Some(at) => blob.at == at,
            None => blob.is_current,
        });
        let Some(blob) = found.next() else {
            return refused("404 The specified blob does not exist.", "BlobNotFound");
        };
        match named {
            // What was current becomes an older version; nothing is gone.
            None => blob.is_current = false,
            Some(_) if blob.is_current => {
                return refused("403 Forbidden", "OperationNotAllowedOnRootBlob");
            }
            Some(_) if blob.hold || blob.until.is_some() => {
                return refused("409 Conflict", "BlobImmutableDueToPolicy");
            }
            Some(_) => blob.is_deleted = true,
        }
        Act::Answer("202 Accepted", String::new())
    })
}

#[tokio::test]
async fn azures_versions_snapshots_locks_and_soft_deletion_are_each_what_they_are() {
    let blob = |name, at| Blob {
        name,
        at,
        ..Blob::default()
    };
    let current = |name, at| Blob {
        is_current: true,
        ..blob(name, at)
    };
    let blobs = Arc::new(Mutex::new(vec![
        blob("users/7/a", "2026-01-01T00:00:00.0000001Z"),
        blob("users/7/a", "2026-01-02T00:00:00.0000001Z"),
        current("users/7/a", "2026-01-03T00:00:00.0000001Z"),
        Blob {
            is_snapshot: true,
            ..blob("users/7/b", "2026-01-04T00:00:00.0000001Z")
        },
        current("users/7/b", "2026-01-05T00:00:00.0000001Z"),
        Blob {
            hold: true,
            ..blob("users/7/held", "2026-01-06T00:00:00.0000001Z")
        },
        Blob {
            until: Some("Sat, 01 Mar 2098 00:00:00 GMT"),
            ..blob("users/7/locked", "2026-01-07T00:00:00.0000001Z")
        },
        // Deleted by the application, and still kept.
        Blob {
            is_deleted: true,
            ..blob("users/7/gone", "2026-01-08T00:00:00.0000001Z")
        },
        current("users/70/a", "2026-01-09T00:00:00.0000001Z"),
    ]));
    let azure = azure(&blobs);
    let url = format!(
        "azblob://uploads?account=shop&endpoint=http://127.0.0.1:{}",
        azure.port
    );
    let mut credentials = Credentials::default();
    credentials.sas_token = Some(Setting::from("sv=2021&sig=a-secret-of-the-test".to_owned()));
    let connector = open(ObjectStorageConfig {
        credentials: Some(credentials),
        ..ObjectStorageConfig::new(Setting::from(url))
    });
    let subject = person(&[("id", "7")]);

    let before = survey(&connector, &subject).await.unwrap();
    let done = erase(&connector, &subject, 100).await;
    assert_eq!(before, done);
    assert_eq!(done.erase(), 5, "{done:?}");
    assert_eq!(done.scheduled().unwrap().records, 1);
    let untils: Vec<_> = done
        .retained()
        .iter()
        .map(|one| (one.records, one.until))
        .collect();
    let dates: Vec<_> = untils
        .iter()
        .filter_map(|one| Some(one.1?.last.to_string()))
        .collect();
    assert_eq!((untils.len(), dates), (2, vec!["2098-03-01".to_owned()]));
    let stays: Vec<&str> = {
        let blobs = blobs.lock().unwrap();
        let stays = blobs.iter().filter(|blob| !blob.is_deleted);
        stays.map(|blob| blob.name).collect()
    };
    assert_eq!(stays, ["users/7/held", "users/7/locked", "users/70/a"]);
    // What the account keeps after its deletion is told with its day, and nothing of it is called erased.
    let after = survey(&connector, &subject).await.unwrap();
    assert_eq!((after.erase(), after.pending()), (0, 0));
    let left = after.scheduled().unwrap();
    assert_eq!(left.records, 6);
    let day = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let away = left.by.unwrap().last - day;
    assert!((5..=6).contains(&away.get_days()), "{away}");
}

#[derive(Clone, Debug, Default)]
struct Generation {
    name: &'static str,
    number: u64,
    is_live: bool,
    is_soft_deleted: bool,
    hold: bool,
    until: Option<&'static str>,
}

/// A bucket of Google with versions, holds, retention and soft deletion, by cloud.google.com/storage/docs/json_api/v1/objects
/// (list, delete) and …/docs/soft-delete.
fn google(generations: &Arc<Mutex<Vec<Generation>>>) -> Between {
    let generations = Arc::clone(generations);
    server(move |call| {
        let mut generations = generations.lock().unwrap();
        let (method, path, query) = call.parts();
        let is = |name: &str| query.get(name).is_some_and(|value| value == "true");
        if method == "GET" && path.ends_with("/o") {
            let listed = generations.iter().filter(|one| {
                one.name.starts_with(&query["prefix"])
                    && one.is_soft_deleted == is("softDeleted")
                    && (one.is_live || is("versions") || is("softDeleted"))
            });
            let items: Vec<_> = listed
                .map(|one| {
                    let mut item = serde_json::json!({
                        "name": one.name, "generation": one.number.to_string(),
                        "updated": "2026-01-01T00:00:00Z", "temporaryHold": one.hold,
                    });
                    if !one.is_live {
                        item["timeDeleted"] = "2026-01-02T00:00:00Z".into();
                    }
                    if one.is_soft_deleted {
                        item["softDeleteTime"] = "2026-01-03T00:00:00Z".into();
                        item["hardDeleteTime"] = "2026-01-10T00:00:00Z".into();
                    }
                    if let Some(until) = one.until {
                        item["retentionExpirationTime"] = until.into();
                    }
                    item
                })
                .collect();
            return Act::Answer("200 OK", serde_json::json!({ "items": items }).to_string());
        }
        let name = path.rsplit_once("/o/").unwrap().1;
        assert_eq!(method, "DELETE", "{name}");
        let number: Option<u64> = query.get("generation").map(|one| one.parse().unwrap());
        let found = generations
            .iter_mut()
            .filter(|one| one.name == name && !one.is_soft_deleted);
        let mut found =
            found.filter(|one| number.map_or(one.is_live, |number| one.number == number));
        let Some(one) = found.next() else {
            return Act::Answer("404 Not Found", "{}".to_owned());
        };
        match number {
            None => one.is_live = false,
            Some(_) if one.hold || one.until.is_some() => {
                let why = r#"{"error":{"errors":[{"reason":"retentionPolicyNotMet"}]}}"#;
                return Act::Answer("403 Forbidden", why.to_owned());
            }
            Some(_) => one.is_soft_deleted = true,
        }
        Act::Answer("204 No Content", String::new())
    })
}

#[tokio::test]
async fn googles_generations_holds_retention_and_soft_deletion_are_each_what_they_are() {
    let one = |name, number, is_live| Generation {
        name,
        number,
        is_live,
        ..Generation::default()
    };
    let generations = Arc::new(Mutex::new(vec![
        one("users/7/a", 1, false),
        one("users/7/a", 2, false),
        one("users/7/a", 3, true),
        one("users/7/b", 4, false),
        Generation {
            hold: true,
            ..one("users/7/held", 5, true)
        },
        Generation {
            until: Some("2098-03-01T00:00:00Z"),
            ..one("users/7/locked", 6, true)
        },
        Generation {
            is_soft_deleted: true,
            ..one("users/7/gone", 7, false)
        },
        one("users/70/a", 8, true),
    ]));
    let google = google(&generations);
    let url = format!("gs://uploads?endpoint=http://127.0.0.1:{}", google.port);
    let connector = open(common::gcs::config_at(&url));
    let subject = person(&[("id", "7")]);

    let before = survey(&connector, &subject).await.unwrap();
    let done = erase(&connector, &subject, 100).await;
    assert_eq!(done.erase(), 4, "{done:?}");
    assert_eq!(
        (before.erase(), before.retained()),
        (done.erase(), done.retained())
    );
    let untils: Vec<_> = done
        .retained()
        .iter()
        .map(|one| (one.records, one.until))
        .collect();
    let dates: Vec<_> = untils
        .iter()
        .filter_map(|one| Some(one.1?.last.to_string()))
        .collect();
    assert_eq!((untils.len(), dates), (2, vec!["2098-03-01".to_owned()]));
    let stays: Vec<u64> = {
        let generations = generations.lock().unwrap();
        let stays = generations.iter().filter(|one| !one.is_soft_deleted);
        stays.map(|one| one.number).collect()
    };
    assert_eq!(stays, [5, 6, 8]);
    let after = survey(&connector, &subject).await.unwrap();
    assert_eq!((after.erase(), after.pending()), (0, 0));
    let left = after.scheduled().unwrap();
    assert_eq!(
        (left.records, left.by.unwrap().last.to_string()),
        (5, "2026-01-10".to_owned())
    );
}

#[tokio::test]
async fn a_bucket_with_mfa_delete_is_told_before_anybody_is_promised_an_erasure() {
    let bucket = Bucket::with_versions();
    let between = Between::start(moto().port, |call| {
        if !call.line().contains("versioning=") {
            return Act::Pass;
        }
        let set = "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>";
        Act::Answer("200 OK", set.to_owned())
    });
    let connector = connector_at(&bucket.url_at(between.port), &["users/{id}/"], &[]);
    let error = connector.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.what().contains("MFA delete"), "{error}");
}

#[tokio::test]
async fn r2_is_signed_for_the_region_auto_and_knows_neither_versions_nor_locks() {
    let bucket = Bucket::new();
    bucket.put("users/7/a", b"a");
    bucket.put("users/70/a", b"somebody else's");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let scopes = Arc::clone(&seen);
    let between = Between::start(moto().port, move |call| {
        scopes
            .lock()
            .unwrap()
            .push(call.head.contains("/auto/s3/aws4_request"));
        let unknown = ["versions=", "versioning=", "object-lock="];
        if unknown.iter().any(|one| call.line().contains(one)) {
            let code = "<Error><Code>NotImplemented</Code></Error>";
            return Act::Answer("501 Not Implemented", code.to_owned());
        }
        Act::Pass
    });
    let url = format!(
        "r2://{}?account=0a1b&endpoint=http://127.0.0.1:{}",
        bucket.name, between.port
    );
    let connector = open(config_at(&url));
    connector.check().await.unwrap();
    let subject = person(&[("id", "7")]);
    assert_eq!(
        export(&connector, &subject, 9).await.attachments().count(),
        1
    );
    assert_eq!(erase(&connector, &subject, 9).await.erase(), 1);
    assert_eq!(bucket.keys(), ["users/70/a"]);
    assert_eq!(between.count("versions="), 1);
    assert!(seen.lock().unwrap().iter().all(|&is_auto| is_auto));
}
