//! The connector keeps the contract over a bucket with versions, delete markers and unfinished uploads.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Connector, ConnectorName, ErrorKind, RetentionBasis, Subject, async_trait};
use adieu_object_storage::{ObjectStorageConfig, ObjectStorageConnector, RetainFrom, RetainRule};
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
    }
    bucket.put("users/readme.txt", b"of nobody");
    Uploads(bucket)
}

impl Uploads {
    fn connector_at(&self, url: &str) -> ObjectStorageConnector {
        let config = ObjectStorageConfig {
            prefixes: vec!["users/{user_id}/".to_owned()],
            keys: vec!["file_key".to_owned()],
            key_prefix: Some("files/".to_owned()),
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
            ("file_key", "user1.bin"),
        ])
    }

    fn bystander(&self) -> Subject {
        person(&[("user_id", "user10"), ("file_key", "user10.bin")])
    }

    fn unknown(&self) -> Subject {
        person(&[("user_id", "user2"), ("file_key", "user2.bin")])
    }

    async fn state(&self) -> State {
        let mut state = State::default();
        for entry in self.0.entries() {
            let is_theirs = ["users/user1/", "users/old1/"]
                .iter()
                .any(|one| entry.key.starts_with(one))
                || entry.key == "files/user1.bin";
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
