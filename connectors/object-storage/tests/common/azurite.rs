//! Containers on Azurite: snapshots, blocks that were never put together, leases.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use adieu_core::Setting;
use adieu_object_storage::{Credentials, ObjectStorageConfig};
use reqsign_azure_storage::{RequestSigner, StaticCredentialProvider};
use reqsign_core::{Context, Signer};

use super::moto::encoded;
use super::server::{Answer, Server, texts};

/// The account that Azurite comes with, and its key, which everybody knows.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A container of its own for a test.
pub(crate) struct Container {
    pub(crate) name: String,
}

/// The one server of this test program.
pub(crate) fn azurite() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        Server::start(
            "azurite-blob",
            &[
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                "{port}",
                "--inMemoryPersistence",
                "--silent",
                "--disableTelemetry",
                "--skipApiVersionCheck",
            ],
        )
    })
}

impl Container {
    pub(crate) async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let container = Self {
            name: format!("container-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        };
        container.ok("PUT", "?restype=container", &[], b"").await;
        container
    }

    pub(crate) async fn put(&self, key: &str, content: &[u8]) {
        let kind = [
            ("x-ms-blob-type", "BlockBlob"),
            ("x-ms-meta-by", "Ada"),
            ("content-type", "text/x-own"),
        ];
        self.ok("PUT", &format!("/{}", encoded(key)), &kind, content)
            .await;
    }

    /// Writes a blob with these tags, written as a query.
    pub(crate) async fn put_with_tags(&self, key: &str, content: &[u8], tags: &str) {
        self.put_with(key, content, ("x-ms-tags", tags)).await;
    }

    /// Writes a blob with one more header.
    pub(crate) async fn put_with(&self, key: &str, content: &[u8], header: (&str, &str)) {
        let headers = [("x-ms-blob-type", "BlockBlob"), header];
        self.ok("PUT", &format!("/{}", encoded(key)), &headers, content)
            .await;
    }

    pub(crate) async fn snapshot(&self, key: &str) {
        self.ok("PUT", &format!("/{}?comp=snapshot", encoded(key)), &[], b"")
            .await;
    }

    /// Sends a block and leaves it.
    pub(crate) async fn begin_upload(&self, key: &str) {
        let path = format!("/{}?comp=block&blockid=MDAwMQ%3D%3D", encoded(key));
        self.ok("PUT", &path, &[], b"a block").await;
    }

    /// Nobody without the lease's name may delete it.
    pub(crate) async fn lease(&self, key: &str) {
        let headers = [
            ("x-ms-lease-action", "acquire"),
            ("x-ms-lease-duration", "-1"),
        ];
        self.ok(
            "PUT",
            &format!("/{}?comp=lease", encoded(key)),
            &headers,
            b"",
        )
        .await;
    }

    /// The name, snapshot and content's hash of everything that is in it.
    pub(crate) async fn entries(&self) -> Vec<(String, String, String)> {
        let path = "?restype=container&comp=list&include=snapshots,uncommittedblobs";
        let list = String::from_utf8(self.ok("GET", path, &[], b"").await.body).unwrap();
        let text = |blob: &str, name: &str| texts(blob, name).concat();
        let blobs = texts(&list, "Blob").into_iter();
        let mut entries: Vec<_> = blobs
            .map(|blob| {
                (
                    text(blob, "Name"),
                    text(blob, "Snapshot"),
                    text(blob, "Content-MD5"),
                )
            })
            .collect();
        entries.sort();
        entries
    }

    pub(crate) fn config(&self) -> ObjectStorageConfig {
        config_at(&self.name, KEY)
    }

    /// The same behind another port, where something stands between.
    pub(crate) fn config_behind(&self, port: u16) -> ObjectStorageConfig {
        config_behind(port, &self.name, KEY)
    }

    async fn ok(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let path = format!("/{ACCOUNT}/{}{path}", self.name);
        let answer = signed(method, &path, headers, body).await;
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {}\n{}",
            answer.head,
            String::from_utf8_lossy(&answer.body)
        );
        answer
    }
}

async fn signed(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let authority = format!("127.0.0.1:{}", azurite().port);
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("http://{authority}{path}"))
        .header("x-ms-version", "2021-12-02")
        .header("content-length", body.len());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let signer = Signer::new(
        Context::new(),
        StaticCredentialProvider::new_shared_key(ACCOUNT, KEY),
        RequestSigner::new(),
    );
    signer.sign(&mut parts, None).await.unwrap();
    let skipped = ["host", "content-length"];
    let headers: Vec<(&str, &str)> = parts
        .headers
        .iter()
        .filter(|(name, _)| !skipped.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    azurite().call(method, path, &headers, body)
}

pub(crate) fn config_at(container: &str, key: &str) -> ObjectStorageConfig {
    config_behind(azurite().port, container, key)
}

fn config_behind(port: u16, container: &str, key: &str) -> ObjectStorageConfig {
    let url = format!(
        "azblob://{container}?account={ACCOUNT}&endpoint=http://127.0.0.1:{port}/{ACCOUNT}"
    );
    let mut credentials = Credentials::default();
    credentials.account_key = Some(Setting::from(key.to_owned()));
    ObjectStorageConfig {
        credentials: Some(credentials),
        ..ObjectStorageConfig::new(Setting::from(url))
    }
}
