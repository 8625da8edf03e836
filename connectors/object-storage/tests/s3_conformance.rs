//! The connector keeps the contract over a bucket with versions, delete markers and unfinished uploads.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Connector, ConnectorName, ErrorKind, RetentionBasis, Subject, async_trait};
use adieu_object_storage::{
    ManifestFormat, ManifestRule, MarkedRule, ObjectStorageConfig, ObjectStorageConnector,
    RetainFrom, RetainRule,
};
use adieu_testkit::{Broken, Fixture, State};
use common::moto::{Bucket, config_at};
use common::person;

struct Uploads(Bucket);

adieu_testkit::conformance!(uploads);

async fn uploads() -> impl Fixture {
    let bucket = Bucket::with_versions();
    for (user, name) in [
        ("user1", "Ada Lovelace"),
        ("old1", "Ada Byron"),
        ("user10", "Eve Moneypenny"),
    ] {
        for n in 0..3 {
            let key = format!("users/{user}/letters/{n}.txt");
            bucket.put(&key, format!("letter {n} to {name}").as_bytes());
        }
        bucket.put(
            &format!("users/{user}/letters/1.txt"),
            format!("again to {name}").as_bytes(),
        );
        bucket.delete(&format!("users/{user}/letters/1.txt"));
        bucket.put(
            &format!("users/{user}/invoices/1.pdf"),
            format!("invoice of {name}").as_bytes(),
        );
        bucket.delete(&format!("users/{user}/invoices/1.pdf"));
        bucket.begin_upload(&format!("users/{user}/film.mp4"));
        bucket.put(&format!("files/{user}.bin"), name.as_bytes());
        bucket.put(
            &format!("files/{user}.bin.bak"),
            format!("backup of {name}").as_bytes(),
        );
        // Among everybody's, each says whose it is; one was written twice, one deleted.
        let owner = format!("owner={user}&of=shop");
        for (n, key) in ["a", "a"].iter().enumerate() {
            let content = format!("photo {n} of {name}");
            let tagged = [("x-amz-tagging", owner.as_str())];
            bucket.put_with(
                &format!("shared/{key}-{user}.jpg"),
                content.as_bytes(),
                &tagged,
            );
        }
        bucket.begin_upload(&format!("shared/{user}.mp4"));
        bucket.put(&format!("loose/{user}.txt"), name.as_bytes());
        bucket.put(
            &format!("lists/{user}.json"),
            format!(r#"["loose/{user}.txt"]"#).as_bytes(),
        );
    }
    bucket.put("shared/of-nobody.jpg", b"of nobody");
    bucket.delete("shared/long-gone.jpg");
    bucket.put("users/readme.txt", b"of nobody");
    Uploads(bucket)
}

impl Uploads {
    fn connector_at(&self, url: &str) -> ObjectStorageConnector {
        let config = ObjectStorageConfig {
            prefixes: vec!["users/{user_id}/".to_owned()],
            keys: vec!["file_key".to_owned()],
            key_urls: vec!["https://files.example.com/".to_owned()],
            marked: vec![MarkedRule {
                prefix: "shared/".to_owned(),
                tag: Some("owner".to_owned()),
                metadata: None,
                identity: "user_id".to_owned(),
            }],
            manifests: vec![ManifestRule {
                object: "lists/{user_id}.json".to_owned(),
                format: ManifestFormat::Json,
                field: None,
                yields: "file_key".to_owned(),
            }],
            retain: vec![RetainRule {
                prefix: Some("users/{user_id}/invoices/".to_owned()),
                basis: RetentionBasis::LegalObligation,
                reason: "tax law".to_owned(),
                years: 10,
                from: RetainFrom::Modified,
            }],
            ..config_at(url)
        };
        let name = ConnectorName::new("uploads").unwrap();
        ObjectStorageConnector::new(name, &config, ".".as_ref()).unwrap()
    }
}

#[async_trait]
impl Fixture for Uploads {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(self.connector_at(&self.0.url()))
    }

    fn subject(&self) -> Subject {
        person(&[
            ("user_id", "user1"),
            ("user_id", "old1"),
            ("file_key", "files/user1.bin"),
        ])
    }

    fn bystander(&self) -> Subject {
        person(&[
            ("user_id", "user10"),
            ("file_key", "https://files.example.com/files/user10.bin"),
        ])
    }

    fn unknown(&self) -> Subject {
        person(&[("user_id", "user2"), ("file_key", "files/user2.bin")])
    }

    async fn state(&self) -> State {
        let mut state = State::default();
        for entry in self.0.entries() {
            let is_theirs = ["users/user1/", "users/old1/"]
                .iter()
                .any(|one| entry.key.starts_with(one))
                || ["files/user1.bin", "loose/user1.txt", "lists/user1.json"]
                    .contains(&&*entry.key)
                || ["loose/old1.txt", "lists/old1.json"].contains(&&*entry.key)
                || entry.key.starts_with("shared/")
                    && ["-user1.jpg", "-old1.jpg"]
                        .iter()
                        .any(|end| entry.key.ends_with(end));
            let record = format!("{entry:?}");
            if is_theirs {
                state.of_subject.push(record);
            } else {
                state.of_others.push(record);
            }
        }
        state
    }

    fn personal_values(&self) -> Vec<String> {
        [
            "Ada Lovelace",
            "Eve Moneypenny",
            "letters",
            "film.mp4",
            "a-secret-of-the-test",
        ]
        .map(str::to_owned)
        .into()
    }

    async fn broken(&self) -> Vec<Broken> {
        vec![
            Broken {
                what: "there is no such bucket",
                connector: Box::new(
                    self.connector_at(&self.0.url().replace("bucket-", "no-bucket-")),
                ),
                kind: ErrorKind::Config,
            },
            Broken {
                what: "nobody listens",
                connector: Box::new(self.connector_at(&self.0.url_at(9))),
                kind: ErrorKind::Unavailable,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        let policy = format!(
            r#"{{"Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject",
            "Resource":"arn:aws:s3:::{}/users/user1/letters/0.txt"}}]}}"#,
            self.0.name
        );
        self.0.ok("PUT", "?policy", &[], policy.as_bytes());
        1
    }
}
