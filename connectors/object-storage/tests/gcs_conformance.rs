//! The connector keeps the contract over a bucket of Google Cloud Storage.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Connector, ConnectorName, ErrorKind, RetentionBasis, Subject, async_trait};
use adieu_object_storage::{
    MarkedRule, ObjectStorageConfig, ObjectStorageConnector, RetainFrom, RetainRule,
};
use adieu_testkit::{Broken, Fixture, State};
use common::gcs::{GcsBucket, config_at};
use common::person;

struct Uploads(GcsBucket);

adieu_testkit::conformance!(uploads);

async fn uploads() -> impl Fixture {
    let bucket = GcsBucket::new();
    for (user, name) in [
        ("user1", "Ada Lovelace"),
        ("old1", "Ada Byron"),
        ("user10", "Eve Moneypenny"),
    ] {
        for n in 0..3 {
            let key = format!("users/{user}/letters #{n}?.txt");
            bucket.put(&key, format!("letter {n} to {name}").as_bytes());
        }
        bucket.put(
            &format!("users/{user}/invoices/1.pdf"),
            format!("invoice of {name}").as_bytes(),
        );
        bucket.put(&format!("files/{user}.bin"), name.as_bytes());
        bucket.put(
            &format!("files/{user}.bin.bak"),
            format!("backup of {name}").as_bytes(),
        );
        let key = format!("shared/a-{user}.jpg");
        bucket.put(&key, format!("photo of {name}").as_bytes());
        bucket.describe(&key, &[("owner", user), ("of", "shop")]);
    }
    bucket.put("shared/of-nobody.jpg", b"of nobody");
    bucket.put("users/readme.txt", b"of nobody");
    Uploads(bucket)
}

fn connector(config: ObjectStorageConfig) -> Box<dyn Connector> {
    let config = ObjectStorageConfig {
        prefixes: vec!["users/{user_id}/".to_owned()],
        keys: vec!["file_key".to_owned()],
        key_prefix: Some("files/".to_owned()),
        marked: vec![MarkedRule {
            prefix: "shared/".to_owned(),
            tag: None,
            metadata: Some("owner".to_owned()),
            identity: "user_id".to_owned(),
        }],
        retain: vec![RetainRule {
            prefix: Some("users/{user_id}/invoices/".to_owned()),
            basis: RetentionBasis::LegalObligation,
            reason: "tax law".to_owned(),
            years: 10,
            from: RetainFrom::Modified,
        }],
        ..config
    };
    let name = ConnectorName::new("uploads").unwrap();
    Box::new(ObjectStorageConnector::new(name, &config, ".".as_ref()).unwrap())
}

#[async_trait]
impl Fixture for Uploads {
    async fn connector(&self) -> Box<dyn Connector> {
        connector(self.0.config())
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
            let key = entry.0.as_str();
            let is_theirs = ["users/user1/", "users/old1/"]
                .iter()
                .any(|one| key.starts_with(one))
                || ["files/user1.bin", "shared/a-user1.jpg", "shared/a-old1.jpg"].contains(&key);
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
            "a-token-of-the-test",
        ]
        .map(str::to_owned)
        .into()
    }

    async fn broken(&self) -> Vec<Broken> {
        vec![
            Broken {
                what: "there is no such bucket",
                connector: connector(config_at(&format!(
                    "gs://no-such?endpoint=http://127.0.0.1:{}",
                    common::gcs::gcs().port
                ))),
                kind: ErrorKind::Config,
            },
            Broken {
                what: "nobody listens",
                connector: connector(config_at("gs://uploads?endpoint=http://127.0.0.1:9")),
                kind: ErrorKind::Unavailable,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        // The server refuses no single object.
        0
    }
}
