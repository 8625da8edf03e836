//! The connector keeps the contract over a container of Azure Blob Storage with snapshots and unfinished uploads.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Connector, ConnectorName, ErrorKind, RetentionBasis, Subject, async_trait};
use adieu_object_storage::{
    MarkedRule, ObjectStorageConfig, ObjectStorageConnector, RetainFrom, RetainRule,
};
use adieu_testkit::{Broken, Fixture, State};
use common::azurite::{Container, config_at};
use common::person;

struct Uploads(Container);

adieu_testkit::conformance!(uploads);

async fn uploads() -> impl Fixture {
    let container = Container::new().await;
    for (user, name) in [
        ("user1", "Ada Lovelace"),
        ("old1", "Ada Byron"),
        ("user10", "Eve Moneypenny"),
    ] {
        for n in 0..3 {
            let key = format!("users/{user}/letters #{n}?.txt");
            container
                .put(&key, format!("letter {n} to {name}").as_bytes())
                .await;
        }
        let key = format!("users/{user}/letters #1?.txt");
        container.snapshot(&key).await;
        container
            .put(&key, format!("again to {name}").as_bytes())
            .await;
        let key = format!("users/{user}/invoices/1.pdf");
        container
            .put(&key, format!("invoice of {name}").as_bytes())
            .await;
        container
            .begin_upload(&format!("users/{user}/film.mp4"))
            .await;
        container
            .put(&format!("files/{user}.bin"), name.as_bytes())
            .await;
        let key = format!("files/{user}.bin.bak");
        container
            .put(&key, format!("backup of {name}").as_bytes())
            .await;
        let key = format!("shared/a-{user}.jpg");
        let tags = format!("owner={user}&of=shop");
        container.put_with_tags(&key, name.as_bytes(), &tags).await;
        container.snapshot(&key).await;
        container.begin_upload(&format!("shared/{user}.mp4")).await;
    }
    container.put("shared/of-nobody.jpg", b"of nobody").await;
    container.put("users/readme.txt", b"of nobody").await;
    Uploads(container)
}

fn connector(config: ObjectStorageConfig) -> Box<dyn Connector> {
    let config = ObjectStorageConfig {
        prefixes: vec!["users/{user_id}/".to_owned()],
        keys: vec!["file_key".to_owned()],
        key_prefix: Some("files/".to_owned()),
        marked: vec![MarkedRule {
            prefix: "shared/".to_owned(),
            tag: Some("owner".to_owned()),
            metadata: None,
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
        for entry in self.0.entries().await {
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
            "film.mp4",
            "Eby8vdM02xNO",
        ]
        .map(str::to_owned)
        .into()
    }

    async fn broken(&self) -> Vec<Broken> {
        vec![
            Broken {
                what: "there is no such container",
                connector: connector(ObjectStorageConfig {
                    credentials: self.0.config().credentials,
                    ..config_at("no-such-container", "")
                }),
                kind: ErrorKind::Config,
            },
            Broken {
                what: "the key is wrong",
                connector: connector(config_at(&self.0.name, "d3Jvbmc=")),
                // Azure itself says AuthenticationFailed, which is `Unauthorized`.
                kind: ErrorKind::Forbidden,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        self.0.lease("users/user1/letters #0?.txt").await;
        1
    }
}
