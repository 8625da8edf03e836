//! Buckets on moto: versions, delete markers, unfinished uploads, locks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use adieu_core::{ConnectorName, Setting};
use adieu_object_storage::{Credentials, ObjectStorageConfig, ObjectStorageConnector};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use super::server::{Answer, Server, texts};

/// A bucket of its own for a test.
pub(crate) struct Bucket {
    pub(crate) name: String,
    server: &'static Server,
}

/// What a bucket holds, in the words of its listings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// `Version`, `DeleteMarker` or `Upload`.
    pub(crate) kind: &'static str,
    pub(crate) key: String,
    pub(crate) id: String,
    /// The hash of its content.
    pub(crate) etag: String,
}

/// The one server of this test program.
pub(crate) fn moto() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("moto_server", &["-H", "127.0.0.1", "-p", "{port}"]))
}

impl Bucket {
    pub(crate) fn new() -> Self {
        Self::with_headers(&[])
    }

    /// One whose objects may be locked; it keeps versions.
    pub(crate) fn with_locks() -> Self {
        Self::with_headers(&[("x-amz-bucket-object-lock-enabled", "true")])
    }

    /// One that keeps versions.
    pub(crate) fn with_versions() -> Self {
        let bucket = Self::new();
        bucket.versioning("Enabled");
        bucket
    }

    fn with_headers(headers: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let bucket = Self {
            name: format!("bucket-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            server: moto(),
        };
        let answer =
            bucket
                .server
                .call("PUT", &format!("/{}", bucket.name), &with_key(headers), b"");
        assert_eq!(answer.status, 200, "{}", answer.head);
        bucket
    }

    /// `Enabled` or `Suspended`.
    pub(crate) fn versioning(&self, status: &str) {
        let body =
            format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
        self.ok("PUT", "?versioning", &[], body.as_bytes());
    }

    pub(crate) fn put(&self, key: &str, content: &[u8]) -> String {
        self.put_with(key, content, &[])
    }

    /// Writes an object and answers with its version.
    pub(crate) fn put_with(&self, key: &str, content: &[u8], headers: &[(&str, &str)]) -> String {
        // Versions are ordered by their times, which must differ.
        std::thread::sleep(std::time::Duration::from_millis(2));
        // Asked for where locks are set.
        let digest = STANDARD.encode(Md5::digest(content));
        let mut headers = headers.to_vec();
        headers.push(("Content-MD5", &digest));
        let answer = self.ok("PUT", &format!("/{}", encoded(key)), &headers, content);
        let version = answer.head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("x-amz-version-id")
                .then(|| value.to_owned())
        });
        version.unwrap_or_default()
    }

    /// Deletes as an application does: in a bucket with versions that leaves a marker.
    pub(crate) fn delete(&self, key: &str) {
        std::thread::sleep(std::time::Duration::from_millis(2));
        self.ok("DELETE", &format!("/{}", encoded(key)), &[], b"");
    }

    /// Begins an upload, sends a part of it and leaves it.
    pub(crate) fn begin_upload(&self, key: &str) {
        let path = format!("/{}", encoded(key));
        let answer = self.ok("POST", &format!("{path}?uploads"), &[], b"");
        let answer = String::from_utf8(answer.body).unwrap();
        let id = texts(&answer, "UploadId")[0];
        self.ok(
            "PUT",
            &format!("{path}?partNumber=1&uploadId={id}"),
            &[],
            b"a part",
        );
    }

    /// Everything that is in it now.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let list = self.ok("GET", "?versions&max-keys=100000", &[], b"");
        let list = String::from_utf8(list.body).unwrap();
        let uploads = self.ok("GET", "?uploads", &[], b"");
        let uploads = String::from_utf8(uploads.body).unwrap();
        let mut entries = Vec::new();
        for (kind, list, id) in [
            ("Version", &list, "VersionId"),
            ("DeleteMarker", &list, "VersionId"),
            ("Upload", &uploads, "UploadId"),
        ] {
            for entry in texts(list, kind) {
                entries.push(Entry {
                    kind,
                    key: unescaped(texts(entry, "Key")[0]),
                    id: texts(entry, id)[0].to_owned(),
                    etag: texts(entry, "ETag").concat(),
                });
            }
        }
        entries.sort();
        entries
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.entries().into_iter().map(|entry| entry.key).collect();
        keys.dedup();
        keys
    }

    /// A call about the bucket that must go well.
    pub(crate) fn ok(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let path = format!("/{}{path}", self.name);
        let answer = self.server.call(method, &path, &with_key(headers), body);
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {}\n{}",
            answer.head,
            String::from_utf8_lossy(&answer.body)
        );
        answer
    }

    pub(crate) fn url(&self) -> String {
        self.url_at(self.server.port)
    }

    /// The same behind another port, where something stands between.
    pub(crate) fn url_at(&self, port: u16) -> String {
        format!("s3://{}?endpoint=http://127.0.0.1:{port}", self.name)
    }

    pub(crate) fn connector(&self, prefixes: &[&str], keys: &[&str]) -> ObjectStorageConnector {
        connector_at(&self.url(), prefixes, keys)
    }
}

pub(crate) fn connector_at(url: &str, prefixes: &[&str], keys: &[&str]) -> ObjectStorageConnector {
    let config = ObjectStorageConfig {
        prefixes: prefixes.iter().map(|&prefix| prefix.to_owned()).collect(),
        keys: keys.iter().map(|&kind| kind.to_owned()).collect(),
        ..config_at(url)
    };
    let name = ConnectorName::new("uploads").unwrap();
    ObjectStorageConnector::new(name, &config, ".".as_ref()).unwrap()
}

pub(crate) fn config_at(url: &str) -> ObjectStorageConfig {
    let mut credentials = Credentials::default();
    credentials.access_key_id = Some(Setting::from("AKIAEXAMPLE".to_owned()));
    credentials.secret_access_key = Some(Setting::from("a-secret-of-the-test".to_owned()));
    ObjectStorageConfig {
        credentials: Some(credentials),
        ..ObjectStorageConfig::new(Setting::from(url.to_owned()))
    }
}

/// moto asks for a key, and does not look at the signature.
fn with_key<'a>(headers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = headers.to_vec();
    all.push((
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
    ));
    all
}

/// A key as a path, nothing tidied up.
pub(crate) fn encoded(key: &str) -> String {
    key.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                (b as char).to_string()
            }
            b => format!("%{b:02X}"),
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#13;", "\r")
        .replace("&amp;", "&")
}
