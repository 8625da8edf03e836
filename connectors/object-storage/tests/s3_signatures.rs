//! A server that checks every signature and knows no versions.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::path::Path;

use adieu_core::{Connector as _, ErrorKind, Setting};
use adieu_object_storage::{ArchiveBucket, Credentials, ObjectStorageConfig};
use common::{erase, export, person, put, survey, tree};
use futures_util::TryStreamExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;

const KEY_ID: &str = "AKIAEXAMPLE";
const KEY: &str = "the/right+key";

/// Serves a folder until the test ends; answers with the port.
async fn serve(folder: &Path) -> u16 {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY_ID, KEY));
    let service = builder.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let _ = Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
            });
        }
    });
    port
}

fn config(port: u16, key: &str) -> ObjectStorageConfig {
    let mut credentials = Credentials::default();
    credentials.access_key_id = Some(Setting::from(KEY_ID.to_owned()));
    credentials.secret_access_key = Some(Setting::from(key.to_owned()));
    let url = format!("s3://uploads?endpoint=http://127.0.0.1:{port}");
    ObjectStorageConfig {
        prefixes: vec!["users/{id}/".to_owned()],
        credentials: Some(credentials),
        ..ObjectStorageConfig::new(Setting::from(url))
    }
}

fn connector(config: &ObjectStorageConfig) -> adieu_object_storage::ObjectStorageConnector {
    let name = adieu_core::ConnectorName::new("uploads").unwrap();
    adieu_object_storage::ObjectStorageConnector::new(name, config, ".".as_ref()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_signed_right_whatever_the_key_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    // This server says that the keys of its listings are encoded, and they are not: a plus and a `%2F` come below.
    let keys = [
        "users/7/a b.txt",
        "users/7/100%.txt",
        "users/7/#?&=;,:@!$'()*[].txt",
        "users/7/Ünï 名前 🗝.txt",
        "users/7/deep/er/~x_-.txt",
    ];
    for key in keys {
        put(&folder.path().join("uploads"), key, key.as_bytes());
    }
    put(
        &folder.path().join("uploads"),
        "users/70/other.txt",
        b"somebody else's",
    );
    let port = serve(folder.path()).await;
    let connector = connector(&config(port, KEY));
    connector.check().await.unwrap();
    let subject = person(&[("id", "7")]);

    assert_eq!(survey(&connector, &subject).await.unwrap().erase(), 5);
    let collected = export(&connector, &subject, 2).await;
    let mut found: Vec<(&str, &[u8])> = collected
        .attachments()
        .map(|(one, bytes)| (one.name.as_str(), bytes))
        .collect();
    found.sort_unstable();
    let mut wanted: Vec<(&str, &[u8])> = keys.iter().map(|key| (*key, key.as_bytes())).collect();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    assert_eq!(erase(&connector, &subject, 4).await.erase(), 5);
    let left: Vec<String> = tree(&folder.path().join("uploads"))
        .into_keys()
        .filter(|key| !key.ends_with('/') && key.starts_with("users/"))
        .collect();
    assert_eq!(left, ["users/70/other.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_for_a_single_key_are_signed_right_too() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("uploads")).unwrap();
    let port = serve(folder.path()).await;
    let url = format!("s3://uploads/archives/?endpoint=http://127.0.0.1:{port}");
    let credentials = config(port, KEY).credentials.unwrap();
    let url = Setting::from(url);
    let archives = ArchiveBucket::new(&url, Some(&credentials), ".".as_ref()).unwrap();
    for name in ["a b+c", "a%2Fb", "=&?#;,'()*~", "名前"] {
        let mut upload = archives.begin(name).await.unwrap();
        upload.write(name.as_bytes()).await.unwrap();
        upload.finish().await.unwrap();
        let path = folder.path().join("uploads/archives").join(name);
        assert_eq!(std::fs::read(path).unwrap(), name.as_bytes());
        let (length, body) = archives.read(name, 1).await.unwrap().unwrap();
        let rest: Vec<_> = body.try_collect().await.unwrap();
        assert_eq!(
            (length, rest.concat().as_slice()),
            (name.len() as u64, &name.as_bytes()[1..])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_told_from_a_missing_right() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("uploads"), "users/7/a.txt", b"a");
    let port = serve(folder.path()).await;
    let connector = connector(&config(port, "the wrong key"));
    let error = connector.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.what().contains("SignatureDoesNotMatch"), "{error}");
}
