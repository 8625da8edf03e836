//! Buckets on fake-gcs-server: generations.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use adieu_core::Setting;
use adieu_object_storage::{Credentials, ObjectStorageConfig};
use serde_json::Value;

use super::moto::encoded;
use super::server::{Answer, Server};

/// A bucket of its own for a test.
pub(crate) struct GcsBucket {
    pub(crate) name: String,
}

/// The one server of this test program.
pub(crate) fn gcs() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        Server::start(
            "fake-gcs-server",
            &[
                "-scheme",
                "http",
                "-host",
                "127.0.0.1",
                "-port",
                "{port}",
                "-backend",
                "memory",
                "-public-host",
                "127.0.0.1:{port}",
                "-external-url",
                "http://127.0.0.1:{port}",
            ],
        )
    })
}

impl GcsBucket {
    pub(crate) fn new() -> Self {
        Self::with("false")
    }

    /// One that keeps older generations. This server lists them and reads them; to delete one, it says yes and does not.
    pub(crate) fn with_versions() -> Self {
        Self::with("true")
    }

    fn with(versioning: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let bucket = Self {
            name: format!("bucket-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        };
        let body = format!(
            r#"{{"name":"{}","versioning":{{"enabled":{versioning}}}}}"#,
            bucket.name
        );
        let answer = gcs().call("POST", "/storage/v1/b?project=p", &[], body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.head);
        bucket
    }

    pub(crate) fn put(&self, key: &str, content: &[u8]) {
        let path = format!(
            "/upload/storage/v1/b/{}/o?uploadType=media&name={}",
            self.name,
            encoded(key).replace('/', "%2F")
        );
        self.ok("POST", &path, &[("Content-Type", "text/x-own")], content);
    }

    /// Gives an object metadata.
    pub(crate) fn describe(&self, key: &str, metadata: &[(&str, &str)]) {
        let path = format!(
            "/storage/v1/b/{}/o/{}",
            self.name,
            encoded(key).replace('/', "%2F")
        );
        let metadata: serde_json::Map<String, Value> = metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        let body = serde_json::json!({ "metadata": metadata }).to_string();
        let json = [("Content-Type", "application/json")];
        self.ok("PATCH", &path, &json, body.as_bytes());
    }

    /// Deletes as an application does: the generation stays.
    pub(crate) fn delete(&self, key: &str) {
        let path = format!(
            "/storage/v1/b/{}/o/{}",
            self.name,
            encoded(key).replace('/', "%2F")
        );
        self.ok("DELETE", &path, &[], b"");
    }

    /// The key, generation and content's hash of everything that is in it.
    pub(crate) fn entries(&self) -> Vec<(String, String, String)> {
        let path = format!(
            "/storage/v1/b/{}/o?versions=true&maxResults=5000",
            self.name
        );
        let list: Value = serde_json::from_slice(&self.ok("GET", &path, &[], b"").body).unwrap();
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let mut entries: Vec<_> = items
            .iter()
            .map(|item| {
                (
                    text(item, "name"),
                    text(item, "generation"),
                    text(item, "md5Hash"),
                )
            })
            .collect();
        entries.sort();
        entries
    }

    pub(crate) fn config(&self) -> ObjectStorageConfig {
        self.config_behind(gcs().port)
    }

    /// The same behind another port, where something stands between.
    pub(crate) fn config_behind(&self, port: u16) -> ObjectStorageConfig {
        config_at(&format!(
            "gs://{}?endpoint=http://127.0.0.1:{port}",
            self.name
        ))
    }

    fn ok(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let answer = gcs().call(method, path, headers, body);
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {}",
            answer.head
        );
        answer
    }
}

pub(crate) fn config_at(url: &str) -> ObjectStorageConfig {
    let mut credentials = Credentials::default();
    credentials.access_token = Some(Setting::from("a-token-of-the-test".to_owned()));
    ObjectStorageConfig {
        credentials: Some(credentials),
        ..ObjectStorageConfig::new(Setting::from(url.to_owned()))
    }
}
